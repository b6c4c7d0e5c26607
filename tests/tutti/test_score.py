"""Scores by themselves: order, bar lines, meters, and files."""

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutti import midi
from tutti.errors import Error
from tutti.score import Notes, Score, Track, simplest_meter

SCORE = Score(480, (Track(Notes.of([0, 480], [240, 240], [60, 64], [90, 80]), "Piano"),), ((0, 90.0),), ((0, 3, 4),))


def test_bar_lines_follow_the_meters() -> None:
    score = Score(4, (Track(Notes.of([0], [1], [60], [90])),), meters=((0, 3, 4), (24, 6, 8), (30, 4, 4)))
    assert score.bar_lines(40) == [0, 12, 24, 30, 46]


def test_a_meter_that_makes_no_sense_counts_as_4_4() -> None:
    score = Score(480, (Track(Notes.of([0], [1], [60], [90])),), meters=((0, 1, 1 << 30),))
    assert score.bar_lines(1920) == [0, 1920]


def test_notes_come_in_order_of_onset_and_pitch() -> None:
    notes = Notes.of([5, 0, 5], [1, 1, 1], [60, 72, 48], [90, 91, 92])
    assert np.stack([notes.onset, notes.pitch, notes.velocity]).tolist() == [[0, 5, 5], [72, 48, 60], [91, 92, 90]]


@given(st.integers(1, 200), st.sampled_from([16, 32]))
def test_the_simplest_meter_is_as_long_as_the_bar_and_cannot_be_halved(length: int, resolution: int) -> None:
    numerator, denominator = simplest_meter(length, resolution)
    assert numerator * resolution == length * denominator
    assert denominator == 4 or numerator % 2


def test_a_score_reads_the_file_that_it_wrote(tmp_path: Path) -> None:
    for path in (tmp_path / "score.mid", str(tmp_path / "text.mid")):
        SCORE.write(path)
        assert Path(path).read_bytes() == midi.write(SCORE)
        again = Score.read(path)
        assert (again.division, again.tempos[0][0], again.meters) == (480, 0, SCORE.meters)
        assert again.tracks[0].notes.onset.tolist() == [0, 480]
        assert again.tracks[0].notes.pitch.tolist() == [60, 64]


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "cannot read .*: No such file"), (b"hello", "does not begin with MThd")]
)
def test_a_file_that_is_no_score_is_an_error_that_names_it(content: bytes | None, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "song.mid"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Error, match=reason) as raised:
        Score.read(path)
    assert str(path) in str(raised.value)


def test_a_score_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(Error, match="cannot write"):
        SCORE.write(tmp_path / "missing" / "score.mid")
    (tmp_path / "folder.mid").mkdir()
    with pytest.raises(Error, match="cannot write"):
        SCORE.write(tmp_path / "folder.mid")
    assert [path.name for path in tmp_path.iterdir()] == ["folder.mid"]


def test_a_notebook_shows_a_score_as_a_piano_roll() -> None:
    pytest.importorskip("matplotlib")
    content = SCORE._repr_png_()
    assert content is not None
    assert content.startswith(b"\x89PNG")


def test_without_matplotlib_a_notebook_shows_a_score_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert SCORE._repr_png_() is None
