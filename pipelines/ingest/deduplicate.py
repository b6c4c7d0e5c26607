"""Deduplicate and split: what has to be decided over the whole corpus, from ids and lengths alone."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import apache_beam as beam

from pipelines import filesystem
from pipelines.ingest.codec import form
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
    """A file without its tokens: `songs` are (song id, length, keys), as in `Encoded` and `Song`."""

    id: str
    name: str
    songs: tuple[tuple[str, int, Keys], ...]
    label: str
    split: str


@dataclass(frozen=True)
class Account:
    """A batch without its tokens."""

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
    def __init__(self, job: IngestJob) -> None:
        super().__init__()
        self.job = job

    def process(self, keyed: tuple[int, Iterable[Account]]) -> Iterator[Plan]:
        made = plan(list(keyed[1]), earlier(self.job), self.job)
        DUPLICATES.inc(made.duplicates)
        yield made


def account(batch: Batch, job: IngestJob) -> Account:
    """What of a batch matters to the plan."""
    words: set[str] = set()
    if job.tokens is None:
        kept = form(job.encoding)
        for file in batch.files:
            for song in file.songs:
                words |= kept.words(song)
    files = tuple(
        Listed(
            file.id, file.name, tuple((song.id, song.length, song.keys) for song in file.songs), file.label, file.split
        )
        for file in batch.files
    )
    return Account(files, batch.rejected, batch.known, frozenset(words))


def earlier(job: IngestJob) -> Snapshot | None:
    """The dataset's current snapshot."""
    if job.snapshot == 1:
        return None
    path = filesystem.join(job.dataset, snapshot_path(job.snapshot - 1))
    return Snapshot.from_json(filesystem.read(path).decode(), path)


def plan(accounts: list[Account], before: Snapshot | None, job: IngestJob) -> Plan:
    """The plan for a corpus, the same for any order of files and accounts.

    A song that several sources give belongs to the source that the dataset already has, else to the one with
    the smallest id. Where folders name the splits, test comes before validation and validation before train, and
    a source with a label comes before one without. Nothing else decides, so that a corpus may be moved, renamed or
    read in another order. A song in another key stands only where no source gives the same song as it is, in
    any split, and only beside the song that it comes from.
    """
    given, disputes = settle(file for account in accounts for file in account.files)
    by_folder = job.fractions is None
    ranked = sorted(
        given.values(), key=lambda file: (RESERVED.index(file.split) if by_folder else 0, not file.label, file.id)
    )
    old = before.sources if before else ()
    owner = {song: source.id for source in old for song in source.all_songs}
    named = {source.id: (source.split, source.label) for source in old}
    named |= {file.id: (file.split, file.label) for file in ranked}
    kept: dict[str, dict[str, tuple[int, Keys]]] = {file.id: {} for file in ranked}
    transposed: dict[str, list[str]] = {file.id: [] for file in ranked}
    dropped: set[tuple[str, str, int]] = set()
    lengths: dict[str, list[int]] = {split: [] for split in SPLITS}
    astray, contested = set(disputes.splits), set(disputes.labels)
    for file in ranked:
        for song, length, keys in file.songs:
            if owner.setdefault(song, file.id) == file.id:
                kept[file.id][song] = length, keys
                continue
            dropped.add((file.id, song, 0))
            split, label = named[owner[song]]
            if by_folder and split != file.split:
                astray.add(file.id)
            if file.label and label not in ("", file.label):
                contested.add(file.id)
        lengths[file.split] += [length for length, _ in kept[file.id].values()]
    # Only now, so that what any source gives as it is comes before all that is moved there.
    for file in ranked:
        for song, (length, keys) in kept[file.id].items() if file.split == "train" else ():
            for semitones, moved in keys:
                if moved in owner:
                    dropped.add((file.id, song, semitones))
                else:
                    owner[moved] = file.id
                    transposed[file.id].append(moved)
                    lengths[file.split].append(length)
    tokens = job.tokens
    if tokens is None:
        tokens = Vocabulary.of(sorted(set().union(*(account.words for account in accounts)))).tokens
    sources = [
        Source(
            file.id,
            file.name,
            file.split,
            songs=tuple(kept[file.id]),
            same_as="" if kept[file.id] else owner[file.songs[0][0]],
            label=file.label,
            transposed=tuple(transposed[file.id]),
        )
        for file in sorted(ranked)
    ]
    files = sum(len(account.files) for account in accounts)
    return Plan(
        sources=tuple(sources),
        rejected=tuple(sorted(rejected for account in accounts for rejected in account.rejected)),
        duplicates=files - sum(not source.same_as for source in sources),
        known=sum(account.known for account in accounts),
        words=sum(map(sum, lengths.values())),
        astray=len(astray),
        contested=len(contested),
        labels=appended(job.labels, (source.label for source in sources if source.songs)),
        placement=Placement(
            frozenset(dropped), _shards(lengths, job), tokens, {file: named[file] for file in disputes.all}
        ),
    )


@dataclass(frozen=True)
class Disputes:
    """Contents of which copies claim several splits, several labels, or either, where no label counts as one."""

    splits: frozenset[str]
    labels: frozenset[str]
    all: frozenset[str]


def settle(files: Iterable[Listed]) -> tuple[dict[str, Listed], Disputes]:
    """Each content once, by id.

    Of the names of its copies it has the first in order, of their labels also, and of their splits the one that is
    kept from training the most.
    """
    given: dict[str, Listed] = {}
    splits, names, either = set(), set(), set()
    for file in files:
        had = given.setdefault(file.id, file)
        if had is file:
            continue
        if had.split != file.split:
            splits.add(file.id)
        if had.label and file.label and had.label != file.label:
            names.add(file.id)
        if (had.split, had.label) != (file.split, file.label):
            either.add(file.id)
        given[file.id] = had._replace(
            name=min(had.name, file.name),
            label=min(had.label, file.label, key=lambda label: (not label, label)),
            split=min(had.split, file.split, key=RESERVED.index),
        )
    return given, Disputes(frozenset(splits), frozenset(names), frozenset(either))


def _shards(lengths: dict[str, list[int]], job: IngestJob) -> dict[str, int]:
    kept = form(job.encoding)
    record = RECORD_BYTES + kept.content_bytes(job.window)
    return {
        split: (job.shards or -(-sum(len(kept.starts(n, job.stride)) for n in found) * record // SHARD_BYTES))
        if found
        else 0
        for split, found in lengths.items()
    }
