"""`tutti.train` and `tutti.evaluate` as functions: from any thread, printing nothing, resuming like the command."""

import json
import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import tensorflow as tf

import tutti
from tests.trainer import made, running
from tests.trainer.running import weights
from trainer.config import TrainingConfig
from trainer.evaluate import evaluate
from trainer.models import registry
from trainer.models.lstm.settings import Lstm
from trainer.run import directory
from trainer.train import train
from tutti import plugins
from tutti.errors import Error

FIXTURES = Path(__file__).parents[1] / "fixtures"
TINY: dict[str, Any] = {"units": 16, "layers": 1, "embedding": 16, "dropout": 0.3, "batch_size": 8}
STEPS: dict[str, Any] = {"steps": 60, "evaluate_every": 20, "report_every": 7}


@pytest.mark.parametrize("name", ["drums", "rolls"])
def test_a_run_of_an_earlier_version_loads_evaluates_and_goes_on(name: str, tmp_path: Path) -> None:
    run = shutil.copytree(FIXTURES / name / "run", tmp_path / "run")
    dataset = FIXTURES / name / "dataset"
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    split = {"drums": "validation", "rolls": "train"}[name]
    found = evaluate(run, dataset, split=split, context="window", baseline=False).to_json()
    if name == "drums":
        assert found["bits_per_token"] == pytest.approx(lines[-1]["validation_bits"], abs=1e-4)
    else:
        assert 0.9 < float(str(found["reconstruction_bits"])) < lines[-1]["train_bits"]
    before = weights(run)
    report = train(dataset, run=run, steps=8)
    assert (report.ended, report.step) == ("steps", 8)
    after = weights(run)
    assert {key: value.shape for key, value in after.items()} == {key: value.shape for key, value in before.items()}
    assert (run / "metrics.jsonl").read_text().startswith((FIXTURES / name / "run" / "metrics.jsonl").read_text())


@pytest.mark.parametrize("name", ["drums", "rolls"])
def test_training_anew_gives_the_weights_of_an_earlier_version_bit_for_bit(name: str, tmp_path: Path) -> None:
    every: dict[str, dict[str, Any]] = {
        "drums": {"preset": "drums-lstm-small", "units": 16, "layers": 1, "embedding": 16},
        "rolls": {"preset": "rbm-small", "hidden": 16, "chains": 4},
    }
    common: dict[str, Any] = {"steps": 6, "batch_size": 4, "evaluate_every": 3}
    train(FIXTURES / name / "dataset", run=tmp_path / "run", **every[name], **common)
    expected, found = weights(FIXTURES / name / "run"), weights(tmp_path / "run")
    assert expected.keys() == found.keys()
    for variable, value in expected.items():
        # Another processor may round otherwise; on one it is bit for bit.
        np.testing.assert_allclose(found[variable], value, rtol=1e-5, atol=1e-6, err_msg=variable)


def test_from_a_thread_it_prints_nothing_and_ends_with_the_weights_of_the_command(
    trained: Path, phrases: made.Made, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    reports = []

    def work() -> None:
        reports.append(train(phrases.path, run=tmp_path / "run", preset="piano-lstm-small", **TINY, **STEPS))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert capfd.readouterr() == ("", "")
    expected, found = weights(trained), weights(tmp_path / "run")
    for variable, value in expected.items():
        np.testing.assert_array_equal(found[variable], value, err_msg=variable)
    (report,) = reports
    assert os.fspath(report) == str(tmp_path / "run")
    assert list(report.to_json()) == [
        "run", "best", "learning_curve", "metrics", "ended", "step", "best_step", "best_bits", "elapsed",
    ]  # fmt: skip
    assert (report.ended, report.step) == ("steps", 60)
    assert report.table().startswith("all steps done after 60 steps and 00:0")
    assert (report._repr_png_() or b"").startswith(b"\x89PNG")
    evaluation = evaluate(report)
    assert evaluation.table().splitlines()[2].startswith("piano-lstm-small")
    assert "<td>3-gram</td>" in evaluation._repr_html_()
    tf.random.uniform([1])  # a process may be random again


def test_a_run_that_is_asked_to_stop_goes_on_to_the_same_weights(
    trained: Path, phrases: made.Made, tmp_path: Path
) -> None:
    stop = threading.Event()
    stop.set()
    run = tmp_path / "run"
    report = train(phrases.path, run=run, preset="piano-lstm-small", stop=stop, steps_per_call=4, **TINY, **STEPS)
    assert (report.ended, report.step) == ("signal", 4)
    assert train(run=run, report_every=7).step == 60
    expected, found = weights(trained), weights(run)
    for variable, value in expected.items():
        np.testing.assert_array_equal(found[variable], value, err_msg=variable)


def test_settings_that_cannot_be_are_named(phrases: made.Made, tmp_path: Path) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"width": 3}, "unknown setting 'width'; there are optimizer, "),
        ({"stacks": 2}, "--stacks does not apply to --model lstm"),
        ({"units": "wide"}, "units must be a whole number, not 'wide'"),
        ({"units": 16.5}, "units must be a whole number, not 16.5"),
        ({"units": 15}, "units must be a positive multiple of 16, got 15"),
        ({"learning_rate": "high"}, "learning_rate must be a number, not 'high'"),
        ({"carry": 1}, "carry must be True or False, not 1"),
        ({"report_every": 0}, "report_every must be 1 or more, not 0"),
        ({"strategy": "all"}, "unknown strategy 'all'; there are auto, "),
    ]
    for settings, named in cases:
        with pytest.raises(Error, match=named):
            train(phrases.path, run=tmp_path / "run", preset="piano-lstm-small", **settings)
    with pytest.raises(Error, match="weights must be one of best, last, not 'worst'"):
        evaluate(tmp_path / "run", weights="worst")
    assert not (tmp_path / "run").exists()


