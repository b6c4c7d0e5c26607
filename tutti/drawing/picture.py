"""Pictures of music: a page of one piece, or a contact sheet of many.

A score is a piano roll, a grid of drums or both, in systems of eight bars like printed music; a sound is its waveform
over a spectrogram. Drawing needs matplotlib.
"""

import io
import math
import warnings
from collections.abc import Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Literal, TypeAlias

from tutti import midi
from tutti.audio import Sound
from tutti.drawing import roll, spectrogram
from tutti.drawing.roll import INK, Chart
from tutti.errors import RejectedFile, needing
from tutti.midi import messages
from tutti.midi.messages import Messages
from tutti.score import Score

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Piece: TypeAlias = Score | Messages | Sound

BARS_A_SYSTEM = 8
BARS = 64
# Of a contact sheet.
BARS_A_PANEL, COLUMNS = 8, 4
# There is no room for the names of more tracks than this.
NAMED_TRACKS = 5
# In inches: a page's width, the heights of its title and its charts; a panel, the space around it, the sheet's title.
PAGE, TITLE, DRUM_CHART, ROW, LOW_CHART, HIGH_CHART = 14, 0.9, 1.3, 0.055, 0.8, 2.2
PANEL_WIDTH, PANEL_HEIGHT, LEFT, GAP, RIGHT, HEAD = 3.6, 1.35, 0.45, 0.5, 0.25, 0.55
DPI = 100
LONG_TITLE = 40


def png(piece: Piece, title: str = "", bars: int = BARS) -> bytes:
    """Returns a PNG of a piece: all of a sound, the first bars of a score or messages.

    Args:
      piece: what to draw.
      title: what to write above it.
      bars: the most bars of a score to draw.

    Raises:
      Error: if matplotlib is not installed.
    """
    if isinstance(piece, Sound):
        return _sound_page(piece, title)
    return _score_page(score_of(piece), title, bars)


