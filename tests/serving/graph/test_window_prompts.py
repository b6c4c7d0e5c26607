"""Prompts that are read as windows: the same states to rounding, and a row's to the last bit whatever is beside it."""

import asyncio
import json
from pathlib import Path

import numpy as np
import pytest

import tutti
from serving.export import WINDOW, export
from serving.options import OptionError
from serving.saved_model import SavedModel
from serving.server.call import Call
from serving.server.config import Limits
from serving.server.engine.engine import Engine
from serving.server.models.version import ServedVersion
from tests.serving.conftest import LABELS, made
from tests.serving.graph.test_streams import MODELS, ROWS, asked, bounds, called, rows, states
from trainer.models.rbm.settings import Rbm
from trainer.models.settings import ModelSettings
from tutti.encodings.pianoroll import PianoRoll

Exports = tuple[SavedModel, SavedModel]


@pytest.fixture(scope="module", params=MODELS)
def exports(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Exports:
    """One run, exported with prompts in steps and as windows."""
    folder = tmp_path_factory.mktemp("prompts")
    model: ModelSettings = MODELS[request.param]
    run = made(folder / "run", model, LABELS)
    return tutti.load(export(run, folder / "steps")), tutti.load(export(run, folder / "window", prompts=WINDOW))


def test_the_state_behind_a_prompt_is_that_of_its_tokens_one_by_one(exports: Exports) -> None:
    prompts, _ = asked(labels=True)
    steps, window = (called(model._saved.signatures["start"], prompts) for model in exports)
    assert any(np.abs(value).max() > 0.01 for value in steps.values())
    for name, value in steps.items():
        np.testing.assert_allclose(window[name], value, rtol=0, atol=1e-5)


def test_a_rows_state_and_piece_do_not_depend_on_the_others(exports: Exports) -> None:
    _, model = exports
    prompts, settings = asked(labels=True)
    signatures = model._saved.signatures
    together = called(signatures["generate_bounded"], prompts, settings, bounds())
    begun = called(signatures["start"], prompts)
    for row in range(ROWS):
        alone = called(
            signatures["generate_bounded"],
            *(rows(inputs, slice(row, row + 1)) for inputs in (prompts, settings, bounds())),
        )
        length = together["length"][row]
        assert alone["tokens"][0, :length].tolist() == together["tokens"][row, :length].tolist()
        assert alone["log_prob"][0] == together["log_prob"][row]
        for name, value in called(signatures["start"], rows(prompts, slice(row, row + 1))).items():
            assert value[0].tobytes() == begun[name][row].tobytes()


def test_a_state_goes_on_behind_a_second_prompt(exports: Exports) -> None:
    prompts, _ = asked(labels=True)
    half = {"prompt": prompts["prompt"][:, :4], "label": prompts["label"]}
    for model in exports:
        first = called(model._saved.signatures["start"], half)
        parts = called(model._saved.signatures["read"], states(first), {"prompt": prompts["prompt"][:, 4:]})
        for name, value in called(model._saved.signatures["start"], prompts).items():
            np.testing.assert_allclose(parts[name], value, rtol=0, atol=1e-5)


def test_the_server_gives_what_the_model_gives(exports: Exports) -> None:
    _, model = exports
    chance = np.random.default_rng(2)
    prompts, settings = asked(labels=True)
    # Longer than what the engine reads at a time.
    prompts["prompt"] = chance.integers(3, 500, (ROWS, 90)).astype(np.int32)
    prompts["prompt"][::2, 50:] = 0
    expected = called(model._saved.signatures["generate"], prompts, settings)
    engine = Engine(model, slots=4, block=8, queue=64)
    try:
        served = ServedVersion("drums", 1, model, engine, Limits())
        answer = asyncio.run(served.predict("generate", prompts | settings, Call()))
    finally:
        engine.close(abort=True)
    for name, value in expected.items():
        assert answer[name].tobytes() == value.tobytes(), name


def test_an_export_says_how_it_reads_prompts_and_frames_have_none(exports: Exports, tmp_path: Path) -> None:
    steps, window = exports
    assert "prompts" not in steps.description and window.description["prompts"] == WINDOW
    assert json.loads((Path(window.path) / "assets" / "model.json").read_text())["prompts"] == WINDOW
    with pytest.raises(OptionError, match="must be steps or window"):
        export(tmp_path / "none", tmp_path / "models", prompts="all")
    rolls = made(tmp_path / "rolls", Rbm(hidden=16), encoding=PianoRoll())
    with pytest.raises(OptionError, match="for models of tokens, not for rbm"):
        export(rolls, tmp_path / "models", prompts=WINDOW)
    assert not (tmp_path / "models").exists()
