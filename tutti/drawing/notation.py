"""A score as written music: bars with meters, a key, tempos, and instruments on staves.

Made to be readable, not to be what an engraver would write. Times are in twelfths of a quarter note.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from tutti.drawing.voices import (
    QUARTER,
    SIXTEENTH,
    SUBDIVISION,
    WHOLE,
    Bar,
    Event,
    Line,
    drum_bars,
    quantised,
    voiced_bars,
)
from tutti.score import Score, Track, simplest_meter

MIDDLE_C = 60
# Programs that have two staves where one is not enough: pianos, organs, harp.
KEYBOARDS = (*range(8), *range(16, 24), 46)
# Guitars and basses sound an octave lower than they are written: clefs by families of eight programs.
OCTAVE_CLEFS = {3: "treble 8", 4: "bass 8"}
HIGHEST_BASS, LOWEST_TREBLE = 64, 55
# Two tracks are a right hand and a left if their mean pitches are so many semitones apart.
HANDS_APART = 7
# Weights of the twelve pitch classes in C major and C minor: C. Krumhansl, "Cognitive Foundations of Musical Pitch",
# 1990.
MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)


@dataclass(frozen=True)
class Staff:
    """One staff.

    Attributes:
      clef: `treble`, `bass` or `percussion`; `treble 8` and `bass 8` where notes sound an octave lower than written.
      bars: for each bar one voice, or two, the upper first; pitches are those that sound.
    """

    clef: str
    bars: tuple[tuple[tuple[Event, ...], ...], ...]


@dataclass(frozen=True)
class Part:
    """One instrument, by its General MIDI program, on one staff or two."""

    program: int
    is_drum: bool
    staves: tuple[Staff, ...]


@dataclass(frozen=True)
class Sheet:
    """Written music.

    Attributes:
      bars: at least one.
      total: how many bars the score has, which may be more.
      tempos: (number of a bar from 0, quarter notes a minute) where the tempo changes.
      fifths: the key signature: sharps, or, below 0, flats.
      parts: the instruments.
    """

    bars: tuple[Bar, ...]
    total: int
    tempos: tuple[tuple[int, int], ...]
    fifths: int
    parts: tuple[Part, ...]


def written(score: Score, most_bars: int) -> Sheet:
    """Returns the first bars of a score, at most `most_bars`, as written music."""
    bars, total = _bars(score, most_bars)
    end = bars[-1].start + bars[-1].length
    parts = []
    for tracks in _instruments(score):
        lines = [line for track in tracks if len((line := _line(track, score.division, end)).onset)]
        if lines:
            parts.append(_part(tracks[0], lines, bars))
    return Sheet(bars, total, _tempos(score, bars), _fifths(score), tuple(parts))


def _bars(score: Score, most: int) -> tuple[tuple[Bar, ...], int]:
    """Returns the bars up to the last note's end, at most `most`, and how many there are in all."""
    end = 0
    for track in (track for track in score.tracks if len(track.notes)):
        last = int(track.notes.onset.max())
        # Its beginning may be written two twelfths later, and for its end alone many bars would be too many.
        last_end = min(int((track.notes.onset + track.notes.duration).max()), last + 8 * score.division)
        end = max(end, last * QUARTER // score.division + 2, last_end * QUARTER // score.division - 1)
    end += 1
    meters = {0: (4, 4)}
    for tick, top, bottom in score.meters:
        at = max(0, round(tick * 4 / score.division)) * SIXTEENTH
        if at < end:
            meters[at] = _writable_meter(top, bottom)
    bars: list[Bar] = []
    total = 0
    for (start, meter), (next_change, _) in pairwise([*sorted(meters.items()), (end, (4, 4))]):
        full = WHOLE * meter[0] // meter[1]
        total += -(-(next_change - start) // full)
        for at in range(start, min(next_change, start + full * (most - len(bars))), full):
            # A change of meter ends a bar wherever it stands; the last bar of all is a full one.
            length = full if next_change == end else min(full, next_change - at)
            bars.append(Bar(at, length, meter if length == full else simplest_meter(length // SIXTEENTH, 16)))
    return tuple(bars), total


def _writable_meter(top: int, bottom: int) -> tuple[int, int]:
    """Returns a meter whose bars have 2 to 48 16ths and nothing shorter as it is, and 4/4 for any other."""
    length, remainder = divmod(WHOLE * max(top, 0), max(bottom, 1))
    writable = not remainder and length % SIXTEENTH == 0 and 2 * SIXTEENTH <= length <= 3 * WHOLE and bottom <= 16
    return (top, bottom) if writable else (4, 4)


def _tempos(score: Score, bars: Sequence[Bar]) -> tuple[tuple[int, int], ...]:
    """Returns (number, quarter notes a minute) of bars that begin a twentieth faster or slower than the last mark."""
    changes = sorted(score.tempos)
    ticks = np.array([tick for tick, _ in changes])
    bar_ticks = np.array([bar.start * score.division // QUARTER for bar in bars])
    current = np.searchsorted(ticks, bar_ticks, side="right") - 1
    marks: list[tuple[int, int]] = []
    for number, change in enumerate(current.tolist()):
        qpm = min(max(changes[change][1], 1.0), 999.0) if change >= 0 else 120.0
        qpm = 120 if qpm != qpm else round(qpm)
        if not marks or abs(qpm - marks[-1][1]) > marks[-1][1] / 20:
            marks.append((number, qpm))
    return tuple(marks)


def _fifths(score: Score) -> int:
    """Returns the signature of the key whose profile correlates best with how long each pitch class sounds."""
    weight = np.zeros(12)
    for track in score.tracks:
        if not track.is_drum:
            np.add.at(weight, track.notes.pitch % 12, np.clip(track.notes.duration, 1, 4 * score.division))
    if not weight.any() or not weight.std():
        return 0
    fits = [
        (float(np.corrcoef(np.roll(profile, tonic), weight)[0, 1]), (tonic + shift) * 7 % 12)
        for profile, shift in ((MAJOR, 0), (MINOR, 3))
        for tonic in range(12)
    ]
    fifths = max(fits)[1]
    return fifths if fifths <= 6 else fifths - 12


def _instruments(score: Score) -> list[list[Track]]:
    """Returns the tracks of each program together, in the order of the first of each; drums last."""
    by_program: dict[tuple[bool, int], list[Track]] = {}
    for track in score.tracks:
        by_program.setdefault((track.is_drum, 0 if track.is_drum else track.program), []).append(track)
    return [tracks for (is_drum, _), tracks in sorted(by_program.items(), key=lambda entry: entry[0][0])]


def _line(track: Track, division: int, end: int) -> Line:
    """Returns a track's notes that begin before `end`, with times in `SUBDIVISION` parts of a twelfth."""
    notes = track.notes
    inside = notes.onset * QUARTER < end * division
    onset, duration = notes.onset[inside], notes.duration[inside]
    return Line(
        onset * QUARTER * SUBDIVISION // division,
        (onset + duration) * QUARTER * SUBDIVISION // division,
        notes.pitch[inside].astype(np.int64),
    )


def _part(first: Track, lines: list[Line], bars: Sequence[Bar]) -> Part:
    """Returns the part of an instrument, of which `first` is the first track and `lines` are the notes of each."""
    if first.is_drum:
        line = quantised(_merged(lines), bars)
        return Part(0, True, (Staff("percussion", drum_bars(line, bars)),))
    if first.program in KEYBOARDS:
        staves = _hands(lines)
    else:
        line = _merged(lines)
        staves = [(OCTAVE_CLEFS.get(first.program // 8) or _clef(line), line)]
    return Part(
        first.program, False, tuple(Staff(clef, voiced_bars(quantised(line, bars), bars)) for clef, line in staves)
    )


def _merged(lines: Iterable[Line]) -> Line:
    lines = list(lines)
    return Line(*(np.concatenate([getattr(line, name) for line in lines]) for name in ("onset", "end", "pitch")))


def _hands(lines: list[Line]) -> list[tuple[str, Line]]:
    """Returns a keyboard's staves, each with its clef.

    Two tracks that lie apart are two hands. Otherwise all notes are on one staff if they lie high or low enough, and
    else on two, divided at middle C.
    """
    both = _merged(lines)
    right, left = max(lines, key=_mean_pitch), min(lines, key=_mean_pitch)
    if len(lines) == 2 and _mean_pitch(right) - _mean_pitch(left) >= HANDS_APART:
        low = np.quantile(left.pitch, 0.25) < MIDDLE_C - 3
        return [(_clef(right), right), ("bass" if low else "treble", left)]
    if both.pitch.min() >= LOWEST_TREBLE:
        return [("treble", both)]
    if both.pitch.max() <= HIGHEST_BASS:
        return [("bass", both)]
    high = both.pitch >= MIDDLE_C
    right, left = (Line(both.onset[own], both.end[own], both.pitch[own]) for own in (high, ~high))
    return [("treble", right), ("bass", left)]


def _mean_pitch(line: Line) -> float:
    return float(line.pitch.mean())


def _clef(line: Line) -> str:
    return "treble" if np.median(line.pitch) >= MIDDLE_C - 3 else "bass"
