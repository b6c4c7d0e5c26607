"""Drum words: one word a step of the grid, nine bits for nine drums, and BAR between bars.

Source: K. Choi, G. Fazekas, M. Sandler, "Text-based LSTM networks for automatic music composition",
arXiv 1604.05358, 2016.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tutti import midi
from tutti.encodings.base import TokenEncoding
from tutti.encodings.vocabulary import SPECIALS, Vocabulary
from tutti.errors import RejectedFile
from tutti.medium import Medium
from tutti.score import Notes, Score, Track

# In the order of a word's bits: kick, snare, closed hat, open hat, low floor tom, low tom, high tom, ride, crash.
DRUMS = (36, 38, 42, 46, 41, 45, 48, 51, 49)
FOLDED = {35: 36, 37: 38, 40: 38, 43: 41, 47: 45, 50: 48, 44: 42, 57: 49, 52: 49, 59: 51, 53: 51, 55: 51}

BAR = "BAR"
BAR_ID = len(SPECIALS)
FIRST_WORD_ID = BAR_ID + 1
SILENCE = 0

RESOLUTIONS = (16, 32)

# What a decoded drum sounds like: velocity on a beat, off it, and the share of tracks' notes that must be
# General MIDI drums before a track outside channel 10 is taken for one.
ON_BEAT, OFF_BEAT = 100, 80
DRUM_SHARE = 0.9
DIVISION = 480


def _bits() -> NDArray[np.int32]:
    """int32[128]: the bit of each MIDI pitch in a word, 0 for pitches that are no drum here."""
    bits = np.zeros(128, np.int32)
    for i, pitch in enumerate(DRUMS):
        bits[pitch] = 1 << (len(DRUMS) - 1 - i)
    for pitch, drum in FOLDED.items():
        bits[pitch] = bits[drum]
    return bits


BITS = _bits()


@cache
def _vocabulary() -> Vocabulary:
    return Vocabulary.of([BAR, *(f"0b{word:09b}" for word in range(1 << len(DRUMS)))])


@dataclass(frozen=True)
class Drums(TokenEncoding):
    """The drum part of a score as words.

    Args:
      resolution: steps in a whole note, 16 or 32.
      drum_source: `channel10`, `all` tracks, or `auto`: channel 10, and where a file has none, the tracks
        that play General MIDI drum notes.
      bars: `fixed` writes BAR after every whole note, as the paper; `meter` where the file's own time
        signatures put it.
    """

    name: ClassVar[str] = "drums"
    medium: ClassVar[Medium] = midi.SCORE

    resolution: int = field(default=16, metadata={"choices": RESOLUTIONS, "help": "steps in a whole note"})
    drum_source: str = field(
        default="auto", metadata={"choices": ("auto", "channel10", "all"), "help": "where the drums of a file are"}
    )
    bars: str = field(
        default="fixed", metadata={"choices": ("fixed", "meter"), "help": "BAR a whole note, or by time signatures"}
    )

    def __post_init__(self) -> None:
        if self.resolution not in RESOLUTIONS:
            raise ValueError(f"resolution is {self.resolution}; it can be 16 or 32")
        if self.drum_source not in ("auto", "channel10", "all"):
            raise ValueError(f"drum_source is {self.drum_source!r}; it can be auto, channel10 or all")
        if self.bars not in ("fixed", "meter"):
            raise ValueError(f"bars is {self.bars!r}; it can be fixed or meter")

    def vocabulary(self) -> Vocabulary:
        return _vocabulary()

    def encode_ids(self, score: Score) -> list[NDArray[np.int32]]:
        tracks = self._tracks(score)
        onset = np.concatenate([track.notes.onset for track in tracks])
        bit = BITS[np.concatenate([track.notes.pitch for track in tracks])]
        played = bit > 0
        onset, bit = onset[played], bit[played]
        if not len(onset):
            raise RejectedFile("no note of the drum part is one of the nine drums")
        step = self._steps(onset, score.division)
        if self.bars == "fixed":
            count = int(step.max()) // self.resolution + 1
            laid = np.full((count, self.resolution + 1), BAR_ID, np.int32)
            laid[:, :-1] = self._words(step, bit, count * self.resolution).reshape(count, -1)
            return [laid.ravel()]
        lines = self._meter_lines(score, int(onset.max()))
        if lines[-1] <= step.max():
            # The last hit is played just ahead of a bar line and belongs to the bar behind it.
            lines = self._meter_lines(score, int(onset.max()) + 4 * score.division // self.resolution)
        return [np.insert(self._words(step, bit, int(lines[-1])), lines[1:], BAR_ID)]

    def decode(self, tokens: Iterable[str]) -> Score:
        ids = _vocabulary()
        words: list[int] = []
        bars: list[int] = []
        begun = 0
        for token in tokens:
            if token in SPECIALS:
                continue
            if token not in ids:
                raise ValueError(f"{token!r} is not a drum word: BAR, or 0b and nine bits")
            if token != BAR:
                words.append(int(token, 2))
                continue
            if self.bars == "fixed":
                _to_nearest_line(words, self.resolution)
            elif len(words) > begun:
                bars.append(len(words) - begun)
                begun = len(words)
        step = 4 * DIVISION // self.resolution
        onset, drum = _hits(words)
        strong = onset % (self.resolution // 4) == 0
        played = Notes.of(
            onset * step, np.full(len(onset), step), np.asarray(DRUMS)[drum], np.where(strong, ON_BEAT, OFF_BEAT)
        )
        tracks = (Track(played, "Drums", 0, is_drum=True),) if len(onset) else ()
        return Score(DIVISION, tracks, meters=self._meters(bars, step))

    def misfit(self, tokens: Sequence[str], /) -> str:
        if self.bars != "fixed":
            return ""
        bars = "".join(" " if token == BAR else "x" for token in tokens if token not in SPECIALS).split(" ")[:-1]
        lengths = Counter(map(len, bars))
        if not lengths or set(lengths) == {self.resolution}:
            return ""
        others = sum(lengths.values()) - lengths[self.resolution]
        (commonest, _) = lengths.most_common(1)[0]
        if commonest in RESOLUTIONS and commonest != self.resolution:
            raise ValueError(
                f"{others:,} of {len(bars):,} bars have not {self.resolution} words, most have {commonest}; "
                f"decode it with --resolution {commonest}"
            )
        return f"{others:,} of {len(bars):,} bars have not {self.resolution} words and were filled up or cut"

    def _words(self, step: NDArray[np.int64], bit: NDArray[np.int32], length: int) -> NDArray[np.int32]:
        """int32[length]: the ids of the words that hits make."""
        words = np.zeros(length, np.int32)
        np.bitwise_or.at(words, step, bit)
        words += FIRST_WORD_ID
        return words

    def _meter_lines(self, score: Score, last: int) -> NDArray[np.int64]:
        """The steps at which bars begin, up to the first one behind tick `last`."""
        return np.unique(self._steps(np.asarray(score.bar_lines(last + 1)), score.division))

    def _steps(self, tick: NDArray[np.int64], division: int) -> NDArray[np.int64]:
        """floor((tick + step/2) / step) for a step of 4 * division / resolution ticks, in whole numbers."""
        return (self.resolution * tick + 2 * division) // (4 * division)

    def _tracks(self, score: Score) -> list[Track]:
        on_channel = [track for track in score.tracks if track.is_drum]
        if self.drum_source == "all":
            return list(score.tracks)
        if on_channel:
            return on_channel
        if self.drum_source == "channel10":
            raise RejectedFile("nothing on channel 10 (--drum-source auto or all looks at other tracks)")
        found = [track for track in score.tracks if np.mean(BITS[track.notes.pitch] > 0) >= DRUM_SHARE]
        if not found:
            raise RejectedFile("no drum part: nothing on channel 10, and no track plays General MIDI drum notes")
        return found

    def _meters(self, bars: list[int], step: int) -> tuple[tuple[int, int, int], ...]:
        if not bars:
            return ((0, 4, 4),)
        meters: list[tuple[int, int, int]] = []
        at = 0
        for i, length in enumerate(bars):
            if i == 0 or length != bars[i - 1]:
                meters.append((at * step, *_meter(length, self.resolution)))
            at += length
        return tuple(meters)


def _meter(length: int, resolution: int) -> tuple[int, int]:
    """The simplest time signature, in quarters or shorter, of a bar of `length` steps."""
    denominator = resolution
    while length % 2 == 0 and denominator > 4:
        length, denominator = length // 2, denominator // 2
    # A file has one byte for the numerator.
    return min(length, 255), denominator


def _to_nearest_line(words: list[int], bar: int) -> None:
    """Makes a BAR that comes early or late fall on the nearest bar line: fills up with silence, or cuts."""
    over = len(words) % bar
    if over > bar // 2:
        words.extend([SILENCE] * (bar - over))
    elif over:
        del words[-over:]


def _hits(words: list[int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """int64[n], int64[n]: the step of each hit and the place of its drum in DRUMS."""
    column = np.asarray(words, np.int64)[:, None] if words else np.zeros((0, 1), np.int64)
    played = column >> np.arange(len(DRUMS) - 1, -1, -1) & 1
    return np.nonzero(played)  # type: ignore[return-value]
