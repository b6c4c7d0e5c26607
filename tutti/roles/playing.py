"""How a track plays, in the features by which the literature on the selection of melody tracks tells tracks apart."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tutti.score import Notes

TWELFTHS = 12


@dataclass(frozen=True)
class Playing:
    """How a track plays.

    Attributes:
      pitches: how many different ones.
      height: the mean pitch.
      overlap: the mean number of notes that sound where any does, less one: 0 for one voice, 2 for triads.
      steps: the share of melodic intervals that are a semitone or a tone. Melodic intervals lead from the highest note
        of one onset to that of the next.
      repeated: the share of melodic intervals that are none.
      even: the share of the commonest time from one onset to the next.
      pace: the mean number of onsets in quarters that have one.
      present: the share of the piece's quarters that have one.
    """

    pitches: int
    height: float
    overlap: float
    steps: float
    repeated: float
    even: float
    pace: float
    present: float


def playing(notes: Notes, division: int, quarters: float) -> Playing:
    """Returns how notes are played.

    Args:
      notes: of one track.
      division: ticks of a quarter note.
      quarters: the length of the piece.
    """
    onset, highest, _ = struck(notes, division)
    interval = np.abs(np.diff(highest))
    wait = np.bincount(np.minimum(np.diff(onset), 16 * TWELFTHS))
    with_onset = len(np.unique(onset // TWELFTHS))
    count = max(len(interval), 1)
    repeated = np.count_nonzero(interval == 0)
    return Playing(
        pitches=len(np.unique(notes.pitch)),
        height=float(notes.pitch.mean()),
        overlap=overlap(notes),
        steps=(np.count_nonzero(interval <= 2) - repeated) / count,
        repeated=repeated / count,
        even=int(wait.max(initial=0)) / count,
        pace=len(onset) / with_onset,
        present=with_onset / max(quarters, with_onset),
    )


def struck(notes: Notes, division: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Returns what is struck when, taking for one what a player strikes nearly at once.

    Returns:
      The onsets in twelfths of a quarter note, the highest pitch of each, and how many notes it has; int64[n] each.
    """
    # One number for the onset and the pitch.
    key = np.sort((2 * TWELFTHS * notes.onset + division) // (2 * division) << 7 | notes.pitch)
    last = np.flatnonzero(np.diff(key >> 7, append=-1))
    return key[last] >> 7, key[last] & 127, np.diff(last, prepend=-1)


def overlap(notes: Notes) -> float:
    """Returns how many notes sound on average where any does, less one."""
    end = notes.onset + np.maximum(notes.duration, 1)
    # Where a note begins after all before it have ended, there was silence.
    reached = np.maximum.accumulate(end)
    silence = np.maximum(notes.onset[1:] - reached[:-1], 0).sum()
    sounding = int(reached[-1]) - int(notes.onset[0]) - int(silence)
    return float((end - notes.onset).sum() / sounding) - 1
