"""Part of a score drawn into axes: pitches as a piano roll, drums as a grid. Imports no drawing library itself."""

from bisect import bisect_right
from dataclasses import dataclass, replace
from itertools import cycle, pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tutti.encodings.chords import pitch_name
from tutti.encodings.drums import BITS, DRUMS
from tutti.score import Notes, Score, Track

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DRUM_NAMES = ("kick", "snare", "closed hat", "open hat", "floor tom", "low tom", "high tom", "ride", "crash")
# From bottom to top, feet first; the last one, for all but the nine drums, is drawn only where it is needed.
DRUM_ROWS = ("kick", "floor tom", "low tom", "high tom", "snare", "closed hat", "open hat", "ride", "crash", "other")
SKINS, CYMBALS = "#2f5d8a", "#c8782a"
PARTS = ("#2f5d8a", "#c8782a", "#3d8067", "#8a4f7d", "#8a7a2f", "#b0484a", "#4a8fb0", "#6b6b78")
INK, PALE, SHADE = "#44546a", "#d9dde3", "#f3f4f6"
BLACK_KEYS = (1, 3, 6, 8, 10)
LEAST_RANGE = 12


@dataclass(frozen=True, eq=False)
class Chart:
    """Tracks that are drawn on one scale: a piano roll of the pitched ones, or a grid of drums.

    Attributes:
      tracks: pitched tracks or drum tracks.
      drums: whether they are drum tracks.
      low, high: the lowest and the highest row: MIDI pitches, or, of drums, places in `DRUM_ROWS`.
    """

    tracks: tuple[Track, ...]
    drums: bool
    low: int
    high: int

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return self.high - self.low + 1


