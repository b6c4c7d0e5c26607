"""The forms in which songs travel: text where the vocabulary is learned, ids where it is closed, frames of bits.

What depends on the form is here: how a song comes to be, how it moves to another key, and what its records are.
"""

from collections.abc import Callable, Hashable, Iterator
from functools import cache, lru_cache
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from pipelines import records
from pipelines.ingest.types import EncodedSong
from tutti.encodings.base import Encoding, FrameEncoding, TokenEncoding
from tutti.encodings.vocabulary import SPECIALS, Vocabulary
from tutti.errors import Error

# The other eleven keys, from a tritone below to a fourth above.
SEMITONES = (*range(-6, 0), *range(1, 6))

# Tokens in other keys to remember: some 60 MiB.
MOVED = 1 << 18

# (number of its tokens or frames, serialised Example) of each window of a song.
Windows = Callable[[str, str, bytes], Iterator[tuple[int, bytes]]]


class Form(Protocol):
    """How the songs of one encoding are kept; `tokens` are always those of `elements.Song`."""

    def encode(self, piece: Any, /) -> list[tuple[int, bytes]]:
        """(length, tokens) of each song of a piece."""
        ...

    def moved(self, tokens: bytes, semitones: int) -> bytes | None:
        """A song that many semitones higher; None where something in it would leave the range."""
        ...

    def words(self, song: EncodedSong) -> set[str]:
        """The distinct tokens of a song in all its keys that the vocabulary has to learn."""
        ...

    def starts(self, length: int, stride: int) -> range:
        """Where the windows of a song of this length begin."""
        ...

    def content_bytes(self, window: int) -> int:
        """About what a window takes in a record."""
        ...

    def windows(self, vocabulary: Vocabulary, window: int, stride: int) -> Windows:
        """A function from a song's id, label and tokens to its windows."""
        ...


def form(encoding: Encoding) -> Form:
    """The form of an encoding's songs; one for all calls, as it remembers what it looked up."""
    return _form(cast(Hashable, encoding))


@cache
def _form(encoding: Any) -> Form:
    if isinstance(encoding, FrameEncoding):
        return Frames(encoding)
    return Text(encoding) if encoding.vocabulary() is None else Ids(encoding)


def check_transposable(encoding: Encoding) -> None:
    """Refuses to transpose what has no pitch.

    Raises:
      UserError: if the encoding's songs cannot be moved to another key.
    """
    if not encoding.pitched:
        raise Error(f"--transpose does not apply to --encoding {encoding.name}, whose tokens have no pitch")


class _Tokens:
    """What text and ids have in common: windows of BOS, tokens and EOS."""

    def starts(self, length: int, stride: int) -> range:
        return records.starts(length + 2, stride)

    def content_bytes(self, window: int) -> int:
        return 2 * (window + 1)


class Text(_Tokens):
    """Tokens with blanks between them."""

    def __init__(self, encoding: TokenEncoding) -> None:
        self.encoding = encoding
        # Most of a corpus is some thousand tokens, each of which is moved once.
        self.token = lru_cache(MOVED)(encoding.transposed) if encoding.pitched else None

    def encode(self, piece: Any, /) -> list[tuple[int, bytes]]:
        return [(len(song), " ".join(song).encode()) for song in self.encoding.encode(piece)]

    def moved(self, tokens: bytes, semitones: int) -> bytes | None:
        song = _split(tokens)
        higher = self._higher(set(song), semitones)
        return None if higher is None else " ".join([higher[token] for token in song]).encode()

    def words(self, song: EncodedSong) -> set[str]:
        words = set(_split(song.tokens))
        keys = [self._higher(words, semitones) for semitones, _ in song.keys]
        return words.union(*(higher.values() for higher in keys if higher))

    def windows(self, vocabulary: Vocabulary, window: int, stride: int) -> Windows:
        """Tokens outside the vocabulary become their nearest, which is looked for once a token."""

        @cache
        def nearest(token: str) -> str:
            return self.encoding.known([token], vocabulary)[0]

        def windows(song: str, label: str, tokens: bytes) -> Iterator[tuple[int, bytes]]:
            ids = vocabulary.ids([token if token in vocabulary else nearest(token) for token in _split(tokens)])
            return records.windows(song, records.stored(ids), window, stride, label)

        return windows

    def _higher(self, words: set[str], semitones: int) -> dict[str, str] | None:
        """Each token's transposed one, None where one has none."""
        assert self.token is not None
        higher = {word: self.token(word, semitones) for word in words}
        return None if None in higher.values() else cast(dict[str, str], higher)


class Ids(_Tokens):
    """Ids of the closed vocabulary, int32 little-endian."""

    def __init__(self, encoding: TokenEncoding) -> None:
        self.encoding = encoding
        self.table = cache(self._table)

    def encode(self, piece: Any, /) -> list[tuple[int, bytes]]:
        return [(len(ids), ids.astype("<i4").tobytes()) for ids in self.encoding.encode_ids(piece)]

    def moved(self, tokens: bytes, semitones: int) -> bytes | None:
        higher = self.table(semitones)[np.frombuffer(tokens, "<i4")]
        return None if (higher < 0).any() else higher.tobytes()

    def words(self, song: EncodedSong) -> set[str]:
        return set()

    def windows(self, vocabulary: Vocabulary, window: int, stride: int) -> Windows:
        def windows(song: str, label: str, tokens: bytes) -> Iterator[tuple[int, bytes]]:
            return records.windows(song, records.stored(np.frombuffer(tokens, "<i4")), window, stride, label)

        return windows

    def _table(self, semitones: int) -> NDArray[np.int32]:
        """<i4[vocabulary]: the id of each token's transposed one, -1 where there is none."""
        vocabulary = self.encoding.vocabulary()
        assert vocabulary is not None
        ids = {token: i for i, token in enumerate(vocabulary.tokens)}
        move = self.encoding.transposed
        higher = [ids.get(move(token, semitones) or "", -1) for token in vocabulary.tokens[len(SPECIALS) :]]
        return np.array([*range(len(SPECIALS)), *higher], "<i4")


class Frames:
    """Frames of bits, each in whole bytes."""

    def __init__(self, encoding: FrameEncoding) -> None:
        self.encoding = encoding
        self.width = -(-encoding.bits // 8)

    def encode(self, piece: Any, /) -> list[tuple[int, bytes]]:
        return [(len(frames), frames.tobytes()) for frames in self.encoding.encode_frames(piece)]

    def moved(self, tokens: bytes, semitones: int) -> bytes | None:
        moved = self.encoding.transposed_frames(self._frames(tokens), semitones)
        return None if moved is None else moved.tobytes()

    def words(self, song: EncodedSong) -> set[str]:
        return set()

    def starts(self, length: int, stride: int) -> range:
        return range(0, length, stride)

    def content_bytes(self, window: int) -> int:
        return window * self.width

    def windows(self, vocabulary: Vocabulary, window: int, stride: int) -> Windows:
        def windows(song: str, label: str, tokens: bytes) -> Iterator[tuple[int, bytes]]:
            return records.frame_windows(song, self._frames(tokens), window, stride, label)

        return windows

    def _frames(self, tokens: bytes) -> NDArray[np.uint8]:
        return np.frombuffer(tokens, np.uint8).reshape(-1, self.width)


def _split(tokens: bytes) -> list[str]:
    return tokens.decode().split(" ")
