"""Manifest: what the dataset will be once this run is committed, and what the run did."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam

from pipelines import filesystem, report
from pipelines.commit import SUMMARY
from pipelines.ingest.deduplicate import earlier
from pipelines.ingest.types import IngestJob, Plan, Rejected
from tutti.dataset.manifest import MANIFEST, SPLITS, Dataset, Shard, Snapshot, rejected_path, snapshot_path
from tutti.encodings.vocabulary import Vocabulary


class Manifest(beam.PTransform):
    """Shards and the plan -> manifests in the staging folder."""

    def __init__(self, job: IngestJob, plan: Any) -> None:
        super().__init__()
        self.job, self.plan = job, plan

    def expand(self, shards: Any) -> Any:
        return self.plan | beam.ParDo(WriteManifest(self.job), beam.pvalue.AsList(shards))


class WriteManifest(beam.DoFn):
    """Writes snapshot, rejected files and dataset.json where there is something new, and always the summary."""

    def __init__(self, job: IngestJob) -> None:
        super().__init__()
        self.job = job

    def process(self, plan: Plan, shards: list[Shard]) -> Iterator[None]:
        job = self.job
        changed = bool(plan.sources)
        if changed:
            before = earlier(job)
            new = rejected(rejected_before(job), plan)
            snapshot = grown(before, plan, shards, job.snapshot, len(new))
            dataset = Dataset(
                job.encoding,
                job.window,
                job.stride,
                Vocabulary(plan.placement.tokens),
                job.fractions,
                job.snapshot,
                plan.labels,
                job.transpose,
                job.loops,
            )
            lines = "".join(json.dumps(line._asdict(), ensure_ascii=False) + "\n" for line in new)
            for path, text in (
                (rejected_path(job.snapshot), lines),
                (snapshot_path(job.snapshot), snapshot.to_json()),
                (MANIFEST, dataset.to_json()),
            ):
                filesystem.write(filesystem.join(job.staging, path), text.encode())
        filesystem.write(filesystem.join(job.staging, SUMMARY), json.dumps(summary(plan, shards, changed)).encode())
        yield None


def grown(before: Snapshot | None, plan: Plan, shards: Iterable[Shard], number: int, rejected: int) -> Snapshot:
    """Returns the snapshot that holds the one before and what is new; `rejected` counts its rejected files."""
    new = sorted(shards, key=lambda shard: shard.path)
    return Snapshot(
        number,
        {
            split: (
                *(before.shards[split] if before else ()),
                *(shard for shard in new if shard.path.startswith(f"{split}/")),
            )
            for split in SPLITS
        },
        tuple(sorted((*(before.sources if before else ()), *plan.sources), key=lambda source: source.id)),
        rejected,
    )


def rejected_before(job: IngestJob) -> list[Rejected]:
    """Returns the lines of the current snapshot's list of rejected files."""
    if job.snapshot == 1:
        return []
    path = filesystem.join(job.dataset, rejected_path(job.snapshot - 1))
    return [Rejected(**json.loads(line)) for line in filesystem.read(path).decode().splitlines()]


def rejected(old: list[Rejected], plan: Plan) -> list[Rejected]:
    """Returns the new list: a content has the name of the run that first met it, and leaves when it can be read."""
    contents = {line.id for line in old if line.id}
    accepted = {source.id for source in plan.sources}
    lines = {*old, *(line for line in plan.rejected if line.id not in contents)}
    return sorted(line for line in lines if line.id not in accepted)


def summary(plan: Plan, shards: list[Shard], changed: bool) -> dict[str, Any]:
    """Returns the figures of the run, by the names of `IngestReport`; `reasons` come with the commonest first."""
    counts = Counter(line.reason for line in plan.rejected)
    first = {line.reason: line.name for line in reversed(plan.rejected)}
    return {
        "changed": changed,
        "rejected": len(plan.rejected),
        "reasons": [
            {"reason": reason, "files": counts[reason], "first": first[reason]}
            for reason in sorted(counts, key=lambda reason: (-counts[reason], first[reason]))
        ],
        "duplicates": plan.duplicates,
        "known": plan.known,
        "split_conflicts": plan.split_conflicts,
        "label_conflicts": plan.label_conflicts,
        "chosen_by": report.chosen_by(plan.sources),
        "songs": sum(len(source.all_songs) for source in plan.sources),
        "transposed": sum(len(source.transposed) for source in plan.sources),
        "words": plan.words,
        "windows": sum(shard.records for shard in shards),
        "shards": len(shards),
        "bytes": sum(shard.bytes for shard in shards),
    }
