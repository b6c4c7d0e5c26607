"""Random choices from a seed that are the same on every machine and with every version of numpy.

They use only the bit generator's stream and its conversion to doubles, which numpy promises to keep; its `choice`,
`shuffle` and distributions may change between versions.
"""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")


class Rng:
    """The random choices of one song: equal for equal seeds, unrelated for different ones."""

    def __init__(self, *seed: int) -> None:
        self._random = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed))).random

    def pick(self, options: Sequence[T]) -> T:
        """Returns one of the options, each as likely as the others."""
        return options[int(self._random() * len(options))]

    def chance(self, probability: float) -> bool:
        """Returns True with a probability."""
        return bool(self._random() < probability)

    def number(self, low: int, high: int) -> int:
        """Returns a whole number from low to high, both included."""
        return low + int(self._random() * (high - low + 1))

    def spread(self, width: float, size: int) -> NDArray[np.int64]:
        """Returns whole numbers from -width to width, the small ones more likely: int64[size]."""
        deviations = self._random(size) + self._random(size) - 1.0
        return np.rint(deviations * width).astype(np.int64)
