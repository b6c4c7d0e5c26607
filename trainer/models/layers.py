"""Initial weights, and the matrix product that they are used in."""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from trainer.types import Tensor, Variable


class Initialiser:
    """Initial weights, a function of the seed and the variable's name alone: not of order, device or process."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def _generator(self, name: str) -> np.random.Generator:
        return np.random.Generator(np.random.Philox([self.seed & 0xFFFFFFFFFFFFFFFF, zlib.crc32(name.encode())]))

    def uniform(self, name: str, shape: tuple[int, ...], fan_in: int, fan_out: int) -> npt.NDArray[np.float32]:
        """Draws from Glorot and Bengio's uniform distribution, variance 2 / (fan_in + fan_out)."""
        limit = (6.0 / (fan_in + fan_out)) ** 0.5
        return ((self._generator(name).random(shape) * 2 - 1) * limit).astype(np.float32)

    def normal(self, name: str, shape: tuple[int, ...], deviation: float) -> npt.NDArray[np.float32]:
        """Draws from the normal distribution around 0."""
        return (self._generator(name).standard_normal(shape) * deviation).astype(np.float32)

    def orthogonal(self, name: str, size: int, blocks: int) -> npt.NDArray[np.float32]:
        """Draws `blocks` random rotations of `size` dimensions, side by side: [size, blocks * size]."""
        generator = self._generator(name)
        parts = []
        for _ in range(blocks):
            q, r = np.linalg.qr(generator.standard_normal((size, size)))
            parts.append(q * np.sign(np.diag(r)))
        return np.concatenate(parts, axis=1).astype(np.float32)


def padded(vocabulary_size: int) -> int:
    """Returns the width of the output product: the next multiple of 16, for the reason of `check_sizes`."""
    return -(-vocabulary_size // 16) * 16


def linear(x: Tensor, kernel: Tensor | Variable, bias: Tensor | Variable) -> Tensor:
    """Returns `x` [N, I] times `kernel` [I, O] plus `bias` [O]: [N, O]."""
    return tf.nn.bias_add(tf.matmul(x, kernel), bias)
