"""Pieces from a model of tokens: an export whose `generate` signature takes prompts."""

from collections.abc import Sequence
from math import ceil
from typing import Any, cast

from serving.exported_model import ExportedModel
from serving.generation.config import GenerationConfig
from serving.generation.length import Length, default_steps, wanted
from serving.generation.perturb import Perturbation, Perturber
from serving.generation.piece import GeneratedPiece
from serving.generation.prediction import Prediction, predict
from serving.generation.request import GenerationRequest
from tutti.encodings import durations
from tutti.encodings.base import TokenEncoding
from tutti.encodings.durations import Durations


def defaults(model: ExportedModel, config: GenerationConfig) -> dict[str, Any]:
    """Returns the options that apply to models of tokens, with their values where they are not given.

    Raises:
      OptionError: if what is said of the length is out of bounds or cannot be had of this model.
    """
    perturbed = config.perturb is not None
    return {
        "steps": default_steps(model, config),
        "min_steps": None,
        "no_end": None,
        "bars": None,
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
    config, encoding = request.config, cast(TokenEncoding, model.encoding)
    units = Durations.of(encoding, model.vocabulary) if config.bars else None

    def duration(ids: Sequence[int], length: Length) -> int:
        """Returns how long a prompt of ids and what comes behind it last, as the signature wants it."""
        if units is None or length.quarters is None:
            return 0
        shown = durations.length(encoding, model.vocabulary.words(ids))
        return ceil((shown + length.quarters) * units.quarter)

    def continued(
        prompts: Sequence[Sequence[str]], lengths: Sequence[Length], seeds: Sequence[int]
    ) -> list[Prediction]:
        ids = [model.ids(prompt) for prompt in prompts]
        return predict(
            model,
            ids,
            steps=[length.steps for length in lengths],
            min_steps=[length.min_steps for length in lengths],
            duration=[*map(duration, ids, lengths)],
            seeds=seeds,
            temperature=config.temperature,
            top_k=config.top_k,
            top_p=config.top_p,
            label=0 if request.label is None else model.label_number(request.label),
        )

    length = wanted(config, config.steps or default_steps(model, config), encoding, request.prompt)
    if config.perturb is None:
        predictions = continued([request.prompt] * config.n, [length] * config.n, config.seeds)
        return [
            GeneratedPiece(
                tokens=length.cut(encoding, request.prompt, prediction.tokens),
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
    perturber = Perturber(continued, encoding, model.vocabulary, perturbation)
    return [
        GeneratedPiece(
            tokens=length.cut(encoding, request.prompt, piece.tokens[len(request.prompt) :]),
            seed=piece.seed,
            new_tokens=piece.new_tokens,
            encoding=model.encoding,
            log_prob=piece.log_prob,
            disturbances=tuple(piece.disturbances),
        )
        for piece in perturber.generate(request.prompt, length, config.seeds)
    ]
