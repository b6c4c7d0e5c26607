"""The loop with a model of one number, so that what it decides is seen apart from what is learned."""

import math
import threading
from collections.abc import Callable
from dataclasses import replace
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
from trainer.run.directory import METRICS
from trainer.run.journal import Journal
from trainer.run.metrics import Line, read_lines
from trainer.schedule import learning_rate
from trainer.types import Batch
from tutti.errors import Error

Bits = Callable[[int], float]
PACE = Pace(steps_per_call=4)
LN_2 = math.log(2)


class Clock:
    """Stands still unless a test lets it go on."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of the loop."""
    clock = Clock()
    monkeypatch.setattr("trainer.loop.time", clock)
    return clock


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
    pace: Pace = PACE,
    chief: bool = True,
) -> tuple[Progress, str]:
    """A run of ten steps an epoch, of three targets each, whose validation number n has `bits(n)`."""
    corpus = open_corpus(phrases.path)
    validations = 0

    def train(batches: Batch, count: int, votes: Votes) -> Sums:
        during()
        return Sums(6.0 * count * LN_2, 3.0 * count, tuple(float(vote) for vote in votes))

    def score(batches: Batch, count: int) -> Sums:
        nonlocal validations
        validations += 1
        return Sums(bits(validations) * LN_2, 1.0)

    validation = Batches(corpus, "validation", batch_size=64)
    splits = Splits(Batches(corpus, "train", batch_size=8, seed=1), validation)
    computation = TrainingComputation(Adam([]), (), train, score)
    checkpoints = checkpoints_of(folder)
    progress = checkpoints.restore()
    journal = Journal(str(folder), "a run", progress.step, 60) if chief else None
    try:
        return Loop(computation, splits, training, pace, checkpoints, journal).run(progress, stop)
    finally:
        if journal:
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


def test_bits_as_low_as_the_lowest_are_no_gain(phrases: made.Made, tmp_path: Path) -> None:
    progress, reason = run(phrases, tmp_path, TrainingConfig(epochs=60, patience=2), lambda n: 1.0)
    assert (reason, progress.step, progress.best_step) == ("patience", 30, 10)


def test_a_call_that_begins_when_time_is_up_is_the_last(phrases: made.Made, tmp_path: Path, clock: Clock) -> None:
    def ended(minutes: float) -> tuple[str, int, int, float]:
        training = TrainingConfig(epochs=60, time_limit=minutes, evaluate_every=100)
        progress, reason = run(
            phrases, tmp_path, training, lambda n: 1.0, during=lambda: clock.wait(30), pace=Pace(steps_per_call=1)
        )
        return reason, progress.step, progress.validated, progress.elapsed

    assert ended(2) == ("time", 5, 5, 150)
    clock.wait(1e6)  # until it goes on
    assert ended(2.5) == ("time", 5, 5, 150)
    assert ended(4) == ("time", 9, 9, 270)


def test_a_run_whose_time_is_up_when_it_comes_back_validates(phrases: made.Made, tmp_path: Path) -> None:
    checkpoints_of(tmp_path).save(Progress(step=8, elapsed=3600.0))
    progress, reason = run(phrases, tmp_path, TrainingConfig(time_limit=60), lambda n: 1.0)
    assert (reason, progress.step, progress.validated, progress.best_step) == ("time", 8, 8, 8)
    assert checkpoints_of(tmp_path).restore() == progress


def test_lines_and_bar_tell_the_speed_of_training_without_the_first_call_and_validations(
    phrases: made.Made, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    bar: list[tuple[int, float, float]] = []
    monkeypatch.setattr(Journal, "advance", lambda _, step, bits, speed: bar.append((step, round(bits, 6), speed)))

    def bits(number: int) -> float:
        clock.wait(100)
        return 3.0 - number

    training = TrainingConfig(steps=20, evaluate_every=10, learning_rate=0.5, warmup=15, decay="linear")
    run(phrases, tmp_path, training, bits, during=lambda: clock.wait(2), pace=Pace(steps_per_call=4, report_every=5))
    # Calls of 4, 1, 4, 1 steps and again, two seconds each.
    assert read_lines(str(tmp_path / METRICS)) == [
        Line(5, 0.5, 2.0, rate(training, 4), 1.5, 4.0),
        Line(10, 1.0, 2.0, rate(training, 9), 3.75, 8.0, validation_bits=2.0, best=True),
        Line(15, 1.5, 2.0, rate(training, 14), 3.75, 112.0),
        Line(20, 2.0, 2.0, rate(training, 19), 3.75, 116.0, validation_bits=1.0, best=True),
    ]
    assert bar[:4] == [(4, 2.0, 0.0), (5, 2.0, 1.5), (9, 2.0, 6.0), (10, 2.0, 3.75)]


def rate(training: TrainingConfig, step: int) -> float:
    peak, warmup, decay, steps = training.learning_rate, training.warmup, training.decay, training.steps
    return round(float(learning_rate(tf.constant(step), peak=peak, warmup=warmup, decay=decay, steps=steps)), 6)


@pytest.mark.parametrize(
    ("seconds", "pace", "saved"),
    [
        (0.1, Pace(checkpoint_steps=8), [8, 16, 24, 30]),
        (30.0, Pace(checkpoint_minutes=2), [4, 8, 10, 14, 18, 20, 24, 28, 30]),
        (1.0, Pace(), [20, 30]),  # the first epoch took ten seconds, too few
        (1.1, Pace(), [10, 20, 30]),
    ],
    ids=["steps", "minutes", "short epochs", "epochs"],
)
def test_it_saves_after_steps_minutes_and_epochs_and_at_the_end(
    seconds: float,
    pace: Pace,
    saved: list[int],
    phrases: made.Made,
    tmp_path: Path,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps: list[int] = []
    monkeypatch.setattr(Checkpoints, "save", lambda _, progress: steps.append(progress.step))
    pace = replace(pace, steps_per_call=1)
    run(phrases, tmp_path, TrainingConfig(epochs=3), lambda n: 1.0, during=lambda: clock.wait(seconds), pace=pace)
    assert steps == saved


def test_the_chief_alone_writes(phrases: made.Made, tmp_path: Path) -> None:
    progress, reason = run(phrases, tmp_path, TrainingConfig(epochs=2), lambda n: 3.0 - n, chief=False)
    assert (reason, progress.step, progress.best_step) == ("steps", 20, 20)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_without_a_validation_split_the_loss_of_training_since_the_last_time_decides(
    phrases: made.Made, tmp_path: Path
) -> None:
    corpus, nats = open_corpus(phrases.path), iter([*[4.0] * 10, *[1.0] * 10, *[2.0] * 10])
    computation = TrainingComputation(
        Adam([]),
        (),
        lambda _, count, votes: Sums(sum(next(nats) for _ in range(count)) * LN_2, float(count), (0.0, 0.0)),
        lambda *_: Sums(0.0, 1.0),
    )
    journal = Journal(str(tmp_path), "a run", 0, 30)
    loop = Loop(
        computation,
        Splits(Batches(corpus, "train", batch_size=8, seed=1), None),
        TrainingConfig(epochs=3),
        Pace(steps_per_call=4, report_every=6),
        checkpoints_of(tmp_path),
        journal,
    )
    progress, _ = loop.run(Progress())
    journal.close()
    assert progress.best == pytest.approx(1.0)
    assert (progress.best_step, progress.stale) == (20, 1)
    lines = read_lines(str(tmp_path / METRICS))
    assert all(line.validation_bits is None for line in lines)
    assert [(line.step, line.best) for line in lines if line.best is not None] == [(10, True), (20, True), (30, False)]


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
