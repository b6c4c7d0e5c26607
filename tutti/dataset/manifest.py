"""The files of a dataset that say what is in it, as JSON. `pipelines` writes them, `trainer` reads them.

    dataset.json                 encoding, window, stride, vocabulary, labels, and the number of the current snapshot
    snapshots/NNNNNN.json        the shards of each split with their counts and checksums, and the sources of the songs
    SPLIT/NNNNNN-SSSSS-of-SSSSS.tfrecord
    rejected/NNNNNN.jsonl        files left out, each with its reason

A file that the current snapshot does not name does not exist.
"""

import hashlib
import json
import math
from dataclasses import dataclass
from typing import Any

from tutti.dataset.schema import Schema
from tutti.encodings.base import Encoding
from tutti.encodings.registry import encoding_from_json, encoding_to_json
from tutti.encodings.vocabulary import Vocabulary
from tutti.errors import Error

FORMAT = 1
SPLITS = ("train", "validation", "test")
MANIFEST = "dataset.json"
STANDARDISED, COMBINED = "standardised", "combined"
# What JSON leaves out of a source that has none.
SELDOM = ("label", "transposed", "copies", "tracks", "chosen_by")
SHARES = f"three shares of {', '.join(SPLITS)} that add up to 1"


def are_shares(shares: Any) -> bool:
    """Returns whether these are three shares that add up to 1."""
    return len(shares) == 3 and all(0 <= share <= 1 for share in shares) and math.isclose(sum(shares), 1)