def test_numbers_and_lists_of_any_kind_are_stored_as_json_has_them(phrases: made.Made, tmp_path: Path) -> None:
    train(
        phrases.path,
        run=tmp_path / "run",
        model="wavenet",
        residual=np.int64(16),
        skip=16,
        dilations=[1, 2],
        steps=1,
        batch_size=4,
    )
    stored = json.loads((tmp_path / "run" / "config.json").read_text())
    assert stored["model"] == {
        "name": "wavenet", "residual": 16, "skip": 16, "dilations": [1, 2], "stacks": 2, "dropout": 0.1,
    }  # fmt: skip


@dataclass(frozen=True)
class Tall(Lstm):
    """The settings of a model that another package registers."""

    name: ClassVar[str] = "tall"


@pytest.fixture
def tall(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(registry.OWN, "tall", f"{__name__}:Tall")
    registry.models.cache_clear()
    yield
    registry.models.cache_clear()


@pytest.mark.usefixtures("tall")
def test_a_registered_model_trains_without_a_preset(phrases: made.Made, tmp_path: Path) -> None:
    run = tmp_path / "run"
    running.train("--dataset", phrases.path, "--model", "tall", "--run", str(run), "--units", "16", "--steps", "2")
    config = directory.load(str(run)).config
    assert config.preset == "tall"
    assert config.model == Tall(units=16)
    assert config.training == TrainingConfig(steps=2)
    assert config.encoding.name == "notes"
    running.train("--model", "tall", "--run", str(run), "--steps", "3")
    assert running.step_of(run) == 3
    assert evaluate(run).subject.preset == "tall"
    for arguments, named in (
        (["--model", "lstm"], "preset tall, not lstm"),
        (["--preset", "piano-lstm"], "preset tall, not piano-lstm"),
        (["--layers", "1"], "layers 2, not 1"),
    ):
        with pytest.raises(Error, match=named):
            running.train("--run", str(run), *arguments)
    with pytest.raises(Error, match="--model tall does not go with preset piano-lstm: it has no presets; leave"):
        running.train(
            "--dataset", phrases.path, "--preset", "piano-lstm", "--model", "tall", "--run", str(tmp_path / "b")
        )


def test_a_model_of_something_else_than_the_dataset_holds_is_refused(phrases: made.Made, tmp_path: Path) -> None:
    with pytest.raises(Error, match=r"model rbm is for frames; dataset .*, whose encoding is notes, holds tokens"):
        train(phrases.path, run=tmp_path / "run", model="rbm")
    with pytest.raises(Error, match=r"model lstm is for tokens; dataset .*, whose encoding is pianoroll, holds frames"):
        train(FIXTURES / "rolls" / "dataset", run=tmp_path / "run", model="lstm")
    with pytest.raises(Error, match="unknown model 'tall'; there are lstm, wavenet, rbm"):
        train(phrases.path, run=tmp_path / "run", model="tall")


@dataclass(frozen=True)
class Seeded(Lstm):
    """Settings with one that training has too."""

    seed: int = 3


def test_a_registered_model_whose_setting_is_one_of_training_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("lstm2", f"{__name__}:Seeded", registry.GROUP)
    monkeypatch.setattr(Seeded, "name", "lstm2")
    monkeypatch.setattr(plugins, "entry_points", lambda group: [point])
    registry.models.cache_clear()
    with pytest.raises(Error, match="its setting 'seed' has a name that training uses"):
        registry.models()
    registry.models.cache_clear()


def test_the_public_names_are_these_functions() -> None:
    assert (tutti.train, tutti.evaluate) == (train, evaluate)


@pytest.fixture
def grown(phrases: made.Made, tmp_path: Path) -> Path:
    """The dataset of `phrases` with a second snapshot, which lacks a shard of the first."""
    data = shutil.copytree(phrases.path, tmp_path / "data")
    for name, change in (("dataset.json", {"snapshot": 2}), ("snapshots/000001.json", {"number": 2})):
        stored = json.loads((data / name).read_text()) | change
        if "shards" in stored:
            stored["shards"]["train"].pop()
        (data / name.replace("000001", "000002")).write_text(json.dumps(stored))
    return data


def test_a_run_stays_on_its_snapshot_and_says_so_and_another_begins_with_its_weights(
    trained: Path, grown: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = shutil.copytree(trained, tmp_path / "old"), tmp_path / "new"
    running.train("--run", str(old), "--dataset", str(grown))
    said = capsys.readouterr().err
    assert f"note: {grown} is at snapshot 2, this run stays on 1; tutti train --run OTHER --weights-from {old} " in said
    training: dict[str, Any] = {"steps": 1, "warmup": 0, "learning_rate": 1e-12}
    report = train(grown, run=new, weights_from=old, progress=True, **training)
    assert f"begins with the best weights of {old}" in capsys.readouterr().err
    config = directory.load(os.fspath(report)).config
    assert (config.snapshot, config.preset, config.weights_from) == (2, "piano-lstm-small", str(old))
    assert config.model == directory.load(str(old)).config.model
    best = {name: value for name, value in weights(old, "best").items() if name.startswith("model/")}
    for variable, value in best.items():
        np.testing.assert_allclose(weights(new)[variable], value, rtol=0, atol=1e-6, err_msg=variable)
    # It goes on without the other run, whose weights it has, and with no other.
    shutil.rmtree(old)
    assert train(run=new, steps=2).step == 2
    with pytest.raises(Error, match=r"has weights from .*old, not elsewhere; choose another --run"):
        train(run=new, weights_from="elsewhere")


def test_weights_that_do_not_fit_are_refused(trained: Path, tmp_path: Path) -> None:
    other = made.dataset(tmp_path / "other", words=13)
    with pytest.raises(Error, match=r"--weights-from .*: that run has another vocabulary"):
        train(other.path, run=tmp_path / "run", weights_from=trained)
    with pytest.raises(Error, match=r"--weights-from .*: its weights do not fit a model of these sizes"):
        train(run=tmp_path / "run", weights_from=trained, units=32)
    with pytest.raises(Error, match=r"no run at .*nowhere"):
        train(run=tmp_path / "run", weights_from=tmp_path / "nowhere")
    assert not (tmp_path / "run").exists()


def test_what_holds_no_weights_may_change_and_labels_may_have_come(tmp_path: Path) -> None:
    songs = {"train": made.phrases(24, 12, 1), "validation": made.phrases(6, 12, 2), "test": []}
    one = made.dataset(tmp_path / "one", songs, label=lambda song: "ab"[song[1] % 2])
    more = made.dataset(tmp_path / "more", songs, label=lambda song: "abc"[song[1] % 3])
    train(one.path, run=tmp_path / "old", preset="piano-lstm-small", steps=2, **TINY)
    train(more.path, run=tmp_path / "new", weights_from=tmp_path / "old", dropout=0.1, steps=1)
    config = directory.load(str(tmp_path / "new")).config
    assert (config.labels, vars(config.model)["dropout"]) == (("a", "b"), 0.1)


def test_a_run_that_fails_at_its_first_step_is_gone_and_can_be_made_otherwise(
    trained: Path, phrases: made.Made, tmp_path: Path
) -> None:
    with pytest.raises(Error, match="the loss is not finite any more"):
        train(run=tmp_path / "run", weights_from=trained, learning_rate=3e38, clip=0.0, steps=50)
    assert not (tmp_path / "run").exists()
    assert train(run=tmp_path / "run", weights_from=trained, steps=1).step == 1


def test_a_dataset_is_no_run(phrases: made.Made) -> None:
    before = sorted(Path(phrases.path).rglob("*"))
    with pytest.raises(Error, match=r"--run .* is a dataset; give the run a folder of its own"):
        train(phrases.path, run=phrases.path, preset="piano-lstm-small")
    assert sorted(Path(phrases.path).rglob("*")) == before


def test_a_run_that_is_stopped_before_its_first_validation_has_no_best_weights_yet(
    phrases: made.Made, tmp_path: Path
) -> None:
    stop = threading.Event()
    stop.set()
    report = train(phrases.path, run=tmp_path / "run", preset="piano-lstm-small", stop=stop, **TINY, **STEPS)
    assert "; no validation yet\n  weights         none yet" in report.table()
    assert (report.to_json()["best"], report.to_json()["best_bits"]) == (None, None)
