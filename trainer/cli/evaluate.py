"""`tutti evaluate`: how well a run predicts songs it was not trained on, beside an n-gram model of the same data."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from trainer import quiet  # noqa: F401  (before TensorFlow)

# isort: split
import numpy as np
from numpy.typing import NDArray

from trainer.data.examples import framed
from trainer.data.reader import Corpus, open_corpus, songs
from trainer.evaluation import ngram, reconstruction
from trainer.evaluation.likelihood import TOP, Likelihood, score_songs
from trainer.run import directory
from trainer.run.directory import Run
from tutti.cli.flags import Parser
from tutti.dataset.manifest import SPLITS
from tutti.errors import Error

HIGHEST_ORDER = 24

EXAMPLES = """examples:
  tutti evaluate --run runs/drums --dataset data/drums
  tutti evaluate --run runs/drums --dataset data/drums --split validation --json

Songs are read from their beginning to their end: the model's state goes on from window to window. --context window
starts it anew at each window, as in training without --carry. The n-gram model is fitted to the train split of the
dataset, its order chosen on the validation split; it predicts exactly the same tokens.

A Boltzmann machine is asked for every bit of a window: restored from the hidden bits that the window has drawn, and
from all the others. Beside it stand bits that are independent of each other, as often set as in the train split."""


@dataclass(frozen=True)
class Baseline:
    """An n-gram model's score, and the order that it was given."""

    order: int
    score: Likelihood


def main(argv: list[str]) -> None:
    args = _parse(argv)
    here = directory.load(args.run)
    corpus = open_corpus(args.dataset or here.config.dataset, args.snapshot, here.config.labels)
    _check(here, corpus)
    if framed(corpus.dataset):
        reconstruction.evaluate(here, corpus, args.split, args.weights, not args.no_ngram, args.json)
        return
    asked = songs(corpus, args.split)
    if not sum(len(song.tokens) - 1 for song in asked):
        raise Error(f"dataset {corpus.path} has no songs in its {args.split} split; choose another --split")
    model = here.model(args.weights)
    score = score_songs(model, asked, corpus.dataset.window, carry=args.context == "song")
    baseline = None if args.no_ngram else _baseline(corpus, [song.tokens for song in asked])
    _print(here, corpus, args, len(asked), score, baseline)


def _parse(argv: list[str]) -> argparse.Namespace:
    parser = Parser("tutti evaluate", __doc__ or "", EXAMPLES)
    parser.add_argument("--run", required=True, metavar="DIR", help="the run")
    parser.add_argument("--dataset", metavar="DIR", help="the dataset (the one that the run trained on)")
    parser.add_argument("--split", choices=SPLITS, default="test", help="which of its songs (test)")
    parser.add_argument("--snapshot", type=int, metavar="N", help="of the dataset (the current one)")
    parser.add_argument("--weights", choices=("best", "last"), default="best", help="of the run (best)")
    parser.add_argument("--context", choices=("song", "window"), default="song", help="what the model remembers (song)")
    parser.add_argument("--no-ngram", action="store_true", help="leave the n-gram model, or the independent bits, out")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    return parser.parse_args(argv)


def _check(here: Run, corpus: Corpus) -> None:
    """That the run and the dataset speak the same language."""
    config, dataset = here.config, corpus.dataset
    if config.encoding != dataset.encoding:
        raise Error(
            f"run {here.path} was trained on {config.encoding}, but dataset {corpus.path} holds {dataset.encoding}"
        )
    if config.vocabulary != dataset.vocabulary:
        raise Error(f"run {here.path} was trained on another vocabulary than that of dataset {corpus.path}")


def _baseline(corpus: Corpus, asked: Sequence[NDArray[np.int32]]) -> Baseline | None:
    """The n-gram model of the train split; none where that is empty. It knows nothing of labels."""
    train, validation = ([song.tokens for song in songs(corpus, split)] for split in ("train", "validation"))
    if not train:
        return None
    size = len(corpus.dataset.vocabulary)
    highest = min(HIGHEST_ORDER, max(map(len, train)))
    model = ngram.fit(train, size, highest)
    # Without validation songs the order is a guess; three is the customary one.
    order = int(np.argmin(ngram.bits_by_order(model, validation))) + 1 if validation else min(3, highest)
    scores = ngram.score(model, asked, order)
    bits = float(-np.log2(scores.target).sum())
    return Baseline(
        order, Likelihood(len(scores.rank), bits, int((scores.rank < 1).sum()), int((scores.rank < TOP).sum()))
    )


def _print(
    here: Run, corpus: Corpus, args: argparse.Namespace, count: int, score: Likelihood, baseline: Baseline | None
) -> None:
    if args.json:
        result: dict[str, Any] = {
            "run": here.path,
            "preset": here.config.preset,
            "dataset": corpus.path,
            "snapshot": corpus.snapshot.number,
            "split": args.split,
            "context": args.context,
            "songs": count,
            "targets": score.targets,
            **score.figures(),
        }
        if baseline:
            result["ngram"] = {"order": baseline.order, **baseline.score.figures()}
        print(json.dumps(result))
        return
    print(f"{corpus.path}, {args.split} split: {count:,} songs, {score.targets:,} tokens to predict")
    print(f"{'':<24}{'bits/token':>12}{'perplexity':>12}{'top-1':>9}{'top-5':>9}")
    rows = [(here.config.preset, score)]
    if baseline:
        rows.append((f"{baseline.order}-gram", baseline.score))
    for name, one in rows:
        mean = one.figures()
        print(
            f"{name:<24}{mean['bits_per_token']:>12.3f}{mean['perplexity']:>12.3f}{mean['top1']:>9.1%}{mean['top5']:>9.1%}"
        )


if __name__ == "__main__":
    from tutti import cli

    sys.exit(cli.run(main, sys.argv[1:]))
