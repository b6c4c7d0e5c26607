"""Pieces to look at: files that a model's pieces were written to, or tokens."""

import os
from collections.abc import Sequence
from pathlib import Path

from tutti import atomic
from tutti.encodings.base import Encoding
from tutti.encodings.vocabulary import Vocabulary
from tutti.errors import Error, RejectedFile

Piece = str | os.PathLike[str] | Sequence[str]


def read(pieces: Sequence[Piece], encoding: Encoding, vocabulary: Vocabulary) -> list[list[str]]:
    """Returns the tokens of some pieces, each the nearest one that a model knows.

    Args:
      pieces: files of the encoding's medium, text files with the tokens of a piece in each line, or tokens.

    Raises:
      Error: if a file cannot be read, or a piece holds nothing for this encoding.
    """
    found = []
    for piece in pieces:
        name = os.fspath(piece) if isinstance(piece, str | os.PathLike) else "a piece"
        try:
            songs = [encoding.known(song, vocabulary) for song in _songs(piece, encoding)]
        except UnicodeDecodeError:
            raise Error(f"{name} is not text") from None
        except (RejectedFile, ValueError) as reason:
            raise Error(f"{name}: {reason}") from None
        if not songs or not all(songs):
            raise Error(f"{name} holds no tokens")
        found += songs
    return found


def _songs(piece: Piece, encoding: Encoding) -> list[list[str]]:
    if not isinstance(piece, str | os.PathLike):
        return [[*piece]]
    path, medium = Path(piece), encoding.medium
    if path.suffix.lower() == ".txt":
        return [line.split() for line in atomic.read(path).decode().splitlines() if line.strip()]
    if path.suffix.lower() in medium.suffixes:
        return encoding.encode(medium.read(atomic.read(path, medium.most_bytes)))
    raise Error(f"{path}: a piece is a {medium.noun} file ({medium.suffixes[0]}) or its tokens as text (.txt)")
