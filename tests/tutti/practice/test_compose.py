import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.tutti.practice.conftest import SEED, SONGS
from tutti import cli, midi
from tutti.cli.compose import main
from tutti.errors import Error
from tutti.practice.compose import KINDS, corpus

Corpus = dict[str, dict[str, bytes]]
ROOT = Path(cli.__file__).parent
SCORES = [kind for kind in KINDS if KINDS[kind].suffix == ".mid"]
ONE_PART = [kind for kind in SCORES if kind != "band"]


def written(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_bytes_and_more_songs_change_none(kind: str, songs: Corpus) -> None:
    again = dict(corpus(kind, 40, SEED))
    assert len(again) == KINDS[kind].count(40)
    assert list(again.items()) == list(songs[kind].items())[: len(again)]


def test_the_bytes_are_the_same_in_another_process() -> None:
    program = (
        "import hashlib; from tutti.practice.compose import KINDS, corpus\n"
        "print(hashlib.sha256(b''.join(c for k in KINDS for _, c in corpus(k, 25, 3))).hexdigest())"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": hash_seed},
            cwd=ROOT,
            check=True,
            capture_output=True,
        ).stdout
        for hash_seed in ("1", "2")
    }
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("kind", "digest"),
    [
        ("drums", "c75bc3902facb53e"),
        ("piano", "cbe9f98f850e10e8"),
        ("melody", "cf37f6ea655d38d4"),
        ("band", "8f40d7bf82c5e8a0"),
        ("loops", "0eb163a59f58c780"),
    ],
)
def test_songs_are_the_same_on_every_machine_and_stay_so(kind: str, digest: str, songs: Corpus) -> None:
    columns = ("onset", "duration", "pitch", "velocity")
    read = [midi.read(content) for content in list(songs[kind].values())[:60]]
    notes = [getattr(track.notes, name).astype("<i8") for score in read for track in score.tracks for name in columns]
    assert hashlib.sha256(np.concatenate(notes).tobytes()).hexdigest()[:16] == digest


@pytest.mark.parametrize("kind", KINDS)
def test_another_seed_gives_other_songs(kind: str, songs: Corpus) -> None:
    others = {content for _, content in corpus(kind, 40, SEED + 1)}
    assert not others & set(songs[kind].values())


@pytest.mark.parametrize("kind", SCORES)
def test_no_two_songs_are_the_same_music(kind: str, songs: Corpus) -> None:
    music = set()
    for content in songs[kind].values():
        parts = [track.notes for track in midi.read(content).tracks]
        # On the grid of 32nds, without velocities: what a performance alone makes different does not count.
        music.add(b"".join(np.stack([(notes.onset + 30) // 60, notes.pitch]).tobytes() for notes in parts))
    assert len(music) == KINDS[kind].count(SONGS)


@pytest.mark.parametrize("kind", ONE_PART)
def test_every_song_is_one_part_whose_notes_of_a_pitch_never_overlap(kind: str, songs: Corpus) -> None:
    for name, content in songs[kind].items():
        score = midi.read(content)
        (track,) = score.tracks
        assert track.is_drum == (kind == "drums"), name
        notes = track.notes
        for pitch in np.unique(notes.pitch):
            chosen = notes.pitch == pitch
            assert (notes.onset[chosen][1:] >= (notes.onset + notes.duration)[chosen][:-1]).all(), (name, pitch)


def test_the_command_writes_what_it_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "corpus"
    main([str(out), "--songs", "7", "--json"])
    told = json.loads(capsys.readouterr().out)
    found = written(out)
    assert told["songs"] == {"drums": 7, "piano": 7, "melody": 7, "band": 3, "loops": 7, "sound": 1}
    assert told["bytes"] == sum(map(len, found.values()))
    assert found == {f"{kind}/{name}": content for kind in KINDS for name, content in corpus(kind, 7, 1)}


def test_a_corpus_can_be_written_again_and_extended(tmp_path: Path) -> None:
    main([str(tmp_path), "--songs", "4", "--kind", "drums"])
    before = written(tmp_path)
    main([str(tmp_path), "--songs", "4", "--kind", "drums"])
    assert written(tmp_path) == before
    main([str(tmp_path), "--songs", "6"])
    assert before.items() < written(tmp_path).items()
    assert len(written(tmp_path)) == 4 * 6 + 2 + 1


def test_other_files_are_refused_and_with_force_kept(tmp_path: Path) -> None:
    (tmp_path / "drums").mkdir()
    (tmp_path / "drums" / "mine.mid").write_bytes(b"mine")
    with pytest.raises(Error, match=r"mine\.mid is no song of this corpus"):
        main([str(tmp_path), "--songs", "2"])
    assert written(tmp_path) == {"drums/mine.mid": b"mine"}
    main([str(tmp_path), "--songs", "2", "--force"])
    assert len(written(tmp_path)) == 4 * 2 + 1 + 1 + 1
    assert (tmp_path / "drums" / "mine.mid").read_bytes() == b"mine"


def test_another_seed_does_not_mix_with_what_is_there(tmp_path: Path) -> None:
    main([str(tmp_path), "--songs", "2"])
    before = written(tmp_path)
    with pytest.raises(Error, match="name another folder"):
        main([str(tmp_path), "--songs", "2", "--seed", "2"])
    assert written(tmp_path) == before


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (["--songs", "0"], "--songs is 0"),
        (["--seed", "-1"], "--seed is -1"),
    ],
)
def test_bad_use_writes_nothing(wrong: list[str], reason: str, tmp_path: Path) -> None:
    with pytest.raises(Error, match=reason):
        main([str(tmp_path / "corpus"), *wrong])
    assert not list(tmp_path.iterdir())


def test_a_file_or_a_bucket_is_no_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    taken = tmp_path / "taken"
    taken.write_text("")
    assert cli.main(["compose", str(taken)]) == 2
    assert "taken is a file" in capsys.readouterr().err
    assert cli.main(["compose", "gs://bucket/corpus"]) == 2
    assert "local folders only" in capsys.readouterr().err


def test_a_failing_disk_leaves_no_half_written_file(tmp_path: Path) -> None:
    program = (
        "import resource, sys; from tutti import cli; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "sys.exit(cli.main(['compose', sys.argv[1], '--songs', '3']))"
    )
    ended = subprocess.run([sys.executable, "-c", program, str(tmp_path)], cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 2
    assert ended.stderr.startswith("tutti: error: cannot write ")
    assert ended.stderr.count("\n") == 1
    assert written(tmp_path) == {}
