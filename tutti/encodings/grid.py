"""Grids in time: ticks to the nearest step of one, or to the nearest 16th or eighth triplet."""

import numpy as np
from numpy.typing import NDArray

# Of a quarter note: its 16ths are at 0, 3, 6, 9 and its eighth triplets at 0, 4, 8.
TWELFTHS = 12
# From each twelfth of a quarter to the next 16th or eighth triplet after it.
NEXT = np.array([3, 2, 1, 1, 2, 1, 2, 1, 1, 3, 2, 1], np.int64)


def nearest_step(tick: NDArray[np.int64], division: int, resolution: int) -> NDArray[np.int64]:
    """Returns the step nearest to each tick, int64[n]; half-way between two it is the later one.

    Args:
      tick: int64[n].
      division: ticks of a quarter note.
      resolution: steps in a whole note.
    """
    # floor((tick + step / 2) / step) for a step of 4 * division / resolution ticks, in whole numbers.
    return (resolution * tick + 2 * division) // (4 * division)


def snapped(tick: NDArray[np.int64], division: int) -> NDArray[np.int64]:
    """Returns the 16th or eighth triplet nearest to each tick, int64[n], in twelfths of a quarter note.

    Args:
      tick: int64[n].
      division: ticks of a quarter note.
    """
    sixteenth = nearest_step(tick, division, 16) * 3
    triplet = nearest_step(tick, division, 12) * 4
    twelfths = TWELFTHS * tick
    nearer = np.abs(triplet * division - twelfths) < np.abs(sixteenth * division - twelfths)
    return np.where(nearer, triplet, sixteenth)
