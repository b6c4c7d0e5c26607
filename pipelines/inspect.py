"""`tutti inspect`: checks a dataset against its manifest, without TensorFlow, and shows what is in it."""

import json
import statistics
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Any

import google_crc32c
import numpy as np
from numpy.typing import NDArray

from music.arguments import Parser
from music.dataset import MANIFEST, Dataset, Shard, Snapshot, rejected_path, snapshot_path
from music.errors import UserError
from music.vocabulary import BOS, EOS, PAD
from pipelines import records, storage, summary

EXAMPLES = """examples:
  tutti inspect data/drums
  tutti inspect gs://bucket/data/drums --json --songs 0
"""
COMMONEST = 12
WORDS_SHOWN = 48
FEATURES = {"tokens", "length", "song", "start", "label"}


@dataclass
class Contents:
    """What the shards of a split, or of a dataset, hold.

    Attributes:
      lengths: of each song, in tokens, BOS and EOS included; by song id.
      counts: int64[vocabulary], how often each token occurs in the songs.
      beginnings: the first window of the first few songs.
    """

    counts: NDArray[np.int64]
    lengths: dict[str, int] = field(default_factory=dict)
    beginnings: dict[str, NDArray[np.int64]] = field(default_factory=dict)


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
    with storage.explained("inspect", args.dataset):
        dataset, snapshot = load(args.dataset)
        contents = check(args.dataset, dataset, snapshot, max(args.songs, 0))
    found = figures(args.dataset, dataset, snapshot, contents)
    print(json.dumps(found, indent=1, ensure_ascii=False) if args.json else text(found))


def load(path: str) -> tuple[Dataset, Snapshot]:
    """The manifests of a dataset.

    Raises:
      UserError: if there is no dataset.
    """
    manifest = storage.join(path, MANIFEST)
    if not storage.exists(manifest):
        raise UserError(f"no dataset in {path}: there is no {MANIFEST}; tutti ingest makes one")
    with storage.explained("read", manifest):
        dataset = Dataset.from_json(storage.read(manifest).decode(errors="replace"), manifest)
    current = storage.join(path, snapshot_path(dataset.snapshot))
    with storage.explained("read", current):
        return dataset, Snapshot.from_json(storage.read(current).decode(errors="replace"), current)


def check(path: str, dataset: Dataset, snapshot: Snapshot, shown: int) -> Contents:
    """Reads the whole dataset; the contents of all its splits.

    Raises:
      UserError: at the first difference from the manifest.
    """
    contents = Contents(np.zeros(len(dataset.vocabulary), np.int64))
    total, done = sum(map(len, snapshot.shards.values())), 0
    for split, shards in snapshot.shards.items():
        before = set(contents.lengths)
        for shard in shards:
            check_shard(path, dataset, shard, contents, shown)
            done += 1
            if sys.stderr.isatty():
                print(f"\r{done:,} of {total:,} shards\033[K", end="" if done < total else "\r\033[K", file=sys.stderr)
        listed = {song for source in snapshot.sources if source.split == split for song in source.songs}
        if listed != set(contents.lengths) - before:
            raise UserError(f"{path}: the songs in the {split} shards are not those of its sources; ingest it anew")
    refused = storage.join(path, rejected_path(snapshot.number))
    with storage.explained("read", refused):
        lines = storage.read(refused).count(b"\n")
    if lines != snapshot.rejected:
        raise UserError(f"{refused} lists {lines} files, the manifest says {snapshot.rejected}")
    return contents


def check_shard(path: str, dataset: Dataset, shard: Shard, contents: Contents, shown: int) -> None:
    """Reads one shard and adds what it holds to `contents`.

    Raises:
      UserError: at the first difference from the manifest; names the shard.
    """
    target = storage.join(path, shard.path)
    number = tokens = 0
    previous = ("", -1)
    tail = np.zeros(0, np.int64)
    try:
        with storage.explained("read", target), storage.open_old(target) as file:
            summed = Summed(file)
            for payload in records.payloads(summed):
                song, start, ids = window(payload, dataset)
                if (song, start) <= previous:
                    raise records.CorruptRecord(f"record {number} is out of order")
                # A window's own tokens are those before the next one; the last window's are all.
                contents.counts += counted(tail if song != previous[0] else tail[: dataset.stride], dataset)
                contents.lengths[song] = max(contents.lengths.get(song, 0), start + len(ids))
                if start == 0 and len(contents.beginnings) < shown:
                    contents.beginnings[song] = ids
                previous, tail = (song, start), ids
                number, tokens = number + 1, tokens + len(ids)
            contents.counts += counted(tail, dataset)
    except records.CorruptRecord as error:
        raise UserError(f"{target}: {error}; ingest the corpus anew") from None
    for what, has, said in (
        ("bytes", summed.size, shard.bytes),
        ("records", number, shard.records),
        ("tokens", tokens, shard.tokens),
        ("checksum", f"{summed.crc:08x}", shard.crc32c),
    ):
        if has != said:
            raise UserError(f"{target}: {what} {has}, the manifest says {said}; ingest the corpus anew")


