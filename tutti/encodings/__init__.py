"""Pieces as tokens, one file an encoding; `base` says what one is, `registry` which there are."""

import pkgutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tutti.encodings.base import Encoding
    from tutti.encodings.drums import Drums
    from tutti.encodings.events import Events
    from tutti.encodings.melody import Melody
    from tutti.encodings.miditok import MidiTok
    from tutti.encodings.mulaw import MuLaw
    from tutti.encodings.notes import NotesAndChords
    from tutti.encodings.pianoroll import PianoRoll

__all__ = ["Drums", "Events", "Melody", "MidiTok", "MuLaw", "NotesAndChords", "PianoRoll"]

_MODULES = {
    "Drums": "drums",
    "Events": "events",
    "Melody": "melody",
    "MidiTok": "miditok",
    "MuLaw": "mulaw",
    "NotesAndChords": "notes",
    "PianoRoll": "pianoroll",
}


def __getattr__(name: str) -> "type[Encoding]":
    """Imports an encoding when it is first used."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    encoding: type[Encoding] = pkgutil.resolve_name(f"{__name__}.{_MODULES[name]}:{name}")
    return encoding


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
