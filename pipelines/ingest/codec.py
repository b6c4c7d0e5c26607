"""How songs travel: as text where the vocabulary is learned, as ids where it is closed, as packed frames of bits.

The one place where the kind of an encoding matters: how a piece becomes songs, how a song moves to another key, what
its records are, and how a piece comes back from a record.
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
from tutti.errors import RejectedFile

# The other eleven keys, from a tritone below to a fourth above.
SEMITONES = (*range(-6, 0), *range(1, 6))

# Transposed tokens to remember: some 60 MiB.
TRANSPOSED_TOKENS = 1 << 18

# (song id, label, tokens) -> (number of its tokens or frames, serialised Example) of each window of the song.
Windows = Callable[[str, str, bytes], Iterator[tuple[int, bytes]]]


class SongCodec(Protocol):
    """The songs of one encoding as bytes, which are the `tokens` of an `EncodedSong`."""

    def encode(self, piece: Any, /) -> list[tuple[int, bytes]]:
        """Returns (length, tokens) of each song of a piece.

        Raises:
          RejectedFile: if the piece holds nothing for this encoding.
        """
        ...

    def transposed(self, tokens: bytes, semitones: int) -> bytes | None:
        """Moves a song up by some semitones; returns None where something in it would leave the range."""
        ...

    def learned_tokens(self, song: EncodedSong) -> set[str]:
        """Returns the distinct tokens of a song in all its keys that the vocabulary has to learn."""
        ...

    def starts(self, length: int, stride: int) -> range:
        """Returns where the windows of a song of this length begin."""
        ...

    def content_bytes(self, window: int) -> int:
        """Returns about how many bytes a window takes in a record."""
        ...

    def windows(self, vocabulary: Vocabulary, window: int, stride: int) -> Windows:
        """Returns a function from a song's id, label and tokens to its windows."""
        ...

    def piece(self, content: NDArray[Any], vocabulary: Vocabulary) -> Any:
        """Returns the piece that stored content stands for, as `Schema.unpacked` gives it.

        Raises:
          ValueError: if it is none of this encoding's.
        """
        ...

    def text(self, content: NDArray[Any], vocabulary: Vocabulary) -> list[str]:
        """Returns stored content as text; of frames, the tokens of the music that they stand for."""
        ...


def codec_of(encoding: Encoding) -> SongCodec:
    """Returns the codec of an encoding's songs: one for all calls, as it remembers what it looked up."""
    return _codec_of(cast(Hashable, encoding))


@cache
def _codec_of(encoding: Any) -> SongCodec:
    if isinstance(encoding, FrameEncoding):
        return FramesCodec(encoding)
    return TextCodec(encoding) if encoding.vocabulary() is None else IdsCodec(encoding)


class _TokensCodec:
    """What text and ids have in common: windows of BOS, tokens and EOS."""

    def __init__(self, encoding: TokenEncoding) -> None:
        self.encoding = encoding

    def starts(self, length: int, stride: int) -> range:
        return records.starts(length + 2, stride)

    def content_bytes(self, window: int) -> int:
        return 2 * (window + 1)

    def piece(self, content: NDArray[Any], vocabulary: Vocabulary) -> Any:
        return self.encoding.decode(self.text(content, vocabulary))

    def text(self, content: NDArray[Any], vocabulary: Vocabulary) -> list[str]:
        return vocabulary.words(content.tolist())


class TextCodec(_TokensCodec):
    """Tokens with blanks between them."""

    def __init__(self, encoding: TokenEncoding) -> None:
        super().__init__(encoding)
        # Most of a corpus is some thousand tokens, each of which is moved once.
        self.token = lru_cache(TRANSPOSED_TOKENS)(encoding.transposed) if encoding.pitched else None

    def encode(self, piece: Any, /) -> list[tuple[int, bytes]]:
        return [(len(song), " ".join(song).encode()) for song in self.encoding.encode(piece)]

    def transposed(self, tokens: bytes, semitones: int) -> bytes | None:
        song = _split(tokens)
        higher = self._higher(set(song), semitones)
        return None if higher is None else " ".join([higher[token] for token in song]).encode()

    def learned_tokens(self, song: EncodedSong) -> set[str]:
        tokens = set(_split(song.tokens))
        keys = [self._higher(tokens, semitones) for semitones, _ in song.keys]
        return tokens.union(*(higher.values() for higher in keys if higher))

    def windows(self, vocabulary: Vocabulary, window: int, stride: int) -> Windows:
        """Tokens outside the vocabulary become their nearest, which is looked for once a token."""
        schema = self.encoding.schema(window, vocabulary)

        @cache
        def nearest(token: str) -> str:
            return self.encoding.known([token], vocabulary)[0]

        def windows(song: str, label: str, tokens: bytes) -> Iterator[tuple[int, bytes]]:
            ids = vocabulary.ids([token if token in vocabulary else nearest(token) for token in _split(tokens)])
            return records.windows(schema, song, records.stored(ids), stride, label)

        return windows

    def _higher(self, tokens: set[str], semitones: int) -> dict[str, str] | None:
        """Returns each token's transposed one, None where one has none."""
        assert self.token is not None
        higher = {token: self.token(token, semitones) for token in tokens}
        return None if None in higher.values() else cast(dict[str, str], higher)


