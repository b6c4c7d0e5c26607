"""Reading a dataset: its manifest, its records as tensors, and whole songs put together from windows.

Only what the snapshot names is read; folders are never listed. Every path may be anything that TensorFlow's file
systems know, such as gs://.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from trainer.gfile import join, read_text
from trainer.types import Batch, Tensor
from tutti.dataset.manifest import MANIFEST, Dataset, Snapshot, content_id, snapshot_path
from tutti.dataset.schema import Field, Schema, fields
from tutti.encodings.vocabulary import SPECIALS, Vocabulary
from tutti.errors import Error

PARSED_AT_ONCE = 1024
DTYPES = {"int64": tf.int64, "bytes": tf.string}


@dataclass(frozen=True)
class Corpus:
    """A dataset as one snapshot has it.

    Attributes:
      dataset: its manifest; the vocabulary may be another one, which `ids` leads to.
      labels: names that count, in the order of their numbers from 1 on; any other is 0, like none.
      ids: for each id in the records the one that it stands for here; empty where they are the same.
    """

    path: str
    dataset: Dataset
    snapshot: Snapshot
    labels: tuple[str, ...] = ()
    ids: tuple[int, ...] = ()

    @property
    def schema(self) -> Schema:
        """What each record holds."""
        return self.dataset.encoding.schema(self.dataset.window, self.dataset.vocabulary)

    @property
    def content(self) -> str:
        """An id of the snapshot's content: equal for equal records, wherever they lie."""
        return content_id(self.snapshot.to_json().encode())

    def shards(self, split: str) -> list[str]:
        """Returns the split's TFRecord files, in the snapshot's order; shards without records left out."""
        return [join(self.path, shard.path) for shard in self.snapshot.shards[split] if shard.records]

    def records(self, split: str) -> int:
        """Returns how many windows the split has."""
        return sum(shard.records for shard in self.snapshot.shards[split])


@dataclass(frozen=True, eq=False)
class StoredSong:
    """A song as stored, int32[n] of BOS, tokens and EOS, and the number of its label, 0 for none."""

    tokens: NDArray[np.int32]
    label: int


def is_dataset(path: str) -> bool:
    """Returns whether a folder holds a dataset."""
    return bool(tf.io.gfile.exists(join(path, MANIFEST)))


def open_corpus(path: str, snapshot: int | None = None, labels: tuple[str, ...] | None = None) -> Corpus:
    """Returns the dataset below `path`, as its current snapshot or the one with this number has it.

    Args:
      labels: those that a model knows; by default the dataset's.

    Raises:
      Error: if there is no dataset, or it has no such snapshot.
    """
    manifest = join(path, MANIFEST)
    text = read_text(manifest)
    if text is None:
        raise Error(f"no dataset at {path}: {manifest} is missing; make one with tutti ingest")
    dataset = Dataset.from_json(text, manifest)
    number = dataset.snapshot if snapshot is None else snapshot
    named = join(path, snapshot_path(number))
    text = read_text(named)
    if text is None:
        raise Error(f"dataset {path} has no snapshot {number}: {named} is missing")
    return Corpus(path, dataset, Snapshot.from_json(text, named), dataset.labels if labels is None else labels)


def in_words_of(corpus: Corpus, vocabulary: Vocabulary) -> Corpus:
    """Returns a corpus in the ids of another vocabulary, whose nearest tokens stand for those that it does not have.

    Raises:
      Error: if it has nothing near to one of them.
    """
    dataset = corpus.dataset
    if vocabulary == dataset.vocabulary:
        return corpus
    try:
        nearest = dataset.encoding.known(dataset.vocabulary.tokens[len(SPECIALS) :], vocabulary)
    except ValueError as error:
        raise Error(f"dataset {corpus.path} has a token to which the model knows none that is near: {error}") from None
    ids = (*range(len(SPECIALS)), *vocabulary.ids(nearest).tolist())
    return replace(corpus, dataset=replace(dataset, vocabulary=vocabulary), ids=ids)