@dataclass(frozen=True)
class Dataset:
    """What all windows of a dataset have in common: the content of dataset.json.

    Attributes:
      encoding: how songs became tokens or frames.
      window: input tokens in a window, beside which a record holds the last target; or frames in a window.
      stride: tokens, or frames, from one window's start to the next one's.
      vocabulary: tokens in id order.
      fractions: shares of songs for train, validation and test; None where the corpus itself is split.
      snapshot: number of the current snapshot.
      labels: the labels of songs in the order in which they came; a label's number is its place, from 1 on.
      transpose: whether the songs of the training split come in all twelve keys.
      loops: what was done to each file, as a drum loop, before it was encoded; empty for nothing.
    """

    encoding: Encoding
    window: int
    stride: int
    vocabulary: Vocabulary
    fractions: tuple[float, float, float] | None
    snapshot: int
    labels: tuple[str, ...] = ()
    transpose: bool = False
    loops: str = ""

    def schema(self) -> Schema:
        """Returns what each record of the dataset holds."""
        return self.encoding.schema(self.window, self.vocabulary)

    def options(self) -> dict[str, Any]:
        """Returns what must stay the same when a dataset grows, as JSON has it."""
        return {
            "encoding": encoding_to_json(self.encoding),
            "window": self.window,
            "stride": self.stride,
            "fractions": None if self.fractions is None else list(self.fractions),
            "transpose": self.transpose,
            "loops": self.loops,
        }

    def to_json(self) -> str:
        """Returns the content of dataset.json."""
        return _dump(
            {
                "format": FORMAT,
                **self.options(),
                "snapshot": self.snapshot,
                "labels": list(self.labels),
                "vocabulary": list(self.vocabulary.tokens),
            }
        )

    @classmethod
    def from_json(cls, text: str, path: str) -> "Dataset":
        """Parses the content of dataset.json; `path` is where it was, for error messages.

        Raises:
          Error: if it is no manifest of this format.
        """
        try:
            stored = json.loads(text)
            if stored["format"] != FORMAT:
                raise Error(f"{path} has format {stored['format']}; this version of tutti reads {FORMAT}")
            return cls(
                encoding=encoding_from_json(stored["encoding"]),
                window=stored["window"],
                stride=stored["stride"],
                vocabulary=Vocabulary(stored["vocabulary"]),
                fractions=None if stored["fractions"] is None else tuple(stored["fractions"]),
                snapshot=stored["snapshot"],
                # Datasets of earlier versions have none of these.
                labels=tuple(stored.get("labels", ())),
                transpose=stored.get("transpose", False),
                loops=stored.get("loops", ""),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise Error(f"{path} is not a dataset manifest ({type(error).__name__}: {error})") from None


@dataclass(frozen=True)
class Shard:
    """One TFRecord file.

    Attributes:
      path: its path in the dataset.
      records: how many records it has.
      tokens: how many tokens, or frames, they have without their padding.
      bytes: its size.
      crc32c: the CRC-32C of its bytes, in hex.
    """

    path: str
    records: int
    tokens: int
    bytes: int
    crc32c: str


@dataclass(frozen=True)
class Source:
    """One file of the corpus.

    Attributes:
      id: its content id.
      name: its name when it was first read.
      split: the split of its songs.
      songs: content ids of its songs.
      same_as: where its songs are all those of another file that stands for it, that file's content id; else empty.
      label: the label of its songs; empty for none.
      transposed: content ids of its songs in other keys.
      copies: how many more files of its run had this very content.
      tracks, chosen_by: the numbers and names of the tracks that its songs are made of, and what chose them; empty for
        all tracks.
    """

    id: str
    name: str
    split: str
    songs: tuple[str, ...]
    same_as: str = ""
    label: str = ""
    transposed: tuple[str, ...] = ()
    copies: int = 0
    tracks: str = ""
    chosen_by: str = ""

    @property
    def all_songs(self) -> tuple[str, ...]:
        """Content ids of its songs, those in other keys as well."""
        return self.songs + self.transposed


@dataclass(frozen=True)
class Snapshot:
    """The complete content of a dataset at one time.

    Attributes:
      number: counts the snapshots of the dataset.
      shards: the shards of each split.
      sources: the files that its songs come from.
      rejected: how many files were left out.
    """

    number: int
    shards: dict[str, tuple[Shard, ...]]
    sources: tuple[Source, ...]
    rejected: int

    def to_json(self) -> str:
        """Returns the content of the snapshot's file."""
        return _dump(
            {
                "number": self.number,
                "shards": {split: [vars(shard) for shard in shards] for split, shards in self.shards.items()},
                "rejected": self.rejected,
                "sources": [_stored(source) for source in self.sources],
            }
        )

    @classmethod
    def from_json(cls, text: str, path: str) -> "Snapshot":
        """Parses the content of a snapshot's file; `path` is where it was, for error messages.

        Raises:
          Error: if it is no snapshot.
        """
        try:
            stored = json.loads(text)
            return cls(
                number=stored["number"],
                shards={split: tuple(Shard(**shard) for shard in stored["shards"][split]) for split in SPLITS},
                sources=tuple(_source(source) for source in stored["sources"]),
                rejected=stored["rejected"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise Error(f"{path} is not a snapshot ({type(error).__name__}: {error})") from None


def _stored(source: Source) -> dict[str, Any]:
    """Returns a source as JSON has it: without what few sources have, where this one has none."""
    return {name: value for name, value in vars(source).items() if value or name not in SELDOM}


def _source(stored: dict[str, Any]) -> Source:
    return Source(**{**stored, "songs": tuple(stored["songs"]), "transposed": tuple(stored.get("transposed", ()))})


def snapshot_path(number: int) -> str:
    """Returns the path of a snapshot in the dataset."""
    return f"snapshots/{number:06d}.json"


def shard_path(split: str, snapshot: int, index: int, count: int) -> str:
    """Returns the path in the dataset of one of the `count` shards that a snapshot added to a split."""
    return f"{split}/{snapshot:06d}-{index:05d}-of-{count:05d}.tfrecord"


def rejected_path(number: int) -> str:
    """Returns the path in the dataset of the files that a snapshot left out, each with its reason."""
    return f"rejected/{number:06d}.jsonl"


def content_id(content: bytes) -> str:
    """Returns a name for content: 128 bits of its SHA-256, in hex."""
    return hashlib.sha256(content).hexdigest()[:32]


def _dump(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
