"""How well a model predicts whole songs."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from trainer.data.reader import StoredSong
from tutti.encodings.vocabulary import PAD

SONGS_AT_ONCE = 32
TOP = 5


@dataclass(frozen=True)
class Likelihood:
    """Of some targets: how many, the sum of their -log2 p, how many were first choice and among the first five."""

    targets: int
    bits: float
    first: int
    among_five: int

    def figures(self) -> dict[str, float]:
        """Means over the targets, under the names that the command prints."""
        mean = self.bits / self.targets
        return {
            "bits_per_token": round(mean, 6),
            "perplexity": round(2.0**mean, 6),
            "top1": round(self.first / self.targets, 6),
            "top5": round(self.among_five / self.targets, 6),
        }


def score_songs(model: Any, songs: Sequence[StoredSong], window: int, carry: bool = True) -> Likelihood:
    """Scores every token of the songs but the first of each.

    Args:
      model: see `trainer.models.base.Model`.
      songs: each is scored as one of its label.
      window: tokens that the model sees in one call.
      carry: hand the state from one window of a song to the next, so that it sees the song from its beginning; else
        each window starts from the initial state, as in training.
    """

    @tf.function(reduce_retracing=True)
    def call(tokens: Any, state: Any) -> tuple[Any, Any]:
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
            added, state = call(tokens, state if carry else start)
            sums += added.numpy()
    nats, targets, first, among_five = sums
    return Likelihood(int(targets), nats / math.log(2), int(first), int(among_five))


def _alike(songs: Sequence[StoredSong]) -> Iterator[list[StoredSong]]:
    """Songs of similar length together, so that little of a batch is padding."""
    ordered = sorted(songs, key=lambda song: len(song.tokens), reverse=True)
    for start in range(0, len(ordered), SONGS_AT_ONCE):
        yield ordered[start : start + SONGS_AT_ONCE]


def _windows(songs: list[NDArray[np.int32]], window: int) -> Iterator[NDArray[np.int32]]:
    """int32[songs, window + 1] one after the other; the last token of each is the first of the next."""
    longest = max(map(len, songs))
    count = max(1, -(-(longest - 1) // window))
    padded = np.full((len(songs), count * window + 1), PAD, np.int32)
    for row, song in zip(padded, songs, strict=True):
        row[: len(song)] = song
    for start in range(0, count * window, window):
        yield padded[:, start : start + window + 1]
