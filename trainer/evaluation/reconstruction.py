"""How well a Boltzmann machine knows windows it was not trained on, beside bits that know nothing of each other."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from trainer.data.batches import Batches
from trainer.data.reader import Corpus
from trainer.evaluation.report import Baseline, Evaluation, EvaluationConfig, Subject
from trainer.evaluation.table import Column
from trainer.models.base import FrameModel
from trainer.models.rbm.network import DATA_DRAW, reconstruct
from trainer.run.directory import Run
from trainer.types import Tensor
from tutti.errors import Error

COLUMNS = (
    Column("reconstruction_bits", "restored", 12, ".4f"),
    Column("pseudo_likelihood_bits", "from others", 14, ".4f"),
    Column("wrong", "wrong", 9, ".2%"),
    Column("lost", "lost", 9, ".1%"),
)

Floats = NDArray[np.floating]


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
        """Returns means under the names that reports have for them: per visible bit; `lost` per bit that is set."""
        return {
            "reconstruction_bits": round(self.reconstruction / self.bits, 6),
            "pseudo_likelihood_bits": round(self.pseudo_likelihood / self.bits, 6),
            "wrong": round(self.wrong / self.bits, 6),
            "lost": round(self.lost / max(self.ones, 1), 6),
        }

    def __add__(self, other: "Reconstruction") -> "Reconstruction":
        return Reconstruction(*(a + b for a, b in zip(vars(self).values(), vars(other).values(), strict=True)))


def score_windows(model: FrameModel, batches: Batches) -> Reconstruction:
    """Scores windows with a machine. The reconstruction is that of the learning curve, draw for draw."""

    @tf.function
    def costs(visible: Tensor, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        weights = model.weights()
        _, odds = reconstruct(weights, visible, (model.seed, 0, DATA_DRAW), rows)
        nats = tf.nn.sigmoid_cross_entropy_with_logits(labels=visible, logits=odds)
        wrong = tf.cast((odds > 0) != (visible > 0), tf.float32)
        return nats, -weights.conditionals(visible), wrong

    score = Reconstruction()
    for visible in _windows(batches):
        real = visible.any(axis=1)
        nats, others, wrong = (part.numpy()[real] for part in costs(visible, tf.range(len(visible))))
        score += _score(visible[real], nats, others, wrong > 0)
    return score


def score_independent(train: Batches, batches: Batches) -> Reconstruction:
    """Scores bits drawn each with its own frequency in the train split, which is a machine's biases alone."""
    count, ones = 0, np.zeros(train.corpus.schema.width)
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


def evaluate(run: Run, corpus: Corpus, config: EvaluationConfig) -> Evaluation:
    """Scores a run's machine on the windows of a split.

    Raises:
      Error: if the dataset has other windows, or none with a bit in this split.
    """
    window, size = run.config.window, run.config.training.batch_size
    if window != corpus.dataset.window:
        raise Error(
            f"run {run.path} was trained on windows of {window} frames, those of dataset {corpus.path} have "
            f"{corpus.dataset.window}; ingest it with --window {window}"
        )
    batches = Batches(corpus, config.split, batch_size=size)
    score = score_windows(run.model(config.weights), batches)
    if not score.bits:
        raise Error(f"the {config.split} split of dataset {corpus.path} is silent; choose another --split")
    width, baseline = score.bits // score.windows, None
    if config.baseline and corpus.records("train"):
        independent = score_independent(Batches(corpus, "train", batch_size=size), batches)
        baseline = Baseline("independent", "independent bits", independent.figures())
    return Evaluation(
        Subject.of(run, corpus, config.split),
        summary=f"{score.windows:,} windows of {width:,} bits, {score.ones / score.bits:.2%} of them set",
        about={"windows": score.windows, "bits": score.bits},
        figures=score.figures(),
        columns=COLUMNS,
        corner="bits per bit",
        baseline=baseline,
    )


def _windows(batches: Batches) -> Iterator[NDArray[np.float32]]:
    """Yields the bits of each batch, float32[B, V]."""
    for batch, _ in batches.chunks(1):
        yield batch["frames"][0].numpy().astype(np.float32)


def _score(visible: Floats, nats: Floats, others: Floats, wrong: NDArray[np.bool_]) -> Reconstruction:
    """Adds up rows [B, V]: bits, their cost restored and given the others, in nats, and which come back wrong."""
    return Reconstruction(
        windows=len(visible),
        bits=visible.size,
        ones=int(visible.sum()),
        reconstruction=float(nats.sum(dtype=np.float64)) / float(np.log(2)),
        pseudo_likelihood=float(others.sum(dtype=np.float64)) / float(np.log(2)),
        wrong=int(wrong.sum()),
        lost=int(wrong[visible > 0].sum()),
    )
