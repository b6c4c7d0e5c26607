"""What a piece begins with, or is disturbed with: files, text and pieces as tokens of a model's encoding."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from serving.exported_model import ExportedModel
from serving.options import OptionError
from tutti import atomic
from tutti.encodings.base import Encoding
from tutti.errors import RejectedFile

if TYPE_CHECKING:
    from serving.generation.config import Prompt


@dataclass(frozen=True)
class CorpusSong:
    """A song of a corpus.

    Attributes:
      name: where it is from.
      tokens: all of it.
    """

    name: str
    tokens: Sequence[str]


def prompt(source: Prompt, limit: int, model: ExportedModel) -> list[str]:
    """Returns the tokens of a prompt, each the nearest one that the model knows.

    Args:
      source: a file, text, tokens or a piece.
      limit: how many tokens to take, from the beginning; 0 for all.
      model: whose tokens they shall be.

    Raises:
      Error: if it cannot be read, holds nothing, or holds what is no token of the model's encoding.
    """
    tokens = read(source, model.encoding)
    tokens = tokens[:limit] if limit else tokens
    if not tokens:
        shown = os.fspath(source) if isinstance(source, str | os.PathLike) else tokens
        raise OptionError("{prompt} {shown!r} holds no tokens; leave it out to begin with nothing", shown=shown)
    try:
        return model.encoding.known(tokens, model.vocabulary)
    except ValueError as error:
        raise OptionError("{prompt}: {error}", error=error) from None


def read(source: Prompt, encoding: Encoding) -> list[str]:
    """Returns the tokens of a prompt: of a file's first song, of a text file, of text, or of a piece.

    Raises:
      Error: if it is a file that cannot be read, or a piece that holds nothing for this encoding.
    """
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        if path.suffix.lower() in encoding.medium.suffixes:
            return read_songs("prompt", path, encoding)[0]
        if path.suffix.lower() == ".txt" or isinstance(source, os.PathLike):
            return _read_text(path)
        return str(source).split()
    if isinstance(source, Sequence):
        return [*source]
    return _songs("prompt", "a piece", source, encoding)[0]


def corpus(paths: Sequence[str | os.PathLike[str]], encoding: Encoding) -> tuple[CorpusSong, ...]:
    """Returns all songs of some files.

    Raises:
      Error: if one cannot be read.
    """
    found = []
    for path in map(Path, paths):
        songs = read_songs("corpus", path, encoding)
        for number, tokens in enumerate(songs, 1):
            found.append(CorpusSong(f"{path}#{number}" if len(songs) > 1 else str(path), tokens))
    return tuple(found)


def read_songs(option: str, path: Path, encoding: Encoding) -> list[list[str]]:
    """Returns the songs of a file of the encoding's medium; `option` is what asked for it, for the error.

    Raises:
      Error: if it cannot be read.
    """
    content = atomic.read(path, encoding.medium.most_bytes)
    try:
        piece = encoding.read(content)
    except RejectedFile as reason:
        raise OptionError(f"{{{option}}} {{path}}: {{reason}}", path=path, reason=reason) from None
    return _songs(option, str(path), piece, encoding)


def _songs(option: str, name: str, piece: Any, encoding: Encoding) -> list[list[str]]:
    try:
        return encoding.encode(piece)
    except RejectedFile as reason:
        raise OptionError(f"{{{option}}} {{name}}: {{reason}}", name=name, reason=reason) from None


def _read_text(path: Path) -> list[str]:
    try:
        return atomic.read(path).decode().split()
    except UnicodeDecodeError:
        raise OptionError("{prompt} {path} is not text", path=path) from None
