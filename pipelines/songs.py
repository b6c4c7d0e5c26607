"""Parse and encode: contents of files -> songs of tokens, each under its content id."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from typing import Any, cast

import apache_beam as beam
import numpy as np
from numpy.typing import NDArray

from music import encoding as encodings
from music.dataset import content_id
from music.encoding import ClosedEncoding, Encoding
from music.errors import RejectedFile
from music.vocabulary import Vocabulary
from pipelines.elements import Batch, Content, Contents, Encoded, Rejected, Song

FILES = beam.metrics.Metrics.counter("ingest", "files")
REJECTED = beam.metrics.Metrics.counter("ingest", "rejected")


class Encode(beam.PTransform):
    """Contents of files -> batches of encoded songs.

    Args:
      encoding: how scores become songs.
      known: source ids that the dataset has already, as a set or a side input.
      progress: local file that takes a line with the number of files, bundle by bundle; empty for none.
    """

    def __init__(self, encoding: Encoding, known: Any = frozenset(), progress: str = "") -> None:
        super().__init__()
        self.encoding, self.known, self.progress = encoding, known, progress

    def expand(self, contents: Any) -> Any:
        return contents | beam.ParDo(EncodeFiles(self.encoding, self.progress), self.known)


class EncodeFiles(beam.DoFn):
    """Parses and encodes a bundle. Whatever goes wrong with a file rejects that file, with the reason."""

    def __init__(self, encoding: Encoding, progress: str = "") -> None:
        super().__init__()
        self.encoding, self.progress = encoding, progress

    def process(self, contents: Contents, known: Any = frozenset()) -> Iterator[Batch]:
        encoded, rejected, seen = [], [], 0
        for content in contents.files:
            source = "" if content.data is None else content_id(content.data)
            if source in known:
                seen += 1
                continue
            try:
                encoded.append(Encoded(source, content.name, tuple(songs(content, self.encoding))))
            except RejectedFile as reason:
                rejected.append(Rejected(content.name, source, str(reason)))
        FILES.inc(len(contents.files))
        REJECTED.inc(len(rejected))
        if self.progress:
            # Where there is no room for a line of progress, there is none for a shard, and that will say so.
            with suppress(OSError), open(self.progress, "ab") as file:  # noqa: PTH123
                file.write(b"%d\n" % len(contents.files))
        yield Batch(tuple(encoded), tuple(rejected), seen)


def songs(content: Content, encoding: Encoding) -> list[Song]:
    """The songs of a file.

    Raises:
      RejectedFile: if it gives none, whatever the cause.
    """
    if content.data is None:
        raise RejectedFile(content.reason)
    try:
        piece = encoding.medium.read(content.data)
        if encoding.vocabulary() is None:
            tokens = [(len(song), " ".join(song).encode()) for song in encoding.encode(piece)]
        else:
            closed = cast(ClosedEncoding, encoding).encode_ids(piece)
            tokens = [(len(ids), ids.astype("<i4").tobytes()) for ids in closed]
    except RejectedFile:
        raise
    except Exception as error:
        # A parser that stumbles over one file in a million must not stop the other million.
        raise RejectedFile(f"cannot be parsed: {type(error).__name__}: {' '.join(str(error).split())}") from error
    return [Song(content_id(text), length, text) for length, text in tokens]


def to_ids(encoding: Encoding, vocabulary: Vocabulary) -> Callable[[Song], NDArray[np.int32]]:
    """A function from a song to its tokens as ids, int32[length].

    Tokens outside a learned vocabulary become their nearest, which is looked for once a token.
    """
    if encoding.vocabulary() is not None:
        return lambda song: np.frombuffer(song.tokens, "<i4")

    @cache
    def nearest(token: str) -> str:
        return encodings.known(encoding, [token], vocabulary)[0]

    return lambda song: vocabulary.ids(
        [token if token in vocabulary else nearest(token) for token in song.tokens.decode().split(" ")]
    )


def words(song: Song, encoding: Encoding) -> set[str]:
    """The distinct tokens of a song of a learned encoding; nothing where the vocabulary is closed."""
    return set() if encoding.vocabulary() is not None else set(song.tokens.decode().split(" "))
