"""The dataset's manifest: what `pipelines` writes and `trainer` reads, as JSON.

    dataset.json                 encoding, window, stride, vocabulary, and the number of the current snapshot
    snapshots/NNNNNN.json        the shards of each split, with counts and checksum, and the songs' sources
    SPLIT/NNNNNN-SSSSS-of-SSSSS.tfrecord
    rejected/NNNNNN.jsonl        files left out, each with its reason

A file that the current snapshot does not name does not exist.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from music import encoding as encodings
from music.encoding import Encoding
from music.errors import UserError
from music.vocabulary import Vocabulary

FORMAT = 1
SPLITS = ("train", "validation", "test")
MANIFEST = "dataset.json"


@dataclass(frozen=True)
class Dataset:
    """What is true of every window of the dataset.

    Attributes:
      encoding: how songs became tokens.
      window: input tokens in a window; a record holds one more, the last target.
      stride: tokens from one window's start to the next one's.
      vocabulary: tokens in id order.
      fractions: share of songs meant for train, validation and test.
      snapshot: number of the current snapshot.
    """

    encoding: Encoding
    window: int
    stride: int
    vocabulary: Vocabulary
    fractions: tuple[float, float, float]
    snapshot: int

    def options(self) -> dict[str, Any]:
        """What must stay the same when a dataset grows."""
        return {
            "encoding": encodings.to_json(self.encoding),
            "window": self.window,
            "stride": self.stride,
            "fractions": list(self.fractions),
        }

    def to_json(self) -> str:
        return _dump(
            {
                "format": FORMAT,
                **self.options(),
                "snapshot": self.snapshot,
                "vocabulary": list(self.vocabulary.tokens),
            }
        )

    @classmethod
    def from_json(cls, text: str, path: str) -> "Dataset":
        """Parses dataset.json; `path` is for the error message.

        Raises:
          UserError: if it is no manifest of this format.
        """
        try:
            stored = json.loads(text)
            if stored["format"] != FORMAT:
                raise UserError(f"{path} has format {stored['format']}; this version of tutti reads {FORMAT}")
            return cls(
                encoding=encodings.from_json(stored["encoding"]),
                window=stored["window"],
                stride=stored["stride"],
                vocabulary=Vocabulary(stored["vocabulary"]),
                fractions=tuple(stored["fractions"]),
                snapshot=stored["snapshot"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{path} is not a dataset manifest ({type(error).__name__}: {error})") from None


@dataclass(frozen=True)
class Shard:
    """One TFRecord file: `path` relative to the dataset, its counts, and the CRC-32C of its bytes in hex."""

    path: str
    records: int
    tokens: int
    bytes: int
    crc32c: str


@dataclass(frozen=True)
class Source:
    """One file of the corpus: its content id, the name it was first read under, and the songs it gave.

    `same_as` is the content id of the file whose songs stand for this one's where they are all the same.
    """

    id: str
    name: str
    split: str
    songs: tuple[str, ...]
    same_as: str = ""


@dataclass(frozen=True)
class Snapshot:
    """The complete content of the dataset at one time; `shards` by split."""

    number: int
    shards: dict[str, tuple[Shard, ...]]
    sources: tuple[Source, ...]
    rejected: int

    def to_json(self) -> str:
        return _dump(
            {
                "number": self.number,
                "shards": {split: [vars(shard) for shard in shards] for split, shards in self.shards.items()},
                "rejected": self.rejected,
                "sources": [vars(source) for source in self.sources],
            }
        )

    @classmethod
    def from_json(cls, text: str, path: str) -> "Snapshot":
        """Parses a snapshot; `path` is for the error message.

        Raises:
          UserError: if it is no snapshot.
        """
        try:
            stored = json.loads(text)
            return cls(
                number=stored["number"],
                shards={split: tuple(Shard(**shard) for shard in stored["shards"][split]) for split in SPLITS},
                sources=tuple(Source(**{**source, "songs": tuple(source["songs"])}) for source in stored["sources"]),
                rejected=stored["rejected"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{path} is not a snapshot ({type(error).__name__}: {error})") from None


def snapshot_path(number: int) -> str:
    return f"snapshots/{number:06d}.json"


def shard_path(split: str, snapshot: int, index: int, count: int) -> str:
    return f"{split}/{snapshot:06d}-{index:05d}-of-{count:05d}.tfrecord"


def rejected_path(number: int) -> str:
    return f"rejected/{number:06d}.jsonl"


def content_id(content: bytes) -> str:
    """A name for content: 128 bits of its SHA-256, in hex."""
    return hashlib.sha256(content).hexdigest()[:32]


def _dump(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