class Summed:
    """A file that sums up what is read from it: `size` in bytes and `crc`, their CRC-32C."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.size, self.crc = file, 0, 0

    def read(self, size: int) -> bytes:
        content = self.file.read(size)
        self.size += len(content)
        self.crc = google_crc32c.extend(self.crc, content)
        return content


def window(payload: bytes, dataset: Dataset) -> tuple[str, int, NDArray[np.int64]]:
    """The song, the start and the tokens, int64[length], of a serialised Example.

    Raises:
      CorruptRecord: if it is no window of this dataset.
    """
    feature = example(payload).features.feature
    if set(feature) != FEATURES:
        raise records.CorruptRecord(f"a record has the features {sorted(feature)}, not {sorted(FEATURES)}")
    try:
        (length,), (start,) = feature["length"].int64_list.value, feature["start"].int64_list.value
        (song,) = feature["song"].bytes_list.value
    except ValueError:
        raise records.CorruptRecord("a record has several values where one belongs") from None
    tokens = np.asarray(feature["tokens"].int64_list.value, np.int64)
    if len(tokens) != dataset.window + 1 or not 2 <= length <= len(tokens) or start % dataset.stride:
        raise records.CorruptRecord(f"a record has {len(tokens)} tokens, length {length}, start {start}")
    if tokens[length:].any() or tokens.min() < PAD or tokens.max() >= len(dataset.vocabulary):
        raise records.CorruptRecord("a record has tokens outside the vocabulary, or behind its length")
    return song.decode(), start, tokens[:length]


def example(payload: bytes) -> Any:
    """The `tf.train.Example` of a record.

    Raises:
      UserError: in a process that has loaded TensorFlow.
      CorruptRecord: if it is none.
    """
    if "tensorflow" in sys.modules:
        raise UserError("tfrecord and TensorFlow cannot be loaded into one process; inspect in a process of its own")
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    from tfrecord.example_pb2 import Example

    try:
        return Example.FromString(payload)
    except DecodeError:
        raise records.CorruptRecord("a record is not an Example") from None


def counted(ids: NDArray[np.int64], dataset: Dataset) -> NDArray[np.int64]:
    return np.bincount(ids, minlength=len(dataset.vocabulary))


def figures(path: str, dataset: Dataset, snapshot: Snapshot, contents: Contents) -> dict[str, Any]:
    """What is in the dataset, for printing."""
    words = [length - 2 for length in contents.lengths.values()]
    counts = contents.counts.copy()
    counts[[PAD, BOS, EOS]] = 0
    commonest = [i for i in np.argsort(-counts, kind="stable")[:COMMONEST].tolist() if counts[i]]
    return {
        "dataset": path,
        "snapshot": snapshot.number,
        **dataset.options(),
        "vocabulary": len(dataset.vocabulary),
        "sources": len(snapshot.sources),
        "duplicates": sum(bool(source.same_as) for source in snapshot.sources),
        "rejected": snapshot.rejected,
        "words": int(counts.sum()),
        "splits": summary.splits(snapshot),
        "lengths": {"min": min(words), "median": int(statistics.median(words)), "max": max(words)} if words else {},
        "commonest": {dataset.vocabulary.tokens[i]: int(counts[i]) for i in commonest},
        "songs": {
            song: dataset.vocabulary.words(ids.tolist())[:WORDS_SHOWN] for song, ids in contents.beginnings.items()
        },
    }


def text(found: dict[str, Any]) -> str:
    return "\n".join(_lines(found))


def _lines(found: dict[str, Any]) -> Iterator[str]:
    encoding = dict(found["encoding"])
    name = encoding.pop("name")
    yield f"{found['dataset']}, snapshot {found['snapshot']}: all checksums and counts are right"
    yield f"encoding   {name} ({', '.join(f'{key} {value}' for key, value in encoding.items())})"
    yield f"window     {found['window']}, stride {found['stride']}, vocabulary of {found['vocabulary']:,}"
    yield f"files      {found['sources']:,}, {found['duplicates']:,} of them duplicates; {found['rejected']:,} rejected"
    if lengths := found["lengths"]:
        yield f"songs      {lengths['min']:,} to {lengths['max']:,} words, median {lengths['median']:,}"
    yield f"words      {found['words']:,}"
    yield ""
    yield summary.split_table(found["splits"])
    yield ""
    yield "commonest  " + "  ".join(
        f"{token} {count / found['words']:.1%}" for token, count in found["commonest"].items()
    )
    for song, words in found["songs"].items():
        yield ""
        yield f"{song}  {' '.join(words)} ..."


if __name__ == "__main__":
    import tutti

    sys.exit(tutti.run(main, sys.argv[1:]))
