"""A small exported model with random weights, made once for all tests."""

from pathlib import Path

import pytest

from tutti.quiet import importing

with importing():
    import tensorflow as tf


from serving.export import export
from trainer.config import TrainingConfig
from trainer.models.lstm.settings import Lstm
from trainer.models.settings import ModelSettings as Settings
from trainer.run.config import RunConfig
from trainer.run.directory import BEST, Run
from tutti.encodings.base import Encoding
from tutti.encodings.chords import pitch_name
from tutti.encodings.drums import Drums
from tutti.encodings.notes import NotesAndChords
from tutti.encodings.vocabulary import Vocabulary

LABELS = ("happy", "sad_slow")


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of a drum network with random weights."""
    return made(tmp_path_factory.mktemp("runs") / "drums", Lstm(units=32, layers=2, embedding=16))


def made(
    path: Path,
    model: Settings,
    labels: tuple[str, ...] = (),
    encoding: Encoding | None = None,
    vocabulary: Vocabulary | None = None,
) -> Run:
    """A run with random weights; of drums, unless another encoding is given."""
    encoding = encoding or Drums()
    config = RunConfig(
        preset="drums-lstm-small",
        model=model,
        training=TrainingConfig(),
        encoding=encoding,
        vocabulary=vocabulary or encoding.vocabulary() or Vocabulary.of(()),
        window=64,
        dataset="none",
        snapshot=1,
        content="none",
        labels=labels,
    )
    run = Run(str(path), config)
    run.save()
    tf.train.Checkpoint(model=run.build()).save(str(path / BEST / "weights"))
    return run


@pytest.fixture(scope="session")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that was trained with labels."""
    run = made(tmp_path_factory.mktemp("runs") / "styles", Lstm(units=32, layers=2, embedding=16), LABELS)
    path = tmp_path_factory.mktemp("models") / "styles"
    export(run, path)
    return path


@pytest.fixture(scope="session")
def piano(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of notes and chords, whose vocabulary has every note of four octaves and a few chords."""
    names = [pitch_name(pitch) for pitch in range(36, 84)]
    chords = [".".join(str((pitch + root) % 12) for pitch in (0, 4, 7)) for root in range(12)]
    vocabulary = Vocabulary.of([*names, *chords])
    model = Lstm(units=32, layers=1, embedding=16)
    run = made(tmp_path_factory.mktemp("runs") / "piano", model, encoding=NotesAndChords(), vocabulary=vocabulary)
    path = tmp_path_factory.mktemp("models") / "piano"
    export(run, path)
    return path


@pytest.fixture(scope="session")
def models(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model with one version."""
    path = tmp_path_factory.mktemp("models") / "drums"
    export(run, path)
    return path
