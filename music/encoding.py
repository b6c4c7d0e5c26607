"""The Encoding protocol: pieces as sequences of tokens, and the registry of encodings by name.

An encoding is a frozen dataclass: its fields are its parameters, written as JSON wherever tokens are stored
and offered as command-line flags under their own names; encodings may share a name. To add one, write one
module and name it in `registry`.
"""

import argparse
import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from music.errors import UserError
from music.medium import Medium
from music.vocabulary import Vocabulary

Song = list[str]


class Encoding(Protocol):
    """Piece -> songs of tokens, and back. What a piece is, a `Score` or another, its medium says."""

    name: ClassVar[str]
    medium: ClassVar[Medium]
    __dataclass_fields__: ClassVar[dict[str, Any]]

    def encode(self, piece: Any, /) -> list[Song]:
        """The songs of a piece, at least one, each with at least one token.

        Raises:
          RejectedFile: if the piece holds nothing for this encoding.
        """
        ...

    def decode(self, tokens: Iterable[str]) -> Any:
        """The piece that tokens stand for. Accepts any order of known tokens: a model may have written them.

        Raises:
          ValueError: if a token is none of this encoding's; the text names it.
        """
        ...

    def vocabulary(self) -> Vocabulary | None:
        """The closed vocabulary, or None where the corpus decides it."""
        ...

    def nearest(self, token: str, known: Vocabulary) -> str:
        """The token of a learned vocabulary that comes nearest to one outside it."""
        ...


class ClosedEncoding(Encoding, Protocol):
    """An encoding that knows its vocabulary without data and can write ids at once, which is faster."""

    def encode_ids(self, piece: Any, /) -> list[NDArray[np.int32]]:
        """`encode`, as ids of `vocabulary()`."""
        ...


@runtime_checkable
class PitchedEncoding(Encoding, Protocol):
    """An encoding whose songs can be moved to another key, token by token."""

    def transposed(self, token: str, semitones: int) -> str | None:
        """The token that many semitones higher, None where there is none; a token without pitch as it is."""
        ...


@runtime_checkable
class FramedEncoding(Encoding, Protocol):
    """An encoding whose songs are frames of bits, one a step, for models of vectors instead of tokens.

    As text a frame is one token; the vocabulary has the specials alone.
    """

    @property
    def bits(self) -> int:
        """Bits in a frame."""
        ...

    def encode_frames(self, piece: Any, /) -> list[NDArray[np.uint8]]:
        """The songs as uint8[steps, ceil(bits / 8)], bits packed with the first one highest (`numpy.packbits`)."""
        ...

    def decode_frames(self, frames: NDArray[np.uint8]) -> Any:
        """The piece that uint8[steps, bits] of 0 and 1 stand for; any bits will do."""
        ...


def registry() -> dict[str, type[Encoding]]:
    """All encodings by name."""
    from music.drums import Drums
    from music.events import Events
    from music.melody import Melody
    from music.miditok import MidiTok
    from music.mulaw import MuLaw
    from music.notes import Notes
    from music.pianoroll import PianoRoll

    return {encoding.name: encoding for encoding in (Drums, Notes, Melody, Events, PianoRoll, MuLaw, MidiTok)}


def to_json(encoding: Encoding) -> dict[str, Any]:
    """The encoding's name and parameters, for storing beside tokens."""
    return {"name": encoding.name, **dataclasses.asdict(encoding)}


def from_json(stored: Mapping[str, Any]) -> Encoding:
    """The encoding that `to_json` described.

    Raises:
      UserError: if this version knows no such encoding or parameter.
    """
    parameters = dict(stored)
    name = parameters.pop("name", None)
    encodings = registry()
    if name not in encodings:
        raise UserError(f"unknown encoding {name!r}: this version of tutti knows {', '.join(encodings)}")
    try:
        return encodings[name](**parameters)
    except (TypeError, ValueError) as error:
        raise UserError(f"encoding {name!r} cannot take the parameters {parameters}: {error}") from None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds `--encoding` and a flag for each parameter of each encoding."""
    encodings = registry()
    parser.add_argument("--encoding", choices=encodings, default="drums", help="how songs become tokens (drums)")
    owners: dict[str, list[str]] = {}
    for name, encoding in encodings.items():
        for field in dataclasses.fields(encoding):
            owners.setdefault(field.name, []).append(name)
    groups = dict.fromkeys(map(tuple, owners.values()))
    for names in groups:
        group = parser.add_argument_group(f"parameters of --encoding {', '.join(names)}")
        for flag in (flag for flag, owning in owners.items() if tuple(owning) == names):
            _add_argument(group, flag, [_field(encodings[name], flag) for name in names], names)


def _field(encoding: type[Encoding], name: str) -> "dataclasses.Field[Any]":
    return encoding.__dataclass_fields__[name]


def _add_argument(group: Any, flag: str, fields: "list[dataclasses.Field[Any]]", names: Sequence[str]) -> None:
    """One flag for the fields of this name, which several encodings may have; each checks its own values."""
    said = [f"{field.metadata['help']} ({field.default})" for field in fields]
    about = (
        said[0] if len(set(said)) == 1 else "; ".join(f"{name}: {text}" for name, text in zip(names, said, strict=True))
    )
    option = "--" + flag.replace("_", "-")
    if isinstance(fields[0].default, bool):
        group.add_argument(option, action=argparse.BooleanOptionalAction, help=about)
        return
    choices = dict.fromkeys(choice for field in fields for choice in field.metadata.get("choices") or ())
    open_ended = any(not field.metadata.get("choices") for field in fields)
    group.add_argument(
        option, type=type(fields[0].default), choices=None if open_ended else [*choices], help=about.replace("%", "%%")
    )


def from_arguments(args: argparse.Namespace) -> Encoding:
    """The encoding that parsed flags ask for.

    Raises:
      UserError: if a flag belongs to another encoding, or has a value it cannot take.
    """
    encodings = registry()
    own = {field.name for field in dataclasses.fields(encodings[args.encoding])}
    given = {
        field.name: getattr(args, field.name)
        for encoding in encodings.values()
        for field in dataclasses.fields(encoding)
        if getattr(args, field.name) is not None
    }
    if strangers := sorted(set(given) - own):
        flags = ", ".join("--" + name.replace("_", "-") for name in strangers)
        raise UserError(f"{flags} does not apply to --encoding {args.encoding}")
    return from_json({"name": args.encoding, **given})


def known(encoding: Encoding, tokens: Sequence[str], vocabulary: Vocabulary) -> list[str]:
    """`tokens`, each one outside `vocabulary` replaced by its nearest known token."""
    replacement = {token: encoding.nearest(token, vocabulary) for token in set(tokens) if token not in vocabulary}
    return [replacement.get(token, token) for token in tokens]