def contact_sheet(pieces: Sequence[tuple[str, Piece]], title: str = "", bars: int = BARS_A_PANEL) -> bytes:
    """Returns a PNG of many pieces in small panels: all of a sound, some bars of a score from its first note on.

    Args:
      pieces: a title and a piece for each panel, row by row.
      title: what to write above all.
      bars: the most bars of a score to draw.

    Raises:
      Error: if matplotlib is not installed.
    """
    columns = min(COLUMNS, max(len(pieces), 1))
    rows = max(math.ceil(len(pieces) / columns), 1)
    width = LEFT + columns * PANEL_WIDTH + (columns - 1) * GAP + RIGHT
    height = HEAD + rows * (PANEL_HEIGHT + GAP)
    figure = _figure(width, height)
    _text(figure, LEFT / width, 1 - 0.25 / height, title, fontsize=12)
    for i, (name, piece) in enumerate(pieces):
        left = LEFT + i % columns * (PANEL_WIDTH + GAP)
        bottom = height - HEAD - (i // columns + 1) * (PANEL_HEIGHT + GAP) + 0.8 * GAP
        panel = (left / width, bottom / height, PANEL_WIDTH / width, PANEL_HEIGHT / height)
        caption = _draw_panel(figure, panel, piece, bars)
        above = (bottom + PANEL_HEIGHT + 0.1) / height
        _text(figure, panel[0], above, _shortened(name), fontsize=8)
        _text(figure, panel[0] + panel[2], above, caption, fontsize=7, ha="right")
    return _bytes(figure)


def score_of(piece: Score | Messages) -> Score:
    """Returns a score as it is, and messages as the score of their notes, without tracks if there are none."""
    if isinstance(piece, Score):
        return piece
    try:
        return midi.read(messages.MESSAGES.write(piece))
    except RejectedFile:
        return Score(piece.division, ())


def _score_page(score: Score, title: str, bars: int) -> bytes:
    lines = roll.bar_lines(score)
    count = len(lines) - 1
    drawn = lines[: bars + 1]
    systems = [drawn[i : i + BARS_A_SYSTEM + 1] for i in range(0, len(drawn) - 1, BARS_A_SYSTEM)]
    charts = roll.charts(score)
    heights = [
        DRUM_CHART if chart.drums else 0.25 + min(max(ROW * chart.rows, LOW_CHART), HIGH_CHART) for chart in charts
    ]
    figure = _figure(PAGE, TITLE + len(systems) * sum(heights), layout="constrained")
    # All systems have one scale: the longest decides how wide a beat is.
    width = max(system[-1] - system[0] for system in systems)
    rows = figure.subplots(len(systems) * len(charts), squeeze=False, height_ratios=heights * len(systems))[:, 0]
    for i, system in enumerate(systems):
        for place, chart in enumerate(charts):
            axes = rows[i * len(charts) + place]
            axes.set_xlim(system[0], system[0] + width)
            roll.draw(axes, chart, system, score.division)
            if place == 0:
                roll.number_bars(axes, system, i * BARS_A_SYSTEM)
    part = f", the first {bars} shown" if count > bars else ""
    _title(figure, f"{title}   {_bar_count(count)}{part}")
    _name_tracks(figure, charts)
    return _bytes(figure)


def _name_tracks(figure: "Figure", charts: list[Chart]) -> None:
    """Adds a legend of the tracks' colours beside the title, where several tracks share a piano roll."""
    from matplotlib.patches import Patch

    pitched = [track for chart in charts if not chart.drums for track in chart.tracks]
    if not 1 < len(pitched) <= NAMED_TRACKS or not any(track.name.strip() for track in pitched):
        return
    names = [track.name.strip() or f"program {track.program}" for track in pitched]
    patches = [
        # matplotlib takes a leading underscore for something to hide, and dollars for mathematics.
        Patch(color=colour, label=_shortened(name, 24).lstrip("_").replace("$", r"\$"))
        for name, colour in zip(names, cycle(roll.PARTS))
    ]
    figure.legend(
        handles=patches, loc="outside upper right", ncols=len(patches), fontsize=8, frameon=False, labelcolor=INK
    )


def _sound_page(sound: Sound, title: str) -> bytes:
    figure = _figure(PAGE, 5.2, layout="constrained")
    wave, spectrum = figure.subplots(2, height_ratios=(1, 2.4))
    spectrogram.draw(wave, spectrum, sound, columns=1300)
    wave.set_yticks([-1, 0, 1])
    spectrum.set_ylabel("kHz", fontsize=8, color=INK)
    spectrum.set_xlabel("seconds", fontsize=8, color=INK)
    loudness = figure.colorbar(spectrum.images[0], ax=spectrum, pad=0.01, aspect=30)
    loudness.set_label("dB", fontsize=8, color=INK)
    loudness.ax.tick_params(length=2, labelsize=7, colors=INK)
    loudness.outline.set_visible(False)
    _title(figure, f"{title}   {_duration(sound)}")
    return _bytes(figure)


def _draw_panel(figure: "Figure", panel: tuple[float, float, float, float], piece: Piece, bars: int) -> str:
    """Draws a piece into a panel of the figure, and returns a caption: how long it is, or which bars are drawn."""
    left, bottom, width, height = panel
    if isinstance(piece, Sound):
        split = 0.68 * height
        wave = figure.add_axes((left, bottom + split, width, height - split))
        spectrum = figure.add_axes((left, bottom, width, split))
        spectrogram.draw(wave, spectrum, piece, columns=320)
        wave.set_yticks([])
        spectrum.locator_params(axis="y", nbins=3)
        return _duration(piece)
    score = score_of(piece)
    lines = roll.bar_lines(score)
    first = roll.first_bar(score, lines)
    drawn = lines[first : first + bars + 1]
    charts = roll.charts(roll.excerpt(score, drawn[0], drawn[-1]))
    chart_bottom = bottom + height
    # A piano roll above drums takes the larger part.
    for chart, share in zip(charts, (1.0,) if len(charts) == 1 else (0.55, 0.45), strict=True):
        chart_bottom -= share * height
        axes = figure.add_axes((left, chart_bottom, width, share * height * (0.94 if len(charts) > 1 else 1)))
        axes.set_xlim(drawn[0], drawn[-1])
        roll.draw(axes, chart, drawn, score.division, size=0.5)
        axes.tick_params(labelsize=6)
        if chart.drums:
            labels = ("kick", "snare", "open hat", "crash")
            axes.set_yticks([roll.DRUM_ROWS.index(name) for name in labels], labels)
    if len(drawn) == len(lines):
        return _bar_count(len(lines) - 1)
    return f"bars {first + 1} to {first + len(drawn) - 1} of {len(lines) - 1}"


def _bar_count(count: int) -> str:
    return f"{count} bar{'s' if count != 1 else ''}"


def _duration(sound: Sound) -> str:
    return f"{sound.seconds:.3g} s, {sound.rate:,} samples a second"


def _shortened(name: str, most: int = LONG_TITLE) -> str:
    return name if len(name) <= most else f"{name[: most // 2 - 1]}…{name[-(most // 2) :]}"


def _title(figure: "Figure", text: str) -> None:
    figure.suptitle(text.strip(), x=0.01, ha="left", fontsize=12, color=INK, parse_math=False)


def _text(figure: "Figure", x: float, y: float, text: str, fontsize: float, ha: str = "left") -> None:
    figure.text(x, y, text, fontsize=fontsize, color=INK, ha=ha, va="center", parse_math=False)


def _figure(width: float, height: float, layout: Literal["constrained"] | None = None) -> "Figure":
    """Returns an empty figure; the size is in inches.

    Raises:
      Error: if matplotlib is not installed.
    """
    with needing("pictures", "drawing pictures"):
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    figure = Figure(figsize=(width, height), dpi=DPI, layout=layout)
    FigureCanvasAgg(figure)
    return figure


def _bytes(figure: "Figure") -> bytes:
    content = io.BytesIO()
    with warnings.catch_warnings():
        # A title in a script that the font lacks is drawn as boxes, which one can see.
        warnings.simplefilter("ignore", UserWarning)
        figure.savefig(content, format="png", metadata={"Software": None})
    return content.getvalue()
