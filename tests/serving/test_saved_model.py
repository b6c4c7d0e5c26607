import os
import shutil
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import tutti
from serving.generation.piece import GeneratedPiece
from serving.generation.prediction import inputs
from serving.saved_model import SavedModel
from tests.serving.conftest import LABELS, made
from trainer.models.rbm.settings import Rbm
from trainer.run.directory import Run
from tutti import Error, midi
from tutti.encodings.pianoroll import PianoRoll

FIXTURES = Path(__file__).parents[1] / "fixtures"
# How the pieces `seven.txt` were made.
SEVEN: dict[str, dict[str, Any]] = {"drums": {"steps": 40}, "rolls": {"gibbs_steps": 10}}
BEAT = ["0b100000001"] + ["0b001000000"] * 15 + ["BAR"]


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> SavedModel:
    """A machine with random weights."""
    encoding = PianoRoll(lowest=60, highest=64)
    run = made(tmp_path_factory.mktemp("runs") / "rolls", Rbm(hidden=12), encoding=encoding)
    return tutti.load(tutti.export(run, tmp_path_factory.mktemp("models") / "rolls"))


@pytest.mark.parametrize("name", SEVEN)
def test_an_export_of_an_earlier_version_makes_the_same_piece(name: str) -> None:
    (piece,) = tutti.load(FIXTURES / name / "model").generate(seed=7, **SEVEN[name])
    assert list(piece.tokens) == (FIXTURES / name / "seven.txt").read_text().split()


@pytest.mark.parametrize("name", SEVEN)
def test_a_run_of_an_earlier_version_exported_anew_makes_the_same_piece(name: str, tmp_path: Path) -> None:
    exported = tutti.export(FIXTURES / name / "run", tmp_path / name)
    (piece,) = tutti.load(exported).generate(seed=7, **SEVEN[name])
    assert list(piece.tokens) == (FIXTURES / name / "seven.txt").read_text().split()


