"""The models by name: those of Tutti, and those that installed packages register.

A package registers a model by an entry point of the group `tutti.models`, whose name is the model's and whose value is
`module:Settings`. Nothing is imported before it is needed.
"""

import dataclasses
import pkgutil
from collections.abc import Mapping
from functools import cache
from typing import Any

from trainer.config import Pace, TrainingConfig
from trainer.models.settings import ModelSettings
from tutti.errors import Error
from tutti.plugins import named_classes

GROUP = "tutti.models"
OWN = {
    "lstm": "trainer.models.lstm.settings:Lstm",
    "wavenet": "trainer.models.wavenet.settings:WaveNet",
    "rbm": "trainer.models.rbm.settings:Rbm",
}
# A model's settings are flags and arguments beside these.
RESERVED = frozenset(
    (
        "run",
        "dataset",
        "preset",
        "model",
        "snapshot",
        "weights_from",
        "strategy",
        "devices",
        "progress",
        "stop",
        "json",
        "help",
    )
) | frozenset((*TrainingConfig.__dataclass_fields__, *Pace.__dataclass_fields__))


@cache
def models() -> Mapping[str, type[ModelSettings]]:
    """Returns the settings of all models by name.

    Raises:
      Error: if a package registers something that cannot be loaded, or a name, of a model or a setting, that is taken.
    """
    found = named_classes(GROUP, OWN, "model")
    for name, settings in found.items():
        if clashes := sorted(RESERVED & set(settings.__dataclass_fields__)):
            raise Error(f"model {name}: its setting {clashes[0]!r} has a name that training uses; rename it")
    return found


def build(settings: ModelSettings, size: int, seed: int = 0, labels: int = 0) -> Any:
    """Returns the model that `settings` describe, freshly initialised.

    Args:
      size: number of tokens, special ones included; of models of frames, of bits in a window.
      seed: fixes the initial weights and the dropped units.
      labels: number of labels that it can be conditioned on.
    """
    # Any: the class is whatever the settings name.
    return pkgutil.resolve_name(settings.network)(settings, size, seed, labels)


def settings_to_json(settings: ModelSettings) -> dict[str, Any]:
    """Returns `settings` as a JSON object with the model's name, {"name": "lstm", "units": 512, ...}."""
    return {"name": settings.name, **dataclasses.asdict(settings)}


def settings_from_json(stored: Mapping[str, Any]) -> ModelSettings:
    """Returns the settings that `settings_to_json` wrote; fields left out take their defaults.

    Raises:
      ValueError: unknown model, unknown field, or a value that the model cannot have.
    """
    name = stored.get("name")
    if not isinstance(name, str) or name not in models():
        raise ValueError(f"model: unknown name {name!r}; expected one of {', '.join(models())}")
    kind = models()[name]
    known = {field.name for field in dataclasses.fields(kind)}
    unknown = sorted(set(stored) - known - {"name"})
    if unknown:
        raise ValueError(f"model {name}: unknown setting {unknown[0]!r}; expected some of {', '.join(sorted(known))}")
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in stored.items() if k != "name"}
    return kind(**values)
