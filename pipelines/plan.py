"""Deduplicate and split: what has to be decided over the whole corpus, from ids and lengths alone."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import apache_beam as beam

from music.dataset import SPLITS, Snapshot, Source, snapshot_path
from music.vocabulary import Vocabulary
from pipelines import records, songs, storage
from pipelines.elements import Batch, Job, Placement, Plan, Rejected

SHARD_BYTES = 64 << 20
# Of an Example and its frame, beside the tokens.
RECORD_BYTES = 128
DUPLICATES = beam.metrics.Metrics.counter("ingest", "duplicates")


@dataclass(frozen=True)
class Account:
    """A batch without its tokens: `files` are (source id, name, ((song id, length), ...))."""

    files: tuple[tuple[str, str, tuple[tuple[str, int], ...]], ...]
    rejected: tuple[Rejected, ...]
    known: int
    words: frozenset[str]


class Deduplicate(beam.PTransform):
    """Batches -> one Plan: which sources keep which songs, in which split, in how many shards."""

    def __init__(self, job: Job) -> None:
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
    def __init__(self, job: Job) -> None:
        super().__init__()
        self.job = job

    def process(self, keyed: tuple[int, Iterable[Account]]) -> Iterator[Plan]:
        made = plan(list(keyed[1]), earlier(self.job), self.job)
        DUPLICATES.inc(made.duplicates)
        yield made


def account(batch: Batch, job: Job) -> Account:
    """What of a batch matters to the plan."""
    words: set[str] = set()
    if job.tokens is None:
        for file in batch.files:
            for song in file.songs:
                words |= songs.words(song, job.encoding)
    files = tuple((file.id, file.name, tuple((song.id, song.length) for song in file.songs)) for file in batch.files)
    return Account(files, batch.rejected, batch.known, frozenset(words))


def earlier(job: Job) -> Snapshot | None:
    """The dataset's current snapshot."""
    if job.snapshot == 1:
        return None
    path = storage.join(job.dataset, snapshot_path(job.snapshot - 1))
    return Snapshot.from_json(storage.read(path).decode(), path)


def plan(accounts: list[Account], before: Snapshot | None, job: Job) -> Plan:
    """The plan for a corpus, the same for any order of files and accounts.

    A song that several sources give belongs to the source that the dataset already has, else to the one with
    the smallest id. Nothing else decides, so that a corpus may be moved, renamed or read in another order.
    """
    owner = {song: source.id for source in (before.sources if before else ()) for song in source.songs}
    names: dict[str, str] = {}
    given: dict[str, tuple[tuple[str, int], ...]] = {}
    for source, name, listed in (file for account in accounts for file in account.files):
        names[source] = min(name, names.get(source, name))
        given[source] = listed
    sources: list[Source] = []
    dropped: set[tuple[str, str]] = set()
    lengths: dict[str, list[int]] = {split: [] for split in SPLITS}
    for source in sorted(given):
        own: dict[str, int] = {}
        for song, length in given[source]:
            if owner.setdefault(song, source) == source:
                own[song] = length
            else:
                dropped.add((source, song))
        split = split_of(source, job.fractions)
        lengths[split] += own.values()
        same_as = "" if own else owner[given[source][0][0]]
        sources.append(Source(source, names[source], split, tuple(own), same_as))
    files = sum(len(account.files) for account in accounts)
    tokens = job.tokens
    if tokens is None:
        tokens = Vocabulary.of(sorted(set().union(*(account.words for account in accounts)))).tokens
    return Plan(
        sources=tuple(sources),
        rejected=tuple(sorted(rejected for account in accounts for rejected in account.rejected)),
        duplicates=files - sum(not source.same_as for source in sources),
        known=sum(account.known for account in accounts),
        words=sum(map(sum, lengths.values())),
        placement=Placement(frozenset(dropped), _shards(lengths, job), tokens),
    )


def split_of(source: str, fractions: tuple[float, float, float]) -> str:
    """The split of a source, from a hash of its id: it stays where it is when the corpus grows."""
    place = int.from_bytes(hashlib.sha256(f"split:{source}".encode()).digest()[:8], "big") / 2**64
    train, validation, _ = fractions
    return "train" if place < train else "validation" if place < train + validation else "test"


def _shards(lengths: dict[str, list[int]], job: Job) -> dict[str, int]:
    record = RECORD_BYTES + 2 * (job.window + 1)
    return {
        split: (job.shards or -(-sum(len(records.starts(n + 2, job.stride)) for n in found) * record // SHARD_BYTES))
        if found
        else 0
        for split, found in lengths.items()
    }
