"""One voice as notes with lengths: each token a pitch, or a rest, and how long it lasts.

`E-5:6` is E flat in octave 5 for half a quarter, `R:12` a quarter's rest: lengths are in twelfths of a quarter, on the
grid of 16ths and eighth triplets. Pitch and length as one value: after J.-S. Kim, "deepjazz", 2016, and the solos
taught from it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache, lru_cache
from math import inf, log2
from typing import ClassVar

import numpy as np

from tutti import midi
from tutti.encodings import grid
from tutti.encodings.base import TokenEncoding
from tutti.encodings.chords import named_pitch, pitch_name
from tutti.encodings.grid import TWELFTHS
from tutti.encodings.vocabulary import SPECIALS, Vocabulary
from tutti.errors import RejectedFile
from tutti.medium import Medium
from tutti.score import Notes, Score, Track

DIVISION = 480
VELOCITY = 90
WHOLE = 4 * TWELFTHS
# Two whole notes.
LONGEST = 2 * WHOLE
REST = -1
# Tracks of a file that a reason names: a hostile one has many.
MOST_NAMED = 32
_REST_NAME = "R"
_LENGTH = re.compile(r"[1-9][0-9]?")


@dataclass(frozen=True)
class Melody(TokenEncoding):
    """One voice of a score, as pitches and rests with lengths.

    Of notes that are struck together the highest is heard, and a note ends where the next begins. Notes and rests last
    two whole notes at most: a longer rest is several, a longer note ends there. A song begins with the whole note (of
    4/4, counted from the beginning of the file) in which its first note is struck, so that an upbeat stays one.

    Args:
      track: `skyline`, the pitched track whose notes are highest on average; a number that counts the pitched tracks
        with notes from 0; `program:N` with a General MIDI program from 0 to 127; or a track's name.
    """

    name: ClassVar[str] = "melody"
    medium: ClassVar[Medium] = midi.SCORE
    pitched: ClassVar[bool] = True

    track: str = field(
        default="skyline", metadata={"help": "skyline (the highest), a number from 0, program:N, or a track's name"}
    )

    def __post_init__(self) -> None:
        if not isinstance(self.track, str) or not self.track.strip():
            raise ValueError(f"track is {self.track!r}; it can be skyline, a number, program:N, or a name")

    def vocabulary(self) -> None:
        return None

    def encode(self, score: Score) -> list[list[str]]:
        return [_tokens(self._chosen(score), score.division)]

    def decode(self, tokens: Iterable[str]) -> Score:
        at = 0
        onset: list[int] = []
        duration: list[int] = []
        pitches: list[int] = []
        for token in tokens:
            if token in SPECIALS:
                continue
            pitch, length = _value(token)
            if pitch != REST:
                onset.append(at)
                duration.append(length)
                pitches.append(pitch)
            at += length
        count = len(onset)
        tick = DIVISION // TWELFTHS
        played = Notes.of(np.multiply(onset, tick), np.multiply(duration, tick), pitches, [VELOCITY] * count)
        return Score(DIVISION, (Track(played, "Melody"),) if count else ())

    def nearest(self, token: str, known: Vocabulary) -> str:
        """For a note the known note that is nearest in pitch and length, for a rest the rest nearest in length.

        A length twice or half as long counts as much as an octave. Among equals the first in the vocabulary. Where
        it has no notes, or no rests, the length alone counts.
        """
        wanted = _value(token)
        candidates = known.tokens[len(SPECIALS) :]
        if not candidates:
            raise ValueError("the vocabulary has no notes and no rests")
        return min(candidates, key=lambda candidate: _distance(wanted, _value(candidate)))

    def transposed(self, token: str, semitones: int) -> str | None:
        """The note that many semitones higher; a rest as it is."""
        if token in SPECIALS:
            return token
        pitch, length = _value(token)
        if pitch == REST:
            return token
        return f"{pitch_name(pitch + semitones)}:{length}" if 0 <= pitch + semitones <= 127 else None

    def _chosen(self, score: Score) -> list[Track]:
        pitched = [track for track in score.tracks if not track.is_drum]
        if not pitched:
            raise RejectedFile("no pitched track: every note is on channel 10")
        if self.track == "skyline":
            return [max(pitched, key=lambda track: float(track.notes.pitch.mean()))]
        if self.track.isdecimal():
            chosen = pitched[int(self.track) : int(self.track) + 1]
        elif self.track.startswith("program:"):
            chosen = [track for track in pitched if f"program:{track.program}" == self.track]
        else:
            chosen = [track for track in pitched if track.name.strip().lower() == self.track.strip().lower()]
        if not chosen:
            described = ", ".join(f"{i} ({_described(track)})" for i, track in enumerate(pitched[:MOST_NAMED]))
            more = ", ..." * (len(pitched) > MOST_NAMED)
            raise RejectedFile(f"no pitched track {self.track!r}: it has {described}{more}")
        return chosen


def _described(track: Track) -> str:
    return f"{track.name.strip()}, program:{track.program}" if track.name.strip() else f"program:{track.program}"


def _tokens(tracks: list[Track], division: int) -> list[str]:
    onset = np.concatenate([track.notes.onset for track in tracks])
    duration = np.concatenate([track.notes.duration for track in tracks])
    pitch = np.concatenate([track.notes.pitch for track in tracks])
    start, end = grid.snapped(onset, division), grid.snapped(onset + duration, division)
    # The last of each onset: the highest, and of that the longest.
    order = np.lexsort((end, pitch, start))
    order = order[np.flatnonzero(np.diff(start[order], append=-1))]
    start, end, pitch = start[order], end[order], pitch[order]
    # However short, a note is heard up to the next place of the grid.
    end = np.maximum(end, start + grid.NEXT[start % TWELFTHS])
    end[:-1] = np.minimum(end[:-1], start[1:])
    end = np.minimum(end, start + LONGEST)
    silent = np.append(start[1:], end[-1]) - end
    names = _names()
    tokens = _rest(int(start[0]) % WHOLE)
    for height, length, pause in zip(pitch.tolist(), (end - start).tolist(), silent.tolist(), strict=True):
        tokens.append(names[height][length])
        if pause:
            tokens += _rest(pause)
    return tokens


@cache
def _names() -> list[list[str]]:
    """The token of each pitch and length."""
    return [[f"{pitch_name(pitch)}:{length}" for length in range(LONGEST + 1)] for pitch in range(128)]


def _rest(length: int) -> list[str]:
    """The tokens of a rest of any length, the longest first."""
    whole, left = divmod(length, LONGEST)
    return [f"{_REST_NAME}:{LONGEST}"] * whole + ([f"{_REST_NAME}:{left}"] if left else [])


@lru_cache(1 << 14)
def _value(token: str) -> tuple[int, int]:
    """A token's pitch, or REST, and its length."""
    name, _, digits = token.partition(":")
    pitch = REST if name == _REST_NAME else named_pitch(name)
    if pitch is None or not _LENGTH.fullmatch(digits) or int(digits) > LONGEST:
        raise ValueError(f"{token!r} is neither a note like E-5:6 nor a rest like R:12, of 1 to {LONGEST} twelfths")
    return pitch, int(digits)


def _distance(wanted: tuple[int, int], candidate: tuple[int, int]) -> tuple[float, float]:
    """Whether they differ in kind, and how far they are apart in semitones."""
    (pitch, length), (other, size) = wanted, candidate
    apart = 12 * abs(log2(length / size))
    if (pitch == REST) != (other == REST):
        return inf, apart
    return 0, apart + abs(pitch - other)
