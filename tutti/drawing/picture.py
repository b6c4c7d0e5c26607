"""Pictures of music: a page of one piece, or a contact sheet of many.

A score is a piano roll, a grid of drums or both, in systems of eight bars like printed music; a sound is its waveform
over a spectrogram. Drawing needs matplotlib.
"""

import io
import math
import warnings
from collections.abc import Sequence
from itertools import cycle
from typing import Any

from tutti import midi
from tutti.audio import Sound
from tutti.drawing import roll, spectrogram
from tutti.drawing.roll import INK, Staff
from tutti.errors import MissingPackage, RejectedFile
from tutti.midi import messages
from tutti.midi.messages import Messages
from tutti.score import Score

BARS_A_SYSTEM = 8
BARS = 64
# Of a contact sheet
BARS_A_PANEL, COLUMNS = 8, 4
# More tracks than this have no room for their names.
NAMED_TRACKS = 5
# In inches: a page's width, its title and what a staff takes; a panel, the room around it, and the sheet's title.
PAGE, TITLE, DRUM_STAFF, ROW, LOW_STAFF, HIGH_STAFF = 14, 0.9, 1.3, 0.055, 0.8, 2.2
PANEL_WIDTH, PANEL_HEIGHT, LEFT, GAP, RIGHT, HEAD = 3.6, 1.35, 0.45, 0.5, 0.25, 0.55
DPI = 100
LONG_TITLE = 40


def png(piece: Any, title: str = "", bars: int = BARS) -> bytes:
    """A PNG of a piece: of a sound, all of it; of a score or messages, the first bars.

    Args:
      piece: a `Score`, `Messages` or a `Sound`.
      title: what to write above it.
      bars: how many at most.

    Raises:
      Error: if matplotlib is not installed.
    """
    if isinstance(piece, Sound):
        return _sound_page(piece, title)
    return _score_page(score_of(piece), title, bars)


def contact_sheet(pieces: Sequence[tuple[str, Any]], title: str = "", bars: int = BARS_A_PANEL) -> bytes:
    """A PNG of many pieces, small: the whole of a sound, the first bars of the others.

    Args:
      pieces: a title and a piece each, row by row.
      title: what to write above all.
      bars: how many at most of a score.

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
        said = _draw_panel(figure, panel, piece, bars)
        above = (bottom + PANEL_HEIGHT + 0.1) / height
        _text(figure, panel[0], above, _shortened(name), fontsize=8)
        _text(figure, panel[0] + panel[2], above, said, fontsize=7, ha="right")
    return _bytes(figure)


def score_of(piece: Any) -> Score:
    """The score itself, or the notes of messages; without tracks where they make none."""
    if not isinstance(piece, Messages):
        score: Score = piece
        return score
    try:
        return midi.read(messages.MESSAGES.write(piece))
    except RejectedFile:
        return Score(piece.division, ())


def _score_page(score: Score, title: str, bars: int) -> bytes:
    lines = roll.bar_lines(score)
    count = len(lines) - 1
    shown = lines[: bars + 1]
    systems = [shown[i : i + BARS_A_SYSTEM + 1] for i in range(0, len(shown) - 1, BARS_A_SYSTEM)]
    staffs = roll.staffs(score)
    heights = [
        DRUM_STAFF if staff.drums else 0.25 + min(max(ROW * staff.rows, LOW_STAFF), HIGH_STAFF) for staff in staffs
    ]
    figure = _figure(PAGE, TITLE + len(systems) * sum(heights), layout="constrained")
    # Systems of one scale: the longest decides how wide a beat is.
    width = max(system[-1] - system[0] for system in systems)
    axes = figure.subplots(len(systems) * len(staffs), squeeze=False, height_ratios=heights * len(systems))[:, 0]
    for i, system in enumerate(systems):
        for place, staff in enumerate(staffs):
            one = axes[i * len(staffs) + place]
            one.set_xlim(system[0], system[0] + width)
            roll.draw(one, staff, system, score.division)
            if place == 0:
                roll.numbered(one, system, i * BARS_A_SYSTEM)
    cut = f", the first {bars} shown" if count > bars else ""
    _title(figure, f"{title}   {_bars(count)}{cut}")
    _name_tracks(figure, staffs)
    return _bytes(figure)


def _name_tracks(figure: Any, staffs: list[Staff]) -> None:
    """Says which colour is which track, where there are several; beside the title."""
    from matplotlib.patches import Patch

    pitched = [track for staff in staffs if not staff.drums for track in staff.tracks]
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
    _title(figure, f"{title}   {_length(sound)}")
    return _bytes(figure)


def _draw_panel(figure: Any, panel: tuple[float, float, float, float], piece: Any, bars: int) -> str:
    """Draws a piece into a part of the figure; what there is to say about its length."""
    left, bottom, width, height = panel
    if isinstance(piece, Sound):
        split = 0.68 * height
        wave = figure.add_axes((left, bottom + split, width, height - split))
        spectrum = figure.add_axes((left, bottom, width, split))
        spectrogram.draw(wave, spectrum, piece, columns=320)
        wave.set_yticks([])
        spectrum.locator_params(axis="y", nbins=3)
        return _length(piece)
    score = score_of(piece)
    lines = roll.bar_lines(score)
    first = roll.first_bar(score, lines)
    shown = lines[first : first + bars + 1]
    staffs = roll.staffs(roll.excerpt(score, shown[0], shown[-1]))
    at = bottom + height
    # A piano roll above drums takes the larger part.
    for staff, share in zip(staffs, (1.0,) if len(staffs) == 1 else (0.55, 0.45), strict=True):
        at -= share * height
        axes = figure.add_axes((left, at, width, share * height * (0.94 if len(staffs) > 1 else 1)))
        axes.set_xlim(shown[0], shown[-1])
        roll.draw(axes, staff, shown, score.division, size=0.5)
        axes.tick_params(labelsize=6)
        if staff.drums:
            named = ("kick", "snare", "open hat", "crash")
            axes.set_yticks([roll.DRUM_ROWS.index(name) for name in named], named)
    if len(shown) == len(lines):
        return _bars(len(lines) - 1)
    return f"bars {first + 1} to {first + len(shown) - 1} of {len(lines) - 1}"


def _bars(count: int) -> str:
    return f"{count} bar{'s' if count != 1 else ''}"


def _length(sound: Sound) -> str:
    return f"{sound.seconds:.3g} s, {sound.rate:,} samples a second"


def _shortened(name: str, most: int = LONG_TITLE) -> str:
    return name if len(name) <= most else f"{name[: most // 2 - 1]}…{name[-(most // 2) :]}"


def _title(figure: Any, text: str) -> None:
    figure.suptitle(text.strip(), x=0.01, ha="left", fontsize=12, color=INK, parse_math=False)


def _text(figure: Any, x: float, y: float, text: str, fontsize: float, ha: str = "left") -> None:
    figure.text(x, y, text, fontsize=fontsize, color=INK, ha=ha, va="center", parse_math=False)


def _figure(width: float, height: float, layout: Any = None) -> Any:
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise MissingPackage("drawing pictures", "matplotlib", "pictures") from None
    figure = Figure(figsize=(width, height), dpi=DPI, layout=layout)
    FigureCanvasAgg(figure)
    return figure


def _bytes(figure: Any) -> bytes:
    content = io.BytesIO()
    with warnings.catch_warnings():
        # A title in a script that the font lacks is drawn as boxes; that is no reason to speak.
        warnings.simplefilter("ignore", UserWarning)
        figure.savefig(content, format="png", metadata={"Software": None})
    return content.getvalue()
