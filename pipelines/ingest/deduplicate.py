"""Deduplicate and split: what has to be decided over the whole corpus, from ids and lengths alone."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import apache_beam as beam

from pipelines import filesystem
from pipelines.ingest.codec import codec_of
from pipelines.ingest.label import appended
from pipelines.ingest.split import RESERVED
from pipelines.ingest.types import Batch, IngestJob, Placement, Plan, Rejected
from tutti.dataset.manifest import SPLITS, Snapshot, Source, snapshot_path
from tutti.encodings.vocabulary import Vocabulary

SHARD_BYTES = 64 << 20
# Of an Example and its frame, beside its content.
RECORD_BYTES = 128
DUPLICATES = beam.metrics.Metrics.counter("ingest", "duplicates")


# (semitones, content id) of a song in other keys.
Keys = tuple[tuple[int, str], ...]


class Listed(NamedTuple):
    """An `EncodedFile` without its tokens: `songs` are (song id, length, keys)."""

    id: str
    name: str
    songs: tuple[tuple[str, int, Keys], ...]
    label: str
    split: str
    tracks: str = ""
    chosen_by: str = ""


@dataclass(frozen=True)
class Account:
    """A batch without its tokens, but for the words that the vocabulary has to learn."""

    files: tuple[Listed, ...]
    rejected: tuple[Rejected, ...]
    known: int
    words: frozenset[str]


class Deduplicate(beam.PTransform):
    """Batches -> one Plan: which sources keep which songs, in which split, in how many shards."""

    def __init__(self, job: IngestJob) -> None:
        super().__init__()
        self.job = job

    def expand(self, batches: Any) -> Any:
        return (
            batches
            | "Account" >> beam.Map(account, self.job)
            | "Together" >> beam.Map(lambda account: (0, account))
            | beam.GroupByKey()
            | "Plan" >> beam.ParDo(MakePlan(self.job))
        )


class MakePlan(beam.DoFn):
    """Makes the plan of all accounts, which come together under one key."""

    def __init__(self, job: IngestJob) -> None:
        super().__init__()
        self.job = job

    def process(self, keyed: tuple[int, Iterable[Account]]) -> Iterator[Plan]:
        made = plan(list(keyed[1]), earlier(self.job), self.job)
        DUPLICATES.inc(made.duplicates)
        yield made


def account(batch: Batch, job: IngestJob) -> Account:
    """Returns what of a batch matters to the plan."""
    words: set[str] = set()
    if job.tokens is None:
        codec = codec_of(job.encoding)
        for file in batch.files:
            for song in file.songs:
                words |= codec.learned_tokens(song)
    files = tuple(
        Listed(**{**file._asdict(), "songs": tuple((song.id, song.length, song.keys) for song in file.songs)})
        for file in batch.files
    )
    return Account(files, batch.rejected, batch.known, frozenset(words))


def earlier(job: IngestJob) -> Snapshot | None:
    """Returns the dataset's current snapshot; None where there is none."""
    if job.snapshot == 1:
        return None
    path = filesystem.join(job.dataset, snapshot_path(job.snapshot - 1))
    return Snapshot.from_json(filesystem.read(path).decode(), path)