class IdsCodec(_TokensCodec):
    """Ids of the closed vocabulary, int32 little-endian."""

    def __init__(self, encoding: TokenEncoding) -> None:
        super().__init__(encoding)
        self.table = cache(self._table)

    def encode(self, piece: Any, /) -> list[tuple[int, bytes]]:
        return [(len(ids), ids.astype("<i4").tobytes()) for ids in self.encoding.encode_ids(piece)]

    def transposed(self, tokens: bytes, semitones: int) -> bytes | None:
        higher = self.table(semitones)[np.frombuffer(tokens, "<i4")]
        return None if (higher < 0).any() else higher.tobytes()

    def learned_tokens(self, song: EncodedSong) -> set[str]:
        return set()

    def windows(self, vocabulary: Vocabulary, window: int, stride: int) -> Windows:
        schema = self.encoding.schema(window, vocabulary)

        def windows(song: str, label: str, tokens: bytes) -> Iterator[tuple[int, bytes]]:
            return records.windows(schema, song, records.stored(np.frombuffer(tokens, "<i4")), stride, label)

        return windows

    def _table(self, semitones: int) -> NDArray[np.int32]:
        """Returns <i4[vocabulary]: the id of each token's transposed one, -1 where there is none."""
        vocabulary = self.encoding.vocabulary()
        assert vocabulary is not None
        ids = {token: i for i, token in enumerate(vocabulary.tokens)}
        transposed = self.encoding.transposed
        higher = [ids.get(transposed(token, semitones) or "", -1) for token in vocabulary.tokens[len(SPECIALS) :]]
        return np.array([*range(len(SPECIALS)), *higher], "<i4")


class FramesCodec:
    """Frames of bits, each in whole bytes."""

    def __init__(self, encoding: FrameEncoding) -> None:
        self.encoding = encoding
        self.width = -(-encoding.bits // 8)

    def encode(self, piece: Any, /) -> list[tuple[int, bytes]]:
        return [(len(frames), frames.tobytes()) for frames in self.encoding.encode_frames(piece)]

    def transposed(self, tokens: bytes, semitones: int) -> bytes | None:
        higher = self.encoding.transposed_frames(self._frames(tokens), semitones)
        return None if higher is None else higher.tobytes()

    def learned_tokens(self, song: EncodedSong) -> set[str]:
        return set()

    def starts(self, length: int, stride: int) -> range:
        return range(0, length, stride)

    def content_bytes(self, window: int) -> int:
        return window * self.width

    def windows(self, vocabulary: Vocabulary, window: int, stride: int) -> Windows:
        schema = self.encoding.schema(window, vocabulary)

        def windows(song: str, label: str, tokens: bytes) -> Iterator[tuple[int, bytes]]:
            return records.frame_windows(schema, song, self._frames(tokens), stride, label)

        return windows

    def piece(self, content: NDArray[Any], vocabulary: Vocabulary) -> Any:
        return self.encoding.decode_frames(content)

    def text(self, content: NDArray[Any], vocabulary: Vocabulary) -> list[str]:
        try:
            return self.encoding.encode(self.encoding.decode_frames(content))[0]
        except RejectedFile:
            return []  # Nothing but silence.

    def _frames(self, tokens: bytes) -> NDArray[np.uint8]:
        return np.frombuffer(tokens, np.uint8).reshape(-1, self.width)


def _split(tokens: bytes) -> list[str]:
    return tokens.decode().split(" ")
