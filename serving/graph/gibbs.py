"""Draws music from a Boltzmann machine: Gibbs sampling inside the graph, around the bits that shall stay as they are.

A row's answer depends on its own inputs alone, to the last bit: rows do not mix, a row that has taken its steps stands
still while others go on, what is drawn comes from the row's own seed and the number of its step, and products and
probabilities are computed as `serving.graph.sampler` says.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from serving.graph.checks import check, check_rows
from serving.graph.tiling import VECTOR, by_row_tiles, check_tile
from trainer import rng
from trainer.run.config import RunConfig
from trainer.types import Tensor

MAX_GIBBS_STEPS = 1 << 16


class GibbsRequests(NamedTuple):
    """What each row asks for.

    Attributes:
      frames: uint8[B, window, bits] of 0 and 1, where the row begins.
      keep: uint8[B, window, bits], 1 for the bits that stay as `frames` has them.
      gibbs_steps: int32[B], how often the others are drawn, up to `MAX_GIBBS_STEPS`.
      seed: int64[B].
    """

    frames: Tensor
    keep: Tensor
    gibbs_steps: Tensor
    seed: Tensor


class Gibbs:
    """Draws with a machine and scores with it.

    Args:
      model: a `trainer.models.rbm.network.RbmModel`.
      window, bits: frames of its visible bits, and bits in a frame.
      tile: rows in every matrix product; see `serving.graph.sampler.Sampler`.
    """

    def __init__(self, model: Any, window: int, bits: int, tile: int = 0) -> None:
        check_tile(tile)
        self.model, self.shape, self.tile = model, (window, bits), tile
        self.width = window * bits

    def generate(self, requests: GibbsRequests) -> tuple[Tensor, Tensor]:
        """Draws hidden and visible bits in turn, as often as each row asks for.

        Returns:
          frames uint8[B, window, bits], the bits after the last step; those to keep as they were given.
          probability float32[B, window, bits], what the last step drew each bit with; of bits that were not drawn,
          their value.

        Raises:
          tf.errors.InvalidArgumentError: a request is out of bounds; the text says which and how.
        """
        checks = [
            check_rows(requests),
            check(requests.frames <= 1, "frames must be 0 or 1", requests.frames),
            check(requests.keep <= 1, "keep must be 0 or 1", requests.keep),
            check(
                (requests.gibbs_steps >= 0) & (requests.gibbs_steps <= MAX_GIBBS_STEPS),
                f"gibbs_steps must be from 0 to {MAX_GIBBS_STEPS}",
                requests.gibbs_steps,
            ),
        ]
        with tf.control_dependencies(checks):
            requests = GibbsRequests(*map(tf.identity, requests))
        shape = [None, *self.shape]
        results = (tf.TensorSpec(shape, tf.uint8), tf.TensorSpec(shape, tf.float32))
        frames, probability = by_row_tiles(self._generate, requests, results, self.tile)
        return frames, probability

    def score(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Says how likely the machine finds windows.

        Args:
          frames: uint8[B, window, bits].

        Returns:
          free_energy float32[B]: minus the log-probability, but for a constant that all rows have in common.
          pseudo_log_likelihood float32[B]: the sum over all bits of log P(bit | all others), in nats.

        Raises:
          tf.errors.InvalidArgumentError: if there is anything but 0 and 1.
        """
        with tf.control_dependencies([check(frames <= 1, "frames must be 0 or 1", frames)]):
            frames = tf.identity(frames)
        results = (tf.TensorSpec([None], tf.float32), tf.TensorSpec([None], tf.float32))
        energy, likelihood = by_row_tiles(self._score, (frames,), results, self.tile)
        return energy, likelihood

    def _generate(self, frames: Tensor, keep: Tensor, gibbs_steps: Tensor, seed: Tensor) -> tuple[Tensor, Tensor]:
        """Does the work of `generate` for one tile."""
        weights = self.model.weights().padded()
        given, fixed = self._flat(frames), self._flat(keep) > 0
        high, wide = weights.hidden_bias.shape[0], weights.visible_bias.shape[0]

        def body(t: Tensor, visible: Tensor, probability: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            draws = rng.uniform(seed, 2 * t, high)
            hidden = tf.cast(draws < tf.sigmoid(weights.hidden(visible)), tf.float32)
            chance = tf.sigmoid(weights.visible(hidden))
            drawn = tf.cast(rng.uniform(seed, 2 * t + 1, wide) < chance, tf.float32)
            still = fixed | (t >= gibbs_steps)[:, None]
            return t + 1, tf.where(still, visible, drawn), tf.where(still, probability, chance)

        start = (tf.constant(0), given, given)
        _, visible, probability = tf.while_loop(lambda t, *_: t < tf.reduce_max(gibbs_steps), body, start)
        return tf.cast(self._unflat(visible), tf.uint8), self._unflat(probability)

    def _score(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Does the work of `score` for one tile."""
        weights, visible = self.model.weights().padded(), self._flat(frames)
        return weights.free_energy(visible), tf.reduce_sum(weights.conditionals(visible), axis=1)

    def _flat(self, frames: Tensor) -> Tensor:
        """Reshapes [B, window, bits] to float32[B, V], V filled up to a multiple of `VECTOR`."""
        rows = tf.reshape(tf.cast(frames, tf.float32), [-1, self.width])
        return tf.pad(rows, [[0, 0], [0, -self.width % VECTOR]])

    def _unflat(self, rows: Tensor) -> Tensor:
        return tf.reshape(rows[:, : self.width], [-1, *self.shape])


class GibbsSignatures(tf.Module):
    """What is exported of a machine: its variables, `generate` and `score`.

    Args:
      model: see `Gibbs`.
      config: of the run that trained it.
      tile: see `serving.graph.sampler.Sampler`.
    """

    def __init__(self, model: Any, config: RunConfig, tile: int) -> None:
        super().__init__(name="tutti")
        self.model = model
        schema = config.encoding.schema(config.window, config.vocabulary)
        self._window, self._bits = schema.window, schema.kinds
        gibbs = Gibbs(model, self._window, self._bits, tile)
        frames_spec = tf.TensorSpec([None, self._window, self._bits], tf.uint8, "frames")

        @tf.function(
            input_signature=[
                frames_spec,
                tf.TensorSpec([None, self._window, self._bits], tf.uint8, "keep"),
                tf.TensorSpec([None], tf.int32, "gibbs_steps"),
                tf.TensorSpec([None], tf.int64, "seed"),
            ]
        )
        def generate(frames: Tensor, keep: Tensor, gibbs_steps: Tensor, seed: Tensor) -> dict[str, Tensor]:
            drawn, probability = gibbs.generate(GibbsRequests(frames, keep, gibbs_steps, seed))
            return {"frames": drawn, "probability": probability}

        @tf.function(input_signature=[frames_spec])
        def score(frames: Tensor) -> dict[str, Tensor]:
            energy, likelihood = gibbs.score(frames)
            return {"free_energy": energy, "pseudo_log_likelihood": likelihood}

        self.generate, self.score = generate, score

    def signatures(self) -> dict[str, Callable[..., Any]]:
        return {"generate": self.generate, "score": self.score}

    def limits(self) -> dict[str, float]:
        return {"gibbs_steps": MAX_GIBBS_STEPS}

    def warm_up_requests(self) -> dict[str, dict[str, NDArray[np.generic]]]:
        silence = np.zeros((1, self._window, self._bits), np.uint8)
        generate: dict[str, NDArray[np.generic]] = {
            "frames": silence,
            "keep": silence,
            "gibbs_steps": np.ones(1, np.int32),
            "seed": np.ones(1, np.int64),
        }
        return {"serving_default": generate, "score": {"frames": silence}}
