"""Melodies as contours: up, down or the same, from note to note."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from tutti import midi
from tutti.encodings.base import TokenEncoding
from tutti.encodings.vocabulary import SPECIALS, Vocabulary
from tutti.errors import RejectedFile
from tutti.medium import Medium
from tutti.score import Notes, Score, Track

STEPS = {"DOWN": -1, "SAME": 0, "UP": 1}


@dataclass(frozen=True)
class Contour(TokenEncoding):
    """The highest notes of a score, each as its direction from the one before.

    Args:
      smallest: semitones that count as a step.
    """

    name: ClassVar[str] = "contour"
    medium: ClassVar[Medium] = midi.SCORE

    smallest: int = field(default=1, metadata={"choices": (1, 2, 3), "help": "semitones that count as a step"})

    def vocabulary(self) -> Vocabulary:
        return Vocabulary.of(STEPS)

    def encode(self, score: Score) -> list[list[str]]:
        pitched = [track.notes for track in score.tracks if not track.is_drum]
        if not pitched:
            raise RejectedFile("no pitched part: every note is on channel 10")
        onset = np.concatenate([notes.onset for notes in pitched])
        pitch = np.concatenate([notes.pitch for notes in pitched])
        order = np.lexsort((pitch, onset))
        highest = order[np.flatnonzero(np.diff(onset[order], append=-1))]
        if len(highest) < 2:
            raise RejectedFile("one note has no contour")
        steps = np.sign(np.trunc(np.diff(pitch[highest]) / self.smallest)).astype(int)
        names = {step: name for name, step in STEPS.items()}
        return [[names[step] for step in steps.tolist()]]

    def decode(self, tokens: Iterable[str]) -> Score:
        steps = [token for token in tokens if token not in SPECIALS]
        if strangers := [token for token in steps if token not in STEPS]:
            raise ValueError(f"{strangers[0]!r} is no step: {', '.join(STEPS)}")
        # From middle C, one scale step at a time, turned back at both ends of the keyboard.
        pitch = 60 + 2 * np.cumsum([0, *(STEPS[step] for step in steps)])
        pitch = 36 + np.abs((pitch - 36) % 96 - 48)
        onset = 240 * np.arange(len(pitch))
        notes = Notes.of(onset, np.full(len(pitch), 240), pitch, np.full(len(pitch), 80))
        return Score(480, (Track(notes, "Contour"),))
