import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipelines.cli import show
from pipelines.pieces import gather
from tests.corpora import corpus
from tests.pipelines.made import drum_corpus, drum_file, fill, piano_file, run, songs, tree
from tutti import audio, cli, midi
from tutti.audio import Sound
from tutti.drawing import picture
from tutti.encodings.base import Encoding
from tutti.encodings.drums import Drums
from tutti.encodings.mulaw import MuLaw
from tutti.encodings.pianoroll import PianoRoll
from tutti.errors import Error

pytest.importorskip("matplotlib")

Capture = pytest.CaptureFixture[str]


def shown(capsys: Capture, *arguments: object) -> dict[str, Any]:
    show.main([*map(str, arguments), "--json"])
    return json.loads(capsys.readouterr().out)


def wav(seconds: float = 0.2) -> bytes:
    samples = np.sin(np.arange(int(8000 * seconds)) / 3).astype(np.float32)
    return audio.write(Sound(8000, samples))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = {"a.mid": drum_file(1), "b/b.mid": piano_file(2), "c.mid": b"bad", "d.txt": b""}
    return fill(tmp_path / "corpus", files)


def notes(score: Any) -> list[tuple[int, int]]:
    return [
        (int(o), int(p)) for track in score.tracks for o, p in zip(track.notes.onset, track.notes.pitch, strict=True)
    ]


def test_one_file_is_a_page_and_a_folder_a_sheet(folder: Path, tmp_path: Path, capsys: Capture) -> None:
    one, many = tmp_path / "one.png", tmp_path / "many.png"
    assert shown(capsys, folder / "a.mid", "--out", one) == {"out": str(one), "shown": ["a.mid"], "all": True}
    assert one.read_bytes() == picture.png(midi.read(drum_file(1)), "a.mid")
    assert shown(capsys, folder, "--out", many)["shown"] == ["a.mid", "b.mid"]
    pieces = [("a.mid", midi.read(drum_file(1))), ("b.mid", midi.read(piano_file(2)))]
    assert many.read_bytes() == picture.contact_sheet(pieces, str(folder))
    assert many.read_bytes() != picture.contact_sheet(pieces[::-1], str(folder))


def test_a_bad_file_among_others_is_left_out_with_a_note(folder: Path, tmp_path: Path, capsys: Capture) -> None:
    show.main([str(folder), "--out", str(tmp_path / "x.png")])
    assert "left out corpus/c.mid: not a MIDI file" in capsys.readouterr().err


def test_recordings_stand_beside_scores(folder: Path, tmp_path: Path, capsys: Capture) -> None:
    pytest.importorskip("soundfile")
    fill(folder, {"e.wav": wav()})
    assert shown(capsys, folder, "--out", tmp_path / "x.png")["shown"] == ["a.mid", "b.mid", "e.wav"]
    assert shown(capsys, folder, "--encoding", "mulaw", "--out", tmp_path / "x.png")["shown"] == ["e.wav as mulaw"]


def test_no_more_than_asked_for_are_shown(folder: Path, tmp_path: Path, capsys: Capture) -> None:
    found = shown(capsys, folder, folder / "a.mid", "--most", 2, "--out", tmp_path / "x.png")
    assert found["shown"] == ["a.mid", "b.mid"]
    assert found["all"] is False


