"""Notes and chords: one token for what is struck together, in order, without time.

A note alone is its name with octave (`E5`, `B-2`, `F#4`); notes that a track strikes together are a chord,
written as the pitch classes of its normal order joined by dots (`9.0.4`). The tracks of a part, often a
piano's two hands, take turns at one onset. Source: S. Skuldur, "Classical Piano Composer", 2017.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import ClassVar

import numpy as np

from tutti import midi
from tutti.encodings import grid
from tutti.encodings.base import TokenEncoding
from tutti.encodings.chords import chord_name, named_chord, named_pitch, pitch_name
from tutti.encodings.vocabulary import SPECIALS, Vocabulary
from tutti.errors import RejectedFile
from tutti.medium import Medium
from tutti.score import Notes, Score, Track

DIVISION = 480
HALF_BEAT = DIVISION // 2
MIDDLE_C = 60
VELOCITY = 80
# A chord is never nearer to a note than to any other chord.
NOTE_TO_CHORD = 1000.0


@cache
def _pitch_names() -> list[str]:
    return [pitch_name(pitch) for pitch in range(128)]


@cache
def _chord_name(mask: int) -> str:
    return chord_name(pitch for pitch in range(12) if mask >> pitch & 1)


@dataclass(frozen=True)
class NotesAndChords(TokenEncoding):
    """One instrument part of a score, or each of them, as notes and chords.

    A part is all tracks of one program; parts count in the order of their first tracks, drums aside.

    Args:
      part: `first`; a number counting from 0; `program:N` with a General MIDI program from 0 to 127; a
        track's name; or `all`, which makes each part a song of its own.
    """

    name: ClassVar[str] = "notes"
    medium: ClassVar[Medium] = midi.SCORE
    pitched: ClassVar[bool] = True

    part: str = field(
        default="first", metadata={"help": "first, a number from 0, program:N, a track's name, or all parts"}
    )

    def __post_init__(self) -> None:
        if not isinstance(self.part, str) or not self.part:
            raise ValueError(f"part is {self.part!r}; it can be first, a number, program:N, a name, or all")

    def vocabulary(self) -> None:
        return None

    def encode(self, score: Score) -> list[list[str]]:
        return [_tokens(tracks, score.division) for tracks in self._parts(score)]

    def decode(self, tokens: Iterable[str]) -> Score:
        """One token every half beat. A chord is voiced close around the notes before and behind it."""
        chords = [_pitch_classes(token) for token in tokens if token not in SPECIALS]
        onset: list[int] = []
        pitch: list[int] = []
        for i, (chord, centre) in enumerate(zip(chords, _centres(chords), strict=True)):
            voiced = [chord] if isinstance(chord, int) else _voiced(chord, centre)
            onset += [i * HALF_BEAT] * len(voiced)
            pitch += voiced
        count = len(onset)
        played = Notes.of(onset, [HALF_BEAT] * count, pitch, [VELOCITY] * count)
        return Score(DIVISION, (Track(played, "Piano"),) if count else ())

    def nearest(self, token: str, known: Vocabulary) -> str:
        """For a note the known note fewest semitones away; for a chord the one sharing the most pitch classes.

        Sharing counts as the size of the intersection by that of the union. Among equals the first in the
        vocabulary. Where a vocabulary has no note, or no chord, the other kind serves: the note of the same
        pitch class, or the chord that holds it.
        """
        wanted = _pitch_classes(token)
        candidates = known.tokens[len(SPECIALS) :]
        if not candidates:
            raise ValueError("the vocabulary has no notes and no chords")
        return min(candidates, key=lambda candidate: _distance(wanted, _pitch_classes(candidate)))

    def transposed(self, token: str, semitones: int) -> str | None:
        """A chord is renamed, for its normal order may begin elsewhere; only notes can leave MIDI's range."""
        if token in SPECIALS:
            return token
        moved = _pitch_classes(token)
        if not isinstance(moved, int):
            return chord_name(pitch + semitones for pitch in moved)
        return pitch_name(moved + semitones) if 0 <= moved + semitones <= 127 else None

    def _parts(self, score: Score) -> list[list[Track]]:
        parts: dict[int, list[Track]] = {}
        for track in score.tracks:
            if not track.is_drum:
                parts.setdefault(track.program, []).append(track)
        if not parts:
            raise RejectedFile("no pitched part: every note is on channel 10")
        ordered = list(parts.values())
        if self.part == "all":
            return ordered
        if self.part == "first":
            return ordered[:1]
        if self.part.isdecimal():
            index = int(self.part)
            if index >= len(ordered):
                raise RejectedFile(f"no part {index}: it has {len(ordered)}, counted from 0")
            return [ordered[index]]
        if self.part.startswith("program:"):
            chosen = [track for track in score.tracks if f"program:{track.program}" == self.part and not track.is_drum]
        else:
            chosen = [track for track in score.tracks if track.name.strip().lower() == self.part.strip().lower()]
        if not chosen:
            raise RejectedFile(f"no part {self.part!r}: it has {', '.join(_described(tracks) for tracks in ordered)}")
        return [chosen]


