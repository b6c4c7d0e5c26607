"""A score as written music: bars with meters, a key, tempos, and instruments on staves.

Readable, not perfect. Times are in twelfths of a quarter note.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from tutti.drawing.voices import FINE, QUARTER, SIXTEENTH, WHOLE, Bar, Event, Line, drum_bars, on_grid, voiced_bars
from tutti.score import Score, Track

MIDDLE_C = 60
# Pianos and organs, harp: two staves where one is not enough.
KEYBOARDS = (*range(8), *range(16, 24), 46)
# Guitars and basses sound an octave lower than they are written: families of eight programs.
OCTAVE_CLEFS = {3: "treble 8", 4: "bass 8"}
HIGHEST_BASS, LOWEST_TREBLE = 64, 55
# Semitones between the means of two tracks that are a right hand and a left.
APART = 7
# Major and minor profiles of C. Krumhansl, "Cognitive Foundations of Musical Pitch", 1990.
MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)


@dataclass(frozen=True)
class Staff:
    """One staff: its clef, `treble`, `bass` or `percussion`, and for each bar one or two voices, the upper first.

    ` 8` behind a clef says that notes sound an octave lower than written; pitches are those that sound.
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
      tempos: (number of a bar, quarter notes a minute) where the tempo is new.
      fifths: the key signature: sharps, or, below 0, flats.
      parts: the instruments.
    """

    bars: tuple[Bar, ...]
    total: int
    tempos: tuple[tuple[int, int], ...]
    fifths: int
    parts: tuple[Part, ...]


def written(score: Score, most_bars: int) -> Sheet:
    """The first bars of a score, as many as `most_bars`, as written music."""
    bars, total = _bars(score, most_bars)
    until = bars[-1].start + bars[-1].length
    parts = []
    for tracks in _instruments(score):
        kept = [_within(track, score.division, until) for track in tracks]
        if any(len(line.onset) for line in kept):
            parts.append(_part(tracks[0], [line for line in kept if len(line.onset)], bars))
    return Sheet(bars, total, _tempos(score, bars), _fifths(score), tuple(parts))


def _bars(score: Score, most: int) -> tuple[tuple[Bar, ...], int]:
    """The bars up to the last note's end, as many as `most`, and how many there are in all."""
    end = 0
    for track in (track for track in score.tracks if len(track.notes)):
        last = int(track.notes.onset.max())
        # Its beginning may be drawn two twelfths on, and its end is not worth many bars.
        sounds = min(int((track.notes.onset + track.notes.duration).max()), last + 8 * score.division)
        end = max(end, last * QUARTER // score.division + 2, sounds * QUARTER // score.division - 1)
    end += 1
    meters = {0: (4, 4)}
    for tick, top, bottom in score.meters:
        at = max(0, round(tick * 4 / score.division)) * SIXTEENTH
        if at < end:
            meters[at] = _sensible(top, bottom)
    bars: list[Bar] = []
    total = 0
    for (start, meter), (behind, _) in pairwise([*sorted(meters.items()), (end, (4, 4))]):
        length = WHOLE * meter[0] // meter[1]
        total += -(-(behind - start) // length)
        for at in range(start, min(behind, start + length * (most - len(bars))), length):
            # A change of meter ends a bar wherever it stands; the last bar of all is a whole one.
            own = length if behind == end else min(length, behind - at)
            bars.append(Bar(at, own, meter if own == length else _shortest(own)))
    return tuple(bars), total


def _sensible(top: int, bottom: int) -> tuple[int, int]:
    """A meter whose bars have 2 to 48 16ths, all of them whole; others count as 4/4."""
    length, odd = divmod(WHOLE * max(top, 0), max(bottom, 1))
    sensible = not odd and length % SIXTEENTH == 0 and 2 * SIXTEENTH <= length <= 3 * WHOLE and bottom <= 16
    return (top, bottom) if sensible else (4, 4)


def _shortest(length: int) -> tuple[int, int]:
    """The simplest time signature, in quarters or shorter, of a bar of this length."""
    top, bottom = length // SIXTEENTH, 16
    while top % 2 == 0 and bottom > 4:
        top, bottom = top // 2, bottom // 2
    return top, bottom


def _tempos(score: Score, bars: Sequence[Bar]) -> tuple[tuple[int, int], ...]:
    """The tempo at each bar's beginning, where it differs by a twentieth from the one before."""
    changes = sorted(score.tempos)
    ticks = np.array([tick for tick, _ in changes])
    at = np.array([bar.start * score.division // QUARTER for bar in bars])
    known = np.searchsorted(ticks, at, side="right") - 1
    marks: list[tuple[int, int]] = []
    for number, place in enumerate(known.tolist()):
        qpm = min(max(changes[place][1], 1.0), 999.0) if place >= 0 else 120.0
        qpm = 120 if qpm != qpm else round(qpm)
        if not marks or abs(qpm - marks[-1][1]) > marks[-1][1] / 20:
            marks.append((number, qpm))
    return tuple(marks)


def _fifths(score: Score) -> int:
    """The key signature of the key that fits best: Krumhansl's profiles against how long each pitch class sounds."""
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
    """Tracks of one program together, in the order of the first of each; drums last."""
    found: dict[tuple[bool, int], list[Track]] = {}
    for track in score.tracks:
        found.setdefault((track.is_drum, 0 if track.is_drum else track.program), []).append(track)
    return [tracks for (drums, _), tracks in sorted(found.items(), key=lambda entry: entry[0][0])]


def _within(track: Track, division: int, until: int) -> Line:
    """The notes that begin before `until`, in parts of a twelfth, `FINE` of them, for they are not yet on a grid."""
    notes = track.notes
    inside = notes.onset * QUARTER < until * division
    onset, duration = notes.onset[inside], notes.duration[inside]
    return Line(
        onset * QUARTER * FINE // division,
        (onset + duration) * QUARTER * FINE // division,
        notes.pitch[inside].astype(np.int64),
    )


def _part(first: Track, lines: list[Line], bars: Sequence[Bar]) -> Part:
    if first.is_drum:
        line = on_grid(_joined(lines), bars)
        return Part(0, True, (Staff("percussion", drum_bars(line, bars)),))
    if first.program in KEYBOARDS:
        staves = _hands(lines)
    else:
        line = _joined(lines)
        staves = [(OCTAVE_CLEFS.get(first.program // 8) or _clef(line), line)]
    return Part(
        first.program, False, tuple(Staff(clef, voiced_bars(on_grid(line, bars), bars)) for clef, line in staves)
    )


def _joined(lines: Iterable[Line]) -> Line:
    lines = list(lines)
    return Line(*(np.concatenate([getattr(line, name) for line in lines]) for name in ("onset", "end", "pitch")))


def _hands(lines: list[Line]) -> list[tuple[str, Line]]:
    """A keyboard's staves with their clefs: two tracks are two hands; else middle C parts them, if need be."""
    both = _joined(lines)
    right, left = max(lines, key=_mean_pitch), min(lines, key=_mean_pitch)
    if len(lines) == 2 and _mean_pitch(right) - _mean_pitch(left) >= APART:
        low = np.quantile(left.pitch, 0.25) < MIDDLE_C - 3
        return [(_clef(right), right), ("bass" if low else "treble", left)]
    if both.pitch.min() >= LOWEST_TREBLE:
        return [("treble", both)]
    if both.pitch.max() <= HIGHEST_BASS:
        return [("bass", both)]
    high = both.pitch >= MIDDLE_C
    parted = [Line(both.onset[own], both.end[own], both.pitch[own]) for own in (high, ~high)]
    return [("treble", parted[0]), ("bass", parted[1])]


def _mean_pitch(line: Line) -> float:
    return float(line.pitch.mean())


def _clef(line: Line) -> str:
    return "treble" if np.median(line.pitch) >= MIDDLE_C - 3 else "bass"
