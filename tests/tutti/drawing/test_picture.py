"""Pictures. Where matplotlib is missing, these tests are skipped."""

import builtins
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.corpora import corpus
from tests.pixels import coloured, pixels, stretches
from tests.tutti.made import file_of, note
from tutti import midi
from tutti.audio import Sound
from tutti.drawing import picture, roll, spectrogram
from tutti.errors import Error
from tutti.midi import messages
from tutti.score import Notes, Score, Track

pytest.importorskip("matplotlib")


def score(*, pitched: int = 0, drums: int = 0, bars: int = 4) -> Score:
    onset = np.arange(4 * bars) * 480
    parts = [(60 + 7 * i, False) for i in range(pitched)] + [(36 + 2 * i, True) for i in range(drums)]
    return Score(
        480,
        tuple(
            Track(Notes.of(onset, [240] * len(onset), [pitch] * len(onset), [90] * len(onset)), f"${i}_$", 0, is_drum)
            for i, (pitch, is_drum) in enumerate(parts)
        ),
    )


def tone(seconds: float, rate: int = 8000, hertz: int = 440) -> Sound:
    return Sound(rate, np.sin(np.arange(int(seconds * rate)) * (2 * np.pi * hertz / rate)).astype(np.float32))


def size(png: bytes) -> tuple[int, int]:
    return int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")


def panels(sheet: bytes, count: int) -> list[NDArray[np.bool_]]:
    """Which pixels have a colour in each panel of a contact sheet."""
    width, height = picture.PANEL_WIDTH + picture.GAP, picture.PANEL_HEIGHT + picture.GAP
    drawn = coloured(sheet)
    corners = [divmod(i, picture.COLUMNS) for i in range(count)]
    places = [(picture.HEAD + row * height, picture.LEFT + column * width) for row, column in corners]
    # From inches to pixels.
    high, wide = round(height * picture.DPI), round(width * picture.DPI)
    begins = np.round(np.array(places) * picture.DPI).astype(int).tolist()
    return [drawn[top : top + high, left : left + wide] for top, left in begins]


def marks(png: bytes) -> NDArray[np.float64]:
    """float64[n, 3]: of notes that follow one another, where each begins and ends, in bars, and its row of pixels."""
    dark: NDArray[np.int64] = (pixels(png).max(axis=2) < 160).sum(axis=0)
    first, second, *_ = (left for left, _ in stretches(dark > 0.7 * dark.max()))
    drawn = coloured(png)
    found = []
    for left, right in stretches(np.any(drawn, axis=0)):
        row = np.flatnonzero(drawn[:, left:right].any(axis=1)).mean()
        found.append([(left - first) / (second - first), (right - first) / (second - first), row])
    return np.array(found)


# General MIDI's drums, feet first and cymbals last, and one that is none of the nine.
KIT = {
    36: "kick",
    41: "floor tom",
    45: "low tom",
    48: "high tom",
    38: "snare",
    42: "closed hat",
    46: "open hat",
    51: "ride",
    49: "crash",
    70: "other",
}
UPWARDS = Score(480, (Track(Notes.of(np.arange(10) * 480, [120] * 10, list(KIT), [127] * 10), is_drum=True),))
PIECES = {
    "nothing": Score(480, ()),
    "pitches": score(pitched=2),
    "many parts": score(pitched=20),
    "drums": score(drums=3),
    "both": score(pitched=2, drums=2),
    "an early note": Score(480, (Track(Notes.of([0, 100_000], [240] * 2, [36, 60], [90] * 2)),)),
    "other drums": Score(480, (Track(Notes.of([0], [1], [70], [90]), is_drum=True),)),
    "messages": messages.MESSAGES.read(file_of([note(60, channel=0)])),
    "messages without notes": messages.Messages(480, ()),
    "sound": tone(0.3),
    "a sample": Sound(8000, np.zeros(1, np.float32)),
    "no sound": Sound(8000, np.zeros(0, np.float32)),
    "silence": Sound(48_000, np.zeros(100_000, np.float32)),
}


WITHOUT_NOTES = ("nothing", "messages without notes")
WITHOUT_LENGTH = ("a sample", "no sound")
# A piece on a page of its own, and as a panel of a sheet.
WAYS: dict[str, Callable[[Any], bytes]] = {
    "page": picture.png,
    "panel": lambda piece: picture.contact_sheet([("", piece)]),
}


@pytest.mark.parametrize("name", PIECES)
def test_any_piece_has_a_picture_with_its_notes(name: str) -> None:
    drawn = picture.png(PIECES[name], "$title_{ 音")
    assert coloured(drawn).any() == (name not in WITHOUT_NOTES)
    assert (pixels(drawn) < 255).any()


def test_a_sheet_holds_pieces_of_all_kinds() -> None:
    shown = panels(picture.contact_sheet(list(PIECES.items()), "$all_"), len(PIECES))
    assert [name for name, panel in zip(PIECES, shown, strict=True) if not panel.any()] == [
        name for name in PIECES if name in WITHOUT_NOTES + WITHOUT_LENGTH
    ]
    assert (pixels(picture.contact_sheet([])) == 255).all()


@pytest.mark.parametrize("way", WAYS)
def test_a_note_is_a_bar_from_its_onset_to_its_end_at_the_height_of_its_pitch(way: str) -> None:
    onset, duration, pitch = np.array([(0, 240, 60), (480, 480, 65), (1440, 240, 59), (1920, 960, 72)]).T
    begin, end, row = marks(WAYS[way](Score(480, (Track(Notes.of(onset, duration, pitch, [127] * 4)),)))).T
    assert begin * 1920 == pytest.approx(onset, abs=20)
    # A gap tells a note from its repetition.
    assert (end - begin) * 1920 == pytest.approx(0.94 * duration, abs=20)
    semitone = (row[0] - row[3]) / 12
    assert semitone > 3
    assert row == pytest.approx(row[0] - (pitch - 60) * semitone, abs=1)


