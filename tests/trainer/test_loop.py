"""The loop with a model of one number, so that what it decides is seen apart from what is learned."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import tensorflow as tf

from tests.trainer import made
from trainer.config import Pace, TrainingConfig
from trainer.data.batches import Batches
from trainer.data.reader import open_corpus
from trainer.loop import Loop, Splits
from trainer.multi_step import Sums, Votes
from trainer.objectives.base import TrainingComputation
from trainer.optimizer import Adam
from trainer.run.checkpoints import Checkpoints, Progress
from trainer.run.journal import Journal
from trainer.types import Batch
from tutti.errors import Error

Bits = Callable[[int], float]


class One(tf.Module):
    def __init__(self) -> None:
        super().__init__()
        self.number = tf.Variable(0.0)


def checkpoints_of(folder: Path) -> Checkpoints:
    model = One()
    return Checkpoints(str(folder), model, Adam(model.trainable_variables))


def run(
    phrases: made.Made,
    folder: Path,
    training: TrainingConfig,
    bits: Bits,
    stop: threading.Event | None = None,
    during: Callable[[], None] = lambda: None,
) -> tuple[Progress, str]:
    """A run whose validation number n has `bits(n)`."""
    corpus = open_corpus(phrases.path)
    validations = 0

    def train(batches: Batch, count: int, votes: Votes) -> Sums:
        during()
        return Sums(float(count), float(count), tuple(float(vote) for vote in votes))

    def score(batches: Batch, count: int) -> Sums:
        nonlocal validations
        validations += 1
        return Sums(bits(validations) * 0.6931471805599453, 1.0)

    validation = Batches(corpus, "validation", batch_size=64)
    splits = Splits(Batches(corpus, "train", batch_size=8, seed=1), validation)
    computation = TrainingComputation(Adam([]), (), train, score)
    checkpoints = checkpoints_of(folder)
    progress = checkpoints.restore()
    journal = Journal(str(folder), "a run", progress.step, 60)
    try:
        loop = Loop(computation, splits, training, Pace(steps_per_call=4), checkpoints, journal)
        return loop.run(progress, stop)
    finally:
        journal.close()


def test_it_stops_when_validation_has_not_gained_for_as_long_as_it_is_patient(
    phrases: made.Made, tmp_path: Path
) -> None:
    progress, reason = run(phrases, tmp_path, TrainingConfig(epochs=60, patience=3), lambda n: abs(n - 4) + 1.0)
    assert (reason, progress.step, progress.best_step) == ("patience", 70, 40)
    assert progress.best == pytest.approx(1.0)
    assert tf.train.latest_checkpoint(str(tmp_path / "best")).endswith("ckpt-40")
    assert run(phrases, tmp_path, TrainingConfig(epochs=60, patience=3), lambda n: 0.0) == (progress, "patience")


def test_it_stops_when_time_is_up_and_validates_first(phrases: made.Made, tmp_path: Path) -> None:
    progress, reason = run(phrases, tmp_path, TrainingConfig(epochs=60, time_limit=1e-9), lambda n: 2.0)
    assert (reason, progress.step, progress.validated) == ("time", 4, 4)


def test_asked_to_stop_it_saves_and_goes_on_from_there(phrases: made.Made, tmp_path: Path) -> None:
    training = TrainingConfig(epochs=3)
    stop = threading.Event()
    progress, reason = run(phrases, tmp_path, training, lambda n: 3.0 - n, stop, during=stop.set)
    assert (reason, progress.step, progress.validated) == ("signal", 8, 0)
    progress, reason = run(phrases, tmp_path, training, lambda n: 3.0 - n)
    assert (reason, progress.step, progress.best_step) == ("steps", 30, 30)


def test_time_before_a_restart_counts(phrases: made.Made, tmp_path: Path) -> None:
    checkpoints_of(tmp_path).save(Progress(step=8, elapsed=3600.0))
    progress, reason = run(phrases, tmp_path, TrainingConfig(epochs=2), lambda n: 1.0)
    assert (reason, progress.step) == ("steps", 20)
    assert 3600 < progress.elapsed < 7200
    progress, reason = run(phrases, tmp_path, TrainingConfig(epochs=4, time_limit=60), lambda n: 1.0)
    assert (reason, progress.step) == ("time", 20)


def test_a_loss_that_is_no_number_ends_the_run(phrases: made.Made, tmp_path: Path) -> None:
    corpus = open_corpus(phrases.path)
    computation = TrainingComputation(
        Adam([]), (), lambda *_: Sums(float("nan"), 1.0, (0.0, 0.0)), lambda *_: Sums(1.0, 1.0)
    )
    splits = Splits(Batches(corpus, "train", batch_size=8, seed=1), None)
    with pytest.raises(Error, match=r"not finite any more after step 0; .*--learning-rate"):
        Loop(computation, splits, TrainingConfig(), Pace(), checkpoints_of(tmp_path), None).run(Progress())
