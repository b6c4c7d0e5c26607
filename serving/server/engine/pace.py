"""How long a step takes, learnt from those that were taken."""

from __future__ import annotations

# What the newest step counts for.
NEWEST = 0.1


class Pace:
    """Seconds a step, by the number of rows that take it together: 1, 2, up to 4, up to 8, and so on."""

    def __init__(self) -> None:
        self._seconds: dict[int, float] = {}

    def took(self, rows: int, seconds: float) -> None:
        """Hears how long a step of so many rows took."""
        size = (rows - 1).bit_length()
        before = self._seconds.get(size, seconds)
        self._seconds[size] = before + NEWEST * (seconds - before)

    def step(self, rows: int) -> float:
        """Returns seconds: of the least number of rows seen that is no fewer, or else of the most; 0 if none was."""
        seen = dict(self._seconds)
        if not seen:
            return 0.0
        enough = [size for size in seen if size >= (rows - 1).bit_length()]
        return seen[min(enough) if enough else max(seen)]
