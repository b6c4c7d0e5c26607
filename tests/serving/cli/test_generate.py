import json
import subprocess
import sys
from pathlib import Path

import pytest

from serving.cli.generate import main
from serving.export import export
from serving.generation.prediction import predict
from serving.saved_model import SavedModel, load
from tests.pixels import coloured
from tests.serving.conftest import LABELS, made
from trainer.models.lstm.settings import Lstm
from tutti import cli, midi, synthesis
from tutti.encodings.events import Events
from tutti.encodings.mulaw import MuLaw
from tutti.encodings.vocabulary import Vocabulary
from tutti.midi import messages

ROOT = Path(__file__).parents[3]
SMALL = Lstm(units=32, layers=1, embedding=16)


def test_a_piece_is_midi_picture_and_text(models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--model", str(models), "--out", str(tmp_path / "out.mid"), "--steps", "40", "--seed", "3"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.mid", "out.png", "out.txt"]
    assert midi.read((tmp_path / "out.mid").read_bytes()).tracks[0].is_drum
    assert coloured((tmp_path / "out.png").read_bytes()).any()
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
        cli.main(["generate", "--model", str(models), "--out", str(tmp_path / "out.mid"), "--steps", "9", "-n", "3"])
        == 2
    )
    assert "cannot write" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["out-3.mid"]


