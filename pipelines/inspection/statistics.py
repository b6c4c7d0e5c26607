"""What is in a dataset, as figures and as text."""

import statistics
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from pipelines import report
from pipelines.ingest.codec import codec_of
from pipelines.inspection.check import DatasetContents
from tutti.dataset.manifest import SPLITS, Dataset, Snapshot
from tutti.encodings.vocabulary import BOS, EOS, PAD

COMMONEST = 12
WORDS_SHOWN = 48
LABELS_SHOWN = 24
NO_LABEL = "(none)"


def figures(path: str, dataset: Dataset, snapshot: Snapshot, contents: DatasetContents) -> dict[str, Any]:
    """Returns the figures of a dataset, by the names under which they are printed as JSON."""
    schema, codec = dataset.schema(), codec_of(dataset.encoding)
    lengths = [schema.song_length(stored) for stored in contents.lengths.values()]
    return {
        "dataset": path,
        "snapshot": snapshot.number,
        **dataset.options(),
        "vocabulary": len(dataset.vocabulary),
        "sources": len(snapshot.sources),
        "copies": sum(source.copies for source in snapshot.sources),
        "duplicates": sum(bool(source.same_as) + source.copies for source in snapshot.sources),
        "rejected": snapshot.rejected,
        "chosen_by": report.chosen_by(snapshot.sources),
        "transposed": sum(len(source.transposed) for source in snapshot.sources),
        "words": sum(lengths),
        "splits": report.splits(snapshot),
        "labels": labels(dataset, snapshot),
        "lengths": (
            {"min": min(lengths), "median": int(statistics.median(lengths)), "max": max(lengths)} if lengths else {}
        ),
        **(bits(contents, sum(lengths)) if schema.content.bits else {"commonest": commonest(dataset, contents)}),
        "songs": {
            song: codec.text(content, dataset.vocabulary)[:WORDS_SHOWN] for song, content in contents.beginnings.items()
        },
    }


def labels(dataset: Dataset, snapshot: Snapshot) -> dict[str, dict[str, int]]:
    """Returns how many songs of each split have each label; nothing where there are no labels."""
    if not dataset.labels:
        return {}
    counts = {label: dict.fromkeys(SPLITS, 0) for label in (*dataset.labels, "")}
    for source in snapshot.sources:
        counts[source.label if source.all_songs else ""][source.split] += len(source.all_songs)
    if not any(counts[""].values()):
        del counts[""]
    return counts


def bits(contents: DatasetContents, frames: int) -> dict[str, Any]:
    """Returns the share of bits that are set, and of the commonest bit, by its number, how often it is."""
    most = int(contents.counts.argmax())
    whole = max(frames, 1)
    return {
        "bits": len(contents.counts),
        "bits_set": float(contents.counts.sum() / (whole * len(contents.counts))),
        "commonest_bit": {str(most): float(contents.counts[most] / whole)},
    }


def commonest(dataset: Dataset, contents: DatasetContents) -> dict[str, int]:
    """Returns the commonest tokens and how often they occur."""
    counts = contents.counts.copy()
    counts[[PAD, BOS, EOS]] = 0
    first = [i for i in np.argsort(-counts, kind="stable")[:COMMONEST].tolist() if counts[i]]
    return {dataset.vocabulary.tokens[i]: int(counts[i]) for i in first}


def text(figures: dict[str, Any]) -> str:
    """Returns the figures as text."""
    return "\n".join(_lines(figures))


def rows(figures: dict[str, Any]) -> list[tuple[str, str]]:
    """Returns what is true of the dataset as a whole, as pairs of a name and a text."""
    encoding = dict(figures["encoding"])
    name = encoding.pop("name")
    # Only of frames are there figures of bits.
    unit = "frames" if "bits" in figures else "words"
    kinds = f"{figures['bits']} bits a frame" if "bits" in figures else f"vocabulary of {figures['vocabulary']:,}"
    duplicates = f"{figures['duplicates']:,} of them duplicates"
    found = [
        ("encoding", f"{name} ({', '.join(f'{key} {value}' for key, value in encoding.items())})"),
        ("window", f"{figures['window']}, stride {figures['stride']}, {kinds}"),
        ("files", f"{figures['sources'] + figures['copies']:,}, {duplicates}; {figures['rejected']:,} rejected"),
    ]
    found += [(name, text) for name, text in report.choice_rows(figures["chosen_by"])]
    if figures["fractions"] is None:
        found.append(("splits", "as the corpus' folders say"))
    if figures["transpose"]:
        found.append(("keys", f"twelve to train on; {figures['transposed']:,} songs are transposed"))
    if figures["loops"]:
        found.append(("loops", f"{figures['loops']} before they became songs"))
    if lengths := figures["lengths"]:
        found.append(("songs", f"{lengths['min']:,} to {lengths['max']:,} {unit}, median {lengths['median']:,}"))
    return [*found, (unit, f"{figures['words']:,}")]


def _lines(figures: dict[str, Any]) -> Iterator[str]:
    yield f"{figures['dataset']}, snapshot {figures['snapshot']}: all checksums and counts are right"
    yield from (f"{name:<11}{value}" for name, value in rows(figures))
    yield ""
    yield report.split_table(figures["splits"])
    yield ""
    if figures["labels"]:
        yield label_table(figures["labels"])
        yield ""
    if "bits" in figures:
        ((bit, share),) = figures["commonest_bit"].items()
        yield f"bits       {figures['bits_set']:.1%} set; most often bit {bit}, in {share:.1%} of frames"
    else:
        yield "commonest  " + "  ".join(
            f"{token} {count / figures['words']:.1%}" for token, count in figures["commonest"].items()
        )
    for song, words in figures["songs"].items():
        yield ""
        yield f"{song}  {' '.join(words)} ..."


def label_rows(counts: Mapping[str, Mapping[str, int]]) -> report.Rows:
    """Returns songs by label and split below a header; the labels in the order of their numbers."""
    found = [(label or NO_LABEL, *(f"{row[split]:,}" for split in SPLITS)) for label, row in counts.items()]
    return [("songs by label", *SPLITS), *found]


def label_table(counts: Mapping[str, Mapping[str, int]]) -> str:
    """Returns songs by label and split as text, up to some labels."""
    header, *found = label_rows(counts)
    more = [f"and {len(found) - LABELS_SHOWN:,} more labels"] if len(found) > LABELS_SHOWN else []
    return "\n".join([report.table([header, *found[:LABELS_SHOWN]]), *more])
