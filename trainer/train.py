"""Training: fits a model to a dataset, in a run directory that it can go on from at any time."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf

from trainer.config import Pace, TrainingConfig
from trainer.data.batches import Batches
from trainer.data.reader import Corpus, open_corpus
from trainer.distribution import Distribution, deterministic, open_distribution
from trainer.loop import Loop, Splits, total_steps
from trainer.objectives.base import objective_of
from trainer.resolve import RunRequest, resolve
from trainer.run import directory
from trainer.run.checkpoints import Checkpoints
from trainer.run.config import RunConfig
from trainer.run.directory import Run, begin_with
from trainer.run.introduction import introduction
from trainer.run.journal import Journal
from trainer.run.report import TrainReport
from tutti.errors import Error

# Enough for a call's own cost not to count, few enough for a slow device to be back within seconds.
TOKENS_PER_CALL, MOST_STEPS_PER_CALL = 1 << 16, 16


def train(
    dataset: str | os.PathLike[str] | None = None,
    *,
    run: str | os.PathLike[str],
    preset: str | None = None,
    model: str | None = None,
    snapshot: int | None = None,
    weights_from: str | os.PathLike[str] | None = None,
    strategy: str = "auto",
    devices: int = 0,
    steps_per_call: int | None = None,
    report_every: int = 50,
    checkpoint_minutes: float = 5.0,
    checkpoint_steps: int = 0,
    progress: bool = False,
    stop: threading.Event | None = None,
    **settings: object,
) -> TrainReport:
    """Trains a model until its steps, its time or its patience are used up.

    A run that exists goes on from its newest checkpoint, to the same weights as if it had never stopped. It knows its
    dataset, its model and its settings; `epochs`, `steps`, `time_limit`, `patience` and `evaluate_every` may change.

    Args:
      dataset: the dataset's folder, or what `ingest` returned.
      run: the run's folder, made where it is not there.
      preset: fixes encoding, model and training: a name of `trainer.presets.PRESETS`.
      model: the other model for the preset's encoding. Without a preset, a name of `trainer.models.registry.models`:
        that model with its own defaults, on a dataset of any encoding.
      snapshot: of the dataset; None for the current one.
      weights_from: a run whose best weights a new one begins with, on another snapshot or dataset with the same
        vocabulary. Without `preset` and `model`, the new run has its settings as well.
      strategy: where to compute: "auto", "one", "mirrored" or "multiworker".
      devices: GPUs, or logical CPU devices; 0 for all there are.
      steps_per_call: steps in one call of the graph; None to let the size of a step decide.
      report_every: steps from one line of metrics to the next.
      checkpoint_minutes, checkpoint_steps: between checkpoints within an epoch; 0 steps for minutes alone.
      progress: whether to write an introduction and a progress bar to standard error.
      stop: set it, from any thread, to end the run after a checkpoint.
      **settings: fields of `trainer.config.TrainingConfig` and of the model's settings, in place of the preset's.

    Raises:
      Error: if the run cannot be made of these, an existing one differs from them, the dataset is unreadable, memory or
        disk do not suffice, or the loss is no longer finite.
    """
    folder = None if dataset is None else os.fspath(dataset)
    start = None if weights_from is None else os.fspath(weights_from)
    config = resolve(RunRequest(os.fspath(run), folder, preset, model, snapshot, settings, start))
    corpus = open_corpus(config.dataset, config.snapshot, config.labels)
    with deterministic():
        distribution = open_distribution(strategy, devices)
        step_tokens = config.training.batch_size * config.window // distribution.replicas
        pace = _pace(steps_per_call, step_tokens, report_every, checkpoint_minutes, checkpoint_steps)
        return _train(Run(os.fspath(run), config), corpus, distribution, pace, progress, stop)


def _train(
    run: Run, corpus: Corpus, distribution: Distribution, pace: Pace, show: bool, stop: threading.Event | None
) -> TrainReport:
    config, training = run.config, run.config.training
    splits = open_batches(distribution, corpus, training)
    objective = objective_of(config.model)
    total = total_steps(training, splits.train.steps)
    with distribution.strategy.scope():
        model = run.build()
        computation = objective.prepare(distribution, model, training, total)
    checkpoints = Checkpoints(run.path, model, computation.optimizer, computation.persistent)
    progress = checkpoints.restore()
    begins = bool(config.weights_from) and not checkpoints.exist()
    if begins:
        begin_with(model, config.weights_from)
    if not distribution.agree(progress.step):
        raise Error(f"--run {run.path} is not the same folder for all workers; give one that they share")
    journal = None
    with _of_use(run, checkpoints, distribution), _explained(config, distribution):
        if distribution.chief:
            run.save()
            checkpoints.sweep()
            if begins:
                checkpoints.save(progress)  # to begin with the same weights, whatever becomes of the other run
            if show:
                lines = introduction(run, distribution.replicas, model, splits.train, progress.step, total)
                print("\n".join(lines), file=sys.stderr)
            title = f"{config.preset} on {config.dataset}"
            journal = Journal(run.path, title, progress.step, total, objective.unit, show)
        try:
            loop = Loop(computation, splits, training, pace, checkpoints, journal)
            progress, ended = loop.run(progress, stop)
            if journal:
                journal.draw()
        finally:
            if journal:
                journal.close()
    distribution.agree(progress.step)  # a worker that left earlier would look like one that died
    return TrainReport(
        run=run.path,
        ended=ended,
        step=progress.step,
        best_step=progress.best_step,
        best_bits=progress.best,
        elapsed=progress.elapsed,
        measure=objective.measure,
        worker=distribution.worker,
    )


def open_batches(distribution: Distribution, corpus: Corpus, training: TrainingConfig) -> Splits:
    """Returns this worker's batches of a corpus.

    Raises:
      Error: if the devices cannot share a batch, or the train split is empty or unreadable.
    """
    if training.batch_size % distribution.replicas:
        raise Error(
            f"--batch-size {training.batch_size} cannot be shared out evenly over {distribution.replicas} devices; "
            f"choose a multiple of {distribution.replicas}"
        )

    def batches(split: str, seed: int | None) -> Batches:
        return Batches(
            corpus,
            split,
            batch_size=training.batch_size,
            worker=distribution.worker,
            workers=distribution.workers,
            cache_bytes=training.cache_mb << 20,
            seed=seed,
            carry=training.carry,
        )

    return Splits(
        batches("train", training.seed), batches("validation", None) if corpus.records("validation") else None
    )


def _pace(
    steps_per_call: int | None, step_tokens: int, report_every: int, checkpoint_minutes: float, checkpoint_steps: int
) -> Pace:
    """Returns how often to look up; `step_tokens` are those of one step on one device."""
    steps = min(max(TOKENS_PER_CALL // max(step_tokens, 1), 1), MOST_STEPS_PER_CALL)
    try:
        return Pace(
            steps if steps_per_call is None else steps_per_call, report_every, checkpoint_minutes, checkpoint_steps
        )
    except ValueError as error:
        raise Error(str(error)) from None


@contextmanager
def _of_use(run: Run, checkpoints: Checkpoints, distribution: Distribution) -> Iterator[None]:
    """Deletes a new run that failed before there was anything to go on from: a full disk wants its room back."""
    is_new = not directory.exists(run.path)
    try:
        yield
    except Error:
        if distribution.chief and is_new and not checkpoints.trained():
            run.delete()
        raise


@contextmanager
def _explained(config: RunConfig, distribution: Distribution) -> Iterator[None]:
    """Turns what TensorFlow raises where memory or another worker is missing into one line."""
    try:
        yield
    except tf.errors.ResourceExhaustedError:
        raise Error(
            f"not enough memory for {config.training.batch_size} windows of {config.window} on "
            f"{distribution.replicas} devices; choose another --run and a lower --batch-size"
        ) from None
    except tf.errors.OpError:
        if distribution.workers == 1:
            raise
        raise Error("another worker is gone; start all of them again to go on from the last checkpoint") from None


if __name__ == "__main__":
    from tutti.cli import main

    sys.exit(main(["train", *sys.argv[1:]]))
