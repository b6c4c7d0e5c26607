"""The training loop: steps, validations, checkpoints, until the run is over."""

import math
import threading
import time
from dataclasses import dataclass, replace

import tensorflow as tf

from trainer.cli import signals
from trainer.config import TrainingConfig
from trainer.data.batches import Batches
from trainer.multi_step import Call
from trainer.run.checkpoints import Checkpoints, Progress
from trainer.run.journal import Journal
from trainer.run.metrics import Line
from trainer.schedule import learning_rate
from tutti.errors import Error

LEAST_SECONDS_BETWEEN_CHECKPOINTS = 10.0


@dataclass(frozen=True)
class Pace:
    """How often the loop looks up from the graph. None of it changes the weights.

    Attributes:
      steps_per_call: steps in one call of the graph, at most. Between calls it saves, reports and can be stopped.
      report_every: steps from one line of metrics to the next.
      checkpoint_minutes: minutes from one checkpoint to the next; there is one after each epoch as well.
      checkpoint_steps: steps from one checkpoint to the next; 0 for minutes alone.
    """

    steps_per_call: int = 16
    report_every: int = 50
    checkpoint_minutes: float = 5.0
    checkpoint_steps: int = 0


@dataclass(frozen=True)
class Computation:
    """What a step needs: the two calls of the graph, and the batches for them. No validation, no batches."""

    train: Call
    score: Call
    batches: Batches
    validation: Batches | None


def total_steps(training: TrainingConfig, steps_per_epoch: int) -> int:
    return training.steps or training.epochs * steps_per_epoch


def fit(
    computation: Computation,
    training: TrainingConfig,
    pace: Pace,
    checkpoints: Checkpoints,
    journal: Journal | None,
    progress: Progress,
) -> tuple[Progress, str]:
    """Goes on from `progress` until the steps, the time or the patience are used up, or a signal comes.

    All workers call this alike and decide alike: what their clocks and signals say they put to the vote in every call.

    Args:
      journal: the chief's; it alone has one, and saves.

    Returns:
      How far it came, and why it ended: "steps", "time", "patience" or "signal".

    Raises:
      UserError: if the loss is no longer finite, or a file cannot be written.
    """
    loop = _Loop(computation, training, pace, checkpoints, journal)
    with signals.heard() as told:
        return loop.run(progress, told)


