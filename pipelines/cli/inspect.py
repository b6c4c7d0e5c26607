"""`tutti inspect`: checks a dataset against its manifest, without TensorFlow, and shows what is in it."""

import json
import sys
from typing import IO, Any, NamedTuple, cast

import google_crc32c
import numpy as np
from numpy.typing import NDArray

from pipelines import filesystem, records
from pipelines.statistics import DatasetContents, figures, text
from tutti.cli.flags import Parser
from tutti.dataset.manifest import MANIFEST, Dataset, Shard, Snapshot, rejected_path, snapshot_path
from tutti.encodings.base import FrameEncoding
from tutti.encodings.vocabulary import PAD
from tutti.errors import Error

EXAMPLES = """examples:
  tutti inspect data/drums
  tutti inspect gs://bucket/data/drums --json --songs 0
"""
FEATURES = {"length", "song", "start", "label"}


def main(argv: list[str]) -> None:
    """Runs the command.

    Raises:
      UserError: if the dataset is none, or differs from its manifest; names the shard.
    """
    about = "Check every checksum and count of a dataset against its manifest, and show what is in it."
    parser = Parser("tutti inspect", about, EXAMPLES)
    parser.add_argument("dataset", metavar="DATASET", help="the dataset's folder, local or gs://")
    parser.add_argument("--songs", type=int, default=3, help="songs to show as text (3)")
    parser.add_argument("--json", action="store_true", help="print what was found as JSON")
    args = parser.parse_args(argv)
    with filesystem.explained("inspect", args.dataset):
        dataset, snapshot = load(args.dataset)
        contents = check(args.dataset, dataset, snapshot, max(args.songs, 0))
    found = figures(args.dataset, dataset, snapshot, contents)
    print(json.dumps(found, indent=1, ensure_ascii=False) if args.json else text(found))


def load(path: str) -> tuple[Dataset, Snapshot]:
    """The manifests of a dataset.

    Raises:
      UserError: if there is no dataset.
    """
    manifest = filesystem.join(path, MANIFEST)
    if not filesystem.exists(manifest):
        raise Error(f"no dataset in {path}: there is no {MANIFEST}; tutti ingest makes one")
    with filesystem.explained("read", manifest):
        dataset = Dataset.from_json(filesystem.read(manifest).decode(errors="replace"), manifest)
    current = filesystem.join(path, snapshot_path(dataset.snapshot))
    with filesystem.explained("read", current):
        return dataset, Snapshot.from_json(filesystem.read(current).decode(errors="replace"), current)


def check(path: str, dataset: Dataset, snapshot: Snapshot, shown: int) -> DatasetContents:
    """Reads the whole dataset; the contents of all its splits.

    Raises:
      UserError: at the first difference from the manifest.
    """
    encoding = dataset.encoding
    size = encoding.bits if isinstance(encoding, FrameEncoding) else len(dataset.vocabulary)
    contents = DatasetContents(np.zeros(size, np.int64))
    total, done = sum(map(len, snapshot.shards.values())), 0
    for split, shards in snapshot.shards.items():
        before = set(contents.lengths)
        for shard in shards:
            check_shard(path, dataset, shard, contents, shown)
            done += 1
            if sys.stderr.isatty():
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
    refused = filesystem.join(path, rejected_path(snapshot.number))
    with filesystem.explained("read", refused):
        lines = filesystem.read(refused).count(b"\n")
    if lines != snapshot.rejected:
        raise Error(f"{refused} lists {lines} files, the manifest says {snapshot.rejected}")
    return contents


def check_shard(path: str, dataset: Dataset, shard: Shard, contents: DatasetContents, shown: int) -> None:
    """Reads one shard and adds what it holds to `contents`.

    Raises:
      UserError: at the first difference from the manifest; names the shard.
    """
    target = filesystem.join(path, shard.path)
    number = units = 0
    previous = ("", -1)
    tail: NDArray[Any] = np.zeros(0, np.int64)
    try:
        with filesystem.explained("read", target), filesystem.open_old(target) as file:
            summed = Summed(file)
            for payload in records.payloads(summed):
                song, label, start, content = window(payload, dataset)
                if (song, start) <= previous:
                    raise records.CorruptRecord(f"record {number} is out of order")
                if contents.labels.setdefault(song, label) != label:
                    raise records.CorruptRecord(f"record {number} has another label than its song before")
                # A window's own tokens are those before the next one; the last window's are all.
                contents.counts += counted(tail if song != previous[0] else tail[: dataset.stride], contents)
                contents.lengths[song] = max(contents.lengths.get(song, 0), start + len(content))
                if start == 0 and len(contents.beginnings) < shown:
                    contents.beginnings[song] = content
                previous, tail = (song, start), content
                number, units = number + 1, units + len(content)
            contents.counts += counted(tail, contents)
    except records.CorruptRecord as error:
        raise Error(f"{target}: {error}; ingest the corpus anew") from None
    for what, has, said in (
        ("bytes", summed.size, shard.bytes),
        ("records", number, shard.records),
        ("tokens", units, shard.tokens),
        ("checksum", f"{summed.crc:08x}", shard.crc32c),
    ):
        if has != said:
            raise Error(f"{target}: {what} {has}, the manifest says {said}; ingest the corpus anew")


