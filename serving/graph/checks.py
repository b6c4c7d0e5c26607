"""Checks inside a graph, which refuse inputs that are out of bounds."""

from collections.abc import Iterable

import tensorflow as tf

from trainer.types import Tensor


def check(fine: Tensor, text: str, value: Tensor) -> tf.Operation:
    """Returns an operation that raises InvalidArgumentError with `text` and `value` unless all of `fine` is true."""
    return tf.debugging.Assert(tf.reduce_all(fine), [text, value], summarize=16)


def check_rows(inputs: Iterable[Tensor]) -> tf.Operation:
    """Returns an operation that raises InvalidArgumentError unless all inputs have as many rows."""
    rows = tf.stack([tf.shape(x)[0] for x in inputs])
    return check(rows == rows[0], "inputs differ in their number of rows", rows)