class _Loop:
    """What `fit` goes by, and the clocks that it keeps beside its progress."""

    def __init__(
        self,
        computation: Computation,
        training: TrainingConfig,
        pace: Pace,
        checkpoints: Checkpoints,
        journal: Journal | None,
    ) -> None:
        self.computation, self.training, self.pace = computation, training, pace
        self.checkpoints, self.journal = checkpoints, journal
        self.epoch_steps = computation.batches.steps
        self.total = total_steps(training, self.epoch_steps)
        self.evaluate_every = training.evaluate_every or self.epoch_steps
        self.saved_at, self.saved_step = time.monotonic(), -1
        self.busy, self.clock_targets = 0.0, 0.0

    def run(self, progress: Progress, told: threading.Event) -> tuple[Progress, str]:
        self.saved_step = progress.step
        self._restart_clock(progress)
        began = time.monotonic() - progress.elapsed
        reason = self._over(progress) or ("time" if self._late(progress.elapsed) else "")
        if reason and progress.validated < progress.step:  # its time ran out while it was down
            progress = self._validate(progress)
            self.saved_step = -1
            self._save(progress, final=True)
        stops = (self.evaluate_every, self.pace.report_every, self.pace.checkpoint_steps or self.total, self.total)
        chunks = self.computation.batches.chunks(self.pace.steps_per_call, progress.step, stops)
        first = True
        while not reason:
            started = time.monotonic()
            rows, count = next(chunks)
            late = self._late(time.monotonic() - began)
            sums = self.computation.train(rows, count, (late, told.is_set()))
            if not math.isfinite(sums.nats):
                raise Error(
                    f"the loss is not finite any more after step {progress.step}; train anew with a lower "
                    "--learning-rate, a longer --warmup or a lower --clip"
                )
            progress = replace(
                progress,
                step=progress.step + count,
                elapsed=time.monotonic() - began,
                targets=progress.targets + sums.targets,
                nats=progress.nats + sums.nats,
                counted=progress.counted + sums.targets,
                epoch_nats=progress.epoch_nats + sums.nats,
                epoch_counted=progress.epoch_counted + sums.targets,
            )
            if first:  # that call built the graph, which says nothing of the speed
                self._restart_clock(progress)
                first = False
            else:
                self.busy += time.monotonic() - started
            if self.journal:
                self.journal.advance(progress.step, _bits(progress.nats, progress.counted), self._speed(progress))
            # Own clocks and signals have been heard above; from here on all workers must decide alike.
            late, stopped = (votes > 0 for votes in sums.votes)
            if late or progress.step == self.total or progress.step % self.evaluate_every == 0:
                progress = self._validate(progress)
                reason = self._over(progress) or ("time" if late else "")
            elif progress.step % self.pace.report_every == 0:
                progress = self._report(progress)
            reason = reason or ("signal" if stopped else "")
            self._save(progress, final=bool(reason))
        return progress, reason

    def _late(self, elapsed: float) -> bool:
        return bool(self.training.time_limit) and elapsed >= 60 * self.training.time_limit

    def _over(self, progress: Progress) -> str:
        """Why a run that came so far goes no further, its time aside, or nothing."""
        if progress.step >= self.total:
            return "steps"
        if self.training.patience and progress.stale >= self.training.patience:
            return "patience"
        return ""

    def _validate(self, progress: Progress) -> Progress:
        """Bits per token on the validation split or, without one, of the training since the last time."""
        nats, targets = progress.epoch_nats, progress.epoch_counted
        if self.computation.validation:
            sums = [
                self.computation.score(rows, count)
                for rows, count in self.computation.validation.chunks(self.pace.steps_per_call)
            ]
            nats, targets = sum(s.nats for s in sums), sum(s.targets for s in sums)
        bits = _bits(nats, targets)
        better = bits < progress.best
        if self.journal and better:
            self.checkpoints.save_best(progress.step)
        progress = replace(
            progress,
            best=bits if better else progress.best,
            best_step=progress.step if better else progress.best_step,
            stale=0 if better else progress.stale + 1,
            validated=progress.step,
            epoch_nats=0.0,
            epoch_counted=0.0,
        )
        return self._report(progress, bits, better)

    def _report(self, progress: Progress, bits: float | None = None, better: bool | None = None) -> Progress:
        """Writes a line of metrics, and starts counting for the next one."""
        if self.journal:
            training = self.training
            rate = learning_rate(
                tf.constant(progress.step - 1),
                peak=training.learning_rate,
                warmup=training.warmup,
                decay=training.decay,
                steps=self.total,
            )
            self.journal.write(
                Line(
                    step=progress.step,
                    epoch=progress.step / self.epoch_steps,
                    train_bits=_bits(progress.nats, progress.counted),
                    learning_rate=float(rate),
                    tokens_per_second=self._speed(progress),
                    elapsed=progress.elapsed,
                    validation_bits=bits if self.computation.validation else None,
                    best=better,
                )
            )
        self._restart_clock(progress)
        return replace(progress, nats=0.0, counted=0.0)

    def _save(self, progress: Progress, final: bool) -> None:
        if not self.journal or progress.step == self.saved_step:
            return
        passed = time.monotonic() - self.saved_at
        epoch_ends = progress.step % self.epoch_steps == 0 and passed > LEAST_SECONDS_BETWEEN_CHECKPOINTS
        counted = self.pace.checkpoint_steps and progress.step % self.pace.checkpoint_steps == 0
        if final or epoch_ends or counted or passed >= 60 * self.pace.checkpoint_minutes:
            self.checkpoints.save(progress)
            self.saved_at, self.saved_step = time.monotonic(), progress.step

    def _speed(self, progress: Progress) -> float:
        """Targets a second of training since the last report; validations, checkpoints and the first call left out."""
        return (progress.targets - self.clock_targets) / self.busy if self.busy else 0.0

    def _restart_clock(self, progress: Progress) -> None:
        self.busy, self.clock_targets = 0.0, progress.targets


def _bits(nats: float, targets: float) -> float:
    return nats / max(targets, 1.0) / math.log(2)
