"""What is in a dataset, as figures and as text."""

import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines import report
from tutti.dataset.manifest import SPLITS, Dataset, Snapshot
from tutti.encodings.base import FrameEncoding
from tutti.encodings.vocabulary import BOS, EOS, PAD
from tutti.errors import RejectedFile

COMMONEST = 12
WORDS_SHOWN = 48
LABELS_SHOWN = 24
NO_LABEL = "(none)"


@dataclass
class DatasetContents:
    """What the shards of a split, or of a dataset, hold.

    Attributes:
      counts: int64[vocabulary], how often each token occurs in the songs; of framed encodings int64[bits], how
        often each bit is set.
      lengths: of each song, in tokens, BOS and EOS included, or in frames; by song id.
      labels: of each song.
      beginnings: the first window of the first few songs.
    """

    counts: NDArray[np.int64]
    lengths: dict[str, int] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    beginnings: dict[str, NDArray[Any]] = field(default_factory=dict)


def figures(path: str, dataset: Dataset, snapshot: Snapshot, contents: DatasetContents) -> dict[str, Any]:
    """What is in the dataset, for printing."""
    framed = isinstance(dataset.encoding, FrameEncoding)
    words = [length if framed else length - 2 for length in contents.lengths.values()]
    return {
        "dataset": path,
        "snapshot": snapshot.number,
        **dataset.options(),
        "vocabulary": len(dataset.vocabulary),
        "sources": len(snapshot.sources),
        "duplicates": sum(bool(source.same_as) for source in snapshot.sources),
        "rejected": snapshot.rejected,
        "transposed": sum(len(source.transposed) for source in snapshot.sources),
        "words": sum(words),
        "splits": report.splits(snapshot),
        "labels": labels(dataset, snapshot),
        "lengths": {"min": min(words), "median": int(statistics.median(words)), "max": max(words)} if words else {},
        **(bits(contents, sum(words)) if framed else {"commonest": commonest(dataset, contents)}),
        "songs": {song: beginning(dataset, content)[:WORDS_SHOWN] for song, content in contents.beginnings.items()},
    }


def labels(dataset: Dataset, snapshot: Snapshot) -> dict[str, dict[str, int]]:
    """How many songs of each split have each label; nothing where there are no labels."""
    if not dataset.labels:
        return {}
    counts = {label: dict.fromkeys(SPLITS, 0) for label in (*dataset.labels, "")}
    for source in snapshot.sources:
        counts[source.label if source.all_songs else ""][source.split] += len(source.all_songs)
    if not any(counts[""].values()):
        del counts[""]
    return counts


def bits(contents: DatasetContents, frames: int) -> dict[str, Any]:
    """The share of bits that are set, and of the commonest bit, by its number, how often it is."""
    most = int(contents.counts.argmax())
    whole = max(frames, 1)
    return {
        "bits": len(contents.counts),
        "bits_set": float(contents.counts.sum() / (whole * len(contents.counts))),
        "commonest_bit": {str(most): float(contents.counts[most] / whole)},
    }


def commonest(dataset: Dataset, contents: DatasetContents) -> dict[str, int]:
    counts = contents.counts.copy()
    counts[[PAD, BOS, EOS]] = 0
    first = [i for i in np.argsort(-counts, kind="stable")[:COMMONEST].tolist() if counts[i]]
    return {dataset.vocabulary.tokens[i]: int(counts[i]) for i in first}


def beginning(dataset: Dataset, content: NDArray[Any]) -> list[str]:
    """The tokens of a window; of frames, those of the music that they stand for."""
    encoding = dataset.encoding
    if not isinstance(encoding, FrameEncoding):
        return dataset.vocabulary.words(content.tolist())
    try:
        return encoding.encode(encoding.decode_frames(content))[0]
    except RejectedFile:
        return []  # Nothing but silence.


def text(found: dict[str, Any]) -> str:
    return "\n".join(_lines(found))


def _lines(found: dict[str, Any]) -> Iterator[str]:
    encoding = dict(found["encoding"])
    name = encoding.pop("name")
    unit = "frames" if "bits" in found else "words"
    kinds = f"{found['bits']} bits a frame" if "bits" in found else f"vocabulary of {found['vocabulary']:,}"
    yield f"{found['dataset']}, snapshot {found['snapshot']}: all checksums and counts are right"
    yield f"encoding   {name} ({', '.join(f'{key} {value}' for key, value in encoding.items())})"
    yield f"window     {found['window']}, stride {found['stride']}, {kinds}"
    yield f"files      {found['sources']:,}, {found['duplicates']:,} of them duplicates; {found['rejected']:,} rejected"
    if found["fractions"] is None:
        yield "splits     as the corpus' folders say"
    if found["transpose"]:
        yield f"keys       twelve to train on; {found['transposed']:,} songs are transposed"
    if found["loops"]:
        yield f"loops      {found['loops']} before they became songs"
    if lengths := found["lengths"]:
        yield f"songs      {lengths['min']:,} to {lengths['max']:,} {unit}, median {lengths['median']:,}"
    yield f"{unit:<11}{found['words']:,}"
    yield ""
    yield report.split_table(found["splits"])
    yield ""
    if found["labels"]:
        yield label_table(found["labels"])
        yield ""
    if "bits" in found:
        ((bit, share),) = found["commonest_bit"].items()
        yield f"bits       {found['bits_set']:.1%} set; most often bit {bit}, in {share:.1%} of frames"
    else:
        yield "commonest  " + "  ".join(
            f"{token} {count / found['words']:.1%}" for token, count in found["commonest"].items()
        )
    for song, words in found["songs"].items():
        yield ""
        yield f"{song}  {' '.join(words)} ..."


def label_table(counts: Mapping[str, Mapping[str, int]]) -> str:
    """Songs by label and split; the labels in the order of their numbers."""
    rows = [(label or NO_LABEL, *(f"{row[split]:,}" for split in SPLITS)) for label, row in counts.items()]
    more = [f"and {len(rows) - LABELS_SHOWN:,} more labels"] if len(rows) > LABELS_SHOWN else []
    return "\n".join([report.table([("songs by label", *SPLITS), *rows[:LABELS_SHOWN]]), *more])