def test_a_piece_can_be_written_as_notation(folder: Path, tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "b.musicxml"
    assert shown(capsys, folder / "b" / "b.mid", "--sheet", "--out", out)["shown"] == ["b.mid"]
    assert out.read_bytes().startswith(b"<?xml")
    with pytest.raises(Error, match=r"--out can end in .*\.musicxml"):
        show.main([str(folder / "b" / "b.mid"), "--sheet", "--out", str(tmp_path / "b.doc")])


@pytest.mark.parametrize("encoding", [Drums(), Drums(32), PianoRoll()])
def test_an_encoding_shows_what_it_keeps(encoding: Encoding, folder: Path) -> None:
    name, piece = ("a.mid", drum_file(1)) if isinstance(encoding, Drums) else ("b/b.mid", piano_file(2))
    ((title, decoded),) = gather([str(folder / name)], encoding, "train", 24).pieces
    assert title == f"{name[-5:]} as {encoding.name}"
    (words,) = encoding.encode(midi.read(piece))
    assert notes(decoded) == notes(encoding.decode(words))


def test_parts_are_pieces_of_their_own(tmp_path: Path, capsys: Capture) -> None:
    file = fill(tmp_path, {"two.mid": piano_file(1, parts=2)}) / "two.mid"
    found = shown(capsys, file, "--encoding", "notes", "--part", "all", "--out", tmp_path / "x.png")
    assert found["shown"] == ["two.mid, part 1 as notes", "two.mid, part 2 as notes"]


@pytest.mark.parametrize("stride", [20, 39])
def test_a_dataset_shows_its_songs_as_its_encoding_has_them(stride: int, tmp_path: Path, capsys: Capture) -> None:
    found = drum_corpus(tmp_path / "corpus", range(6))
    run(capsys, found, "--dataset", tmp_path / "data", "--window", 39, "--stride", stride)
    shown_pieces = gather([str(tmp_path / "data")], None, "train", 24)
    pieces = shown_pieces.pieces
    assert shown_pieces.complete
    files = {f"{seed:02d}.mid": midi.read(drum_file(seed)) for seed in range(6)}
    for title, piece in pieces:
        assert notes(piece) == notes(Drums().decode(Drums().encode(files[title])[0])), title
    assert shown(capsys, tmp_path / "data", "--out", tmp_path / "x.png")["shown"] == [title for title, _ in pieces]


def test_a_dataset_of_frames_shows_its_songs(tmp_path: Path, capsys: Capture) -> None:
    found = fill(tmp_path / "corpus", {f"{seed}.mid": piano_file(seed) for seed in range(4)})
    run(capsys, found, "--dataset", tmp_path / "data", "--encoding", "pianoroll", "--window", 15, "--split", "1,0,0")
    pieces = gather([str(tmp_path / "data")], None, "train", 24).pieces
    assert len(pieces) == 4
    for title, piece in pieces:
        words = PianoRoll().encode(midi.read(piano_file(int(title[0]))))[0]
        assert notes(piece) == notes(PianoRoll().decode(words))


def test_a_dataset_of_sound_shows_its_recordings(tmp_path: Path, capsys: Capture) -> None:
    pytest.importorskip("soundfile")
    found = fill(tmp_path / "corpus", {"a.wav": wav(0.5)})
    options = ["--encoding", "mulaw", "--window", 100, "--split", "1,0,0"]
    run(capsys, found, "--dataset", tmp_path / "data", *options)
    ((title, piece),) = gather([str(tmp_path / "data")], None, "train", 24).pieces
    assert title == "a.wav"
    wanted = MuLaw().decode(MuLaw().encode(audio.read(wav(0.5)))[0])
    assert np.array_equal(piece.samples, wanted.samples)


def test_a_damaged_shard_is_named(tmp_path: Path, capsys: Capture) -> None:
    run(capsys, drum_corpus(tmp_path / "corpus", [3]), "--dataset", tmp_path / "data", "--split", "1,0,0")
    (shard,) = (tmp_path / "data").glob("train/*.tfrecord")
    shard.write_bytes(shard.read_bytes()[:-5])
    with pytest.raises(Error, match=rf"{shard.name}: record .* is cut off"):
        gather([str(tmp_path / "data")], None, "train", 24)


def test_windows_with_gaps_show_a_song_up_to_the_first_one(tmp_path: Path, capsys: Capture) -> None:
    found = drum_corpus(tmp_path / "corpus", [3])
    run(capsys, found, "--dataset", tmp_path / "data", "--window", 33, "--stride", 60, "--split", "1,0,0")
    ((_, piece),) = gather([str(tmp_path / "data")], None, "train", 24).pieces
    whole = Drums().encode(midi.read(drum_file(3)))[0]
    assert notes(piece) == notes(Drums().decode(whole[:33]))


def test_a_split_without_songs_is_said(tmp_path: Path, capsys: Capture) -> None:
    run(capsys, drum_corpus(tmp_path / "corpus", [3]), "--dataset", tmp_path / "data", "--split", "1,0,0")
    assert len(songs(tmp_path / "data")) == 1
    with pytest.raises(Error, match="no songs in its test split"):
        gather([str(tmp_path / "data")], None, "test", 24)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (["missing.mid", "--out", "x.png"], "no such file or folder: missing.mid"),
        (["corpus/c.mid", "--out", "x.png"], "c.mid: not a MIDI file"),
        (["corpus/d.txt", "--out", "x.png"], "d.txt: the file is empty"),
        (["corpus", "--out", "x.jpg"], "must end in .png"),
        (["corpus", "--out", "missing/x.png"], "there is no folder missing"),
        (["corpus", "--most", "0", "--out", "x.png"], "--most is 0"),
        (["corpus", "--most-bars", "-1", "--out", "x.png"], "--most-bars is -1"),
        (["corpus", "--part", "all", "--out", "x.png"], "--part belongs to an encoding"),
        (["corpus", "--encoding", "drums", "--part", "all", "--out", "x.png"], "does not apply"),
        (["data", "--encoding", "drums", "--out", "x.png"], "has an encoding of its own"),
        (["corpus/a.mid", "corpus/b", "--sheet", "--out", "x.pdf"], "name a single file"),
        (["corpus"], "--out"),
    ],
)
def test_bad_use_is_one_line_and_writes_nothing(
    wrong: list[str], reason: str, folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    fill(folder.parent, {"data/dataset.json": b"{}"})
    before = tree(folder.parent)
    assert cli.main(["show", *wrong]) == 2
    said = capsys.readouterr().err
    assert reason in said
    assert said.count("\n") == 1
    assert tree(folder.parent) == before


def test_published_pieces_are_shown(tmp_path: Path, capsys: Capture) -> None:
    found = shown(capsys, corpus("trap/by_hand"), "--encoding", "drums", "--most", 6, "--out", tmp_path / "x.png")
    assert len(found["shown"]) == 6
