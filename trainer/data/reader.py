"""Reading a dataset: its manifest, its records, and whole songs put together from windows.

Only what the snapshot names is read; folders are never listed. Every path may be anything that TensorFlow's file
systems know, such as gs://.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from trainer.data.examples import label_numbers, parse
from trainer.gfile import join, read_text
from tutti.dataset.manifest import MANIFEST, Dataset, Snapshot, content_id, snapshot_path
from tutti.errors import Error

PARSED_AT_ONCE = 1024


@dataclass(frozen=True)
class Corpus:
    """A dataset as one snapshot has it.

    Attributes:
      labels: names that count, in the order of their numbers from 1 on; any other is 0, like none.
    """

    path: str
    dataset: Dataset
    snapshot: Snapshot
    labels: tuple[str, ...] = ()

    @property
    def content(self) -> str:
        """An id of the snapshot's content: equal for equal records, wherever they lie."""
        return content_id(self.snapshot.to_json().encode())

    def shards(self, split: str) -> list[str]:
        """The split's TFRecord files, in the snapshot's order; shards without records left out."""
        return [join(self.path, shard.path) for shard in self.snapshot.shards[split] if shard.records]

    def records(self, split: str) -> int:
        return sum(shard.records for shard in self.snapshot.shards[split])


@dataclass(frozen=True, eq=False)
class StoredSong:
    """A song as stored, int32[n] of BOS, tokens and EOS, and the number of its label, 0 for none."""

    tokens: NDArray[np.int32]
    label: int


def open_corpus(path: str, snapshot: int | None = None, labels: tuple[str, ...] | None = None) -> Corpus:
    """The dataset below `path`, as its current snapshot or the one with this number has it.

    Args:
      labels: those that a model knows; by default the dataset's.

    Raises:
      UserError: if there is no dataset, or it has no such snapshot.
    """
    manifest = join(path, MANIFEST)
    text = read_text(manifest)
    if text is None:
        raise Error(f"no dataset at {path}: {manifest} is missing; make one with tutti ingest")
    dataset = Dataset.from_json(text, manifest)
    number = dataset.snapshot if snapshot is None else snapshot
    named = join(path, snapshot_path(number))
    text = read_text(named)
    if text is None:
        raise Error(f"dataset {path} has no snapshot {number}: {named} is missing")
    return Corpus(path, dataset, Snapshot.from_json(text, named), dataset.labels if labels is None else labels)


def read(corpus: Corpus, split: str) -> Iterator[dict[str, NDArray[Any]]]:
    """The split's records in the snapshot's order, parsed, some hundreds at a time.

    Raises:
      UserError: if a shard is missing or damaged.
    """
    if not corpus.shards(split):
        return
    with tf.device("CPU:0"):
        records = tf.data.TFRecordDataset(corpus.shards(split), num_parallel_reads=None)
        batches = records.batch(PARSED_AT_ONCE).map(lambda batch: parse(batch, corpus.dataset)).prefetch(2)
        with damaged(corpus):
            yield from batches.as_numpy_iterator()


class damaged:  # noqa: N801  (a context manager reads as a word)
    """Turns TensorFlow's errors about unreadable shards into one line."""

    def __init__(self, corpus: Corpus) -> None:
        self.path = corpus.path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, (tf.errors.NotFoundError, tf.errors.DataLossError, tf.errors.InvalidArgumentError)):
            reason = error.message.splitlines()[0]
            raise Error(f"dataset {self.path} is damaged: {reason}; tutti inspect says more") from None


def songs(corpus: Corpus, split: str) -> list[StoredSong]:
    """The split's songs, ordered by content id, put together from their windows.

    Windows that overlap are laid over one another, so that every token occurs once whatever the stride. Where the
    stride is greater than the window, a song falls into pieces, one after each gap.
    """
    windows: dict[bytes, list[tuple[int, NDArray[np.int32]]]] = {}
    labels: dict[bytes, int] = {}
    for batch in read(corpus, split):
        numbers = label_numbers(batch["label"], corpus.labels).numpy()
        rows = zip(batch["song"], batch["start"], batch["length"], batch["tokens"], numbers, strict=True)
        for song, start, length, tokens, label in rows:
            windows.setdefault(song, []).append((int(start), tokens[:length].astype(np.int32)))
            labels[song] = int(label)
    return [StoredSong(piece, labels[song]) for song in sorted(windows) for piece in _pieces(windows[song])]


def _pieces(windows: list[tuple[int, NDArray[np.int32]]]) -> Iterator[NDArray[np.int32]]:
    """Windows of one song -> stretches without a gap."""
    parts: list[NDArray[np.int32]] = []
    end = 0
    for start, tokens in sorted(windows, key=lambda window: window[0]):
        if parts and start > end:
            yield np.concatenate(parts)
            parts = []
        new = tokens if not parts else tokens[end - start :]
        parts.append(new)
        end = max(end, start + len(tokens))
    if parts:
        yield np.concatenate(parts)