def plan(accounts: list[Account], before: Snapshot | None, job: IngestJob) -> Plan:
    """Returns the plan for a corpus, the same for any order of files and accounts.

    A song that several sources give belongs to the source that the dataset already has, else to the one with
    the smallest id. Where folders name the splits, test comes before validation and validation before train, and
    a source with a label comes before one without. Nothing else decides, so that a corpus may be moved, renamed or
    read in another order. A song in another key counts only where no source gives the same song as it is, in
    any split, and only beside the song that it comes from.
    """
    files, conflicts = distinct(file for account in accounts for file in account.files)
    by_folder = job.fractions is None
    ranked = sorted(
        files.values(), key=lambda file: (RESERVED.index(file.split) if by_folder else 0, not file.label, file.id)
    )
    old = before.sources if before else ()
    owner = {song: source.id for source in old for song in source.all_songs}
    claims = {source.id: (source.split, source.label) for source in old}
    claims |= {file.id: (file.split, file.label) for file in ranked}
    songs: dict[str, dict[str, tuple[int, Keys]]] = {file.id: {} for file in ranked}
    transposed: dict[str, list[str]] = {file.id: [] for file in ranked}
    skip: set[tuple[str, str, int]] = set()
    lengths: dict[str, list[int]] = {split: [] for split in SPLITS}
    split_conflicts, label_conflicts = set(conflicts.split), set(conflicts.label)
    for file in ranked:
        for song, length, keys in file.songs:
            if owner.setdefault(song, file.id) == file.id:
                songs[file.id][song] = length, keys
                continue
            skip.add((file.id, song, 0))
            split, label = claims[owner[song]]
            if by_folder and split != file.split:
                split_conflicts.add(file.id)
            if file.label and label not in ("", file.label):
                label_conflicts.add(file.id)
        lengths[file.split] += [length for length, _ in songs[file.id].values()]
    # Only now, so that what any source gives as it is comes before all that is moved there.
    for file in ranked:
        for song, (length, keys) in songs[file.id].items() if file.split == "train" else ():
            for semitones, key in keys:
                if key in owner:
                    skip.add((file.id, song, semitones))
                else:
                    owner[key] = file.id
                    transposed[file.id].append(key)
                    lengths[file.split].append(length)
    tokens = job.tokens
    if tokens is None:
        tokens = Vocabulary.of(sorted(set().union(*(account.words for account in accounts)))).tokens
    count = Counter(file.id for account in accounts for file in account.files)
    sources = [
        Source(
            file.id,
            file.name,
            file.split,
            songs=tuple(songs[file.id]),
            same_as="" if songs[file.id] else owner[file.songs[0][0]],
            label=file.label,
            transposed=tuple(transposed[file.id]),
            copies=count[file.id] - 1,
            tracks=file.tracks,
            chosen_by=file.chosen_by,
        )
        for file in sorted(ranked)
    ]
    return Plan(
        sources=tuple(sources),
        rejected=tuple(sorted(rejected for account in accounts for rejected in account.rejected)),
        duplicates=count.total() - sum(not source.same_as for source in sources),
        known=sum(account.known for account in accounts),
        words=sum(map(sum, lengths.values())),
        split_conflicts=len(split_conflicts),
        label_conflicts=len(label_conflicts),
        labels=appended(job.labels, (source.label for source in sources if source.songs)),
        placement=Placement(
            frozenset(skip), shard_counts(lengths, job), tokens, {file: claims[file] for file in conflicts.any}
        ),
    )


@dataclass(frozen=True)
class Conflicts:
    """Contents, by id, whose copies claim several splits, several labels, or any of both, where no label counts too."""

    split: frozenset[str]
    label: frozenset[str]
    any: frozenset[str]


def distinct(files: Iterable[Listed]) -> tuple[dict[str, Listed], Conflicts]:
    """Returns each content once, by id, and which copies are in conflict.

    Of the names of its copies a content has the first in order, of their labels also, and of their splits the one that
    is kept from training the most.
    """
    found: dict[str, Listed] = {}
    split, label, either = set(), set(), set()
    for file in files:
        copy = found.setdefault(file.id, file)
        if copy is file:
            continue
        if copy.split != file.split:
            split.add(file.id)
        if copy.label and file.label and copy.label != file.label:
            label.add(file.id)
        if (copy.split, copy.label) != (file.split, file.label):
            either.add(file.id)
        found[file.id] = copy._replace(
            name=min(copy.name, file.name),
            label=min(copy.label, file.label, key=lambda label: (not label, label)),
            split=min(copy.split, file.split, key=RESERVED.index),
        )
    return found, Conflicts(frozenset(split), frozenset(label), frozenset(either))


def shard_counts(lengths: dict[str, list[int]], job: IngestJob) -> dict[str, int]:
    """Returns how many shards each split gets, from the lengths of its new songs."""
    codec = codec_of(job.encoding)
    record = RECORD_BYTES + codec.content_bytes(job.window)

    def shards(songs: list[int]) -> int:
        windows = sum(len(codec.starts(length, job.stride)) for length in songs)
        return job.shards or -(-windows * record // SHARD_BYTES)

    return {split: shards(songs) if songs else 0 for split, songs in lengths.items()}
