"""A stretch of a score drawn into axes: pitches as a piano roll, drums as a grid. Needs no drawing library itself."""

from bisect import bisect_right
from dataclasses import dataclass, replace
from itertools import cycle, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tutti.encodings.chords import pitch_name
from tutti.encodings.drums import BITS, DRUMS
from tutti.score import Notes, Score, Track

DRUM_NAMES = ("kick", "snare", "closed hat", "open hat", "floor tom", "low tom", "high tom", "ride", "crash")
# From bottom to top, feet first; the last one, for what is none of the nine drums, is there where it is needed.
DRUM_ROWS = ("kick", "floor tom", "low tom", "high tom", "snare", "closed hat", "open hat", "ride", "crash", "other")
SKINS, CYMBALS = "#2f5d8a", "#c8782a"
PARTS = ("#2f5d8a", "#c8782a", "#3d8067", "#8a4f7d", "#8a7a2f", "#b0484a", "#4a8fb0", "#6b6b78")
INK, PALE, SHADE = "#44546a", "#d9dde3", "#f3f4f6"
BLACK_KEYS = (1, 3, 6, 8, 10)
LEAST_RANGE = 12


@dataclass(frozen=True, eq=False)
class Staff:
    """What is drawn above one another on one scale.

    Attributes:
      tracks: all drums or none.
      drums: which of both.
      low, high: the lowest and the highest row, of drums in `DRUM_ROWS`, else as MIDI pitches.
    """

    tracks: tuple[Track, ...]
    drums: bool
    low: int
    high: int

    @property
    def rows(self) -> int:
        return self.high - self.low + 1


def staffs(score: Score) -> list[Staff]:
    """The staffs of a score from top to bottom: pitched tracks, and below them drums, each where there are any."""
    pitched = tuple(track for track in score.tracks if not track.is_drum)
    drums = tuple(track for track in score.tracks if track.is_drum)
    found = []
    if pitched or not drums:
        pitches = np.concatenate([track.notes.pitch for track in pitched]) if pitched else np.array([60])
        low, high = int(pitches.min()), int(pitches.max())
        missing = max(LEAST_RANGE - (high - low), 0)
        found.append(Staff(pitched, False, low - missing // 2, high + (missing + 1) // 2))
    if drums:
        others = any((BITS[track.notes.pitch] == 0).any() for track in drums)
        found.append(Staff(drums, True, 0, len(DRUM_ROWS) - (1 if others else 2)))
    return found


def bar_lines(score: Score) -> list[int]:
    """The ticks at which the bars of a score begin, and the last one ends."""
    last = max((int(track.notes.onset.max()) for track in score.tracks if len(track.notes)), default=0)
    return score.bar_lines(last + 1)


def first_bar(score: Score, lines: list[int]) -> int:
    """The number, from 0, of the first bar with a note in it."""
    onset = min((int(track.notes.onset[0]) for track in score.tracks if len(track.notes)), default=0)
    return max(bisect_right(lines, onset + _ahead(score.division)) - 1, 0)


def excerpt(score: Score, begin: int, end: int) -> Score:
    """The score's notes that begin in a bar between two bar lines, and the tracks that have any."""
    ahead = _ahead(score.division)
    tracks = [replace(track, notes=_within(track.notes, begin - ahead, end - ahead)) for track in score.tracks]
    return replace(score, tracks=tuple(track for track in tracks if len(track.notes)))


def draw(axes: Any, staff: Staff, lines: list[int], division: int, size: float = 1.0) -> None:
    """Draws the notes between the first and the last of these bar lines; `size` is that of marks, 1 for a page."""
    axes.set_ylim(staff.low - 0.7, staff.high + 0.7)
    _ruled(axes, lines, division, size)
    for track, colour in zip(staff.tracks, cycle(PARTS)):
        ahead = _ahead(division)
        notes = _within(track.notes, lines[0] - ahead, lines[-1] - ahead)
        if staff.drums:
            _draw_drums(axes, notes, division, size)
        else:
            _draw_pitches(axes, notes, colour)
    _labelled(axes, staff, lines)


def numbered(axes: Any, lines: list[int], first_bar: int) -> None:
    """Writes the numbers of bars, counted from 0 on and shown from 1 on, above their lines."""
    for number, begin in enumerate(lines[:-1], first_bar + 1):
        axes.annotate(
            str(number),
            (begin, 1),
            (3, 2),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            fontsize=7,
            color=INK,
        )


def _ahead(division: int) -> int:
    """Ticks by which a player may be ahead of a bar line and still mean it."""
    return division // 16


def _within(notes: Notes, begin: int, end: int) -> Notes:
    inside = (notes.onset >= begin) & (notes.onset < end)
    return Notes(notes.onset[inside], notes.duration[inside], notes.pitch[inside], notes.velocity[inside])


def _ruled(axes: Any, lines: list[int], division: int, size: float) -> None:
    """Bar lines and beats."""
    beats = [beat for begin, end in pairwise(lines) for beat in range(begin + division, end, division)]
    axes.vlines(beats, 0, 1, PALE, linewidth=0.8 * size, zorder=1, transform=axes.get_xaxis_transform())
    axes.vlines(lines, 0, 1, INK, linewidth=1.1 * size, zorder=1, transform=axes.get_xaxis_transform())


def _draw_drums(axes: Any, notes: Notes, division: int, size: float) -> None:
    rows = _drum_rows(notes.pitch)
    skin = rows <= DRUM_ROWS.index("snare")
    strength = 0.35 + 0.65 * np.clip(notes.velocity / 110, 0, 1)
    for chosen, colour, marker, area in ((skin, SKINS, "s", 26), (~skin, CYMBALS, "D", 18)):
        if not chosen.any():
            continue
        axes.scatter(
            notes.onset[chosen] + division / 16,
            rows[chosen],
            s=area * size**2,
            c=colour,
            marker=marker,
            alpha=strength[chosen],
            linewidths=0,
            clip_on=False,
            zorder=3,
        )


def _drum_rows(pitch: NDArray[np.int16]) -> NDArray[np.int64]:
    """The row of each note."""
    other = len(DRUM_ROWS) - 1
    row_of_bit = {1 << (len(DRUMS) - 1 - i): DRUM_ROWS.index(name) for i, name in enumerate(DRUM_NAMES)}
    return np.array([row_of_bit.get(int(bit), other) for bit in BITS[pitch]], np.int64)


def _draw_pitches(axes: Any, notes: Notes, colour: str) -> None:
    strength = 0.45 + 0.55 * np.clip(notes.velocity / 110, 0, 1)
    colours = [(colour, float(alpha)) for alpha in strength]
    axes.barh(notes.pitch, notes.duration * 0.94, left=notes.onset, height=0.86, color=colours, zorder=3)


def _labelled(axes: Any, staff: Staff, lines: list[int]) -> None:
    """Names of rows on the left, and every other drum, or the black keys, on a shade."""
    axes.set_xticks([])
    for side in ("top", "right", "bottom", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(length=0, labelsize=7, colors=INK)
    rows = range(staff.low, staff.high + 1)
    if staff.drums:
        axes.set_yticks(rows, DRUM_ROWS[: staff.rows])
        shaded = [row for row in rows if row % 2 == 0]
    else:
        axes.set_yticks(*zip(*((pitch, pitch_name(pitch)) for pitch in rows if pitch % 12 == 0), strict=True))
        shaded = [pitch for pitch in rows if pitch % 12 in BLACK_KEYS]
    axes.barh(shaded, lines[-1] - lines[0], left=lines[0], height=1.0, color=SHADE, linewidth=0, zorder=0)
