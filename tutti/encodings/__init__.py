"""Pieces as tokens, one file an encoding; `base` says what one is, `registry` which there are."""

import pkgutil
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tutti.encodings.drums import Drums
    from tutti.encodings.events import Events
    from tutti.encodings.melody import Melody
    from tutti.encodings.miditok import MidiTok
    from tutti.encodings.mulaw import MuLaw
    from tutti.encodings.notes import NotesAndChords
    from tutti.encodings.pianoroll import PianoRoll

__all__ = ["Drums", "Events", "Melody", "MidiTok", "MuLaw", "NotesAndChords", "PianoRoll"]

_HOMES = {
    "Drums": "drums",
    "Events": "events",
    "Melody": "melody",
    "MidiTok": "miditok",
    "MuLaw": "mulaw",
    "NotesAndChords": "notes",
    "PianoRoll": "pianoroll",
}


def __getattr__(name: str) -> Any:
    """Imports an encoding when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return pkgutil.resolve_name(f"{__name__}.{_HOMES[name]}:{name}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
