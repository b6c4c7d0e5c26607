"""The signatures of a model of tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from serving.graph.bounds import Bounds
from serving.graph.requests import MAX_STEPS, MAX_TEMPERATURE, SamplingRequests
from serving.graph.sampler import Sampler
from trainer.models.base import PreparesSteps
from trainer.run.config import RunConfig
from trainer.types import Tensor
from tutti.encodings.durations import Durations


class TokenSignatures(tf.Module):
    """What is exported of a model of tokens: its variables, and the signatures.

    `generate` writes whole pieces, `generate_bounded` does so within bounds. `start` reads prompts, `read` more of
    them, and `continue` writes some tokens from there on, as often as one likes. `score` says how likely tokens are.

    Args:
      model: see `trainer.models.base.Model`.
      config: of the run that trained it.
      tile: see `Sampler`.
      windows: whether prompts are read as windows; see `Sampler`.
    """

    def __init__(self, model: Any, config: RunConfig, tile: int, windows: bool = False) -> None:
        super().__init__(name="tutti")
        if isinstance(model, PreparesSteps):
            model.prepare_steps()
        self.model = model
        size = config.encoding.schema(config.window, config.vocabulary).model_size
        durations = Durations.of(config.encoding, config.vocabulary)
        sampler = Sampler(model, size, tile, len(config.labels), durations, windows)
        requests = [
            tf.TensorSpec([None, None], tf.int32, "prompt"),
            tf.TensorSpec([None], tf.int32, "steps"),
            tf.TensorSpec([None], tf.float32, "temperature"),
            tf.TensorSpec([None], tf.int32, "top_k"),
            tf.TensorSpec([None], tf.float32, "top_p"),
            tf.TensorSpec([None], tf.int64, "seed"),
            tf.TensorSpec([None], tf.int32, "label"),
        ]
        bounds = [
            tf.TensorSpec([None], tf.int32, "min_steps"),
            tf.TensorSpec([None, None], tf.int32, "forbidden"),
            tf.TensorSpec([None], tf.int32, "duration"),
        ]

        # The graph holds the loop once, for both.
        @tf.function(input_signature=[*requests, *bounds])
        def generate_bounded(
            prompt: Tensor,
            steps: Tensor,
            temperature: Tensor,
            top_k: Tensor,
            top_p: Tensor,
            seed: Tensor,
            label: Tensor,
            min_steps: Tensor,
            forbidden: Tensor,
            duration: Tensor,
        ) -> dict[str, Tensor]:
            tokens, length, log_prob = sampler.generate(
                SamplingRequests(prompt, steps, temperature, top_k, top_p, seed, label),
                Bounds(min_steps, forbidden, duration),
            )
            return {"tokens": tokens, "length": length, "log_prob": log_prob}

        @tf.function(input_signature=requests)
        def generate(
            prompt: Tensor,
            steps: Tensor,
            temperature: Tensor,
            top_k: Tensor,
            top_p: Tensor,
            seed: Tensor,
            label: Tensor,
        ) -> dict[str, Tensor]:
            unbounded = SamplingRequests(prompt, steps, temperature, top_k, top_p, seed, label)
            answer: dict[str, Tensor] = generate_bounded(*unbounded, *Bounds.none(unbounded))
            return answer

        @tf.function(
            input_signature=[tf.TensorSpec([None, None], tf.int32, "tokens"), tf.TensorSpec([None], tf.int32, "label")]
        )
        def score(tokens: Tensor, label: Tensor) -> dict[str, Tensor]:
            return {"log_prob": sampler.score(tokens, label)}

        names = state_names(sampler)
        state = [
            tf.TensorSpec(spec.shape, spec.dtype, name) for name, spec in zip(names, sampler.state_specs(), strict=True)
        ]

        @tf.function(input_signature=[requests[0], requests[-1]])
        def start(prompt: Tensor, label: Tensor) -> dict[str, Tensor]:
            return dict(zip(names, sampler.start(prompt, label), strict=True))

        @tf.function(input_signature=[*state, requests[0]])
        def read(*inputs: Tensor) -> dict[str, Tensor]:
            *before, prompt = inputs
            return dict(zip(names, sampler.read(before, prompt), strict=True))

        settings = [*requests[1:-1], *bounds]

        @tf.function(input_signature=[*state, tf.TensorSpec([None], tf.int32, "position"), *settings])
        def continue_(*inputs: Tensor) -> dict[str, Tensor]:
            *before, position = inputs[: len(state) + 1]
            steps, temperature, top_k, top_p, seed, *bound = inputs[len(state) + 1 :]
            nothing = tf.zeros([tf.shape(steps)[0], 0], tf.int32)
            asked = SamplingRequests(nothing, steps, temperature, top_k, top_p, seed, tf.zeros_like(steps))
            tokens, length, log_probs, ended, after = sampler.continued(before, position, asked, Bounds(*bound))
            drawn = {"tokens": tokens, "length": length, "log_probs": log_probs, "ended": ended}
            return drawn | dict(zip(names, after, strict=True))

        self.generate, self.generate_bounded, self.score = generate, generate_bounded, score
        self.start, self.read, self.continue_ = start, read, continue_
        self.state = state

    def signatures(self) -> dict[str, Callable[..., Any]]:
        return {
            "generate": self.generate,
            "generate_bounded": self.generate_bounded,
            "score": self.score,
            "start": self.start,
            "read": self.read,
            "continue": self.continue_,
        }

    def limits(self) -> dict[str, float]:
        return {"steps": MAX_STEPS, "temperature": MAX_TEMPERATURE}

    def warm_up_requests(self) -> dict[str, dict[str, NDArray[np.generic]]]:
        prompt: dict[str, NDArray[np.generic]] = {"prompt": np.zeros((1, 1), np.int32), "label": np.zeros(1, np.int32)}
        settings: dict[str, NDArray[np.generic]] = {
            "steps": np.full(1, 4, np.int32),
            "temperature": np.ones(1, np.float32),
            "top_k": np.zeros(1, np.int32),
            "top_p": np.zeros(1, np.float32),
            "seed": np.zeros(1, np.int64),
        }
        bounds: dict[str, NDArray[np.generic]] = {
            "min_steps": np.ones(1, np.int32),
            "forbidden": np.zeros((1, 1), np.int32),
            "duration": np.zeros(1, np.int32),
        }
        state = {spec.name: np.zeros([1, *spec.shape[1:]], spec.dtype.as_numpy_dtype) for spec in self.state}
        # One graph has all of the sampler, so that no top_k or top_p needs a request of its own.
        return {
            "serving_default": prompt | settings,
            "generate_bounded": prompt | settings | bounds,
            "score": {"tokens": np.full((1, 2), 3, np.int32), "label": prompt["label"]},
            "start": prompt,
            "read": state | {"prompt": prompt["prompt"]},
            "continue": state | {"position": np.zeros(1, np.int32)} | settings | bounds,
        }


def state_names(sampler: Sampler) -> list[str]:
    """Returns what the tensors of a state are called, as inputs and as outputs."""
    return [f"state_{number}" for number in range(len(sampler.state_specs()))]