def test_an_export_answers_bit_for_bit_what_one_of_an_earlier_version_does(tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    prompts = [chance.integers(3, 516, length).tolist() for length in range(12)]
    rows = inputs(prompts, steps=60, seeds=range(12), temperature=0.9, top_k=200, top_p=0.97)
    rows["top_k"] = tf.constant([0, 200] * 6)
    rows["temperature"] = tf.constant([1.0, 0.0, 0.8] * 4)
    exported = tutti.export(FIXTURES / "drums" / "run", tmp_path / "drums")
    earlier, now = (
        tf.saved_model.load(os.fspath(path)).signatures["serving_default"](**rows)
        for path in (FIXTURES / "drums" / "model" / "1", exported)
    )
    assert (earlier["length"].numpy() > 20).any()
    for name, value in earlier.items():
        assert value.numpy().tobytes() == now[name].numpy().tobytes(), name


def test_a_run_is_exported_and_loaded_and_generates_in_any_thread_without_a_word(
    run: Run, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    made_pieces: list[GeneratedPiece] = []

    def work() -> None:
        exported = tutti.export(run, tmp_path / "drums", version=7)
        made_pieces.extend(tutti.load(exported).generate(2, steps=20, seed=5))
        made_pieces[0].write(tmp_path / "out.mid")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert capfd.readouterr() == ("", "")
    assert [piece.seed for piece in made_pieces] == [5, 6]
    assert made_pieces[0].tokens != made_pieces[1].tokens
    assert (tmp_path / "drums" / "7" / "saved_model.pb").is_file()
    assert midi.read((tmp_path / "out.mid").read_bytes()).tracks


def test_a_prompt_is_a_file_text_tokens_or_a_score(models: Path, tmp_path: Path) -> None:
    model = tutti.load(models)
    score = model.encoding.decode(BEAT)
    (tmp_path / "beat.mid").write_bytes(midi.write(score))
    (tmp_path / "beat.txt").write_text(" ".join(BEAT))
    prompts = (tmp_path / "beat.mid", str(tmp_path / "beat.txt"), " ".join(BEAT), BEAT, tuple(BEAT), score)
    pieces = [model.generate(steps=6, prompt=prompt, prompt_tokens=9)[0] for prompt in prompts]
    assert all(piece == pieces[0] for piece in pieces)
    assert list(pieces[0].tokens[:9]) == BEAT[:9]
    assert len(pieces[0].tokens) == 9 + pieces[0].new_tokens


def test_options_have_the_defaults_of_the_model(models: Path, machine: SavedModel) -> None:
    model = tutti.load(models)
    assert model.generate(steps=30) == model.generate(steps=30, temperature=1.0, top_k=0, top_p=0.0)
    assert machine.generate() == machine.generate(steps=64, gibbs_steps=100)
    assert len(machine.generate(gibbs_steps=2)[0].tokens) == 64
    (masked,) = machine.generate(prompt=["60s", "61"], keep_steps="0-0", gibbs_steps=2)
    assert len(masked.tokens) == 2


def test_a_label_is_given_by_its_name(labelled: Path) -> None:
    model = tutti.load(labelled)
    pieces = [model.generate(steps=30, label=label)[0].tokens for label in (None, *LABELS)]
    assert len(set(pieces)) == 3


def test_a_piece_shows_itself(models: Path) -> None:
    (piece,) = tutti.load(models).generate(steps=20)
    assert piece._repr_png_().startswith(b"\x89PNG")
    assert piece.score.tracks[0].is_drum
    assert piece.to_json() == {"seed": 1, "tokens": piece.new_tokens, "log_prob": piece.log_prob}


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"n": 0}, "^n is 0; it must be at least 1"),
        ({"steps": 0}, "^steps is 0; it must be at least 1"),
        ({"seed": 1 << 63}, "^seed is 9223372036854775808; it must fit into 64 bits"),
        ({"prompt_tokens": -1}, "^prompt_tokens is -1"),
        ({"tempo": 3}, "^unknown option tempo"),
        ({"keep_steps": "0-7", "gibbs_steps": 3}, "^gibbs_steps, keep_steps does not apply to .* of the kind lstm"),
        ({"label": "loud"}, "no label 'loud': the model was trained without labels"),
        ({"mood": "hope"}, "^mood needs a model that was trained with labels"),
        ({"mood": "hope", "label": "happy"}, "^label and mood"),
        ({"prompt": []}, "^prompt .* holds no tokens"),
        ({"prompt": "E5{n}"}, r"^prompt: 'E5\{n\}' is no token of the encoding drums"),
        ({"prompt": Path("missing.mid")}, "cannot read missing.mid"),
        ({"perturb": 9, "perturb_by": "chance"}, "^perturb_by is 'chance'; it can be return, key, corpus"),
        ({"perturb_context": 9}, "^perturb_context says how to disturb a piece; say with perturb N how often"),
        ({"top_k": 1 << 40}, "^top_k is 1099511627776, which is beyond int32"),
        ({"temperature": -1.0}, "^temperature must be from 0"),
    ],
)
def test_an_option_that_cannot_be_met_is_named(options: dict[str, Any], reason: str, models: Path) -> None:
    with pytest.raises(Error, match=reason):
        tutti.load(models).generate(**options)


def test_a_model_that_is_not_known_by_name_generates(models: Path, tmp_path: Path) -> None:
    shutil.copytree(models / "1", tmp_path / "1")
    described = tmp_path / "1" / "assets" / "model.json"
    described.write_text(described.read_text().replace('"lstm"', '"elsewhere"'))
    assert tutti.load(tmp_path).generate(steps=20) == tutti.load(models).generate(steps=20)


def test_an_export_that_takes_neither_tokens_nor_frames_cannot_generate(models: Path, tmp_path: Path) -> None:
    module = tf.Module()
    module.generate = tf.function(lambda x: {"y": x}, input_signature=[tf.TensorSpec([], tf.int32, "x")])
    shutil.copytree(models / "1", tmp_path / "1")
    tf.saved_model.save(module, str(tmp_path / "1"), {"generate": module.generate})
    with pytest.raises(Error, match="cannot generate: its signature `generate` takes none of prompt, frames"):
        tutti.load(tmp_path).generate()


def test_what_is_no_model_is_refused(tmp_path: Path, models: Path) -> None:
    with pytest.raises(Error, match="no model at"):
        tutti.load(tmp_path)
    (tmp_path / "saved_model.pb").write_bytes(b"")
    with pytest.raises(Error, match="cannot load"):
        tutti.load(tmp_path)
