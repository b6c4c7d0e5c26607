"""A dataset's Examples as rows of integers: the number of the song's label, then the tokens or bits of a window."""

from typing import Any

import tensorflow as tf

from tutti.dataset.manifest import Dataset
from tutti.encodings.base import Encoding, FrameEncoding
from tutti.encodings.vocabulary import Vocabulary


def framed(dataset: Dataset) -> bool:
    """Whether records hold frames of bits instead of tokens."""
    return isinstance(dataset.encoding, FrameEncoding)


def row_width(dataset: Dataset) -> int:
    """Numbers in a row: a label, and window + 1 tokens or window times as many bits as a frame has."""
    encoding = dataset.encoding
    return 1 + (dataset.window * encoding.bits if isinstance(encoding, FrameEncoding) else dataset.window + 1)


def model_size(encoding: Encoding, window: int, vocabulary: Vocabulary) -> int:
    """What a model's size depends on: tokens in the vocabulary, or bits in a window."""
    return window * encoding.bits if isinstance(encoding, FrameEncoding) else len(vocabulary)


def parse(records: Any, dataset: Dataset) -> dict[str, Any]:
    """Serialised Examples, string[n] -> their features, each with a leading dimension of n."""
    content = (
        {"frames": tf.io.FixedLenFeature([], tf.string)}
        if framed(dataset)
        else {"tokens": tf.io.FixedLenFeature([dataset.window + 1], tf.int64)}
    )
    return tf.io.parse_example(
        records,
        {
            **content,
            "length": tf.io.FixedLenFeature([], tf.int64),
            "song": tf.io.FixedLenFeature([], tf.string),
            "start": tf.io.FixedLenFeature([], tf.int64),
            "label": tf.io.FixedLenFeature([], tf.string, default_value=b""),
        },
    )


def rows(features: dict[str, Any], dataset: Dataset, labels: tuple[str, ...]) -> Any:
    """What `parse` gave, as int32[n, row_width]."""
    content = _bits(features["frames"], dataset) if framed(dataset) else tf.cast(features["tokens"], tf.int32)
    return tf.concat([label_numbers(features["label"], labels)[:, None], content], axis=1)


def label_numbers(names: Any, labels: tuple[str, ...]) -> Any:
    """int32[n] for string[n]: 1 for the first of `labels`, and so on; 0 for any other name and for none."""
    if not labels:
        return tf.zeros(tf.shape(names), tf.int32)
    equal = tf.cast(names[:, None] == tf.constant(labels), tf.int32)
    return tf.reduce_sum(equal * tf.range(1, len(labels) + 1), axis=1)


def _bits(frames: Any, dataset: Dataset) -> Any:
    """Packed frames, string[n] -> int32[n, window * bits] of 0 and 1."""
    bits: int = dataset.encoding.bits  # type: ignore[attr-defined]
    width = -(-bits // 8)
    packed = tf.reshape(tf.io.decode_raw(frames, tf.uint8, fixed_length=dataset.window * width), [-1, 1, width, 1])
    places = tf.bitwise.right_shift(packed, tf.constant([7, 6, 5, 4, 3, 2, 1, 0], tf.uint8)) & tf.constant(1, tf.uint8)
    unpacked = tf.reshape(places, [-1, dataset.window, 8 * width])[..., :bits]
    return tf.cast(tf.reshape(unpacked, [-1, dataset.window * bits]), tf.int32)
