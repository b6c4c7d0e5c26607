"""The notes of a staff as one voice or two, in lengths that can be written.

Each beat of a staff is in 16ths or in triplets, whichever is nearer; there is a second voice only where a note sounds
on under others. Times are in twelfths of a quarter note.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise

import numpy as np
from numpy.typing import NDArray

QUARTER, SIXTEENTH, THIRD = 12, 3, 4
WHOLE = 4 * QUARTER
# Times that are not yet on the grid are in so many parts of a twelfth.
SUBDIVISION = 1 << 16
# Where a note begins in its beat -> the lengths that it may have, the longest first; in simple and compound meters.
LENGTHS = {0: (48, 36, 24, 18, 12, 9, 6, 3), 3: (9, 6, 3), 6: (12, 6, 3), 9: (3,)}
COMPOUND = {0: (36, 18, 12, 6, 3), 3: (3,), 6: (12, 6, 3), 9: (3,), 12: (6, 3), 15: (3,)}
TRIPLETS = (8, 4)
# A beat is in triplets if its notes are then less than this share of their distance from the 16ths away from the grid.
TRIPLET_SHARE = 0.8


@dataclass(frozen=True)
class Bar:
    """One bar.

    Attributes:
      start: where it begins in the piece.
      length: how long it is.
      meter: its time signature.
    """

    start: int
    length: int
    meter: tuple[int, int]

    @property
    def beat(self) -> int:
        """The length of its beats: a dotted quarter in compound meters, else a quarter."""
        top, bottom = self.meter
        return 18 if bottom == 8 and top > 3 and top % 3 == 0 else QUARTER


@dataclass(frozen=True)
class Event:
    """A note, a chord or a rest as one symbol of one voice.

    Attributes:
      at: where it begins in the bar.
      length: how long it is.
      pitches: MIDI pitches, in order; none for a rest.
      tied_from, tied_on: whether it is tied to the event before it, and to the one after it.
      triplet: `begin`, `within` or `end` of a beat in triplets, else empty.
      hidden: whether it is not shown, as the rests of a second voice.
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
    """Notes of one staff, before they have voices.

    Attributes:
      onset, end: int64[n], in twelfths of a quarter, or, before they are on the grid, in `SUBDIVISION` parts of them.
      pitch: int64[n], MIDI pitches.
    """

    onset: NDArray[np.int64]
    end: NDArray[np.int64]
    pitch: NDArray[np.int64]


@dataclass(frozen=True)
class _Chord:
    """Notes of one voice that begin and end together, not yet divided among bars."""

    onset: int
    end: int
    pitches: tuple[int, ...]


def drum_bars(line: Line, bars: Sequence[Bar]) -> tuple[tuple[tuple[Event, ...], ...], ...]:
    """Returns each bar's only voice: a hit lasts until the next one, or until its beat ends."""
    onsets = np.unique(line.onset)
    starts = _beats(bars)
    ends = np.append(starts[1:], bars[-1].start + bars[-1].length)
    hit_ends = np.minimum(np.append(onsets, ends[-1])[1:], ends[np.searchsorted(starts, onsets, side="right") - 1])
    pairs = zip(line.onset.tolist(), line.pitch.tolist(), strict=True)
    pitches = [tuple(pitch for _, pitch in group) for _, group in groupby(pairs, key=lambda pair: pair[0])]
    chords = list(map(_Chord, onsets.tolist(), hit_ends.tolist(), pitches))
    return tuple((events,) for events in _in_bars(chords, bars, hidden=False))


def voiced_bars(line: Line, bars: Sequence[Bar]) -> tuple[tuple[tuple[Event, ...], ...], ...]:
    """Returns each bar's voice, or two voices, the upper first, where notes sound on under others."""
    moving, held = _voices(line)
    voiced: list[tuple[tuple[Event, ...], ...]] = []
    for first, second in zip(_in_bars(moving, bars, hidden=False), _in_bars(held, bars, hidden=True), strict=True):
        if not any(event.pitches for event in second):
            voiced.append((first,))
        elif not any(event.pitches for event in first):
            voiced.append((tuple(replace(event, hidden=False) for event in second),))
        else:
            voiced.append((first, second) if _mean_pitch(first) >= _mean_pitch(second) else (second, first))
    return tuple(voiced)


