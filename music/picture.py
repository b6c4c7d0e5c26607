"""A score as a picture: a grid of drums, or a piano roll, in systems of eight bars like printed music."""

import io
from itertools import cycle, pairwise
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from music import midi
from music.chords import pitch_name
from music.drums import BITS, DRUMS
from music.midi import Notes, Score

BARS_A_SYSTEM = 8
SYSTEMS = 8
DRUM_NAMES = ("kick", "snare", "closed hat", "open hat", "floor tom", "low tom", "high tom", "ride", "crash")
# From bottom to top, feet first.
DRUM_ROWS = ("kick", "floor tom", "low tom", "high tom", "snare", "closed hat", "open hat", "ride", "crash")
SKINS, CYMBALS = "#2f5d8a", "#c8782a"
PARTS = ("#2f5d8a", "#c8782a", "#3d8067", "#8a4f7d", "#8a7a2f")
INK, PALE, SHADE = "#44546a", "#d9dde3", "#f3f4f6"
BLACK_KEYS = (1, 3, 6, 8, 10)


def png(score: Score, title: str = "") -> bytes:
    """A PNG of the first 64 bars of a score, at most."""
    lines = midi.bar_lines(score, _end(score))
    systems = [lines[i : i + BARS_A_SYSTEM + 1] for i in range(0, len(lines) - 1, BARS_A_SYSTEM)]
    shown = systems[:SYSTEMS]
    drums = bool(score.tracks) and all(track.is_drum for track in score.tracks)
    low, high = (0, len(DRUM_ROWS) - 1) if drums else _range(score)
    height = 0.9 + len(shown) * (1.55 if drums else max(1.3, 0.055 * (high - low) + 0.5))
    figure = Figure(figsize=(14, height), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    bars = len(lines) - 1
    cut = f", the first {SYSTEMS * BARS_A_SYSTEM} shown" if len(systems) > SYSTEMS else ""
    figure.suptitle(f"{title}   {bars} bar{'s' if bars > 1 else ''}{cut}".strip(), fontsize=12, color=INK)
    # Systems of one scale: the longest decides how wide a beat is.
    width = max(system[-1] - system[0] for system in shown)
    for i, (system, axes) in enumerate(zip(shown, figure.subplots(len(shown), squeeze=False)[:, 0], strict=True)):
        axes.set_xlim(system[0], system[0] + width)
        axes.set_ylim(low - 0.7, high + 0.7)
        _ruled(axes, system, i * BARS_A_SYSTEM, score.division)
        for track, colour in zip(score.tracks, cycle(PARTS)):
            if track.is_drum != drums:
                continue
            # A player may be a little ahead of a bar line and still mean it.
            ahead = score.division // 16
            notes = _within(track.notes, system[0] - ahead, system[-1] - ahead)
            if drums:
                _draw_drums(axes, notes, score.division)
            else:
                _draw_pitches(axes, notes, colour)
        _labelled(axes, drums, low, high, system)
    content = io.BytesIO()
    figure.savefig(content, format="png", metadata={"Software": None})
    return content.getvalue()


def _end(score: Score) -> int:
    ends = [int((track.notes.onset + 1).max()) for track in score.tracks if len(track.notes)]
    return max(ends, default=1)


def _range(score: Score) -> tuple[int, int]:
    """The lowest and highest pitch to show: what sounds, and no less than an octave."""
    pitches = [track.notes.pitch for track in score.tracks if not track.is_drum]
    together = np.concatenate(pitches) if pitches else np.array([60])
    low, high = int(together.min()), int(together.max())
    missing = max(12 - (high - low), 0)
    return low - missing // 2, high + (missing + 1) // 2


def _within(notes: Notes, begin: int, end: int) -> Notes:
    inside = (notes.onset >= begin) & (notes.onset < end)
    return Notes(notes.onset[inside], notes.duration[inside], notes.pitch[inside], notes.velocity[inside])


def _ruled(axes: Any, system: list[int], first_bar: int, division: int) -> None:
    """Bar lines with their numbers, and beats."""
    for number, (begin, end) in enumerate(pairwise(system)):
        axes.axvline(begin, color=INK, linewidth=1.1, zorder=1)
        for beat in range(begin + division, end, division):
            axes.axvline(beat, color=PALE, linewidth=0.8, zorder=1)
        axes.annotate(
            str(first_bar + number + 1),
            (begin, 1),
            (3, 2),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            fontsize=7,
            color=INK,
        )
    axes.axvline(system[-1], color=INK, linewidth=1.1, zorder=1)


def _draw_drums(axes: Any, notes: Notes, division: int) -> None:
    rows = _drum_rows(notes.pitch)
    played = rows >= 0
    skin = rows <= DRUM_ROWS.index("snare")
    if not played.any():
        return
    strength = 0.35 + 0.65 * np.clip(notes.velocity / 110, 0, 1)
    for chosen, colour, marker in ((played & skin, SKINS, "s"), (played & ~skin, CYMBALS, "D")):
        axes.scatter(
            notes.onset[chosen] + division / 16,
            rows[chosen],
            s=26 if marker == "s" else 18,
            c=colour,
            marker=marker,
            alpha=strength[chosen],
            linewidths=0,
            clip_on=False,
            zorder=3,
        )


def _drum_rows(pitch: NDArray[np.int16]) -> NDArray[np.int64]:
    """The row of each note, -1 for what is none of the nine drums."""
    bits = BITS[pitch]
    row_of_bit = {1 << (len(DRUMS) - 1 - i): DRUM_ROWS.index(name) for i, name in enumerate(DRUM_NAMES)}
    return np.array([row_of_bit.get(int(bit), -1) for bit in bits], np.int64)


def _draw_pitches(axes: Any, notes: Notes, colour: str) -> None:
    strength = 0.45 + 0.55 * np.clip(notes.velocity / 110, 0, 1)
    colours = [(colour, float(alpha)) for alpha in strength]
    axes.barh(notes.pitch, notes.duration * 0.94, left=notes.onset, height=0.86, color=colours, zorder=3)


def _labelled(axes: Any, drums: bool, low: int, high: int, system: list[int]) -> None:
    axes.set_xticks([])
    for side in ("top", "right", "bottom", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(length=0, labelsize=7, colors=INK)
    if drums:
        axes.set_yticks(range(len(DRUM_ROWS)), DRUM_ROWS)
        for row in range(0, len(DRUM_ROWS), 2):
            axes.fill_between(system[:: len(system) - 1], row - 0.5, row + 0.5, color=SHADE, linewidth=0, zorder=0)
        return
    named = [pitch for pitch in range(low, high + 1) if pitch % 12 == 0]
    axes.set_yticks(named, [pitch_name(pitch) for pitch in named])
    for pitch in range(low, high + 1):
        if pitch % 12 in BLACK_KEYS:
            axes.fill_between(system[:: len(system) - 1], pitch - 0.5, pitch + 0.5, color=SHADE, linewidth=0, zorder=0)
