"""`tutti train`: fits a model to a dataset, in a run directory that it can go on from at any time."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from trainer import quiet  # noqa: F401  (before TensorFlow)

# isort: split
import tensorflow as tf

from trainer.cli import options
from trainer.cli.report import introduce, report
from trainer.config import TrainingConfig
from trainer.data.batches import Batches
from trainer.data.examples import framed
from trainer.data.reader import Corpus, open_corpus
from trainer.distribution import STRATEGIES, Distribution, open_distribution
from trainer.loop import Computation, Pace, fit, total_steps
from trainer.objectives.base import prepare
from trainer.presets import MODELS, PRESETS
from trainer.run import directory, resolve
from trainer.run.checkpoints import Checkpoints
from trainer.run.directory import Run
from trainer.run.journal import Journal
from tutti.cli.flags import Parser
from tutti.errors import Error

EXAMPLES = """examples:
  tutti train --dataset data/drums --preset drums-lstm-small --run runs/drums
  tutti train --run runs/drums                       goes on after a stop, to the same weights as if never stopped
  tutti train --run runs/drums --steps 2000          goes on for longer
  tutti train --dataset data/drums --preset drums-lstm --model wavenet --run runs/wavenet --time-limit 20
  tutti train --dataset data/words --preset stacked-lstm-small --run runs/words   songs from window to window
  tutti train --dataset data/drums --preset drums-lstm --run runs/big --strategy mirrored    all GPUs
  TF_CONFIG='{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 0}}' \\
    tutti train --dataset gs://bucket/drums --preset drums-lstm --run gs://bucket/runs/big   one of two machines

A dataset with labels (tutti ingest --labels) makes a model that is conditioned on them.

presets: """ + ", ".join(PRESETS)

# Enough for a call's own cost not to count, few enough for a slow device to be back within seconds.
TOKENS_PER_CALL, MOST_STEPS_PER_CALL = 1 << 16, 16


def main(argv: list[str]) -> None:
    args = _parse(argv)
    config = resolve.config(args)
    corpus = open_corpus(config.dataset, config.snapshot, config.labels)
    # The same weights after a restart, to the last bit, need the same order of additions.
    tf.config.experimental.enable_op_determinism()
    place = open_distribution(args.strategy, args.devices)
    training = config.training
    batches, validation = open_batches(place, corpus, training)

    here = Run(args.run, config)
    total = total_steps(training, batches.steps)
    with place.strategy.scope():
        model = here.build()
        learning = prepare(place, model, training, total)
    checkpoints = Checkpoints(args.run, model, learning.optimizer, learning.carried)
    progress = checkpoints.restore()
    if not place.agree(progress.step):
        raise Error(f"--run {args.run} is not the same folder for all workers; give one that they share")
    computation = Computation(learning.train, learning.score, batches, validation)
    pace = _pace(args, training.batch_size * config.window // place.replicas)
    journal = None
    with _of_use(here, checkpoints, place):
        if place.chief:
            here.save()
            checkpoints.sweep()
            introduce(config, corpus, place.replicas, model, batches, progress, total)
            unit = "bit" if framed(corpus.dataset) else "token"
            journal = Journal(args.run, f"{config.preset} on {config.dataset}", progress.step, total, unit)
        try:
            progress, reason = fit(computation, training, pace, checkpoints, journal, progress)
            if journal:
                journal.draw()
        except tf.errors.ResourceExhaustedError:
            raise Error(
                f"not enough memory for {training.batch_size} windows of {config.window} on {place.replicas} devices; "
                "choose another --run and a lower --batch-size"
            ) from None
        except tf.errors.OpError:
            if place.workers == 1:
                raise
            raise Error("another worker is gone; start all of them again to go on from the last checkpoint") from None
        finally:
            if journal:
                journal.close()
    if place.chief:
        report(here, corpus, progress, reason, args.json)
    place.agree(progress.step)  # a worker that left earlier would look like one that died
    if reason == "signal":
        sys.exit(130)


@contextmanager
def _of_use(here: Run, checkpoints: Checkpoints, place: Distribution) -> Iterator[None]:
    """Deletes a new run that failed before there was anything to go on from: a full disk wants its room back."""
    is_new = not directory.exists(here.path)
    try:
        yield
    except Error:
        if place.chief and is_new and not checkpoints.exist():
            here.delete()
        raise


def _parse(argv: list[str]) -> argparse.Namespace:
    parser = Parser("tutti train", __doc__ or "", EXAMPLES)
    parser.add_argument("--run", required=True, metavar="DIR", help="where the run is or shall be")
    parser.add_argument("--dataset", metavar="DIR", help="what to train on; a run that goes on knows it")
    parser.add_argument("--preset", metavar="NAME", help="encoding, model and training; a run that goes on knows it")
    parser.add_argument("--model", choices=MODELS, help="the other model for the preset's encoding")
    parser.add_argument("--snapshot", type=int, metavar="N", help="of the dataset (the current one)")
    parser.add_argument("--strategy", choices=STRATEGIES, default="auto", help="where to compute (auto)")
    parser.add_argument("--devices", type=int, default=0, metavar="N", help="GPUs, or logical CPU devices (all)")
    defaults = Pace()
    parser.add_argument("--steps-per-call", type=_positive, metavar="N", help="of the graph (by the size of a step)")
    parser.add_argument(
        "--report-every",
        type=_positive,
        default=defaults.report_every,
        metavar="N",
        help=f"steps from one line of metrics to the next ({defaults.report_every})",
    )
    parser.add_argument(
        "--checkpoint-minutes",
        type=float,
        default=defaults.checkpoint_minutes,
        metavar="X",
        help=f"between checkpoints within an epoch ({defaults.checkpoint_minutes:g})",
    )
    parser.add_argument("--checkpoint-steps", type=int, default=0, metavar="N", help="the same in steps")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    options.add_arguments(parser)
    return parser.parse_args(argv)


def _positive(text: str) -> int:
    if int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return int(text)


def _pace(args: argparse.Namespace, tokens: int) -> Pace:
    """How often to look up; `tokens` are those of one step on one device."""
    steps = args.steps_per_call or min(max(TOKENS_PER_CALL // tokens, 1), MOST_STEPS_PER_CALL)
    return Pace(steps, args.report_every, args.checkpoint_minutes, args.checkpoint_steps)


def open_batches(place: Distribution, corpus: Corpus, training: TrainingConfig) -> tuple[Batches, Batches | None]:
    """The training batches and, where the dataset has a validation split, those of validation."""
    if training.batch_size % place.replicas:
        raise Error(
            f"--batch-size {training.batch_size} cannot be shared out evenly over {place.replicas} devices; "
            f"choose a multiple of {place.replicas}"
        )
    common: dict[str, Any] = {
        "batch_size": training.batch_size,
        "worker": place.worker,
        "workers": place.workers,
        "cache_bytes": training.cache_mb << 20,
        "carry": training.carry,
    }
    batches = Batches(corpus, "train", seed=training.seed, **common)
    return batches, Batches(corpus, "validation", **common) if corpus.records("validation") else None


if __name__ == "__main__":
    from tutti import cli

    sys.exit(cli.run(main, sys.argv[1:]))
