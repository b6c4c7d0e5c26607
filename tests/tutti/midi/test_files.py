"""Scores in local files."""

from pathlib import Path

import pytest

from tutti import midi
from tutti.errors import Error
from tutti.score import Notes, Score, Track

SCORE = Score(480, (Track(Notes.of([0, 480], [240, 240], [60, 64], [90, 80]), "Piano"),), ((0, 90.0),), ((0, 3, 4),))


def test_a_score_reads_the_file_that_it_wrote(tmp_path: Path) -> None:
    for path in (tmp_path / "score.mid", str(tmp_path / "text.mid")):
        midi.write_file(path, SCORE)
        assert Path(path).read_bytes() == midi.write(SCORE)
        again = midi.read_file(path)
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
        midi.read_file(path)
    assert str(path) in str(raised.value)


def test_a_score_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(Error, match="cannot write"):
        midi.write_file(tmp_path / "missing" / "score.mid", SCORE)
    (tmp_path / "folder.mid").mkdir()
    with pytest.raises(Error, match="cannot write"):
        midi.write_file(tmp_path / "folder.mid", SCORE)
    assert [path.name for path in tmp_path.iterdir()] == ["folder.mid"]