def _described(tracks: list[Track]) -> str:
    return f"program:{tracks[0].program}" + (f" ({tracks[0].name.strip()})" if tracks[0].name.strip() else "")


def _tokens(tracks: list[Track], division: int) -> list[str]:
    # What one track strikes at once is one token; at one onset the tracks follow each other in their order.
    hand = [
        (grid.snapped(track.notes.onset, division) * len(tracks) + i << 7) + track.notes.pitch
        for i, track in enumerate(tracks)
    ]
    struck = np.unique(np.concatenate(hand))
    place, pitch = struck >> 7, struck & 127
    first = np.flatnonzero(np.diff(place, prepend=-1))
    size = np.diff(first, append=len(place))
    mask = np.bitwise_or.reduceat(np.int64(1) << (pitch % 12), first)
    names = _pitch_names()
    return [
        names[low] if count == 1 else _chord_name(classes)
        for low, count, classes in zip(pitch[first].tolist(), size.tolist(), mask.tolist(), strict=True)
    ]


def _pitch_classes(token: str) -> int | tuple[int, ...]:
    """A note's pitch, or a chord's pitch classes."""
    pitch = named_pitch(token)
    chord = named_chord(token)
    if pitch is None and chord is None:
        raise ValueError(f"{token!r} is neither a note like E5, B-2, F#4 nor a chord like 9.0.4")
    return pitch if pitch is not None else chord or ()


def _distance(wanted: int | tuple[int, ...], candidate: int | tuple[int, ...]) -> float:
    if isinstance(wanted, int) and isinstance(candidate, int):
        return abs(wanted - candidate)
    a, b = ({pitch % 12 for pitch in ((side,) if isinstance(side, int) else side)} for side in (wanted, candidate))
    apart = 1 - len(a & b) / len(a | b)
    return apart if isinstance(wanted, tuple) and isinstance(candidate, tuple) else NOTE_TO_CHORD + apart


def _centres(chords: list[int | tuple[int, ...]]) -> list[int]:
    """For each token the pitch half-way between the last single note before it and the next one behind."""
    before = _last_notes(chords)
    behind = _last_notes(chords[::-1])[::-1]
    return [
        (b + a) // 2 if b is not None and a is not None else b if b is not None else a if a is not None else MIDDLE_C
        for b, a in zip(before, behind, strict=True)
    ]


def _last_notes(chords: list[int | tuple[int, ...]]) -> list[int | None]:
    last: int | None = None
    found = []
    for chord in chords:
        last = chord if isinstance(chord, int) else last
        found.append(last)
    return found


def _voiced(chord: tuple[int, ...], centre: int) -> list[int]:
    """MIDI pitches of the pitch classes within half an octave of the centre; one alone is doubled."""
    low = min(max(centre - 6, 0), 127 - 23)
    pitches = sorted({low + (pitch - low) % 12 for pitch in chord})
    return [pitches[0], pitches[0] + 12] if len(pitches) == 1 else pitches
