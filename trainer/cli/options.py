"""Command-line flags for the settings of models and of training."""

import argparse

from trainer.config import TrainingConfig
from trainer.models.registry import models
from tutti.cli.flags import add_fields, given


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds a flag for each field of the models' settings and of the training's; what is not given stays None."""
    add_fields(parser, {"training": TrainingConfig}, "{}, instead of the preset's values")
    add_fields(parser, dict(models()), "model {}, instead of the preset's values")


def settings_from(args: argparse.Namespace) -> dict[str, object]:
    """Returns the settings that the user gave, of whatever model."""
    values: dict[str, object] = given(args, TrainingConfig)
    for model in models().values():
        values.update(given(args, model))
    return values
