"""Pieces from a model of tokens: an export whose `generate` signature takes prompts."""

from collections.abc import Sequence
from typing import Any, cast

from serving.exported_model import ExportedModel
from serving.generation.config import GenerationConfig
from serving.generation.perturb import Perturbation, Perturber
from serving.generation.piece import GeneratedPiece
from serving.generation.prediction import Prediction, predict
from serving.generation.request import GenerationRequest
from serving.options import OptionError
from tutti.encodings.base import TokenEncoding

STEPS = 500


def defaults(model: ExportedModel, config: GenerationConfig) -> dict[str, Any]:
    """Returns the options that apply to models of tokens, with their values where they are not given.

    Raises:
      OptionError: if no new token is wanted.
    """
    if config.steps is not None and config.steps < 1:
        raise OptionError("{steps} is {value}; it must be at least 1", value=config.steps)
    perturbed = config.perturb is not None
    return {
        "steps": STEPS,
        "temperature": 1.0,
        "top_k": 0,
        "top_p": 0.0,
        "label": None,
        "mood": None,
        "perturb": None,
        "perturb_by": "return" if perturbed else None,
        "perturb_context": model.window if perturbed else None,
        "corpus": None,
    }


def generate(model: ExportedModel, request: GenerationRequest) -> list[GeneratedPiece]:
    """Writes a piece for each seed.

    Raises:
      Error: if an option is out of bounds, or tokens of this encoding cannot be disturbed so.
    """
    config = request.config

    def continued(
        prompts: Sequence[Sequence[str]], steps: int | Sequence[int], seeds: Sequence[int]
    ) -> list[Prediction]:
        return predict(
            model,
            [model.ids(prompt) for prompt in prompts],
            steps=steps,
            seeds=seeds,
            temperature=config.temperature,
            top_k=config.top_k,
            top_p=config.top_p,
            label=0 if request.label is None else model.label_number(request.label),
        )

    steps = STEPS if config.steps is None else config.steps
    if config.perturb is None:
        predictions = continued([request.prompt] * config.n, steps, config.seeds)
        return [
            GeneratedPiece(
                tokens=(*request.prompt, *prediction.tokens),
                seed=seed,
                new_tokens=len(prediction.tokens),
                encoding=model.encoding,
                log_prob=prediction.log_prob,
            )
            for seed, prediction in zip(config.seeds, predictions, strict=True)
        ]
    perturbation = Perturbation(
        config.perturb, config.perturb_by or "return", config.perturb_context or model.window, request.corpus
    )
    perturber = Perturber(continued, cast(TokenEncoding, model.encoding), model.vocabulary, perturbation)
    return [
        GeneratedPiece(
            tokens=tuple(piece.tokens),
            seed=piece.seed,
            new_tokens=piece.new_tokens,
            encoding=model.encoding,
            log_prob=piece.log_prob,
            disturbances=tuple(piece.disturbances),
        )
        for piece in perturber.generate(request.prompt, steps, config.seeds)
    ]
