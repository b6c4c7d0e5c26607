"""What `tutti train` says before and after."""

import json
import sys
import time
from typing import Any

from trainer.data.batches import Batches
from trainer.data.examples import framed
from trainer.data.reader import Corpus
from trainer.gfile import join
from trainer.presets import PRESETS
from trainer.run import directory
from trainer.run.checkpoints import Progress
from trainer.run.config import RunConfig
from trainer.run.directory import Run

WHY = {
    "steps": "all steps done",
    "patience": "no gain any more on validation",
    "time": "time is up",
    "signal": "stopped by a signal",
}


def introduce(
    config: RunConfig, corpus: Corpus, devices: int, model: Any, batches: Batches, progress: Progress, total: int
) -> None:
    """Says on standard error what is about to happen."""
    weights = sum(int(v.shape.num_elements()) for v in model.trainable_variables)
    print(
        f"{config.preset}: {weights:,} weights; {batches.records:,} windows of {config.window} in {corpus.path}; "
        f"{batches.steps:,} steps of {batches.batch_size} windows an epoch; {devices} device"
        f"{'s' if devices > 1 else ''}",
        file=sys.stderr,
    )
    if config.labels:
        print(f"{len(config.labels)} labels: {', '.join(config.labels)}", file=sys.stderr)
    for note in _notes(config, corpus, batches):
        print(f"note: {note}", file=sys.stderr)
    if progress.step:
        print(f"goes on from step {progress.step:,} of {total:,}", file=sys.stderr)


def _notes(config: RunConfig, corpus: Corpus, batches: Batches) -> list[str]:
    notes = []
    expected = PRESETS[config.preset]().window if config.preset in PRESETS else config.window
    if not expected / 2 <= config.window <= expected * 2:
        notes.append(f"{config.preset} is meant for windows of {expected}, these are {config.window}")
    if not corpus.records("validation"):
        notes.append("the validation split is empty, so the training loss decides which weights are best")
    if config.training.carry and batches.occupied < batches.batch_size:
        notes.append(
            f"with --carry a row of a batch holds whole songs, and those of the train split fill {batches.occupied} "
            f"of {batches.batch_size}; a smaller --batch-size wastes less"
        )
    return notes


def report(here: Run, corpus: Corpus, progress: Progress, reason: str, as_json: bool) -> None:
    """Prints how it went and where everything is."""
    curve = join(here.path, directory.CURVE)
    result = {
        "run": here.path,
        "best": join(here.path, directory.BEST),
        "learning_curve": curve,
        "metrics": join(here.path, directory.METRICS),
        "ended": reason,
        "step": progress.step,
        "best_step": progress.best_step,
        "best_bits": round(progress.best, 6),
        "elapsed": round(progress.elapsed, 3),
    }
    if as_json:
        print(json.dumps(result))
        return
    spent = time.strftime("%H:%M:%S", time.gmtime(progress.elapsed))
    what = "bits to restore each bit of a window" if framed(corpus.dataset) else "bits per token"
    print(
        f"{WHY[reason]} after {progress.step:,} steps and {spent}; "
        f"best {progress.best:.3f} {what} at step {progress.best_step:,}"
    )
    print(f"  weights         {result['best']}\n  learning curve  {curve}\n  metrics         {result['metrics']}")