def quantised(line: Line, bars: Sequence[Bar]) -> Line:
    """Returns notes whose times are in `SUBDIVISION` parts with times in twelfths, on the grid of their beats.

    A note ends where its pitch is struck again.
    """
    start = _beats(bars)
    end_of_all = bars[-1].start + bars[-1].length
    quarters = np.diff(start, append=end_of_all) == QUARTER
    # A little ahead of a beat is on the beat.
    beat = np.searchsorted(start, (line.onset + SUBDIVISION * SIXTEENTH // 2) // SUBDIVISION, side="right") - 1
    sixteenth, third = (_nearest(line.onset, start[beat], step) for step in (SIXTEENTH, THIRD))
    off_sixteenths, off_thirds = (
        np.bincount(beat, np.abs(place * SUBDIVISION - line.onset), minlength=len(start))
        for place in (sixteenth, third)
    )
    in_thirds = quarters & (off_thirds < TRIPLET_SHARE * off_sixteenths)
    onset = np.where(in_thirds[beat], third, sixteenth)
    beat = np.clip(np.searchsorted(start, line.end // SUBDIVISION, side="right") - 1, 0, len(start) - 1)
    step = np.where(in_thirds[beat], THIRD, SIXTEENTH)
    end = np.minimum(_nearest(line.end, start[beat], step), end_of_all)
    beat = np.searchsorted(start, onset, side="right") - 1
    end = np.maximum(end, onset + np.where(in_thirds[beat], THIRD, SIXTEENTH))
    # Players let go a little before the beat.
    beat_end = np.append(start[1:], end_of_all)[np.clip(np.searchsorted(start, end) - 1, 0, len(start) - 1)]
    early = beat_end - end
    end = np.where((early <= SIXTEENTH) & (end - onset >= 2 * early), beat_end, end)
    inside = onset < end_of_all
    return _without_overlaps(Line(onset[inside], end[inside], line.pitch[inside]))


def _beats(bars: Sequence[Bar]) -> NDArray[np.int64]:
    """Returns where the beats of bars begin, int64[beats]."""
    return np.concatenate([np.arange(bar.start, bar.start + bar.length, bar.beat) for bar in bars])


def _without_overlaps(line: Line) -> Line:
    """Ends each note where its pitch is struck again; of notes struck together on one pitch the longest stays."""
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


def _nearest(time: NDArray[np.int64], start: NDArray[np.int64], step: "int | NDArray[np.int64]") -> NDArray[np.int64]:
    """Returns, in twelfths, the nearest of the steps from `start` to times in `SUBDIVISION` parts."""
    return start + (2 * (time - start * SUBDIVISION) + step * SUBDIVISION) // (2 * step * SUBDIVISION) * step


def _mean_pitch(events: Sequence[Event]) -> float:
    return float(np.mean([pitch for event in events for pitch in event.pitches]))


def _voices(line: Line) -> tuple[list[_Chord], list[_Chord]]:
    """Returns the notes in two voices: those that move on, and those that sound on under the next ones."""
    notes = zip(line.onset.tolist(), line.end.tolist(), line.pitch.tolist(), strict=True)
    by_onset = [(onset, list(group)) for onset, group in groupby(notes, key=lambda note: note[0])]
    held: list[_Chord] = []
    moving: list[_Chord] = []
    for (onset, struck), (next_onset, _) in pairwise([*by_onset, (1 << 40, [])]):
        free = not held or held[-1].end <= onset
        # Cut at the next onset, it would lose more than half.
        long = [note for note in struck if free and 2 * (next_onset - onset) < note[1] - onset]
        if long:
            held.append(_Chord(onset, min(end for _, end, _ in long), tuple(pitch for _, _, pitch in long)))
        if short := [note for note in struck if note not in long]:
            moving.append(_Chord(onset, max(end for _, end, _ in short), tuple(pitch for _, _, pitch in short)))
    return _legato(moving), held


def _legato(chords: list[_Chord]) -> list[_Chord]:
    """Ends each chord where the next begins, if it would end later or only a little sooner."""
    joined = []
    onsets = [*(chord.onset for chord in chords), 1 << 40]
    for chord, next_onset in zip(chords, onsets[1:], strict=True):
        gap = next_onset - chord.end
        small = gap <= THIRD and chord.end - chord.onset >= 2 * gap
        joined.append(replace(chord, end=next_onset if gap < 0 or small else chord.end))
    return joined


def _in_bars(chords: list[_Chord], bars: Sequence[Bar], *, hidden: bool) -> list[tuple[Event, ...]]:
    """Returns a voice bar by bar: chords divided into events that can be written, and rests between them."""
    by_bar: list[list[_Chord]] = [[] for _ in bars]
    starts = [bar.start for bar in bars]
    for chord in chords:
        number = int(np.searchsorted(starts, chord.onset, side="right")) - 1
        while number < len(bars) and bars[number].start < chord.end:
            by_bar[number].append(chord)
            number += 1
    return [_bar_events(bar, inside, hidden) for bar, inside in zip(bars, by_bar, strict=True)]


def _bar_events(bar: Bar, chords: list[_Chord], hidden: bool) -> tuple[Event, ...]:
    if not chords:
        return (Event(0, bar.length, hidden=hidden),)
    events: list[Event] = []
    at = 0
    for chord in chords:
        begin, end = max(chord.onset - bar.start, 0), min(chord.end - bar.start, bar.length)
        events += [Event(place, length, hidden=hidden) for place, length in _divided(bar, at, begin, rest=True)]
        for place, length in _divided(bar, begin, end):
            first = bar.start + place == chord.onset
            last = bar.start + place + length == chord.end
            events.append(Event(place, length, chord.pitches, tied_from=not first, tied_on=not last))
        at = end
    events += [Event(place, length, hidden=hidden) for place, length in _divided(bar, at, bar.length, rest=True)]
    return tuple(_bracketed(events))


def _divided(bar: Bar, begin: int, end: int, *, rest: bool = False) -> list[tuple[int, int]]:
    """Returns the places and lengths of the notes or rests that fill a bar from `begin` to `end`."""
    pieces = []
    while begin < end:
        length = _longest(bar, begin, end, rest)
        pieces.append((begin, length))
        begin += length
    return pieces


def _longest(bar: Bar, begin: int, end: int, rest: bool) -> int:
    """Returns the longest length that can be written at `begin` and does not reach beyond `end`."""
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
    """Returns events with triplets marked: each beat in triplets is a group of its own."""
    marked = []
    for event in events:
        if event.length not in TRIPLETS and event.at % SIXTEENTH == 0:
            marked.append(event)
            continue
        begins, ends = event.at % QUARTER == 0, (event.at + event.length) % QUARTER == 0
        marked.append(replace(event, triplet="begin" if begins else "end" if ends else "within"))
    return marked
