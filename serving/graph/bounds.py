"""How long a row may be and what it may hold: bounds on what a sampler draws, and the checks that the graph makes."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from serving.graph.checks import check, check_rows
from serving.graph.requests import SamplingRequests
from trainer.types import Tensor
from tutti.encodings.durations import Durations
from tutti.encodings.vocabulary import BOS, EOS, PAD

# What is added to the logit of a token that cannot be chosen.
NEVER = -float("inf")


class Bounds(NamedTuple):
    """What each row is bound to, beside what it asks for.

    Attributes:
      min_steps: int32[B], new tokens before EOS can be chosen; as many as `steps` for never.
      forbidden: int32[B, F], tokens that are never chosen, padded with PAD.
      duration: int32[B], the length, in the units of `Durations`, with which a row ends, the prompt's included: the
        token that reaches it is the last, and there is one new token at least; 0 for no such bound.
    """

    min_steps: Tensor
    forbidden: Tensor
    duration: Tensor

    @property
    def restrict(self) -> Tensor:
        """Bool: whether there is a row that cannot choose every token."""
        return tf.reduce_any(self.min_steps > 0) | tf.reduce_any(self.forbidden != PAD)

    @classmethod
    def none(cls, requests: SamplingRequests) -> Bounds:
        """Returns the bounds of rows that have none."""
        no_tokens = tf.zeros([tf.shape(requests.steps)[0], 0], tf.int32)
        return cls(tf.zeros_like(requests.steps), no_tokens, tf.zeros_like(requests.steps))


def bounds_checks(
    bounds: Bounds,
    requests: SamplingRequests,
    size: int,
    durations: Durations | None,
    position: Tensor | None = None,
) -> list[tf.Operation]:
    """Returns operations that raise InvalidArgumentError where bounds cannot be met.

    Args:
      bounds: what to check.
      requests: what the same rows ask for.
      size: tokens in the vocabulary.
      durations: how long these last.
      position: int32[B], how many tokens rows have already; None where they begin.
    """
    min_steps, forbidden, duration = bounds
    most = requests.steps if position is None else tf.int32.max
    begun = [] if position is None else [position]
    bounded = "duration must be 0 (off) or more" if durations else "duration must be 0, as these tokens have none"
    return [
        check_rows([requests.steps, *bounds, *begun]),
        *(check(place >= 0, "position must be 0 or more", place) for place in begun),
        *begun,
        check((min_steps >= 0) & (min_steps <= most), "min_steps must be from 0 to steps", min_steps),
        check((forbidden >= 0) & (forbidden < size), f"forbidden holds ids outside 0 to {size - 1}", forbidden),
        check(duration >= 0 if durations else duration == 0, bounded, duration),
    ]


def masks(bounds: Bounds, size: int, width: int) -> Tensor:
    """Returns what is added to each row's logits: 0, or minus infinity for tokens that cannot be chosen.

    Args:
      bounds: of the rows.
      size: tokens in the vocabulary.
      width: V, its size and what logits are filled up with.

    Returns:
      float32[B, 2, V], at 0 as long as the row cannot end, at 1 from then on.

    Raises:
      tf.errors.InvalidArgumentError: if a row has no token left to choose.
    """
    rows = tf.shape(bounds.forbidden)[0]
    ids = tf.range(width)
    special = (ids == PAD) | (ids == BOS) | (ids >= size)
    open_ended = tf.where(special, NEVER, tf.zeros([rows, width]))
    place = tf.stack([tf.broadcast_to(tf.range(rows)[:, None], tf.shape(bounds.forbidden)), bounds.forbidden], axis=2)
    open_ended = tf.tensor_scatter_nd_update(open_ended, place, tf.fill(tf.shape(bounds.forbidden), NEVER))
    unended = tf.where(ids == EOS, NEVER, open_ended)
    first = tf.where(bounds.min_steps[:, None] > 0, unended, open_ended)
    left = tf.reduce_any(first == 0, 1)
    with tf.control_dependencies([check(left, "forbidden leaves a row no token to choose", bounds.forbidden)]):
        return tf.stack([unended, open_ended], axis=1)