class Summed:
    """A file that sums up what is read from it: `size` in bytes and `crc`, their CRC-32C."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.size, self.crc = file, 0, 0

    def read(self, size: int) -> bytes:
        content = self.file.read(size)
        self.size += len(content)
        self.crc = google_crc32c.extend(self.crc, content)
        return content


class Window(NamedTuple):
    """What is in a record. `content` are tokens, int64[length], or frames, uint8[length, bits]."""

    song: str
    label: str
    start: int
    content: NDArray[Any]


def window(payload: bytes, dataset: Dataset) -> Window:
    """What is in a serialised Example.

    Raises:
      CorruptRecord: if it is no window of this dataset.
    """
    feature = example(payload).features.feature
    framed = isinstance(dataset.encoding, FrameEncoding)
    wanted = FEATURES | {"frames" if framed else "tokens"}
    if set(feature) != wanted:
        raise records.CorruptRecord(f"a record has the features {sorted(feature)}, not {sorted(wanted)}")
    try:
        (length,), (start,) = feature["length"].int64_list.value, feature["start"].int64_list.value
        (song,), (label,) = feature["song"].bytes_list.value, feature["label"].bytes_list.value
        name, said = song.decode(), label.decode()
    except ValueError:
        raise records.CorruptRecord(
            "a record has several values where one belongs, or no text where some does"
        ) from None
    if said and said not in dataset.labels:
        raise records.CorruptRecord(f"a record has the label {said!r}, which the manifest does not list")
    if start < 0 or start % dataset.stride:
        raise records.CorruptRecord(f"a record starts at {start}, the stride is {dataset.stride}")
    content = frames(feature, dataset, length) if framed else tokens(feature, dataset, length)
    return Window(name, said, start, content)


def tokens(feature: Any, dataset: Dataset, length: int) -> NDArray[np.int64]:
    """The tokens of a record, int64[length].

    Raises:
      CorruptRecord: if they are no window of this dataset.
    """
    ids = np.asarray(feature["tokens"].int64_list.value, np.int64)
    if len(ids) != dataset.window + 1 or not 2 <= length <= len(ids):
        raise records.CorruptRecord(f"a record has {len(ids)} tokens, length {length}")
    if ids[length:].any() or ids.min() < PAD or ids.max() >= len(dataset.vocabulary):
        raise records.CorruptRecord("a record has tokens outside the vocabulary, or behind its length")
    return ids[:length]


def frames(feature: Any, dataset: Dataset, length: int) -> NDArray[np.uint8]:
    """The frames of a record, uint8[length, bits] of 0 and 1.

    Raises:
      CorruptRecord: if they are no window of this dataset.
    """
    bits = cast(FrameEncoding, dataset.encoding).bits
    packed = np.frombuffer(b"".join(feature["frames"].bytes_list.value), np.uint8)
    if len(packed) != dataset.window * -(-bits // 8) or not 1 <= length <= dataset.window:
        raise records.CorruptRecord(f"a record has {len(packed)} bytes of frames, length {length}")
    unpacked = np.unpackbits(packed.reshape(dataset.window, -1), axis=1)
    if unpacked[length:].any() or unpacked[:, bits:].any():
        raise records.CorruptRecord("a record has bits behind its length, or behind those of a frame")
    return unpacked[:length, :bits]


def counted(content: NDArray[Any], contents: DatasetContents) -> NDArray[np.int64]:
    """How often each token occurs in a window, or each bit is set."""
    if content.ndim == 2:
        return content.sum(axis=0, dtype=np.int64)
    return np.bincount(content, minlength=len(contents.counts))


def example(payload: bytes) -> Any:
    """The `tf.train.Example` of a record.

    Raises:
      UserError: in a process that has loaded TensorFlow.
      CorruptRecord: if it is none.
    """
    if "tensorflow" in sys.modules:
        raise Error("tfrecord and TensorFlow cannot be loaded into one process; inspect in a process of its own")
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    from tfrecord.example_pb2 import Example

    try:
        return Example.FromString(payload)
    except DecodeError:
        raise records.CorruptRecord("a record is not an Example") from None


if __name__ == "__main__":
    from tutti import cli

    sys.exit(cli.run(main, sys.argv[1:]))
