"""`tutti train`: fits a model to a dataset, in a run directory that it can go on from at any time."""

import argparse
import json
import sys

import tutti
from trainer.cli import options, signals
from trainer.config import STRATEGIES, Pace
from trainer.models.registry import models
from trainer.presets import PRESETS
from tutti.cli.flags import Parser

EXAMPLES = """examples:
  tutti train --dataset data/drums --preset drums-lstm-small --run runs/drums
  tutti train --run runs/drums                       goes on after a stop, to the same weights as if never stopped
  tutti train --run runs/drums --steps 2000          goes on for longer
  tutti train --run runs/more --weights-from runs/drums          on what its dataset has grown to since
  tutti train --dataset data/drums --preset drums-lstm --model wavenet --run runs/wavenet --time-limit 20
  tutti train --dataset data/words --preset stacked-lstm-small --run runs/words   songs from window to window
  tutti train --dataset data/any --model lstm --run runs/own      without a preset: the model's own defaults
  tutti train --dataset data/drums --preset drums-lstm --run runs/big --strategy mirrored    all GPUs
  TF_CONFIG='{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 0}}' \\
    tutti train --dataset gs://bucket/drums --preset drums-lstm --run gs://bucket/runs/big   one of two machines

A dataset with labels (tutti ingest --labels) makes a model that is conditioned on them.

presets: """ + ", ".join(PRESETS)


def main(argv: list[str]) -> None:
    """Trains; ends the process with status 130 where a signal stopped it."""
    args = _parse(argv)
    train = tutti.train  # TensorFlow is imported here; who interrupts that wants no checkpoint
    with signals.heard() as stop:
        report = train(
            args.dataset,
            run=args.run,
            preset=args.preset,
            model=args.model,
            snapshot=args.snapshot,
            weights_from=args.weights_from,
            strategy=args.strategy,
            devices=args.devices,
            steps_per_call=args.steps_per_call,
            report_every=args.report_every,
            checkpoint_minutes=args.checkpoint_minutes,
            checkpoint_steps=args.checkpoint_steps,
            progress=True,
            stop=stop,
            **options.settings_from(args),
        )
    if report.worker == 0:
        print(json.dumps(report.to_json()) if args.json else report.table())
    if report.ended == "signal":
        sys.exit(130)


def _parse(argv: list[str]) -> argparse.Namespace:
    parser = Parser("tutti train", __doc__ or "", EXAMPLES)
    parser.add_argument("--run", required=True, metavar="DIR", help="where the run is or shall be")
    parser.add_argument("--dataset", metavar="DIR", help="what to train on; a run that goes on knows it")
    parser.add_argument("--preset", metavar="NAME", help="encoding, model and training; a run that goes on knows it")
    parser.add_argument(
        "--model", choices=models(), help="the other model for the preset's encoding; without --preset, any model"
    )
    parser.add_argument("--snapshot", type=int, metavar="N", help="of the dataset (the current one)")
    parser.add_argument(
        "--weights-from", metavar="RUN", help="begin with the best weights of another run, and as it was made"
    )
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
    parser.add_argument(
        "--checkpoint-steps", type=int, default=defaults.checkpoint_steps, metavar="N", help="the same in steps"
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    options.add_arguments(parser)
    return parser.parse_args(argv)


def _positive(text: str) -> int:
    if int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return int(text)