@pytest.mark.parametrize("way", WAYS)
def test_drums_stand_above_one_another_from_the_kick_to_the_crash(way: str) -> None:
    begin, end, row = marks(WAYS[way](UPWARDS)).T
    assert (begin + end) / 2 * 4 == pytest.approx(np.arange(len(KIT)) + 1 / 16, abs=0.04)
    steps = -np.diff(row)
    assert steps == pytest.approx([steps.mean()] * (len(KIT) - 1), abs=1)
    assert steps.min() > 5


def test_a_drums_row_has_its_name() -> None:
    from matplotlib.collections import PathCollection
    from matplotlib.figure import Figure

    axes: Any = Figure().subplots()
    roll.draw(axes, roll.charts(UPWARDS)[0], roll.bar_lines(UPWARDS), UPWARDS.division)
    names = dict(zip(axes.get_yticks(), (label.get_text() for label in axes.get_yticklabels()), strict=True))
    drawn = [points.get_offsets() for points in axes.collections if isinstance(points, PathCollection)]
    assert [names[row] for _, row in sorted(np.concatenate(drawn).tolist())] == list(KIT.values())


def test_the_same_piece_gives_the_same_bytes() -> None:
    assert picture.png(PIECES["both"], "a") == picture.png(PIECES["both"], "a")
    assert picture.png(PIECES["both"], "a") != picture.png(PIECES["both"], "b")


def test_a_page_grows_with_the_bars_up_to_its_limit() -> None:
    heights = [size(picture.png(score(drums=1, bars=bars), bars=24))[1] for bars in (1, 8, 9, 24, 40)]
    assert heights[0] == heights[1] < heights[2] < heights[3] == heights[4]


def test_a_sheet_begins_where_the_music_does() -> None:
    late = Notes.of([9 * 1920 - 20, 9 * 1920 + 480], [240] * 2, [60, 90], [90] * 2)
    piece = Score(480, (Track(late),))
    lines = roll.bar_lines(piece)
    # A player may be a little ahead of a bar line.
    assert roll.first_bar(piece, lines) == 9
    (chart,) = roll.charts(roll.excerpt(piece, lines[0], lines[9]))
    assert not chart.tracks
    (chart,) = roll.charts(roll.excerpt(piece, lines[9], lines[10]))
    assert (chart.low, chart.high) == (60, 90)


def test_drums_have_a_row_of_their_own_below_the_pitches() -> None:
    assert [chart.drums for chart in roll.charts(score(pitched=1, drums=2))] == [False, True]
    (nine,) = roll.charts(score(drums=2))
    assert nine.rows == 9
    (ten,) = roll.charts(PIECES["other drums"])
    assert roll.DRUM_ROWS[ten.high] == "other"


@pytest.mark.parametrize("hertz", [500, 1500, 3000])
def test_a_tone_is_the_brightest_row_of_its_spectrogram(hertz: int) -> None:
    shown = spectrogram.decibels(tone(1, hertz=hertz), 100)
    assert shown.shape[1] <= 100
    assert shown.max() == 0
    loudest = shown.argmax(0) / (shown.shape[0] - 1) * 4000
    assert np.abs(loudest - hertz).max() < 40


@pytest.mark.parametrize("hertz", [500, 1500, 3000])
def test_a_tone_is_drawn_at_the_height_of_its_frequency(hertz: int) -> None:
    black = (pixels(picture.contact_sheet([("", tone(1, hertz=hertz))])).max(axis=2) < 30).sum(axis=1)
    # All of it is silent but for the tone.
    (top, above), (below, bottom) = stretches(black > black.max() / 2)
    assert (bottom - (above + below) / 2) / (bottom - top) * 4000 == pytest.approx(hertz, abs=100)


def test_a_spectrogram_has_no_more_columns_than_asked_for_however_long_the_sound() -> None:
    assert spectrogram.decibels(Sound(8000, np.zeros(2_000_000, np.float32)), 300).shape[1] == 300


def test_without_matplotlib_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *rest: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ModuleNotFoundError(name, name="matplotlib")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(Error, match=r"drawing pictures needs matplotlib; install .* '\.\[pictures\]'"):
        picture.png(PIECES["drums"])


def test_a_sheet_has_no_more_panels_side_by_side_than_its_columns() -> None:
    sizes = [size(picture.contact_sheet([("", PIECES["drums"])] * count)) for count in (1, 2, 4, 5, 9)]
    assert sizes[0][0] < sizes[1][0] < sizes[2][0] == sizes[3][0] == sizes[4][0]
    assert sizes[0][1] == sizes[1][1] == sizes[2][1] < sizes[3][1] < sizes[4][1]


@pytest.mark.parametrize("folder", ["metallica/midi", "piano", "jazz"])
def test_real_pieces_are_drawn(folder: str) -> None:
    files = sorted(corpus(folder).glob("*.mid"))[:4]
    pieces = [(file.name, midi.read(file.read_bytes())) for file in files]
    assert all(panel.any() for panel in panels(picture.contact_sheet(pieces, folder), len(pieces)))
    assert coloured(picture.png(pieces[0][1], pieces[0][0], bars=8)).any()
