"""`tutti evaluate`: how well a run predicts songs it was not trained on, beside an n-gram model of the same data."""

import argparse
import json

import tutti
from tutti.cli.flags import Parser
from tutti.dataset.manifest import SPLITS

EXAMPLES = """examples:
  tutti evaluate --run runs/drums --dataset data/drums
  tutti evaluate --run runs/drums --dataset data/drums --split validation --json
  tutti evaluate --run runs/drums --pieces music/*.mid

Songs are read from their beginning to their end: the model's state goes on from window to window. --context window
starts it anew at each window, as in training without --carry. The n-gram model is fitted to the train split of the
dataset, its order chosen on the validation split; it predicts exactly the same tokens.

A Boltzmann machine is asked for every bit of a window: restored from the hidden bits that the window has drawn, and
from all the others. Beside it stand bits that are independent of each other, as often set as in the train split.

--pieces compares pieces that the model has made with the songs of the split: how long they are, how many of their notes
begin on a beat, how many of their 4-grams of tokens return within the piece, and how long a passage they share with a
song of the train split, in whatever key. The last two are counted in equally many tokens of all."""


def main(argv: list[str]) -> None:
    """Evaluates, and prints the result."""
    args = _parse(argv)
    evaluation = tutti.evaluate(
        args.run,
        args.dataset,
        split=args.split,
        snapshot=args.snapshot,
        weights=args.weights,
        context=args.context,
        baseline=not args.no_ngram,
        nearest=args.nearest,
        pieces=args.pieces,
    )
    print(json.dumps(evaluation.to_json()) if args.json else evaluation.table())


def _parse(argv: list[str]) -> argparse.Namespace:
    parser = Parser("tutti evaluate", __doc__ or "", EXAMPLES)
    parser.add_argument("--run", required=True, metavar="DIR", help="the run")
    parser.add_argument("--dataset", metavar="DIR", help="the dataset (the one that the run trained on)")
    parser.add_argument("--split", choices=SPLITS, default="test", help="which of its songs (test)")
    parser.add_argument("--snapshot", type=int, metavar="N", help="of the dataset (the current one)")
    parser.add_argument("--weights", choices=("best", "last"), default="best", help="of the run (best)")
    parser.add_argument("--context", choices=("song", "window"), default="song", help="what the model remembers (song)")
    parser.add_argument("--no-ngram", action="store_true", help="leave the n-gram model, or the independent bits, out")
    parser.add_argument(
        "--nearest", action="store_true", help="take tokens that the model does not know for the nearest that it knows"
    )
    parser.add_argument(
        "--pieces",
        nargs="+",
        default=(),
        metavar="FILE",
        help="generated music, or its tokens (.txt): how is its form?",
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    return parser.parse_args(argv)
