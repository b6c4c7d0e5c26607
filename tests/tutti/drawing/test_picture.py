"""Pictures. Where matplotlib is missing, these tests are skipped."""

import builtins
import io
from typing import Any

import numpy as np
import pytest

from tests.corpora import corpus
from tests.tutti.made import file_of, note
from tutti import midi
from tutti.audio import Sound
from tutti.drawing import picture, roll, spectrogram
from tutti.errors import Error
from tutti.midi import messages
from tutti.score import Notes, Score, Track

pytest.importorskip("matplotlib")

PNG = b"\x89PNG"


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


def tone(seconds: float, rate: int = 8000) -> Sound:
    return Sound(rate, np.sin(np.arange(int(seconds * rate)) * (2 * np.pi * 440 / rate)).astype(np.float32))


def size(png: bytes) -> tuple[int, int]:
    return int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")


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


@pytest.mark.parametrize("name", PIECES)
def test_any_piece_has_a_picture(name: str) -> None:
    assert picture.png(PIECES[name], "$title_{ 音").startswith(PNG)


def test_a_sheet_holds_pieces_of_all_kinds() -> None:
    assert picture.contact_sheet(list(PIECES.items()), "$all_").startswith(PNG)
    assert picture.contact_sheet([]).startswith(PNG)


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
    (staff,) = roll.staffs(roll.excerpt(piece, lines[0], lines[9]))
    assert not staff.tracks
    (staff,) = roll.staffs(roll.excerpt(piece, lines[9], lines[10]))
    assert (staff.low, staff.high) == (60, 90)


def test_drums_have_a_row_of_their_own_below_the_pitches() -> None:
    assert [staff.drums for staff in roll.staffs(score(pitched=1, drums=2))] == [False, True]
    (nine,) = roll.staffs(score(drums=2))
    assert nine.rows == 9
    (ten,) = roll.staffs(PIECES["other drums"])
    assert roll.DRUM_ROWS[ten.high] == "other"


@pytest.mark.parametrize("hertz", [500, 1500, 3000])
def test_a_tone_is_the_brightest_row_of_its_spectrogram(hertz: int) -> None:
    samples = np.sin(np.arange(8000) * (2 * np.pi * hertz / 8000)).astype(np.float32)
    shown = spectrogram.decibels(Sound(8000, samples), 100)
    assert shown.shape[1] <= 100
    assert shown.max() == 0
    loudest = shown.argmax(0) / (shown.shape[0] - 1) * 4000
    assert np.abs(loudest - hertz).max() < 40


def test_a_spectrogram_has_no_more_columns_than_asked_for_however_long_the_sound() -> None:
    assert spectrogram.decibels(Sound(8000, np.zeros(2_000_000, np.float32)), 300).shape[1] == 300


def test_without_matplotlib_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *rest: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ModuleNotFoundError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(Error, match=r"pictures need matplotlib; install it with: pip install 'tutti\["):
        picture.png(PIECES["drums"])


@pytest.mark.parametrize("folder", ["metallica/midi", "piano", "jazz"])
def test_real_pieces_are_drawn(folder: str) -> None:
    files = sorted(corpus(folder).glob("*.mid"))[:4]
    pieces = [(file.name, midi.read(file.read_bytes())) for file in files]
    assert picture.contact_sheet(pieces, folder).startswith(PNG)
    assert picture.png(pieces[0][1], pieces[0][0], bars=8).startswith(PNG)
    assert size(picture.contact_sheet(pieces))[0] <= io.DEFAULT_BUFFER_SIZE
