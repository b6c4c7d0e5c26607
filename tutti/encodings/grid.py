"""The grid of 16ths and eighth triplets that times are drawn to, in twelfths of a quarter note."""

import numpy as np
from numpy.typing import NDArray

# Of a quarter note: its 16ths are at 0, 3, 6, 9 and its eighth triplets at 0, 4, 8.
TWELFTHS = 12
# From each twelfth of a quarter to the next place of the grid behind it.
NEXT = np.array([3, 2, 1, 1, 2, 1, 2, 1, 1, 3, 2, 1], np.int64)


def snapped(tick: NDArray[np.int64], division: int) -> NDArray[np.int64]:
    """Ticks in twelfths of a quarter note, each on the nearest 16th or eighth triplet.

    Args:
      tick: int64[n].
      division: ticks of a quarter note.

    Returns:
      int64[n].
    """
    sixteenth = (8 * tick + division) // (2 * division) * 3
    triplet = (6 * tick + division) // (2 * division) * 4
    twelfths = TWELFTHS * tick
    nearer = np.abs(triplet * division - twelfths) < np.abs(sixteenth * division - twelfths)
    return np.where(nearer, triplet, sixteenth)
