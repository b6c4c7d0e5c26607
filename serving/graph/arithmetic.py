"""What a sampler computes of each row, so that a row's result does not depend on the others, to the last bit.

Why some of it is done in another way than one would, `serving.graph.sampler` says.
"""

from __future__ import annotations

import tensorflow as tf

from serving.graph.requests import SamplingRequests
from serving.graph.tiling import VECTOR
from trainer import rng
from trainer.types import Tensor
from tutti.encodings.vocabulary import PAD

# Temperature 0 divides by nothing: this factor sends all but the greatest logit to minus infinity, and this draw then
# falls on the first token that has any probability left, the arg-max.
COLDEST, GREEDY_DRAW = 1e30, 1e-30


def uniform_draws(requests: SamplingRequests, place: Tensor) -> tuple[Tensor, Tensor]:
    """Draws where in its distribution each row's token number place[T, B] falls.

    Returns:
      float32[T, B, 1] in (0, 1), and float32[B, 1], what the logits are multiplied with: 1 / temperature.
    """
    greedy = requests.temperature <= 1 / COLDEST
    draws = tf.where(greedy, GREEDY_DRAW, rng.uniform(requests.seed, place))
    # A division of its own for each row would be one of a short axis.
    spread = tf.tile(requests.temperature[:, None], [1, VECTOR])
    return draws[..., None], tf.where(greedy[:, None], COLDEST, (1 / spread)[:, :1])


def above_and_total(logits: Tensor, best: Tensor, token: Tensor) -> tuple[Tensor, Tensor]:
    """Returns float32[B] each: a and z, where a - log(z) is the log-probability of `token`."""
    above = logits - best
    return tf.gather(above, token, batch_dims=1), tf.reduce_sum(tf.exp(above), 1)


def vector_log(x: Tensor) -> Tensor:
    """Returns logarithms, all of them by the vectorised kernel."""
    flat = tf.reshape(x, [-1])
    size = tf.size(flat)
    padded = tf.pad(flat, [[0, -size % VECTOR]], constant_values=1.0)
    return tf.reshape(tf.math.log(padded)[:size], tf.shape(x))


def row_sums(x: Tensor) -> Tensor:
    """Returns row sums, added up from left to right: a tree would depend on the width, which is the longest row's."""
    return tf.cast(tf.cumsum(tf.pad(tf.cast(x, tf.float64), [[0, 0], [0, 1]]), 1)[:, -1], tf.float32)


def row_lengths(tokens: Tensor) -> Tensor:
    """Returns int32[B]: the number of tokens before the padding."""
    return tf.reduce_sum(tf.cast(tokens != PAD, tf.int32), 1)
