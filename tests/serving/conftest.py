"""A small exported model with random weights, made once for all tests."""

from pathlib import Path

import pytest

from serving import quiet  # noqa: F401

# isort: split
import tensorflow as tf

from music.drums import Drums
from serving.export import export
from trainer.lstm import Lstm
from trainer.presets import Settings, Training
from trainer.run import BEST, Config, Run


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of a drum network with random weights."""
    return made(tmp_path_factory.mktemp("runs") / "drums", Lstm(units=32, layers=2, embedding=16))


def made(path: Path, model: Settings) -> Run:
    """A run with random weights."""
    config = Config(
        preset="drums-lstm-small",
        model=model,
        training=Training(),
        encoding=Drums(),
        vocabulary=Drums().vocabulary(),
        window=64,
        dataset="none",
        snapshot=1,
        content="none",
    )
    run = Run(str(path), config)
    run.save()
    tf.train.Checkpoint(model=run.build()).save(str(path / BEST / "weights"))
    return run


@pytest.fixture(scope="session")
def models(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model with one version."""
    path = tmp_path_factory.mktemp("models") / "drums"
    export(run, str(path))
    return path
