"""Reading a dataset: its manifests, its records, and whether they agree."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Any, NamedTuple

import google_crc32c
import numpy as np
from numpy.typing import NDArray

from pipelines import example, filesystem, records
from tutti.dataset.manifest import MANIFEST, Dataset, Shard, Snapshot, rejected_path, snapshot_path
from tutti.dataset.schema import LABEL, LENGTH, SONG, START, Schema, fields
from tutti.errors import Error


@dataclass
class DatasetContents:
    """What the shards of a dataset hold.

    Attributes:
      counts: int64[kinds], how often each token occurs in the songs, or each bit of a frame is set.
      lengths: of each song, in stored tokens or frames; by song id.
      labels: of each song.
      beginnings: the first window of the first few songs.
    """

    counts: NDArray[np.int64]
    lengths: dict[str, int] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    beginnings: dict[str, NDArray[Any]] = field(default_factory=dict)


class Window(NamedTuple):
    """A record. `content` are tokens, int64[length], or frames, uint8[length, bits]."""

    song: str
    label: str
    start: int
    content: NDArray[Any]


def load(path: str) -> tuple[Dataset, Snapshot]:
    """Reads the manifests of a dataset.

    Raises:
      Error: if there is no dataset.
    """
    manifest = filesystem.join(path, MANIFEST)
    if not filesystem.exists(manifest):
        raise Error(f"no dataset in {path}: there is no {MANIFEST}; tutti ingest makes one")
    with filesystem.explained("read", manifest):
        dataset = Dataset.from_json(filesystem.read(manifest).decode(errors="replace"), manifest)
    current = filesystem.join(path, snapshot_path(dataset.snapshot))
    with filesystem.explained("read", current):
        return dataset, Snapshot.from_json(filesystem.read(current).decode(errors="replace"), current)


def check(path: str, dataset: Dataset, snapshot: Snapshot, shown: int, progress: bool = False) -> DatasetContents:
    """Reads the whole dataset and returns the contents of all its splits.

    Args:
      path: the dataset's folder.
      dataset: its manifest.
      snapshot: its current snapshot.
      shown: of how many songs to return the beginning.
      progress: whether to show on stderr how many shards are read, if that is a terminal.

    Raises:
      Error: at the first difference from the manifest.
    """
    contents = DatasetContents(np.zeros(dataset.schema().kinds, np.int64))
    total, done = sum(map(len, snapshot.shards.values())), 0
    for split, shards in snapshot.shards.items():
        before = set(contents.lengths)
        for shard in shards:
            check_shard(path, dataset, shard, contents, shown)
            done += 1
            if progress and sys.stderr.isatty():
                print(f"\r{done:,} of {total:,} shards\033[K", end="" if done < total else "\r\033[K", file=sys.stderr)
        listed = {
            song: source.label for source in snapshot.sources if source.split == split for song in source.all_songs
        }
        if listed.keys() != set(contents.lengths) - before:
            raise Error(f"{path}: the songs in the {split} shards are not those of its sources; ingest it anew")
        if wrong := next((song for song, label in listed.items() if contents.labels[song] != label), ""):
            raise Error(
                f"{path}: song {wrong} has the label {contents.labels[wrong]!r} in its records and "
                f"{listed[wrong]!r} in the manifest; ingest it anew"
            )
    rejected = filesystem.join(path, rejected_path(snapshot.number))
    with filesystem.explained("read", rejected):
        lines = filesystem.read(rejected).count(b"\n")
    if lines != snapshot.rejected:
        raise Error(f"{rejected} lists {lines} files, the manifest says {snapshot.rejected}")
    return contents


def check_shard(path: str, dataset: Dataset, shard: Shard, contents: DatasetContents, shown: int) -> None:
    """Reads one shard and adds what it holds to `contents`.

    Raises:
      Error: at the first difference from the manifest; names the shard.
    """
    target = filesystem.join(path, shard.path)
    schema = dataset.schema()
    number = units = 0
    previous = ("", -1)
    tail: NDArray[Any] | None = None
    try:
        with filesystem.explained("read", target), filesystem.open_old(target) as file:
            summed = Summed(file)
            for song, label, start, content in windows(summed, dataset):
                if (song, start) <= previous:
                    raise records.CorruptRecord(f"record {number} is out of order")
                if contents.labels.setdefault(song, label) != label:
                    raise records.CorruptRecord(f"record {number} has another label than its song before")
                if tail is not None:
                    # A window's own tokens are those before the next one; the last window's are all.
                    contents.counts += schema.count(tail if song != previous[0] else tail[: dataset.stride])
                contents.lengths[song] = max(contents.lengths.get(song, 0), start + len(content))
                if start == 0 and len(contents.beginnings) < shown:
                    contents.beginnings[song] = content
                previous, tail = (song, start), content
                number, units = number + 1, units + len(content)
            if tail is not None:
                contents.counts += schema.count(tail)
    except records.CorruptRecord as error:
        raise Error(f"{target}: {error}; ingest the corpus anew") from None
    for what, has, listed in (
        ("bytes", summed.size, shard.bytes),
        ("records", number, shard.records),
        ("tokens", units, shard.tokens),
        ("checksum", f"{summed.crc:08x}", shard.crc32c),
    ):
        if has != listed:
            raise Error(f"{target}: {what} {has}, the manifest says {listed}; ingest the corpus anew")


class Summed:
    """A file that sums up what is read from it: `size` in bytes and `crc`, their CRC-32C."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.size, self.crc = file, 0, 0

    def read(self, size: int) -> bytes:
        """Reads so many bytes, fewer at the end."""
        content = self.file.read(size)
        self.size += len(content)
        self.crc = google_crc32c.extend(self.crc, content)
        return content


def windows(file: records.Readable, dataset: Dataset) -> Iterator[Window]:
    """Yields the records of a shard, in order.

    Raises:
      CorruptRecord: if one is damaged, or no window of this dataset.
    """
    schema = dataset.schema()
    names = set(fields(schema))
    for payload in records.payloads(file):
        yield window(payload, dataset, schema, names)


def window(payload: bytes, dataset: Dataset, schema: Schema, names: set[str]) -> Window:
    """Returns the window in a serialised Example; `names` are those of its fields.

    Raises:
      CorruptRecord: if it is no window of this dataset.
    """
    try:
        features = example.parse(payload)
    except example.NotAnExample as error:
        raise records.CorruptRecord(str(error)) from None
    if set(features) != names:
        raise records.CorruptRecord(f"a record has the features {sorted(features)}, not {sorted(names)}")
    try:
        (length,), (start,) = features[LENGTH.name].int64_list.value, features[START.name].int64_list.value
        (song,), (label,) = features[SONG.name].bytes_list.value, features[LABEL.name].bytes_list.value
        song_id, label_name = song.decode(), label.decode()
    except ValueError:
        raise records.CorruptRecord(
            "a record has several values where one belongs, or no text where some does"
        ) from None
    if label_name and label_name not in dataset.labels:
        raise records.CorruptRecord(f"a record has the label {label_name!r}, which the manifest does not list")
    if start < 0 or start % dataset.stride:
        raise records.CorruptRecord(f"a record starts at {start}, the stride is {dataset.stride}")
    values = getattr(features[schema.content.name], f"{schema.content.kind}_list").value
    try:
        return Window(song_id, label_name, start, schema.unpacked(values, length))
    except ValueError as error:
        raise records.CorruptRecord(str(error)) from None
