"""How well a model predicts whole songs, beside an n-gram model of the songs that it was trained on."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from trainer.data.reader import Corpus, StoredSong, songs
from trainer.evaluation import ngram
from trainer.evaluation.report import Baseline, Evaluation, EvaluationConfig, Subject
from trainer.evaluation.table import Column
from trainer.models.base import TokenModel
from trainer.run.directory import Run
from trainer.types import State, Tensor
from tutti.encodings.vocabulary import PAD
from tutti.errors import Error

SONGS_AT_ONCE = 32
TOP = 5
HIGHEST_ORDER = 24
COLUMNS = (
    Column("bits_per_token", "bits/token", 12, ".3f"),
    Column("perplexity", "perplexity", 12, ".3f"),
    Column("top1", "top-1", 9, ".1%"),
    Column("top5", "top-5", 9, ".1%"),
)


@dataclass(frozen=True)
class Likelihood:
    """Of some targets: how many, the sum of their -log2 p, how many were first choice and among the first five."""

    targets: int
    bits: float
    first: int
    among_five: int

    def figures(self) -> dict[str, float]:
        """Returns means over the targets, under the names that reports have for them."""
        mean = self.bits / self.targets
        return {
            "bits_per_token": round(mean, 6),
            "perplexity": round(2.0**mean, 6),
            "top1": round(self.first / self.targets, 6),
            "top5": round(self.among_five / self.targets, 6),
        }


def evaluate(run: Run, corpus: Corpus, config: EvaluationConfig) -> Evaluation:
    """Scores a run's model on the songs of a split.

    Raises:
      Error: if the split has no songs, or the run no weights.
    """
    held = songs(corpus, config.split)
    if not sum(len(song.tokens) - 1 for song in held):
        raise Error(f"dataset {corpus.path} has no songs in its {config.split} split; choose another --split")
    score = score_songs(run.model(config.weights), held, run.config.window, carry=config.context == "song")
    return Evaluation(
        Subject.of(run, corpus, config.split),
        summary=f"{len(held):,} songs, {score.targets:,} tokens to predict",
        about={"context": config.context, "songs": len(held), "targets": score.targets},
        figures=score.figures(),
        columns=COLUMNS,
        baseline=score_ngram(corpus, [song.tokens for song in held]) if config.baseline else None,
    )


def score_ngram(corpus: Corpus, held: Sequence[NDArray[np.int32]]) -> Baseline | None:
    """Scores an n-gram model of the train split on the same songs; None where that split is empty.

    Its order is the one that does best on the validation split. It knows nothing of labels.
    """
    train, validation = ([song.tokens for song in songs(corpus, split)] for split in ("train", "validation"))
    if not train:
        return None
    size = len(corpus.dataset.vocabulary)
    highest = min(HIGHEST_ORDER, max(map(len, train)))
    model = ngram.fit(train, size, highest)
    # Without validation songs the order is a guess; three is the customary one.
    order = int(np.argmin(ngram.bits_by_order(model, validation))) + 1 if validation else min(3, highest)
    scores = ngram.score(model, held, order)
    bits = float(-np.log2(scores.target).sum())
    score = Likelihood(len(scores.rank), bits, int((scores.rank < 1).sum()), int((scores.rank < TOP).sum()))
    return Baseline("ngram", f"{order}-gram", score.figures(), {"order": order})


def score_songs(model: TokenModel, songs: Sequence[StoredSong], window: int, carry: bool = True) -> Likelihood:
    """Scores every token of the songs but the first of each.

    Args:
      songs: each is scored as one of its label.
      window: tokens that the model sees in one call.
      carry: hand the state from one window of a song to the next, so that it sees the song from its beginning; else
        each window starts from the initial state, as in training.
    """

    @tf.function(reduce_retracing=True)
    def score(tokens: Tensor, state: State) -> tuple[Tensor, State]:
        targets = tokens[:, 1:]
        logits, state = model(tokens[:, :-1], state)
        real = targets != PAD
        nats = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=targets, logits=logits)
        own = tf.gather(logits, targets, batch_dims=2)
        rank = tf.reduce_sum(tf.cast(logits > own[..., None], tf.int32), axis=-1)
        sums = [tf.where(real, nats, 0.0), real, real & (rank < 1), real & (rank < TOP)]
        return tf.stack([tf.reduce_sum(tf.cast(one, tf.float64)) for one in sums]), state

    sums = np.zeros(4)
    for batch in _alike(songs):
        state = start = model.initial_state(len(batch), tf.constant([song.label for song in batch], tf.int32))
        for tokens in _windows([song.tokens for song in batch], window):
            added, state = score(tokens, state if carry else start)
            sums += added.numpy()
    nats, targets, first, among_five = sums
    return Likelihood(int(targets), nats / math.log(2), int(first), int(among_five))


def _alike(songs: Sequence[StoredSong]) -> Iterator[list[StoredSong]]:
    """Yields songs of similar length together, so that little of a batch is padding."""
    ordered = sorted(songs, key=lambda song: len(song.tokens), reverse=True)
    for start in range(0, len(ordered), SONGS_AT_ONCE):
        yield ordered[start : start + SONGS_AT_ONCE]


def _windows(songs: list[NDArray[np.int32]], window: int) -> Iterator[NDArray[np.int32]]:
    """Yields int32[songs, window + 1] one after the other; the last token of each is the first of the next."""
    longest = max(map(len, songs))
    count = max(1, -(-(longest - 1) // window))
    padded = np.full((len(songs), count * window + 1), PAD, np.int32)
    for row, song in zip(padded, songs, strict=True):
        row[: len(song)] = song
    for start in range(0, count * window, window):
        yield padded[:, start : start + window + 1]
