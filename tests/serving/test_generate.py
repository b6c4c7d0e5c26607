import json
import subprocess
import sys
from pathlib import Path

import pytest

import tutti
from music import midi, picture
from music.midi import Score, Track
from serving.engine import load
from serving.generate import main

ROOT = Path(__file__).parents[2]


def test_a_piece_is_midi_picture_and_text(models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--model", str(models), "--out", str(tmp_path / "out.mid"), "--steps", "40", "--seed", "3"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.mid", "out.png", "out.txt"]
    assert midi.read((tmp_path / "out.mid").read_bytes()).tracks[0].is_drum
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")
    assert 0 < len((tmp_path / "out.txt").read_text().split()) <= 40
    assert capsys.readouterr().out.strip() == str(tmp_path / "out.mid")


def test_a_piece_of_several_is_the_piece_of_its_seed_alone(models: Path, tmp_path: Path) -> None:
    common = ["--model", str(models), "--steps", "60", "--no-picture"]
    main([*common, "--out", str(tmp_path / "many.mid"), "--seed", "5", "-n", "3"])
    main([*common, "--out", str(tmp_path / "one.mid"), "--seed", "6"])
    assert (tmp_path / "many-2.txt").read_text() == (tmp_path / "one.txt").read_text()
    assert (tmp_path / "many-1.txt").read_text() != (tmp_path / "many-2.txt").read_text()


def test_several_pieces_are_written_all_or_none(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out-3.mid").mkdir()
    assert (
        tutti.main(["generate", "--model", str(models), "--out", str(tmp_path / "out.mid"), "--steps", "9", "-n", "3"])
        == 2
    )
    assert "cannot write" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["out-3.mid"]


@pytest.mark.parametrize("kind", ["mid", "txt", "text"])
def test_a_prompt_is_continued(kind: str, models: Path, tmp_path: Path) -> None:
    words = ["0b100000001"] + ["0b001000000"] * 15 + ["BAR"]
    (tmp_path / "prompt.txt").write_text(" ".join(words))
    (tmp_path / "prompt.mid").write_bytes(midi.write(load(str(models)).encoding.decode(words)))
    prompt = " ".join(words) if kind == "text" else str(tmp_path / f"prompt.{kind}")
    main(["--model", str(models), "--out", str(tmp_path / "out.mid"), "--prompt", prompt, "--steps", "8"])
    assert (tmp_path / "out.txt").read_text().split()[: len(words)] == words


def test_only_the_prompts_beginning_is_continued_where_one_says_so(models: Path, tmp_path: Path) -> None:
    words = ["0b100000000", "0b010000000", "0b001000000"]
    common = ["--model", str(models), "--steps", "20", "--no-picture"]
    main([*common, "--out", str(tmp_path / "a.mid"), "--prompt", " ".join(words), "--prompt-tokens", "2"])
    main([*common, "--out", str(tmp_path / "b.mid"), "--prompt", " ".join(words[:2])])
    assert (tmp_path / "a.txt").read_text() == (tmp_path / "b.txt").read_text()


def test_the_trainers_code_is_not_needed(models: Path, tmp_path: Path) -> None:
    script = (
        "import sys; from serving.generate import main;"
        f"main(['--model', {str(models)!r}, '--out', {str(tmp_path / 'out.mid')!r}, '--steps', '4', '--no-picture']);"
        "print([name for name in sys.modules if name.split('.')[0] in ('trainer', 'pipelines', 'apache_beam')])"
    )
    ended = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines()[-1] == "[]"


def test_json_says_what_was_written(models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--model", str(models), "--out", str(tmp_path / "a.mid"), "--steps", "8", "-n", "2", "--json"])
    made = json.loads(capsys.readouterr().out)
    assert [Path(piece["file"]).name for piece in made["pieces"]] == ["a-1.mid", "a-2.mid"]
    assert all(piece["log_prob"] < 0 for piece in made["pieces"])


@pytest.mark.parametrize(
    ("argv", "reason"),
    [
        (["--model", "missing", "--out", "OUT/x.mid"], "no model at missing"),
        (["--model", "MODEL", "--out", "OUT/missing/x.mid"], "there is no folder"),
        (["--model", "MODEL", "--out", "OUT/x.wav"], "must end in .mid"),
        (["--model", "MODEL", "--out", "OUT/x.mid", "--temperature", "-1"], "temperature must be"),
        (["--model", "MODEL", "--out", "OUT/x.mid", "--steps", "-1"], "steps must be"),
        (["--model", "MODEL", "--out", "OUT/x.mid", "-n", "0"], "at least 1"),
        (["--model", "MODEL", "--out", "OUT/x.mid", "--prompt", "missing.mid"], "cannot read missing.mid"),
        (["--model", "MODEL", "--out", "OUT/x.mid", "--prompt", "E5"], "'E5' is not a drum word"),
        (["--model", "MODEL", "--out", "OUT/x.mid", "--prompt", "BOS"], "BOS"),
        (["--model", "MODEL", "--out", "OUT/x.mid", "--prompt", " "], "holds no tokens"),
        (["--model", "MODEL", "--out", "OUT/x.mid", "--loud"], "--loud"),
    ],
)
def test_bad_use_is_one_line_and_status_2(
    argv: list[str], reason: str, models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [word.replace("MODEL", str(models)).replace("OUT", str(tmp_path)) for word in argv]
    assert tutti.main(["generate", *words]) == 2
    *progress, line = capsys.readouterr().err.splitlines()
    assert reason in line
    assert len(progress) <= 1, progress
    assert not list(tmp_path.iterdir())


def test_pictures_are_drawn_of_drums_pitches_and_nothing() -> None:
    for drums in (True, False):
        played = midi.notes([0, 480, 100_000], [240] * 3, [36, 42, 60], [90] * 3)
        score = Score(480, (Track(played, is_drum=drums),), meters=((0, 3, 4), (1440, 4, 4)))
        assert picture.png(score, "title").startswith(b"\x89PNG")
    assert picture.png(Score(480, ())).startswith(b"\x89PNG")
