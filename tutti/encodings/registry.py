"""The encodings by name: those of Tutti, and those that installed packages register.

A package registers an encoding by an entry point of the group `tutti.encodings`, whose name is the encoding's and whose
value is `module:Class`. Nothing is imported before it is asked for.
"""

import dataclasses
import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from tutti.encodings.base import Encoding
from tutti.errors import Error

GROUP = "tutti.encodings"
OWN = {
    "drums": "tutti.encodings.drums:Drums",
    "notes": "tutti.encodings.notes:NotesAndChords",
    "melody": "tutti.encodings.melody:Melody",
    "events": "tutti.encodings.events:Events",
    "pianoroll": "tutti.encodings.pianoroll:PianoRoll",
    "mulaw": "tutti.encodings.mulaw:MuLaw",
    "miditok": "tutti.encodings.miditok:MidiTok",
}


@cache
def encodings() -> Mapping[str, type[Encoding]]:
    """Returns all encodings by name.

    Raises:
      Error: if a package registers something that cannot be loaded, or a name that is taken.
    """
    found: dict[str, type[Encoding]] = {name: pkgutil.resolve_name(place) for name, place in OWN.items()}
    for point in entry_points(group=GROUP):
        if point.name in found:
            raise Error(f"the encoding {point.name!r} of {point.value} has a name that is taken; rename it")
        try:
            encoding = point.load()
        except (ImportError, AttributeError) as error:
            raise Error(f"cannot load the encoding {point.name!r} from {point.value}: {error}") from error
        if getattr(encoding, "name", None) != point.name:
            raise Error(f"{point.value} is registered as {point.name!r}; its `name` must say the same")
        found[point.name] = encoding
    return found


def encoding_to_json(encoding: Encoding) -> dict[str, Any]:
    """Returns the encoding's name and parameters, for storing beside tokens."""
    return {"name": encoding.name, **dataclasses.asdict(encoding)}


def encoding_from_json(stored: Mapping[str, Any]) -> Encoding:
    """Returns the encoding that `encoding_to_json` described.

    Raises:
      Error: if there is no such encoding or parameter.
    """
    parameters = dict(stored)
    name = parameters.pop("name", None)
    known = encodings()
    if name not in known:
        raise Error(f"unknown encoding {name!r}: there are {', '.join(known)}")
    try:
        return known[name](**parameters)
    except (TypeError, ValueError) as error:
        raise Error(f"encoding {name!r} cannot take the parameters {parameters}: {error}") from None