class Parser:
    """Makes tensors of a corpus' records. Keep it as long as what it made: it holds the table of labels."""

    def __init__(self, corpus: Corpus) -> None:
        self.schema = corpus.schema
        self.fields = fields(self.schema)
        self._labels = _table(corpus.labels) if corpus.labels else None
        self._ids = tf.constant(corpus.ids, tf.int32) if corpus.ids else None

    def __call__(self, records: Tensor) -> Batch:
        """Parses serialised Examples, string[n].

        Returns:
          Each field under its name with a leading dimension of n, and `label` as its number, int32[n]. Tokens are
          int32[n, window + 1], frames uint8[n, window * bits] of 0 and 1.
        """
        parsed = tf.io.parse_example(records, {name: _feature(field) for name, field in self.fields.items()})
        content = self.schema.content
        values = parsed[content.name]
        parsed[content.name] = _unpacked(values, content, self.schema) if content.bits else self._known(values)
        label = parsed["label"]
        parsed["label"] = self._labels.lookup(label) if self._labels else tf.zeros(tf.shape(label), tf.int32)
        return dict(parsed)

    def _known(self, tokens: Tensor) -> Tensor:
        return tf.cast(tokens, tf.int32) if self._ids is None else tf.gather(self._ids, tokens)

    def batch(self, records: Tensor) -> Batch:
        """Parses serialised Examples into what a step takes of them: their labels and their content."""
        parsed = self(records)
        return {name: parsed[name] for name in ("label", self.schema.content.name)}


def _table(labels: tuple[str, ...]) -> tf.lookup.StaticHashTable:
    """Returns the numbers of labels, from 1 on; 0 for any other name and for none."""
    with tf.device("CPU:0"):
        numbered = tf.lookup.KeyValueTensorInitializer(tf.constant(labels), tf.range(1, len(labels) + 1))
        return tf.lookup.StaticHashTable(numbered, 0)


def _feature(field: Field) -> tf.io.FixedLenFeature:
    return tf.io.FixedLenFeature([] if field.values == 1 else [field.values], DTYPES[field.kind], field.default)


def _unpacked(packed: Tensor, field: Field, schema: Schema) -> Tensor:
    """Unpacks the bits of each frame, string[n] -> uint8[n, window * bits] of 0 and 1."""
    width = -(-field.bits // 8)
    bytes_ = tf.io.decode_raw(packed, tf.uint8, fixed_length=schema.window * width)
    places = tf.constant([7, 6, 5, 4, 3, 2, 1, 0], tf.uint8)
    bits = tf.bitwise.right_shift(tf.reshape(bytes_, [-1, 1, width, 1]), places) & tf.constant(1, tf.uint8)
    return tf.reshape(tf.reshape(bits, [-1, schema.window, 8 * width])[..., : field.bits], [-1, schema.width])


def read(corpus: Corpus, split: str) -> Iterator[dict[str, NDArray[Any]]]:
    """Yields the split's records in the snapshot's order, as `Parser` gives them, some hundreds at a time.

    Raises:
      Error: if a shard is missing or damaged.
    """
    if not corpus.shards(split):
        return
    parser = Parser(corpus)
    with tf.device("CPU:0"):
        records = tf.data.TFRecordDataset(corpus.shards(split), num_parallel_reads=None)
        batches = records.batch(PARSED_AT_ONCE).map(parser).prefetch(2)
        with damaged(corpus):
            yield from batches.as_numpy_iterator()


@contextmanager
def damaged(corpus: Corpus) -> Iterator[None]:
    """Turns TensorFlow's errors about unreadable shards into one line."""
    try:
        yield
    except (tf.errors.NotFoundError, tf.errors.DataLossError, tf.errors.InvalidArgumentError) as error:
        reason = error.message.splitlines()[0]
        raise Error(f"dataset {corpus.path} is damaged: {reason}; tutti inspect says more") from None


def songs(corpus: Corpus, split: str) -> list[StoredSong]:
    """Returns the split's songs, ordered by content id, put together from their windows.

    Windows that overlap are laid over one another, so that every token occurs once whatever the stride. Where the
    stride is greater than the window, a song falls into pieces, one after each gap.
    """
    content = corpus.schema.content.name
    windows: dict[bytes, list[tuple[int, NDArray[np.int32]]]] = {}
    labels: dict[bytes, int] = {}
    for batch in read(corpus, split):
        for song, start, length, tokens, label in zip(
            batch["song"], batch["start"], batch["length"], batch[content], batch["label"], strict=True
        ):
            windows.setdefault(song, []).append((int(start), tokens[:length]))
            labels[song] = int(label)
    return [StoredSong(piece, labels[song]) for song in sorted(windows) for piece in _pieces(windows[song])]


def _pieces(windows: list[tuple[int, NDArray[np.int32]]]) -> Iterator[NDArray[np.int32]]:
    """Joins the windows of one song to stretches without a gap."""
    parts: list[NDArray[np.int32]] = []
    end = 0
    for start, tokens in sorted(windows, key=lambda window: window[0]):
        if parts and start > end:
            yield np.concatenate(parts)
            parts = []
        new = tokens if not parts else tokens[end - start :]
        parts.append(new)
        end = max(end, start + len(tokens))
    if parts:
        yield np.concatenate(parts)
