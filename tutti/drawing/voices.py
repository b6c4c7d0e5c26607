"""The notes of a staff as one voice or two, in lengths that have a sign.

Each beat of a staff is read in 16ths or in triplets, whichever is nearer; there is a second voice only where a
note sounds on under others. Times are in twelfths of a quarter note.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise

import numpy as np
from numpy.typing import NDArray

QUARTER, SIXTEENTH, THIRD = 12, 3, 4
WHOLE = 4 * QUARTER
# Parts of a twelfth that are kept of times before they are on the grid.
FINE = 1 << 16
# Lengths that a note may have where it begins within a beat, the longest first; in compound meters too.
LENGTHS = {0: (48, 36, 24, 18, 12, 9, 6, 3), 3: (9, 6, 3), 6: (12, 6, 3), 9: (3,)}
COMPOUND = {0: (36, 18, 12, 6, 3), 3: (3,), 6: (12, 6, 3), 9: (3,), 12: (6, 3), 15: (3,)}
TRIPLETS = (8, 4)
# A beat is in triplets where that brings its notes nearer to the grid by this.
CLEARLY = 0.8


@dataclass(frozen=True)
class Bar:
    """One bar: where it begins, how long it is, its time signature, and the length of its beats."""

    start: int
    length: int
    meter: tuple[int, int]

    @property
    def beat(self) -> int:
        top, bottom = self.meter
        return 18 if bottom == 8 and top > 3 and top % 3 == 0 else QUARTER


@dataclass(frozen=True)
class Event:
    """What one voice does for the length of one sign.

    Attributes:
      at: where it begins in the bar.
      length: how long it is.
      pitches: MIDI pitches, in order; none is a rest.
      tied_from, tied_on: whether it continues the event before it, and is continued by the one behind it.
      triplet: `begin`, `within` or `end` of a beat in triplets, else empty.
      hidden: of a rest, that it is not shown, as a second voice's.
    """

    at: int
    length: int
    pitches: tuple[int, ...] = ()
    tied_from: bool = False
    tied_on: bool = False
    triplet: str = ""
    hidden: bool = False


@dataclass(frozen=True, eq=False)
class Line:
    """Notes of one staff, before they have voices: int64[n] each, times in twelfths or in `FINE` parts of them."""

    onset: NDArray[np.int64]
    end: NDArray[np.int64]
    pitch: NDArray[np.int64]


@dataclass(frozen=True)
class _Sound:
    """A chord on its way through a voice."""

    onset: int
    end: int
    pitches: tuple[int, ...]


def drum_bars(line: Line, bars: Sequence[Bar]) -> tuple[tuple[tuple[Event, ...], ...], ...]:
    """One voice: a hit lasts until the next one, or until its beat ends."""
    onsets = np.unique(line.onset)
    starts = np.concatenate([np.arange(bar.start, bar.start + bar.length, bar.beat) for bar in bars])
    ends = np.append(starts[1:], bars[-1].start + bars[-1].length)
    until = np.minimum(np.append(onsets, ends[-1])[1:], ends[np.searchsorted(starts, onsets, side="right") - 1])
    struck = _chords(line)
    sounds = [_Sound(at, end, struck[at]) for at, end in zip(onsets.tolist(), until.tolist(), strict=True)]
    return tuple((events,) for events in _laid(sounds, bars, hidden=False))


def voiced_bars(line: Line, bars: Sequence[Bar]) -> tuple[tuple[tuple[Event, ...], ...], ...]:
    """One voice, and a second one in bars where notes sound on under others."""
    moving, held = _voices(line)
    first, second = _laid(moving, bars, hidden=False), _laid(held, bars, hidden=True)
    voiced: list[tuple[tuple[Event, ...], ...]] = []
    for upper, lower in zip(first, second, strict=True):
        if not any(event.pitches for event in lower):
            voiced.append((upper,))
        elif not any(event.pitches for event in upper):
            voiced.append((tuple(replace(event, hidden=False) for event in lower),))
        else:
            voiced.append((upper, lower) if _height(upper) >= _height(lower) else (lower, upper))
    return tuple(voiced)


def on_grid(line: Line, bars: Sequence[Bar]) -> Line:
    """Notes from `FINE` parts to twelfths on the grid of their beats, each pitch struck once at a time.

    A note ends where its pitch is struck again.
    """
    start = np.concatenate([np.arange(bar.start, bar.start + bar.length, bar.beat) for bar in bars])
    whole = np.diff(start, append=bars[-1].start + bars[-1].length) == QUARTER
    end_of_all = bars[-1].start + bars[-1].length
    # A little ahead of a beat is on the beat.
    beat = np.searchsorted(start, (line.onset + FINE * SIXTEENTH // 2) // FINE, side="right") - 1
    sixteenth, third = (_nearest(line.onset, start[beat], step) for step in (SIXTEENTH, THIRD))
    off = [np.bincount(beat, np.abs(place * FINE - line.onset), minlength=len(start)) for place in (sixteenth, third)]
    in_thirds = whole & (off[1] < CLEARLY * off[0])
    onset = np.where(in_thirds[beat], third, sixteenth)
    beat = np.clip(np.searchsorted(start, line.end // FINE, side="right") - 1, 0, len(start) - 1)
    step = np.where(in_thirds[beat], THIRD, SIXTEENTH)
    end = np.minimum(_nearest(line.end, start[beat], step), end_of_all)
    beat = np.searchsorted(start, onset, side="right") - 1
    end = np.maximum(end, onset + np.where(in_thirds[beat], THIRD, SIXTEENTH))
    # Players let go a little before the beat.
    beat_end = np.append(start[1:], end_of_all)[np.clip(np.searchsorted(start, end) - 1, 0, len(start) - 1)]
    early = beat_end - end
    end = np.where((early <= SIXTEENTH) & (end - onset >= 2 * early), beat_end, end)
    inside = onset < end_of_all
    return _struck_once(Line(onset[inside], end[inside], line.pitch[inside]))


def _struck_once(line: Line) -> Line:
    """Of notes that are struck together on one pitch the longest; none sounds on when its pitch is struck again."""
    order = np.lexsort((-line.end, line.onset, line.pitch))
    pitch, onset, end = line.pitch[order], line.onset[order], line.end[order]
    same = np.diff(pitch, append=-1) == 0
    first = np.ones(len(pitch), bool)
    first[1:] = ~(same[:-1] & (np.diff(onset) == 0))
    pitch, onset, end = pitch[first], onset[first], end[first]
    again = np.diff(pitch, append=-1) == 0
    end = np.where(again, np.minimum(end, np.append(onset, 0)[1:]), end)
    order = np.lexsort((pitch, onset))
    return Line(onset[order], end[order], pitch[order])


def _nearest(fine: NDArray[np.int64], start: NDArray[np.int64], step: "int | NDArray[np.int64]") -> NDArray[np.int64]:
    """Times on the nearest step counted from `start`."""
    return start + (2 * (fine - start * FINE) + step * FINE) // (2 * step * FINE) * step


def _chords(line: Line) -> dict[int, tuple[int, ...]]:
    pairs = zip(line.onset.tolist(), line.pitch.tolist(), strict=True)
    return {onset: tuple(pitch for _, pitch in group) for onset, group in groupby(pairs, key=lambda pair: pair[0])}


def _height(events: Sequence[Event]) -> float:
    return float(np.mean([pitch for event in events for pitch in event.pitches]))


def _voices(line: Line) -> tuple[list[_Sound], list[_Sound]]:
    """Notes in two voices: those that move on, and those that sound on under the next ones."""
    notes = zip(line.onset.tolist(), line.end.tolist(), line.pitch.tolist(), strict=True)
    chords = [(onset, list(group)) for onset, group in groupby(notes, key=lambda note: note[0])]
    held: list[_Sound] = []
    moving: list[_Sound] = []
    for (onset, struck), (following, _) in pairwise([*chords, (1 << 40, [])]):
        free = not held or held[-1].end <= onset
        # Cut at the next onset, it would lose more than half.
        long = [note for note in struck if free and 2 * (following - onset) < note[1] - onset]
        if long:
            held.append(_Sound(onset, min(end for _, end, _ in long), tuple(pitch for _, _, pitch in long)))
        if short := [note for note in struck if note not in long]:
            moving.append(_Sound(onset, max(end for _, end, _ in short), tuple(pitch for _, _, pitch in short)))
    return _legato(moving), held


def _legato(sounds: list[_Sound]) -> list[_Sound]:
    """Ends each chord where the next begins; one that ends a little sooner is drawn out to there."""
    joined = []
    onsets = [*(sound.onset for sound in sounds), 1 << 40]
    for sound, following in zip(sounds, onsets[1:], strict=True):
        gap = following - sound.end
        little = gap <= THIRD and sound.end - sound.onset >= 2 * gap
        joined.append(replace(sound, end=following if gap < 0 or little else sound.end))
    return joined


def _laid(sounds: list[_Sound], bars: Sequence[Bar], *, hidden: bool) -> list[tuple[Event, ...]]:
    """A voice, bar by bar: sounds in pieces that have a sign, and rests between them."""
    laid: list[list[_Sound]] = [[] for _ in bars]
    starts = [bar.start for bar in bars]
    for sound in sounds:
        number = int(np.searchsorted(starts, sound.onset, side="right")) - 1
        while number < len(bars) and bars[number].start < sound.end:
            laid[number].append(sound)
            number += 1
    return [_bar(bar, inside, hidden) for bar, inside in zip(bars, laid, strict=True)]


def _bar(bar: Bar, sounds: list[_Sound], hidden: bool) -> tuple[Event, ...]:
    if not sounds:
        return (Event(0, bar.length, hidden=hidden),)
    events: list[Event] = []
    at = 0
    for sound in sounds:
        begin, end = max(sound.onset - bar.start, 0), min(sound.end - bar.start, bar.length)
        events += [Event(place, length, hidden=hidden) for place, length in _signs(bar, at, begin, rest=True)]
        pieces = _signs(bar, begin, end)
        for place, length in pieces:
            first = bar.start + place == sound.onset
            last = bar.start + place + length == sound.end
            events.append(Event(place, length, sound.pitches, tied_from=not first, tied_on=not last))
        at = end
    events += [Event(place, length, hidden=hidden) for place, length in _signs(bar, at, bar.length, rest=True)]
    return tuple(_bracketed(events))


def _signs(bar: Bar, begin: int, end: int, *, rest: bool = False) -> list[tuple[int, int]]:
    """Where and how long the signs are that fill the time from `begin` to `end`."""
    signs = []
    while begin < end:
        length = _sign(bar, begin, end, rest)
        signs.append((begin, length))
        begin += length
    return signs


def _sign(bar: Bar, begin: int, end: int, rest: bool) -> int:
    beat_end = min(begin // bar.beat * bar.beat + bar.beat, bar.length)
    place = begin % bar.beat
    # What begins or ends between the 16ths is in triplets, and its beat stands alone.
    if place % SIXTEENTH or (end < beat_end and end % SIXTEENTH):
        return next(length for length in TRIPLETS if length <= min(end, beat_end) - begin)
    reach = (end if end % SIXTEENTH == 0 else end // bar.beat * bar.beat) - begin
    if bar.beat != QUARTER:
        return next(length for length in COMPOUND[place] if length <= reach)
    lengths = LENGTHS[place]
    if rest:
        # Rests have no dots and stand where a bar of such rests would have them.
        lengths = tuple(length for length in lengths if length not in (9, 18, 36) and begin % length == 0)
    elif place == 6 and reach > QUARTER:
        lengths = lengths[1:]
    return next(length for length in lengths if length <= reach and (length < WHOLE or begin % WHOLE == 0))


def _bracketed(events: list[Event]) -> list[Event]:
    """Marks where triplets begin and end: each beat of them is a group."""
    marked = []
    for event in events:
        if event.length not in TRIPLETS and event.at % SIXTEENTH == 0:
            marked.append(event)
            continue
        begins, ends = event.at % QUARTER == 0, (event.at + event.length) % QUARTER == 0
        marked.append(replace(event, triplet="begin" if begins else "end" if ends else "within"))
    return marked
