"""Encodings so small that their songs often meet: files are text, a song a line, notes are numbers."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tutti.encodings.base import FrameEncoding, TokenEncoding
from tutti.encodings.vocabulary import SPECIALS, Vocabulary
from tutti.errors import RejectedFile
from tutti.medium import Medium

RANGE = 14


def _read(data: bytes) -> list[list[int]]:
    return [[int(note) for note in line.split()] for line in data.decode().splitlines()]


def written(songs: Iterable[Iterable[int]]) -> bytes:
    return "\n".join(" ".join(map(str, song)) for song in songs).encode()


NUMBERS = Medium("number", (".num",), 1 << 20, _read, written)


@dataclass(frozen=True)
class Learned(TokenEncoding):
    """Numbers as tokens whose vocabulary the corpus decides; `-` has no pitch, as a rest."""

    name: ClassVar[str] = "learned"
    medium: ClassVar[Medium] = NUMBERS
    pitched: ClassVar[bool] = True

    def vocabulary(self) -> Vocabulary | None:
        return None

    def encode(self, piece: list[list[int]], /) -> list[list[str]]:
        if not piece:
            raise RejectedFile("no song")
        return [[str(note) if note else "-" for note in song] for song in piece]

    def decode(self, tokens: Iterable[str]) -> list[list[int]]:
        return [[0 if token == "-" else int(token) for token in tokens]]

    def nearest(self, token: str, known: Vocabulary) -> str:
        return known.tokens[len(SPECIALS)]

    def transposed(self, token: str, semitones: int) -> str | None:
        if token == "-":
            return token
        return str(int(token) + semitones) if 0 < int(token) + semitones < RANGE else None


@dataclass(frozen=True)
class Closed(Learned):
    """The same with a vocabulary of its own."""

    name: ClassVar[str] = "closed"

    def vocabulary(self) -> Vocabulary:
        return Vocabulary.of(["-", *map(str, range(1, RANGE))])


@dataclass(frozen=True)
class Framed(FrameEncoding):
    """The same as frames, in each of which one of 14 bits is set, or none."""

    name: ClassVar[str] = "framed"
    medium: ClassVar[Medium] = NUMBERS
    pitched: ClassVar[bool] = True

    @property
    def bits(self) -> int:
        return RANGE

    def encode(self, piece: list[list[int]], /) -> list[list[str]]:
        return Learned().encode(piece)

    def decode(self, tokens: Iterable[str]) -> list[list[int]]:
        return Learned().decode(tokens)

    def encode_frames(self, piece: list[list[int]], /) -> list[NDArray[np.uint8]]:
        if not piece:
            raise RejectedFile("no song")
        rows = np.eye(RANGE, dtype=np.uint8)
        rows[0] = 0
        return [np.packbits(rows[song], axis=1) for song in piece]

    def decode_frames(self, frames: NDArray[np.uint8]) -> list[list[int]]:
        return [frames.argmax(axis=1).tolist()]

    def transposed_frames(self, frames: NDArray[np.uint8], semitones: int) -> NDArray[np.uint8] | None:
        (song,) = self.decode_frames(np.unpackbits(frames, axis=1, count=RANGE))
        moved = [note + semitones if note else 0 for note in song]
        if any(note and not 0 < new < RANGE for note, new in zip(song, moved, strict=True)):
            return None
        (packed,) = self.encode_frames([moved])
        return packed
