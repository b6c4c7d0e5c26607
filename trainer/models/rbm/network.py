"""A restricted Boltzmann machine over the bits of a window: what every bit is depends on all others through a few.

The energy of visible bits v and hidden bits h is -v'Wh - b'v - c'h. Given the ones, the others are independent of
each other, so that both are drawn in turn (Gibbs sampling). Sources: P. Smolensky, "Information processing in dynamical
systems", 1986; G. Hinton, "A practical guide to training restricted Boltzmann machines", 2010.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from trainer import rng
from trainer.models.base import FrameWeights
from trainer.models.layers import Initialiser
from trainer.models.rbm.settings import Rbm
from trainer.types import Tensor

DEVIATION = 0.01  # of the initial weights
WIDTH = 16  # what vectorised kernels treat at once
# Where in a step's draws the hidden bits of the data come; other draws take the numbers behind it.
DATA_DRAW = 0
# The bias of a unit that only fills up a width: it is set with probability 0, and adds 0.
NEVER = -1e4


class Weights(NamedTuple):
    """The machine as functions of its numbers; see `trainer.models.base.FrameWeights`.

    Attributes:
        kernel: float32[V, H].
        visible_bias: float32[V].
        hidden_bias: float32[H].
        back: float32[H, V], the kernel turned round. A product that turns it round by itself adds up a row in an order
            that depends on the number of rows, with oneDNN.
    """

    kernel: Tensor
    visible_bias: Tensor
    hidden_bias: Tensor
    back: Tensor

    @classmethod
    def of(cls, kernel: Tensor, visible_bias: Tensor, hidden_bias: Tensor) -> Weights:
        """Returns the functions of these numbers."""
        return cls(kernel, visible_bias, hidden_bias, tf.transpose(kernel))

    def hidden(self, visible: Tensor) -> Tensor:
        """Returns the log-odds of each hidden bit, float32[B, H], given float32[B, V] of 0 and 1."""
        return tf.matmul(visible, self.kernel) + self.hidden_bias

    def visible(self, hidden: Tensor) -> Tensor:
        """Returns the log-odds of each visible bit, float32[B, V], given float32[B, H] of 0 and 1."""
        return tf.matmul(hidden, self.back) + self.visible_bias

    def free_energy(self, visible: Tensor) -> Tensor:
        """Returns float32[B]: -log of the sum over all hidden bits of exp(-energy); low for what is likely."""
        bias = tf.reduce_sum(visible * self.visible_bias, axis=1)
        return -bias - tf.reduce_sum(tf.math.softplus(self.hidden(visible)), axis=1)

    def conditionals(self, visible: Tensor) -> Tensor:
        """Returns float32[B, V]: log P(bit | all other visible bits), exactly.

        Their sum over a row is its pseudo-log-likelihood (Besag 1975). A row takes V * H softplus.
        """

        def row(pair: tuple[Tensor, Tensor]) -> Tensor:
            bits, odds = pair
            # What flipping a bit does to every hidden unit's sum; a row at a time, which bounds the memory.
            turn = 1.0 - 2.0 * bits
            flipped = odds + turn[:, None] * self.kernel
            gain = tf.reduce_sum(tf.math.softplus(flipped) - tf.math.softplus(odds), axis=1)
            return -tf.math.softplus(turn * self.visible_bias + gain)

        return tf.map_fn(row, (visible, self.hidden(visible)), fn_output_signature=tf.float32)

    def padded(self) -> Weights:
        """Returns the machine with widths of multiples of `WIDTH`; units that fill up are never set and add nothing.

        Vectorised kernels then treat every unit of a row alike, wherever in a batch the row is.
        """
        wide, high = (-size % WIDTH for size in self.kernel.shape)
        return Weights.of(
            tf.pad(self.kernel, [[0, wide], [0, high]]),
            tf.pad(self.visible_bias, [[0, wide]], constant_values=NEVER),
            tf.pad(self.hidden_bias, [[0, high]], constant_values=NEVER),
        )


def reconstruct(
    weights: FrameWeights, visible: Tensor, key: tuple[int, Tensor, int], rows: Tensor
) -> tuple[Tensor, Tensor]:
    """Draws the hidden bits, float32[B, H], and returns them with the log-odds of the visible bits given them.

    Args:
      visible: float32[B, V] of 0 and 1.
      key: (training seed, step, number of the draw), as for `trainer.rng.bernoulli`.
      rows: int32[B], each row's number in the global batch.
    """
    hidden = rng.bernoulli(tf.sigmoid(weights.hidden(visible)), key, rows)
    return hidden, weights.visible(hidden)


class RbmModel(tf.Module):
    """The variables of a machine; see `trainer.models.base.FrameModel`.

    Args:
        settings: what it is.
        visible: visible bits, those of a window's frames in order.
        seed: fixes the initial weights, and what is drawn in training.
        labels: ignored; the machine knows no labels.
    """

    def __init__(self, settings: Rbm, visible: int, seed: int = 0, labels: int = 0) -> None:
        super().__init__(name="rbm")
        del labels
        self.settings, self.visible_bits, self.seed = settings, visible, seed
        shape = (visible, settings.hidden)
        self.kernel = tf.Variable(Initialiser(seed).normal("kernel", shape, DEVIATION), name="kernel")
        self.visible_bias = tf.Variable(np.zeros(visible, np.float32), name="visible_bias")
        self.hidden_bias = tf.Variable(np.zeros(settings.hidden, np.float32), name="hidden_bias")

    def weights(self) -> Weights:
        """Returns the numbers as they are now."""
        return Weights.of(*map(tf.convert_to_tensor, (self.kernel, self.visible_bias, self.hidden_bias)))
