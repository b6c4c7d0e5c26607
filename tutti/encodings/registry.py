"""The encodings by name: those of Tutti, and those that installed packages register.

A package registers an encoding by an entry point of the group `tutti.encodings`, whose name is the encoding's and whose
value is `module:Class`. Nothing is imported before it is asked for.
"""

import dataclasses
from collections.abc import Mapping
from functools import cache
from typing import Any

from tutti.encodings.base import Encoding
from tutti.errors import Error
from tutti.plugins import named_classes

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
    return named_classes(GROUP, OWN, "encoding")


def encoding_to_json(encoding: Encoding) -> dict[str, Any]:
    """Returns the encoding's name and parameters, for storing beside tokens; without those that are empty texts."""
    given = {name: value for name, value in dataclasses.asdict(encoding).items() if value != ""}
    return {"name": encoding.name, **given}


def encoding_to_flags(encoding: Encoding) -> str:
    """Returns the encoding as a user would ask for it: its name, and the parameters that are not as by default."""
    own = ((field, getattr(encoding, field.name)) for field in dataclasses.fields(encoding))
    flags = (f"--{field.name.replace('_', '-')} {value}" for field, value in own if value != field.default)
    return " ".join([f"--encoding {encoding.name}", *flags])


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
    except ValueError as error:
        raise Error(f"--encoding {name}: {error}") from None
    except TypeError:
        raise Error(f"--encoding {name} has not all of the parameters {', '.join(parameters)}") from None
