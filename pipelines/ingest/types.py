"""What passes from step to step of an ingestion: few and large elements, the songs of many files at a time.

Beam spends some tens of microseconds on each element and each stage, as long as a small file takes to parse.
So every element is one frozen dataclass, which is pickled at once; lists and tuples Beam would encode piece by
piece. What is many in them are named tuples, which pickle fastest.
"""

from dataclasses import dataclass
from typing import NamedTuple

from pipelines.loops.config import CombineConfig
from tutti.dataset.manifest import Source
from tutti.encodings.base import Encoding


@dataclass(frozen=True)
class IngestJob:
    """The settings of one ingestion into one dataset, as they travel with the pipeline.

    Attributes:
      dataset: the dataset's folder.
      staging: the folder inside it that takes what this run writes until it is committed.
      snapshot: the number of the snapshot to make; the one before it, if any, is the current one.
      encoding: how scores become songs of tokens.
      window: input tokens in a window, or frames.
      stride: tokens, or frames, from one window's start to the next one's.
      fractions: share of sources meant for train, validation and test; None where folders name the splits.
      shards: how many to make of each split; None lets the data decide.
      tokens: the dataset's vocabulary where the encoding or an earlier snapshot has fixed it, else None.
      transpose: whether the songs to train on come in the other eleven keys as well.
      labels: the dataset's labels up to now.
      loops: what is done to files, taken for drum loops, before they are parsed, as `Dataset.loops` has it.
      combine: what loops to make of them; None to make none.
    """

    dataset: str
    staging: str
    snapshot: int
    encoding: Encoding
    window: int
    stride: int
    fractions: tuple[float, float, float] | None
    shards: int | None = None
    tokens: tuple[str, ...] | None = None
    transpose: bool = False
    labels: tuple[str, ...] = ()
    loops: str = ""
    combine: CombineConfig | None = None


class File(NamedTuple):
    """A file of the corpus.

    Attributes:
      path: where it is.
      name: what manifests call it.
      size: in bytes; -1 if it is no file.
      label: the label of its songs; empty for none.
      split: the split it was put into by hand; empty where its content decides.
      refused: why it is rejected without being read; empty if it is not.
    """

    path: str
    name: str
    size: int
    label: str = ""
    split: str = ""
    refused: str = ""


class Content(NamedTuple):
    """A file's bytes or, where `data` is None, the reason why there are none. Label and split are the file's."""

    name: str
    data: bytes | None
    reason: str = ""
    label: str = ""
    split: str = ""


class EncodedSong(NamedTuple):
    """One song.

    Attributes:
      id: content id of `tokens`, so that it does not depend on any other song.
      length: number of tokens, without BOS and EOS, or of frames.
      tokens: the song as the encoding's `SongCodec` has it.
      label: empty for none.
      keys: the other keys it comes in, as (semitones, content id in that key).
    """

    id: str
    length: int
    tokens: bytes
    label: str = ""
    keys: tuple[tuple[int, str], ...] = ()


class EncodedFile(NamedTuple):
    """One file's songs, under the file's content id.

    Attributes:
      id, name: the file's content id and name.
      songs: what the encoding made of it.
      label: the label of its songs; empty for none.
      split: the split that the file claims for them.
      tracks, chosen_by: which of its tracks they are made of, and by what, as `Choice` says it; empty for all.
    """

    id: str
    name: str
    songs: tuple[EncodedSong, ...]
    label: str = ""
    split: str = ""
    tracks: str = ""
    chosen_by: str = ""


class Rejected(NamedTuple):
    """A rejected file and the reason. `id` is empty where its content was not read."""

    name: str
    id: str
    reason: str


@dataclass(frozen=True)
class Bundle:
    """Files that are read together."""

    files: tuple[File, ...]


@dataclass(frozen=True)
class Contents:
    """The contents of a bundle of files."""

    files: tuple[Content, ...]


@dataclass(frozen=True)
class Batch:
    """The songs of a bundle of files. `known` counts files whose content the dataset has already."""

    files: tuple[EncodedFile, ...]
    rejected: tuple[Rejected, ...]
    known: int


@dataclass(frozen=True)
class Songs:
    """The songs of a batch that go to one shard."""

    songs: tuple[EncodedSong, ...]


@dataclass(frozen=True)
class Plan:
    """The decisions over the whole corpus.

    Attributes:
      sources: the new sources; where a source has no song of its own, `same_as` says whose they are.
      rejected: rejected files, in order.
      duplicates: files whose songs are all in another file of the corpus or the dataset.
      known: files whose content the dataset has already.
      words: tokens of the new songs, without BOS and EOS, or frames.
      split_conflicts: contents that lie in the folders of several splits; each is in one of them.
      label_conflicts: contents that have several labels; each keeps one of them.
      labels: of all songs, those of the dataset first.
      placement: where each song goes.
    """

    sources: tuple[Source, ...]
    rejected: tuple[Rejected, ...]
    duplicates: int
    known: int
    words: int
    split_conflicts: int
    label_conflicts: int
    labels: tuple[str, ...]
    placement: "Placement"


@dataclass(frozen=True)
class Placement:
    """Where songs go: the part of the plan that every worker needs.

    Attributes:
      skip: (source id, song id, semitones) of songs that the dataset has from another source, and of songs in other
        keys that it has from any.
      shards: the number of new shards of each split.
      tokens: the dataset's vocabulary, in id order.
      resolved: source id -> (split, label) of sources whose copies are in conflict.
    """

    skip: frozenset[tuple[str, str, int]]
    shards: dict[str, int]
    tokens: tuple[str, ...]
    resolved: dict[str, tuple[str, str]]
