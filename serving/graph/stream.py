"""Where each row of a batch is in its piece: what generation goes on from."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

from trainer.types import Tensor


class Stream(NamedTuple):
    """Where each row is.

    Attributes:
      token: int32[B], its last token, which the model has not read yet; BOS before the first.
      at: int64[B], how long its tokens last so far, in units of `Durations`.
      state: the model's, behind all tokens but the last.
    """

    token: Tensor
    at: Tensor
    state: Any


def flat(stream: Stream) -> tuple[Tensor, ...]:
    """Returns the tensors of a state, as `Sampler.state_specs` describes them."""
    return (stream.token, stream.at, *tf.nest.flatten(stream.state))


def where(rows: Tensor, new: Stream, old: Stream, some: Tensor) -> Stream:
    """Returns the new states of some rows, bool[B], and the old ones of the others; `some`: whether there are any."""

    def chosen() -> Stream:
        return tf.nest.map_structure(
            lambda x, y: tf.where(tf.reshape(rows, [-1] + [1] * (x.shape.rank - 1)), x, y), new, old
        )

    return tf.cond(some, chosen, lambda: tf.nest.map_structure(tf.identity, new))
