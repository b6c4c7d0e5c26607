"""The Encoding protocol: songs as sequences of tokens, and the registry of encodings by name.

An encoding is a frozen dataclass: its fields are its parameters, written as JSON wherever tokens are stored
and offered as command-line flags under their own names. To add one, write one module and name it in
`registry`.
"""

import argparse
import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from music.errors import UserError
from music.midi import Score
from music.vocabulary import Vocabulary

Song = list[str]


class Encoding(Protocol):
    """Score -> songs of tokens, and back."""

    name: ClassVar[str]
    __dataclass_fields__: ClassVar[dict[str, Any]]

    def encode(self, score: Score) -> list[Song]:
        """The songs of a score, at least one, each with at least one token.

        Raises:
          RejectedFile: if the score holds nothing for this encoding.
        """
        ...

    def decode(self, tokens: Iterable[str]) -> Score:
        """The score that tokens stand for. Accepts any order of known tokens: a model may have written them.

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

    def encode_ids(self, score: Score) -> list[NDArray[np.int32]]:
        """`encode`, as ids of `vocabulary()`."""
        ...


def registry() -> dict[str, type[Encoding]]:
    """All encodings by name."""
    from music.drums import Drums
    from music.notes import Notes

    return {encoding.name: encoding for encoding in (Drums, Notes)}


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
    for name, encoding in encodings.items():
        group = parser.add_argument_group(f"parameters of --encoding {name}")
        for field in dataclasses.fields(encoding):
            group.add_argument(
                "--" + field.name.replace("_", "-"),
                type=field.metadata.get("type", type(field.default)),
                choices=field.metadata.get("choices"),
                help=f"{field.metadata['help']} ({field.default})",
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
