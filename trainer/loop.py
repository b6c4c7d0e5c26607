"""The training loop: steps, validations, checkpoints, until the run is over."""

import math
import threading
import time
from dataclasses import replace
from typing import NamedTuple

import tensorflow as tf

from trainer.config import Pace, TrainingConfig
from trainer.data.batches import Batches
from trainer.objectives.base import TrainingComputation
from trainer.run.checkpoints import Checkpoints, Progress
from trainer.run.journal import Journal
from trainer.run.metrics import Line
from trainer.schedule import learning_rate
from tutti.errors import Error

LEAST_SECONDS_BETWEEN_CHECKPOINTS = 10.0


class Splits(NamedTuple):
    """The batches to train on and, where the dataset has a validation split, those of validation."""

    train: Batches
    validation: Batches | None


def total_steps(training: TrainingConfig, steps_per_epoch: int) -> int:
    """Returns the updates of the whole run."""
    return training.steps or training.epochs * steps_per_epoch


class Loop:
    """Trains, validates, saves and reports, until a run is over.

    All workers make one alike and decide alike: what their clocks and events say they put to the vote in every call.

    Args:
      journal: the chief's; it alone has one, and saves.
    """

    def __init__(
        self,
        computation: TrainingComputation,
        splits: Splits,
        training: TrainingConfig,
        pace: Pace,
        checkpoints: Checkpoints,
        journal: Journal | None,
    ) -> None:
        self.computation, self.splits, self.training, self.pace = computation, splits, training, pace
        self.checkpoints, self.journal = checkpoints, journal
        self.epoch_steps = splits.train.steps
        self.total = total_steps(training, self.epoch_steps)
        self.evaluate_every = training.evaluate_every or self.epoch_steps
        self.saved_at, self.saved_step = time.monotonic(), -1
        self.busy, self.clock_targets = 0.0, 0.0

    def run(self, progress: Progress, stop: threading.Event | None = None) -> tuple[Progress, str]:
        """Goes on from `progress` until the steps, the time or the patience are used up, or `stop` is set.

        Args:
          stop: ends the run after the call of the graph in which it is set.

        Returns:
          How far it came, and why it ended: "steps", "time", "patience" or "signal", which is a `stop` that was set.

        Raises:
          Error: if the loss is no longer finite, or a file cannot be written.
        """
        stop = stop or threading.Event()
        self.saved_step = progress.step
        self._restart_clock(progress)
        began = time.monotonic() - progress.elapsed
        reason = self._over(progress) or ("time" if self._late(progress.elapsed) else "")
        if reason and progress.validated < progress.step:  # its time ran out while it was down
            progress = self._validate(progress)
            self.saved_step = -1
            self._save(progress, final=True)
        stops = (self.evaluate_every, self.pace.report_every, self.pace.checkpoint_steps or self.total, self.total)
        chunks = self.splits.train.chunks(self.pace.steps_per_call, progress.step, stops)
        first = True
        while not reason:
            started = time.monotonic()
            batches, count = next(chunks)
            late = self._late(time.monotonic() - began)
            sums = self.computation.train(batches, count, (late, stop.is_set()))
            if not math.isfinite(sums.loss_sum):
                raise Error(
                    f"the loss is not finite any more after step {progress.step}; train anew with a lower "
                    "--learning-rate, a longer --warmup or a lower --clip"
                )
            progress = replace(
                progress,
                step=progress.step + count,
                elapsed=time.monotonic() - began,
                targets=progress.targets + sums.token_count,
                nats=progress.nats + sums.loss_sum,
                counted=progress.counted + sums.token_count,
                epoch_nats=progress.epoch_nats + sums.loss_sum,
                epoch_counted=progress.epoch_counted + sums.token_count,
            )
            if first:  # that call built the graph, which says nothing of the speed
                self._restart_clock(progress)
                first = False
            else:
                self.busy += time.monotonic() - started
            if self.journal:
                self.journal.advance(progress.step, _bits(progress.nats, progress.counted), self._speed(progress))
            # This worker's clock and event have been asked above; from here on all workers must decide alike.
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
        """Returns why a run that came so far goes no further, its time aside, or nothing."""
        if progress.step >= self.total:
            return "steps"
        if self.training.patience and progress.stale >= self.training.patience:
            return "patience"
        return ""

    def _validate(self, progress: Progress) -> Progress:
        """Measures bits per token on the validation split or, without one, of the training since the last time."""
        loss_sum, token_count = progress.epoch_nats, progress.epoch_counted
        if self.splits.validation:
            sums = [
                self.computation.score(batches, count)
                for batches, count in self.splits.validation.chunks(self.pace.steps_per_call)
            ]
            loss_sum, token_count = sum(s.loss_sum for s in sums), sum(s.token_count for s in sums)
        bits = _bits(loss_sum, token_count)
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
                    validation_bits=bits if self.splits.validation else None,
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
        """Returns targets a second of training since the last report; first call, validations and saves left out."""
        return (progress.targets - self.clock_targets) / self.busy if self.busy else 0.0

    def _restart_clock(self, progress: Progress) -> None:
        self.busy, self.clock_targets = 0.0, progress.targets


def _bits(loss_sum: float, token_count: float) -> float:
    return loss_sum / max(token_count, 1.0) / math.log(2)
