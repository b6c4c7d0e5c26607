"""A piece of music as notes: Score, Track, Notes. Times are in ticks; `division` ticks make a quarter note."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

# The largest score that a reader returns. A file can claim a note at tick 2^31 in a dozen bytes, and code that makes
# an array with a place for each step of time relies on these bounds.
MAX_BEATS = 1 << 14
MAX_NOTES = 1 << 20


@dataclass(frozen=True, eq=False)
class Notes:
    """Notes in order of (onset, pitch), as arrays of one length.

    Attributes:
      onset: int64, ticks from the beginning.
      duration: int64, ticks.
      pitch: int16, 0 to 127; 60 is middle C.
      velocity: int16, 1 to 127.
    """

    onset: NDArray[np.int64]
    duration: NDArray[np.int64]
    pitch: NDArray[np.int16]
    velocity: NDArray[np.int16]

    @classmethod
    def of(cls, onset: ArrayLike, duration: ArrayLike, pitch: ArrayLike, velocity: ArrayLike) -> "Notes":
        """Returns notes in order, from arrays or lists of one length that are in any order."""
        onset, duration = np.asarray(onset, np.int64), np.asarray(duration, np.int64)
        pitch, velocity = np.asarray(pitch, np.int16), np.asarray(velocity, np.int16)
        key = (onset << 7) + pitch
        if (key[1:] >= key[:-1]).all():
            return cls(onset, duration, pitch, velocity)
        order = np.argsort(key, kind="stable")
        return cls(onset[order], duration[order], pitch[order], velocity[order])

    def __len__(self) -> int:
        return len(self.onset)


def joined(parts: Sequence[Notes]) -> Notes:
    """Returns the notes of several parts as those of one."""
    columns = ("onset", "duration", "pitch", "velocity")
    return Notes.of(*(np.concatenate([getattr(notes, column) for notes in parts]) for column in columns))


@dataclass(frozen=True, eq=False)
class Track:
    """The notes of one instrument.

    Attributes:
      notes: its notes.
      name: the track's name, empty for none.
      program: its General MIDI program, from 0 to 127.
      is_drum: whether it is on MIDI channel 10, which is for drums.
      number: which track of its file it comes from, counted from 0, those without notes as well. A track of a file
        that plays on several channels or with several programs is a track of the score for each of them.
      channel: its MIDI channel, 1 to 16; 0 where nobody asked (`tutti.midi.read`).
    """

    notes: Notes
    name: str = ""
    program: int = 0
    is_drum: bool = False
    number: int = 0
    channel: int = 0


@dataclass(frozen=True, eq=False)
class Score:
    """A piece of music in ticks.

    Attributes:
      division: ticks of a quarter note.
      tracks: tracks that hold at least one note.
      tempos: (tick, quarter notes a minute), in order.
      meters: (tick, numerator, denominator), in order.
    """

    division: int
    tracks: tuple[Track, ...]
    tempos: tuple[tuple[int, float], ...] = ((0, 120.0),)
    meters: tuple[tuple[int, int, int], ...] = ((0, 4, 4),)

    def bar_lines(self, end: int) -> list[int]:
        """Returns the ticks at which bars begin, by the meters: all that are before `end`, and one more.

        A change of meter begins a new bar wherever it stands. A meter with bars shorter than a 32nd counts as 4/4.
        """
        changes = [(tick, self._bar_ticks(*meter)) for tick, *meter in self.meters if tick < end]
        if not changes or changes[0][0] > 0:
            changes.insert(0, (0, 4 * self.division))
        lines: list[int] = []
        for (tick, bar), (next_change, _) in pairwise([*changes, (end, 0)]):
            lines += range(tick, next_change, bar)
        lines = lines or [0]
        return [*lines, lines[-1] + changes[-1][1]]

    def _bar_ticks(self, numerator: int, denominator: int) -> int:
        bar = 4 * self.division * numerator // max(denominator, 1)
        return bar if 8 * bar >= self.division else 4 * self.division


def seconds_at(tick: NDArray[np.int64], division: int, tempos: Sequence[tuple[int, float]]) -> NDArray[np.float64]:
    """Returns the time of ticks in seconds, float64[n].

    Args:
      tick: int64[n], in any order.
      division: ticks of a quarter note.
      tempos: (tick, quarter notes a minute), in order, at least one.
    """
    changes = np.array([tempo[0] for tempo in tempos], np.int64)
    tick_seconds = 60 / (np.array([tempo[1] for tempo in tempos]) * division)
    change_seconds = np.cumsum(np.diff(changes) * tick_seconds[:-1])
    change_seconds = np.concatenate([[0.0], change_seconds]) + changes[0] * tick_seconds[0]
    place = np.maximum(np.searchsorted(changes, tick, side="right") - 1, 0)
    seconds: NDArray[np.float64] = change_seconds[place] + (tick - changes[place]) * tick_seconds[place]
    return seconds


def simplest_meter(length: int, resolution: int) -> tuple[int, int]:
    """Returns the simplest time signature, in quarters or shorter, of a bar.

    Args:
      length: steps in the bar.
      resolution: steps in a whole note, a power of 2.
    """
    while length % 2 == 0 and resolution > 4:
        length, resolution = length // 2, resolution // 2
    return length, resolution
