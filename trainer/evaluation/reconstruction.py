"""How well a Boltzmann machine knows windows it was not trained on, beside bits that know nothing of each other."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from trainer.data.batches import Batches
from trainer.data.reader import Corpus
from trainer.objectives.contrastive_divergence import DATA, reconstruct
from trainer.run.directory import Run
from tutti.errors import Error


@dataclass(frozen=True)
class Reconstruction:
    """Sums over the bits of some windows; windows without a bit are left out, as in training.

    Attributes:
      windows, bits, ones: how many; `ones` are the bits that are set.
      reconstruction: what the bits cost once they have been through the hidden ones, drawn once, in bits.
      pseudo_likelihood: what each bit costs given all the others, in bits.
      wrong: bits that come back as the other value, by the likelier of the two.
      lost: set bits among these.
    """

    windows: int = 0
    bits: int = 0
    ones: int = 0
    reconstruction: float = 0.0
    pseudo_likelihood: float = 0.0
    wrong: int = 0
    lost: int = 0

    def figures(self) -> dict[str, float]:
        """Means under the names that the command prints: per visible bit; `lost` per bit that is set."""
        return {
            "reconstruction_bits": round(self.reconstruction / self.bits, 6),
            "pseudo_likelihood_bits": round(self.pseudo_likelihood / self.bits, 6),
            "wrong": round(self.wrong / self.bits, 6),
            "lost": round(self.lost / max(self.ones, 1), 6),
        }

    def __add__(self, other: "Reconstruction") -> "Reconstruction":
        return Reconstruction(*(a + b for a, b in zip(vars(self).values(), vars(other).values(), strict=True)))


def score_windows(model: Any, batches: Batches) -> Reconstruction:
    """Scores windows with an `RbmModel`. The reconstruction is that of the learning curve, draw for draw."""

    @tf.function
    def call(visible: Any, numbers: Any) -> tuple[Any, ...]:
        weights = model.weights()
        _, odds = reconstruct(weights, visible, (model.seed, 0, DATA), numbers)
        nats = tf.nn.sigmoid_cross_entropy_with_logits(labels=visible, logits=odds)
        wrong = tf.cast((odds > 0) != (visible > 0), tf.float32)
        return nats, -weights.conditionals(visible), wrong

    score = Reconstruction()
    for visible in _windows(batches):
        real = visible.any(axis=1)
        nats, others, wrong = (part.numpy()[real] for part in call(visible, tf.range(len(visible))))
        score += _score(visible[real], nats, others, wrong > 0)
    return score


def score_independent(train: Batches, batches: Batches) -> Reconstruction:
    """The score of bits drawn each with its own frequency in the train split, which is a machine's biases alone."""
    count, ones = 0, np.zeros(train.width - 1)
    for visible in _windows(train):
        count += int(visible.any(axis=1).sum())
        ones += visible.sum(axis=0)
    # One window more in which every bit is half set: what was never seen is not impossible.
    chance = (ones + 0.5) / (count + 1)
    score = Reconstruction()
    for visible in _windows(batches):
        bits = visible[visible.any(axis=1)]
        nats = -np.where(bits > 0, np.log(chance), np.log1p(-chance))
        score += _score(bits, nats, nats, (chance > 0.5) != (bits > 0))
    return score


def evaluate(here: Run, corpus: Corpus, split: str, which: str, baseline: bool, as_json: bool) -> None:
    """Prints the scores of a run's machine on a split.

    Args:
      which: "best" or "last" weights.
      baseline: whether to set independent bits beside it.

    Raises:
      UserError: if the dataset has other windows, or none in this split.
    """
    config = here.config
    if config.window != corpus.dataset.window:
        raise Error(
            f"run {here.path} was trained on windows of {config.window} frames, those of dataset {corpus.path} have "
            f"{corpus.dataset.window}; ingest it with --window {config.window}"
        )
    size = config.training.batch_size
    batches = Batches(corpus, split, batch_size=size)
    score = score_windows(here.model(which), batches)
    if not score.bits:
        raise Error(f"the {split} split of dataset {corpus.path} is silent; choose another --split")
    scores = {config.preset: score}
    if baseline and corpus.records("train"):
        scores["independent bits"] = score_independent(Batches(corpus, "train", batch_size=size), batches)
    if as_json:
        result: dict[str, Any] = {
            "run": here.path,
            "preset": config.preset,
            "dataset": corpus.path,
            "snapshot": corpus.snapshot.number,
            "split": split,
            "windows": score.windows,
            "bits": score.bits,
            **score.figures(),
        }
        if "independent bits" in scores:
            result["independent"] = scores["independent bits"].figures()
        print(json.dumps(result))
        return
    print(
        f"{corpus.path}, {split} split: {score.windows:,} windows of {score.bits // score.windows:,} bits, "
        f"{score.ones / score.bits:.2%} of them set"
    )
    print(f"{'bits per bit':<24}{'restored':>12}{'from others':>14}{'wrong':>9}{'lost':>9}")
    for name, one in scores.items():
        mean = one.figures()
        print(
            f"{name:<24}{mean['reconstruction_bits']:>12.4f}{mean['pseudo_likelihood_bits']:>14.4f}"
            f"{mean['wrong']:>9.2%}{mean['lost']:>9.1%}"
        )


def _windows(batches: Batches) -> Iterator[NDArray[np.float32]]:
    """The bits of each batch, float32[B, V]."""
    for rows, _ in batches.chunks(1):
        yield rows[0].numpy()[:, 1:].astype(np.float32)


def _score(visible: NDArray[Any], nats: NDArray[Any], others: NDArray[Any], wrong: NDArray[np.bool_]) -> Reconstruction:
    """Of rows [B, V] each: bits, what they cost restored and given the others, in nats, and which come back wrong."""
    return Reconstruction(
        windows=len(visible),
        bits=visible.size,
        ones=int(visible.sum()),
        reconstruction=float(nats.sum(dtype=np.float64)) / float(np.log(2)),
        pseudo_likelihood=float(others.sum(dtype=np.float64)) / float(np.log(2)),
        wrong=int(wrong.sum()),
        lost=int(wrong[visible > 0].sum()),
    )
