"""Songs packed end to end into the rows of a batch, so that a row's next window is its song's next.

What truncated back-propagation through time needs (Williams and Peng, Neural Computation 2, 1990) where the state is to
go on from one window to the next within a song.
"""

import heapq
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

EMPTY = -1


def pack(songs: Sequence[NDArray[np.int32]], rows: int, rng: np.random.Generator | None) -> NDArray[np.int32]:
    """Returns the windows of each step, int32[steps, rows], EMPTY where a row has run out.

    The longest song goes first, each to the row that has the fewest windows. So the number of steps depends on the
    songs' lengths alone, and is at most a third above the least possible (Graham, SIAM J. Appl. Math. 17, 1969).

    Args:
      songs: each one's windows, in order.
      rows: rows in a batch.
      rng: shuffles songs of equal length, and the order of the songs of a row; None for neither.
    """
    order = np.arange(len(songs)) if rng is None else rng.permutation(len(songs))
    loads = [(0, row) for row in range(rows)]
    songs_of: list[list[int]] = [[] for _ in range(rows)]
    for song in sorted(order.tolist(), key=lambda song: -len(songs[song])):
        load, row = loads[0]
        songs_of[row].append(song)
        heapq.heapreplace(loads, (load + len(songs[song]), row))
    packed = np.full((max(load for load, _ in loads), rows), EMPTY, np.int32)
    for row, own in enumerate(songs_of):
        if own:
            windows = np.concatenate([songs[song] for song in (own if rng is None else rng.permutation(own))])
            packed[: len(windows), row] = windows
    return packed


def group_by_song(names: Sequence[bytes], starts: NDArray[np.int64]) -> list[NDArray[np.int32]]:
    """Returns the records of each song, in order of their `starts`; songs in order of their names.

    A name is an id of the song's content, so where one comes several times its windows are equal, and any will do.
    """
    copies: Counter[tuple[bytes, int]] = Counter()
    songs: dict[tuple[bytes, int], list[int]] = {}
    for record in np.argsort(starts, kind="stable").tolist():
        window = names[record], int(starts[record])
        songs.setdefault((names[record], copies[window]), []).append(record)
        copies[window] += 1
    return [np.array(songs[song], np.int32) for song in sorted(songs)]
