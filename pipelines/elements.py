"""What passes from step to step. Elements are few and large: the songs of many files at a time.

Beam spends some tens of microseconds on each element and each stage, as long as a small file takes to parse.
So every element is one frozen dataclass, which is pickled at once; lists and tuples Beam would encode piece by
piece. What is many in them are named tuples, which pickle fastest.
"""

from dataclasses import dataclass
from typing import NamedTuple

from music.dataset import Source
from music.encoding import Encoding


@dataclass(frozen=True)
class Job:
    """The settings of one ingestion.

    Attributes:
      dataset: the dataset's folder.
      staging: the folder inside it that takes what this run writes until it is committed.
      snapshot: the number of the snapshot to make; the one before it, if any, is the current one.
      encoding: how scores become songs of tokens.
      window: input tokens in a window.
      stride: tokens from one window's start to the next one's.
      fractions: share of sources meant for train, validation and test.
      shards: how many to make of each split; None lets the data decide.
      tokens: the dataset's vocabulary where the encoding or an earlier snapshot has fixed it, else None.
    """

    dataset: str
    staging: str
    snapshot: int
    encoding: Encoding
    window: int
    stride: int
    fractions: tuple[float, float, float]
    shards: int | None = None
    tokens: tuple[str, ...] | None = None


class File(NamedTuple):
    """A file of the corpus: where it is, its name in manifests, and its size in bytes; -1 if it is no file."""

    path: str
    name: str
    size: int


class Content(NamedTuple):
    """What was in a file, or, where `data` is None, why nothing could be read."""

    name: str
    data: bytes | None
    reason: str = ""


class Song(NamedTuple):
    """One song: content id, number of tokens without BOS and EOS, and the tokens.

    Tokens are int32 little-endian ids in a closed vocabulary, or text, separated by blanks, where the
    vocabulary is learned. The id is of these bytes, so it does not depend on any other song.
    """

    id: str
    length: int
    tokens: bytes


class Encoded(NamedTuple):
    """One file's songs, under the file's content id."""

    id: str
    name: str
    songs: tuple[Song, ...]


class Rejected(NamedTuple):
    """A file left out. `id` is empty where its content was not read."""

    name: str
    id: str
    reason: str


@dataclass(frozen=True)
class Bundle:
    """Files that are read together."""

    files: tuple[File, ...]


@dataclass(frozen=True)
class Contents:
    """What is in the files of a bundle."""

    files: tuple[Content, ...]


@dataclass(frozen=True)
class Batch:
    """What a bundle of files gave. `known` counts files whose content the dataset has already."""

    files: tuple[Encoded, ...]
    rejected: tuple[Rejected, ...]
    known: int


@dataclass(frozen=True)
class Songs:
    """Those songs of a batch that go to one shard."""

    songs: tuple[Song, ...]


@dataclass(frozen=True)
class Plan:
    """What is decided over the whole corpus.

    Attributes:
      sources: the new sources; where a source has no song of its own, `same_as` says whose they are.
      rejected: files left out, in order.
      duplicates: files whose songs are all in another file of the corpus or the dataset.
      known: files whose content the dataset has already.
      words: tokens of the new songs, without BOS and EOS.
      placement: where each song goes.
    """

    sources: tuple[Source, ...]
    rejected: tuple[Rejected, ...]
    duplicates: int
    known: int
    words: int
    placement: "Placement"


@dataclass(frozen=True)
class Placement:
    """Where songs go: the part of the plan that every worker needs.

    Attributes:
      dropped: (source id, song id) of songs that stand in the dataset for another source.
      shards: the number of new shards of each split.
      tokens: the dataset's vocabulary, in id order.
    """

    dropped: frozenset[tuple[str, str]]
    shards: dict[str, int]
    tokens: tuple[str, ...]
