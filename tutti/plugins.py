"""Classes by name: Tutti's own, and those that installed packages register through entry points."""

import pkgutil
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any

from tutti.errors import Error


def named_classes(group: str, own: Mapping[str, str], noun: str) -> dict[str, Any]:
    """Returns classes by name, each imported from its `module:Class`.

    Args:
      group: the group of entry points; each is named as its class names itself.
      own: Tutti's own classes.
      noun: what such a class is, for error messages.

    Raises:
      Error: if a package registers something that cannot be loaded, or a name that is taken.
    """
    found = {name: pkgutil.resolve_name(place) for name, place in own.items()}
    for point in entry_points(group=group):
        if point.name in found:
            raise Error(f"the {noun} {point.name!r} of {point.value} has a name that is taken; rename it")
        try:
            found[point.name] = point.load()
        except (ImportError, AttributeError) as error:
            raise Error(f"cannot load the {noun} {point.name!r} from {point.value}: {error}") from error
        if getattr(found[point.name], "name", None) != point.name:
            raise Error(f"{point.value} is registered as {point.name!r}; its `name` must say the same")
    return found