@pytest.mark.parametrize("kind", ["mid", "txt", "text"])
def test_a_prompt_is_continued(kind: str, models: Path, tmp_path: Path) -> None:
    words = ["0b100000001"] + ["0b001000000"] * 15 + ["BAR"]
    (tmp_path / "prompt.txt").write_text(" ".join(words))
    (tmp_path / "prompt.mid").write_bytes(midi.write(load(models).encoding.decode(words)))
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
        "import sys; from serving.cli.generate import main;"
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
    ("flags", "label"),
    [(["--label", "sad_slow"], 2), (["--mood", "sorrow and loss"], 2), (["--mood", "joyful"], 1), ([], 0)],
)
def test_a_label_is_asked_for_by_name_or_by_mood(
    flags: list[str], label: int, labelled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.mid"
    main(["--model", str(labelled), "--out", str(out), "--steps", "40", "--no-picture", "--json", *flags])
    printed = json.loads(capsys.readouterr().out)
    assert printed["label"] == (LABELS[label - 1] if label else None)
    if "--mood" in flags:
        assert printed["mood"]["label"] == LABELS[label - 1]
        assert printed["mood"]["cosine"] > printed["mood"]["runner_up"][1]
    (answer,) = predict(load(labelled), [[]], steps=40, seeds=[1], label=label)
    assert out.with_suffix(".txt").read_text().split() == answer.tokens


def test_a_sheet_and_a_tempo_are_written_of_notes(piano: Path, tmp_path: Path) -> None:
    options = ["--steps", "12", "--sheet", "--bpm", "90", "--prompt", "C4 E4 0.4.7"]
    main(["--model", str(piano), "--out", str(tmp_path / "out.mid"), *options])
    assert b"<score-partwise" in (tmp_path / "out.musicxml").read_bytes()
    assert coloured((tmp_path / "out.png").read_bytes()).any()
    (tempo,) = midi.read((tmp_path / "out.mid").read_bytes()).tempos
    assert tempo == pytest.approx((0, 90))


def test_events_become_messages_a_picture_and_a_sheet(tmp_path: Path) -> None:
    words = [f"{wait}_{status}_{pitch}_40" for wait in (0, 120) for status in (80, 90) for pitch in ("3c", "40", "43")]
    run = made(tmp_path / "run", SMALL, encoding=Events(), vocabulary=Vocabulary.of(words))
    export(run, str(tmp_path / "model"))
    options = ["--steps", "24", "--sheet", "--bpm", "90", "--prompt", "0_90_3c_40 120_80_3c_40"]
    main(["--model", str(tmp_path / "model"), "--out", str(tmp_path / "out.mid"), *options])
    piece = messages.read((tmp_path / "out.mid").read_bytes())
    assert piece.tempos[0] == pytest.approx((0, 90))
    assert Events().encode(piece)[0] == (tmp_path / "out.txt").read_text().split()
    assert {"out.png", "out.musicxml"} <= {path.name for path in tmp_path.iterdir()}


def test_how_midi_sounds_is_written_and_named_in_json(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("midirenderer")
    main(["--model", str(models), "--out", str(tmp_path / "a.mid"), "--steps", "40", "-n", "2", "--sound", "--json"])
    made = json.loads(capsys.readouterr().out)
    for number, piece in enumerate(made["pieces"], 1):
        assert str(tmp_path / f"a-{number}.wav") in piece["files"]
        assert (tmp_path / f"a-{number}.wav").read_bytes()[:4] == b"RIFF"


def test_nothing_is_generated_where_the_sound_cannot_be_made(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "out-2.wav").mkdir()
    (tmp_path / "text.sf2").write_text("no instruments")
    monkeypatch.setattr(SavedModel, "answer", lambda *_: pytest.fail("it was asked"))
    command = ["generate", "--model", str(models), "--out", str(tmp_path / "out.mid"), "--steps", "9"]
    for flags, reason in (
        (["-n", "3", "--sound"], "out-2.wav: Is a directory"),
        (["--soundfont", str(tmp_path / "text.sf2")], "text.sf2 is no SoundFont"),
        (["--soundfont", str(tmp_path / "missing.sf2")], "cannot read"),
    ):
        assert cli.main([*command, *flags]) == 2
        assert reason in capsys.readouterr().err.splitlines()[-1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out-2.wav", "text.sf2"]


def test_without_the_packages_for_sound_one_line_names_the_extra(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(synthesis, "PACKAGE", "a_package_that_is_not_there")
    assert cli.main(["generate", "--model", str(models), "--out", str(tmp_path / "a.mid"), "--sound"]) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert "sound of notes needs a_package_that_is_not_there; install it with: pip install '.[sound]'" in line
    assert not list(tmp_path.iterdir())


def test_sound_becomes_a_recording_with_its_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export(made(tmp_path / "run", SMALL, encoding=MuLaw()), str(tmp_path / "model"))
    options = ["generate", "--model", str(tmp_path / "model"), "--steps", "400", "--seed", "3"]
    main([*options[1:], "--out", str(tmp_path / "out.wav")])
    assert (tmp_path / "out.wav").read_bytes()[:4] == b"RIFF"
    assert coloured((tmp_path / "out.png").read_bytes()).any()
    before = sorted(path.name for path in tmp_path.iterdir())
    for flags, reason in (
        (["--out", str(tmp_path / "x.mid")], "must end in .wav"),
        (["--out", str(tmp_path / "x.flac")], "must end in .wav"),
        (["--out", str(tmp_path / "x.wav"), "--sheet"], "--sheet does not apply"),
        (["--out", str(tmp_path / "x.wav"), "--bpm", "90"], "--bpm does not apply"),
        (["--out", str(tmp_path / "x.wav"), "--sound"], "--sound does not apply"),
    ):
        assert cli.main([*options, *flags]) == 2
        assert reason in capsys.readouterr().err.splitlines()[-1]
    assert sorted(path.name for path in tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("argv", "reason"),
    [
        (["--model", "missing", "--out", "OUT/x.mid"], "no model at missing"),
        (["--model", "MODEL", "--out", "OUT/missing/x.mid"], "there is no folder"),
        (["--model", "MODEL", "--out", "OUT/x.wav"], "must end in .mid"),
        (["--model", "MODEL", "--out", "OUT/x.mid", "--temperature", "-1"], "temperature must be"),
        (["--model", "MODEL", "--out", "OUT/x.mid", "--steps", "-1"], "--steps is -1; it must be at least 1"),
        (["--model", "MODEL", "--out", "OUT/x.mid", "--steps", "0"], "--steps is 0; it must be at least 1"),
        (["--model", "MODEL", "--out", "OUT/x.mid", "--steps", "70000"], "steps must be"),
        (["--model", "MODEL", "--out", "OUT/x.mid", "-n", "0"], "at least 1"),
        (["--model", "MODEL", "--out", "OUT/x.mid", "--prompt", "missing.mid"], "cannot read missing.mid"),
        (["--model", "MODEL", "--out", "OUT/x.mid", "--prompt", "E5"], "'E5' is no token of the encoding drums"),
        (["--model", "MODEL", "--out", "OUT/x.mid", "--prompt", "BOS"], "BOS"),
        (["--model", "MODEL", "--out", "OUT/x.mid", "--prompt", " "], "holds no tokens"),
        (["--model", "MODEL", "--out", "OUT/x.mid", "--loud"], "--loud"),
        (["--model", "MODEL", "--out", "OUT/x.mid", "--label", "happy"], "trained without labels"),
        (["--model", "LABELLED", "--out", "OUT/x.mid", "--label", "loud"], "the trained labels are happy, sad_slow"),
        (["--model", "MODEL", "--out", "OUT/x.mid", "--mood", "hope"], "trained with labels"),
        (["--model", "LABELLED", "--out", "OUT/x.mid", "--mood", "quarterly tax report"], "no trained label is near"),
        (["--model", "LABELLED", "--out", "OUT/x.mid", "--mood", "hope", "--label", "happy"], "not allowed with"),
    ],
)
def test_bad_use_is_one_line_and_status_2(
    argv: list[str], reason: str, models: Path, labelled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = {"MODEL": models, "LABELLED": labelled, "OUT/x": tmp_path / "x", "OUT/missing": tmp_path / "missing"}
    words = [next((word.replace(name, str(at)) for name, at in places.items() if name in word), word) for word in argv]
    assert cli.main(["generate", *words]) == 2
    *progress, line = capsys.readouterr().err.splitlines()
    assert reason in line
    assert len(progress) <= 1, progress
    assert not list(tmp_path.iterdir())