def charts(score: Score) -> list[Chart]:
    """Returns the charts of a score from top to bottom: pitched tracks, and below them drums, where there are any."""
    pitched = tuple(track for track in score.tracks if not track.is_drum)
    drums = tuple(track for track in score.tracks if track.is_drum)
    result = []
    if pitched or not drums:
        pitches = np.concatenate([track.notes.pitch for track in pitched]) if pitched else np.array([60])
        low, high = int(pitches.min()), int(pitches.max())
        missing = max(LEAST_RANGE - (high - low), 0)
        result.append(Chart(pitched, False, low - missing // 2, high + (missing + 1) // 2))
    if drums:
        others = any((BITS[track.notes.pitch] == 0).any() for track in drums)
        result.append(Chart(drums, True, 0, len(DRUM_ROWS) - (1 if others else 2)))
    return result


def bar_lines(score: Score) -> list[int]:
    """Returns the ticks at which the bars of a score begin, and the one at which the last bar ends."""
    last = max((int(track.notes.onset.max()) for track in score.tracks if len(track.notes)), default=0)
    return score.bar_lines(last + 1)


def first_bar(score: Score, lines: list[int]) -> int:
    """Returns the number, from 0, of the first bar with a note in it."""
    onset = min((int(track.notes.onset[0]) for track in score.tracks if len(track.notes)), default=0)
    return max(bisect_right(lines, onset + _ahead(score.division)) - 1, 0)


def excerpt(score: Score, begin: int, end: int) -> Score:
    """Returns the notes of the bars between two bar lines, in ticks, and the tracks that have any."""
    tracks = [replace(track, notes=_between(track.notes, begin, end, score.division)) for track in score.tracks]
    return replace(score, tracks=tuple(track for track in tracks if len(track.notes)))


def draw(axes: "Axes", chart: Chart, lines: list[int], division: int, size: float = 1.0) -> None:
    """Draws a chart from the first to the last of some bar lines.

    Args:
      axes: where to draw.
      chart: what to draw.
      lines: bar lines, in ticks.
      division: ticks of a quarter note.
      size: of marks and lines, 1 on a page.
    """
    axes.set_ylim(chart.low - 0.7, chart.high + 0.7)
    _draw_lines(axes, lines, division, size)
    for track, colour in zip(chart.tracks, cycle(PARTS)):
        notes = _between(track.notes, lines[0], lines[-1], division)
        if chart.drums:
            _draw_drums(axes, notes, division, size)
        else:
            _draw_pitches(axes, notes, colour)
    _label_rows(axes, chart, lines)


def number_bars(axes: "Axes", lines: list[int], first_bar: int) -> None:
    """Writes the numbers of bars above their lines; `first_bar` counts from 0, what is written from 1."""
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
    """Returns by how many ticks a note may be ahead of a bar line and still belong to the bar after it."""
    return division // 16


def _between(notes: Notes, begin: int, end: int, division: int) -> Notes:
    """Returns the notes that belong to the bars between two bar lines."""
    ahead = _ahead(division)
    inside = (notes.onset >= begin - ahead) & (notes.onset < end - ahead)
    return Notes(notes.onset[inside], notes.duration[inside], notes.pitch[inside], notes.velocity[inside])


def _draw_lines(axes: "Axes", lines: list[int], division: int, size: float) -> None:
    """Draws bar lines and, paler, beats."""
    beats = [beat for begin, end in pairwise(lines) for beat in range(begin + division, end, division)]
    axes.vlines(beats, 0, 1, PALE, linewidth=0.8 * size, zorder=1, transform=axes.get_xaxis_transform())
    axes.vlines(lines, 0, 1, INK, linewidth=1.1 * size, zorder=1, transform=axes.get_xaxis_transform())


def _draw_drums(axes: "Axes", notes: Notes, division: int, size: float) -> None:
    rows = _drum_rows(notes.pitch)
    skin = rows <= DRUM_ROWS.index("snare")
    alpha = 0.35 + 0.65 * np.clip(notes.velocity / 110, 0, 1)
    for group, colour, marker, area in ((skin, SKINS, "s", 26), (~skin, CYMBALS, "D", 18)):
        if not group.any():
            continue
        axes.scatter(
            notes.onset[group] + division / 16,
            rows[group],
            s=area * size**2,
            c=colour,
            marker=marker,
            # matplotlib takes an alpha for each mark, which its types do not say.
            alpha=alpha[group],  # type: ignore[arg-type]
            linewidths=0,
            clip_on=False,
            zorder=3,
        )


def _drum_rows(pitch: NDArray[np.int16]) -> NDArray[np.int64]:
    """Returns the row of each note, int64[n]."""
    other = len(DRUM_ROWS) - 1
    row_of_bit = {1 << (len(DRUMS) - 1 - i): DRUM_ROWS.index(name) for i, name in enumerate(DRUM_NAMES)}
    return np.array([row_of_bit.get(int(bit), other) for bit in BITS[pitch]], np.int64)


def _draw_pitches(axes: "Axes", notes: Notes, colour: str) -> None:
    alpha = 0.45 + 0.55 * np.clip(notes.velocity / 110, 0, 1)
    colours = [(colour, value) for value in alpha.tolist()]
    axes.barh(notes.pitch, notes.duration * 0.94, left=notes.onset, height=0.86, color=colours, zorder=3)


def _label_rows(axes: "Axes", chart: Chart, lines: list[int]) -> None:
    """Names rows on the left, and shades every other drum, or the black keys."""
    axes.set_xticks([])
    for side in ("top", "right", "bottom", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(length=0, labelsize=7, colors=INK)
    rows = range(chart.low, chart.high + 1)
    if chart.drums:
        axes.set_yticks(rows, DRUM_ROWS[: chart.rows])
        shaded = [row for row in rows if row % 2 == 0]
    else:
        axes.set_yticks(*zip(*((pitch, pitch_name(pitch)) for pitch in rows if pitch % 12 == 0), strict=True))
        shaded = [pitch for pitch in rows if pitch % 12 in BLACK_KEYS]
    axes.barh(shaded, lines[-1] - lines[0], left=lines[0], height=1.0, color=SHADE, linewidth=0, zorder=0)
