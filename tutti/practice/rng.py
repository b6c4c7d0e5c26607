"""Seeded choices that are the same on every machine and with every version of numpy.

Only the bit generator's stream and its conversion to doubles are used: numpy keeps both as they are, while
`choice`, `shuffle` and the distributions may change between versions.
"""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")


class Rng:
    """The choices of one song. Equal seeds make equal choices; any other seed makes unrelated ones."""

    def __init__(self, *seed: int) -> None:
        self._random = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed))).random

    def pick(self, options: Sequence[T]) -> T:
        """One of the options, each as likely as the others."""
        return options[int(self._random() * len(options))]

    def chance(self, probability: float) -> bool:
        return bool(self._random() < probability)

    def number(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return low + int(self._random() * (high - low + 1))

    def spread(self, width: float, size: int) -> NDArray[np.int64]:
        """int64[size]: whole numbers around 0, none beyond +-width, the small ones more likely."""
        deviations = self._random(size) + self._random(size) - 1.0
        return np.rint(deviations * width).astype(np.int64)
