"""What is about to be trained, in a few lines."""

import math

from trainer.data.batches import Batches
from trainer.models.base import Model
from trainer.presets import PRESETS
from trainer.run.directory import Run


def introduction(run: Run, devices: int, model: Model, batches: Batches, step: int, total: int) -> list[str]:
    """Returns lines about the model and its data, and notes on what may not have been meant.

    Args:
      step, total: updates so far, and of the whole run.
    """
    config = run.config
    weights = sum(math.prod(variable.shape) for variable in model.trainable_variables)
    lines = [
        f"{config.preset}: {weights:,} weights; {batches.records:,} windows of {config.window} in "
        f"{batches.corpus.path}; {batches.steps:,} steps of {batches.batch_size} windows an epoch; {devices} device"
        f"{'s' if devices > 1 else ''}"
    ]
    if config.labels:
        lines.append(f"{len(config.labels)} labels: {', '.join(config.labels)}")
    lines += [f"note: {note}" for note in _notes(run, batches)]
    if config.weights_from and not step:
        lines.append(f"begins with the best weights of {config.weights_from}")
    if step:
        lines.append(f"goes on from step {step:,} of {total:,}")
    return lines


def _notes(run: Run, batches: Batches) -> list[str]:
    config, notes = run.config, []
    expected = PRESETS[config.preset]().window if config.preset in PRESETS else config.window
    if not expected / 2 <= config.window <= expected * 2:
        notes.append(f"{config.preset} is meant for windows of {expected}, these are {config.window}")
    newest = batches.corpus.dataset.snapshot
    if config.snapshot < newest:
        notes.append(
            f"{batches.corpus.path} is at snapshot {newest}, this run stays on {config.snapshot}; tutti train --run "
            f"OTHER --weights-from {run.path} goes on with the new one from these weights"
        )
    if not batches.corpus.records("validation"):
        notes.append("the validation split is empty, so the training loss decides which weights are best")
    if config.training.carry and batches.occupied < batches.batch_size:
        notes.append(
            f"with --carry a row of a batch holds whole songs, and those of the train split fill {batches.occupied} "
            f"of {batches.batch_size}; a smaller --batch-size wastes less"
        )
    return notes
