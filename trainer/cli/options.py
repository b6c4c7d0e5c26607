"""Command-line flags for the settings of models and of training, and the settings that they ask for."""

import argparse
import dataclasses
from typing import Any, TypeVar

from trainer.config import TrainingConfig
from trainer.models.registry import models
from trainer.models.settings import ModelSettings
from tutti.cli.flags import add_fields, flag, given
from tutti.errors import Error

Settings = TypeVar("Settings")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds a flag for each field of the models' settings and of the training's; what is not given stays None."""
    add_fields(parser, {"training": TrainingConfig}, "{}, instead of the preset's values")
    add_fields(parser, dict(models()), "model {}, instead of the preset's values")


def model_from(args: argparse.Namespace, preset: ModelSettings) -> ModelSettings:
    """Returns the preset's model with what the user gave in place of its own values.

    Raises:
      Error: if a flag belongs to another model, or has a value that the model cannot have.
    """
    own = given(args, type(preset))
    others = {name for settings in models().values() for name in given(args, settings)}
    if strangers := sorted(others - set(own)):
        raise Error(f"{', '.join(map(flag, strangers))} does not apply to --model {preset.name}")
    return replaced(preset, own)


def replaced(settings: Settings, values: dict[str, Any]) -> Settings:
    """Returns `settings` with these values.

    Raises:
      Error: if they cannot have them.
    """
    try:
        return dataclasses.replace(settings, **values)  # type: ignore[type-var]
    except ValueError as error:
        raise Error(str(error)) from None
