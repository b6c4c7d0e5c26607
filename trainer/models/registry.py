"""The models by name: those of Tutti, and those that installed packages register.

A package registers a model by an entry point of the group `tutti.models`, whose name is the model's and whose value is
`module:Settings`. Nothing is imported before it is asked for.
"""

import dataclasses
import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from trainer.models.settings import ModelSettings
from tutti.errors import Error

GROUP = "tutti.models"
OWN = {
    "lstm": "trainer.models.lstm.settings:Lstm",
    "wavenet": "trainer.models.wavenet.settings:WaveNet",
    "rbm": "trainer.models.rbm.settings:Rbm",
}


@cache
def models() -> Mapping[str, type[ModelSettings]]:
    """Returns the settings of all models by name.

    Raises:
      Error: if a package registers something that cannot be loaded, or a name that is taken.
    """
    found: dict[str, type[ModelSettings]] = {name: pkgutil.resolve_name(place) for name, place in OWN.items()}
    for point in entry_points(group=GROUP):
        if point.name in found:
            raise Error(f"the model {point.name!r} of {point.value} has a name that is taken; rename it")
        try:
            settings = point.load()
        except (ImportError, AttributeError) as error:
            raise Error(f"cannot load the model {point.name!r} from {point.value}: {error}") from error
        if getattr(settings, "name", None) != point.name:
            raise Error(f"{point.value} is registered as {point.name!r}; its `name` must say the same")
        found[point.name] = settings
    return found


def build(settings: ModelSettings, size: int, seed: int = 0, labels: int = 0) -> Any:
    """Builds the model that `settings` describe, freshly initialised.

    Args:
      size: number of tokens, special ones included; of models of frames, of bits in a window.
      seed: fixes the initial weights and the dropped units.
      labels: number of labels that it can be conditioned on.
    """
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
