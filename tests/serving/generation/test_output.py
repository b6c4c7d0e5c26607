import os
import wave
from pathlib import Path

import pytest

from serving.generation import output
from serving.generation.piece import GeneratedPiece
from tutti import Error, midi, synthesis
from tutti.encodings.drums import Drums
from tutti.encodings.mulaw import MuLaw
from tutti.encodings.notes import NotesAndChords

PIECE = GeneratedPiece(("C4", "E4", "0.4.7"), seed=1, new_tokens=3, encoding=NotesAndChords())


def test_a_piece_is_written_with_its_text_picture_and_sheet(tmp_path: Path) -> None:
    assert PIECE.write(tmp_path / "a.mid") == [tmp_path / "a.mid", tmp_path / "a.txt"]
    assert (tmp_path / "a.txt").read_text() == "C4 E4 0.4.7\n"
    files = PIECE.write(str(tmp_path / "b.mid"), bpm=90, picture=True, sheet=True)
    assert {tmp_path / f"b{suffix}" for suffix in (".mid", ".txt", ".png", ".musicxml")} <= set(files)
    assert all(path.is_file() for path in files)
    assert midi.read((tmp_path / "b.mid").read_bytes()).tempos[0] == pytest.approx((0, 90))


def test_a_piece_is_written_with_its_sound(tmp_path: Path) -> None:
    pytest.importorskip("midirenderer")
    files = PIECE.write(tmp_path / "a.mid", bpm=60, sound=True)
    assert files == [tmp_path / f"a{suffix}" for suffix in (".mid", ".txt", ".wav")]
    with wave.open(str(tmp_path / "a.wav")) as file:
        # Three eighths, one a half second long, and the tail.
        assert file.getnframes() / file.getframerate() == pytest.approx(1.5 + synthesis.TAIL, abs=0.1)
    assert PIECE.sound().samples.any()
    assert PIECE.sound()._repr_html_().startswith("<audio controls")


def test_older_files_survive_where_one_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "out.mid").write_bytes(b"an older piece")
    (tmp_path / "out.txt").write_text("its tokens")
    (tmp_path / "out.png").mkdir()
    with pytest.raises(Error, match=r"cannot write .*out.png"):
        PIECE.write(tmp_path / "out.mid", picture=True)
    assert (tmp_path / "out.mid").read_bytes() == b"an older piece"
    assert (tmp_path / "out.txt").read_text() == "its tokens"
    assert len(list(tmp_path.iterdir())) == 3


def test_a_place_where_nothing_can_be_written_is_refused_beforehand(tmp_path: Path) -> None:
    output.check_place(tmp_path / "out.mid")
    assert not [*tmp_path.iterdir()]
    (tmp_path / "folder.mid").mkdir()
    with pytest.raises(Error, match=r"cannot write .*folder.mid: Is a directory"):
        output.check_place(tmp_path / "folder.mid")
    (tmp_path / "a.wav").mkdir()
    output.check_place(tmp_path / "a.mid")
    with pytest.raises(Error, match=r"cannot write .*a\.wav: Is a directory"):
        output.check_place(tmp_path / "a.mid", sound=True)
    if Path("/proc").is_dir():  # a folder in which not even root makes files
        with pytest.raises(Error, match=r"cannot write /proc/out\.mid: No such file"):
            output.check_place(Path("/proc/out.mid"))
    (tmp_path / "shut").mkdir(mode=0o500)
    if os.geteuid():
        with pytest.raises(Error, match="Permission denied"):
            output.check_place(tmp_path / "shut" / "out.mid")


@pytest.mark.parametrize(
    ("name", "options", "reason"),
    [
        ("x.wav", {}, "path is x.wav; it must end in .mid, as this model writes MIDI files"),
        ("x.mid", {"bpm": 3}, "bpm is 3; it must be from 4 to 1000"),
    ],
)
def test_a_score_is_not_written_so(name: str, options: dict[str, float], reason: str) -> None:
    with pytest.raises(Error, match=reason):
        output.check(Path(name), Drums.medium, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "reason"),
    [({"bpm": 90}, "bpm does not apply"), ({"sheet": True}, "sheet does"), ({"sound": True}, "sound does not apply")],
)
def test_a_recording_has_neither_tempo_nor_sheet_and_is_sound_already(options: dict[str, float], reason: str) -> None:
    with pytest.raises(Error, match=reason):
        output.check(Path("x.wav"), MuLaw.medium, **options)  # type: ignore[arg-type]
