"""top_k and top_p: leaves the likeliest tokens of each row to draw from."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from serving.graph.requests import SamplingRequests
from trainer.types import Tensor


class Truncation(NamedTuple):
    """The limits of each row.

    Attributes:
      top_k: int32[B, 1], how many tokens to leave.
      top_p: float32[B, 1], the probability that they have together.
      some: bool, whether any row has a limit.
    """

    top_k: Tensor
    top_p: Tensor
    some: Tensor

    @classmethod
    def of(cls, requests: SamplingRequests, size: int) -> Truncation:
        """Returns the limits of requests to draw from `size` tokens."""
        top_k = tf.where(requests.top_k > 0, tf.minimum(requests.top_k, size), size)[:, None]
        # 2 is beyond any sum of probabilities, so that rounding cannot cut off the last token.
        top_p = tf.where((requests.top_p > 0) & (requests.top_p < 1), requests.top_p, 2.0)[:, None]
        return cls(top_k, top_p, tf.reduce_any(top_k < size) | tf.reduce_any(top_p < 1))

    def applied(self, logits: Tensor, best: Tensor, sharpness: Tensor) -> Tensor:
        """Returns `logits` with those of tokens beyond a row's limits at minus infinity, the others as they are.

        Args:
          logits: float32[B, V].
          best: float32[B, 1], the greatest of each row.
          sharpness: float32[B, 1], what logits are multiplied with: 1 / temperature.
        """
        return tf.cond(self.some, lambda: self._cut(logits, best, sharpness), lambda: tf.identity(logits))

    def _cut(self, logits: Tensor, best: Tensor, sharpness: Tensor) -> Tensor:
        # Equal logits are in the order of their ids, here and where the line between those that stay is drawn.
        values, ids = tf.math.top_k(logits, logits.shape[1])
        near = tf.range(logits.shape[1]) < self.top_k
        mass = tf.where(near, tf.exp((values - best) * sharpness), 0)
        inside = near & (tf.cumsum(mass, 1, exclusive=True) < self.top_p * tf.reduce_sum(mass, 1, keepdims=True))
        last = tf.reduce_sum(tf.cast(inside, tf.int32), 1, keepdims=True) - 1
        value, place = tf.gather(values, last, batch_dims=1), tf.gather(ids, last, batch_dims=1)
        keep = (logits > value) | ((logits == value) & (tf.range(logits.shape[1]) <= place))
        return tf.where(keep, logits, -float("inf"))
