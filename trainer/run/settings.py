"""Settings that a user gave by name, in place of a preset's or of the defaults."""

import dataclasses
import operator
from collections.abc import Mapping
from typing import TypeVar

from trainer.config import TrainingConfig
from trainer.models.registry import models
from trainer.models.settings import ModelSettings
from tutti.errors import Error

Settings = TypeVar("Settings", TrainingConfig, ModelSettings)


def of_training(values: Mapping[str, object]) -> dict[str, object]:
    """Returns those of some values that are settings of training."""
    return {name: value for name, value in values.items() if name in TrainingConfig.__dataclass_fields__}


def of_model(values: Mapping[str, object], model: ModelSettings) -> dict[str, object]:
    """Returns those of some values that are settings of this model.

    Raises:
      Error: if one is a setting of neither the training nor this model.
    """
    own = {field.name for field in dataclasses.fields(model)}
    others = [name for name in values if name not in own and name not in TrainingConfig.__dataclass_fields__]
    known = {name for settings in models().values() for name in settings.__dataclass_fields__}
    if unknown := [name for name in others if name not in known]:
        every = ", ".join([*TrainingConfig.__dataclass_fields__, *sorted(own)])
        raise Error(f"unknown setting {unknown[0]!r}; there are {every}")
    if others:
        flags = ", ".join("--" + name.replace("_", "-") for name in sorted(others))
        raise Error(f"{flags} does not apply to --model {model.name}")
    return {name: value for name, value in values.items() if name in own}


def replaced(settings: Settings, values: Mapping[str, object]) -> Settings:
    """Returns `settings` with these values.

    Raises:
      Error: if they cannot have them.
    """
    try:
        return dataclasses.replace(settings, **converted(settings, values))  # type: ignore[arg-type]
    except ValueError as error:
        raise Error(str(error)) from None


def converted(settings: TrainingConfig | ModelSettings, values: Mapping[str, object]) -> dict[str, object]:
    """Returns values in the types of the settings: of a list, a tuple; of a number of numpy, one of Python.

    Raises:
      Error: if one is of another kind.
    """
    fields = settings.__dataclass_fields__
    return {name: _converted(name, value, fields[name].default) for name, value in values.items()}


def _converted(name: str, value: object, default: object) -> object:
    try:
        if isinstance(default, bool | str):
            if isinstance(value, type(default)):
                return value
        elif isinstance(default, tuple):
            return tuple(map(operator.index, value))  # type: ignore[call-overload]
        elif isinstance(default, int):
            return operator.index(value)  # type: ignore[arg-type]
        elif not isinstance(value, str):
            return float(value)  # type: ignore[arg-type]
    except TypeError:
        pass
    kind = {bool: "True or False", str: "text", int: "a whole number", float: "a number"}.get(type(default))
    raise Error(f"{name} must be {kind or 'whole numbers'}, not {value!r}")
