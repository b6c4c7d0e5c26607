"""Command-line flags for the fields of settings, and the settings that they ask for."""

import argparse
import dataclasses
from typing import Any

from music.errors import UserError
from trainer.model import kinds
from trainer.presets import Settings
from trainer.training import Training

HELP = {
    "units": "width of every LSTM layer",
    "layers": "number of LSTM layers",
    "embedding": "width of the token embedding",
    "dense": "width of a layer before the softmax; 0 for none",
    "dropout": "share of units dropped in training",
    "input_dropout": "share of the input-to-gate products dropped in training",
    "residual": "channels of the residual stream",
    "skip": "channels of the skip connections",
    "dilations": "distances in one stack, as in 1,2,4,8",
    "stacks": "how often the dilations repeat",
    "hidden": "hidden bits",
    "gibbs_steps": "Gibbs steps for each gradient, the k of CD-k",
    "chains": "persistent chains; 0: each gradient's begin at the data",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """A flag for each field of the models' settings and of the training's; what is not given stays None."""
    group = parser.add_argument_group("training, instead of the preset's values")
    for field in dataclasses.fields(Training):
        if isinstance(field.default, bool):
            group.add_argument(
                _flag(field.name), action=argparse.BooleanOptionalAction, default=None, help=field.metadata["help"]
            )
            continue
        group.add_argument(
            _flag(field.name),
            type=type(field.default),
            choices=field.metadata["choices"],
            metavar=None if field.metadata["choices"] else "N" if isinstance(field.default, int) else "X",
            help=field.metadata["help"],
        )
    added: set[str] = set()
    for settings, _ in kinds().values():
        group = parser.add_argument_group(f"{settings.__name__}, instead of the preset's values")
        for field in dataclasses.fields(settings):
            if field.name not in added:
                added.add(field.name)
                kind = _numbers if isinstance(field.default, tuple) else type(field.default)
                group.add_argument(_flag(field.name), type=kind, metavar="N", help=HELP[field.name])


def given(args: argparse.Namespace, settings: type[Any]) -> dict[str, Any]:
    """The fields of `settings` that the user gave."""
    names = [field.name for field in dataclasses.fields(settings)]
    return {name: getattr(args, name) for name in names if getattr(args, name) is not None}


def model_from(args: argparse.Namespace, preset: Settings) -> Settings:
    """The preset's model with what the user gave in place of its own values.

    Raises:
      UserError: if a flag belongs to another model, or has a value that the model cannot have.
    """
    own = given(args, type(preset))
    others = {name for settings, _ in kinds().values() for name in given(args, settings)}
    if strangers := sorted(others - set(own)):
        flags = ", ".join(map(_flag, strangers))
        raise UserError(f"{flags} does not apply to --model {type(preset).__name__.lower()}")
    return replaced(preset, own)


def replaced(settings: Any, values: dict[str, Any]) -> Any:
    """`settings` with these values.

    Raises:
      UserError: if it cannot have them.
    """
    try:
        return dataclasses.replace(settings, **values)
    except ValueError as error:
        raise UserError(str(error)) from None


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in text.split(","))
