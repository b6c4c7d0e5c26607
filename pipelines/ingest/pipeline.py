"""The Beam pipeline of `tutti ingest`: match, read, parse, encode, deduplicate, split, shard, window, manifest."""

from typing import Any

import apache_beam as beam
from apache_beam.pvalue import AsSingleton

from pipelines import filesystem, progress
from pipelines.ingest.deduplicate import Deduplicate
from pipelines.ingest.encode import Encode
from pipelines.ingest.manifest import Manifest
from pipelines.ingest.read import Match, Read
from pipelines.ingest.shard import Place, Write
from pipelines.ingest.types import File, IngestJob
from pipelines.loops.combine import Combine
from pipelines.loops.standardise import Standardise
from pipelines.runners import execute
from tutti.dataset.manifest import Snapshot, snapshot_path


def build(pipeline: Any, found: list[File], job: IngestJob, spread: bool = True) -> None:
    """Adds the steps that turn files into a staged snapshot; `spread` over several workers."""
    contents = pipeline | "Match" >> Match(found, spread) | "Read" >> Read(job.encoding.medium.most_bytes)
    if job.combine:
        contents |= "Combine" >> Combine(job.combine)
    elif job.loops:
        contents |= "Standardise" >> Standardise()
    batches = contents | "Parse and encode" >> Encode(job, known_sources(pipeline, job), progress.file_in(job.staging))
    plan = batches | "Deduplicate and split" >> Deduplicate(job)
    placement = plan | "Placement" >> beam.Map(lambda plan: plan.placement)
    shards = batches | "Shard" >> Place(job, placement) | "Window and write" >> Write(job, placement)
    _ = shards | "Manifest" >> Manifest(job, plan)


def known_sources(pipeline: Any, job: IngestJob) -> Any:
    """Returns the ids of sources that the dataset has: a side input, or the empty set for a new dataset."""
    if job.snapshot == 1:
        return frozenset()
    path = filesystem.join(job.dataset, snapshot_path(job.snapshot - 1))
    return AsSingleton(
        pipeline
        | "Snapshot" >> beam.Create([path])
        | "Known" >> beam.Map(lambda path: _source_ids(Snapshot.from_json(filesystem.read(path).decode(), path)))
    )


def _source_ids(snapshot: Snapshot) -> frozenset[str]:
    return frozenset(source.id for source in snapshot.sources)


def run(found: list[File], job: IngestJob, pipeline_options: Any) -> None:
    """Runs the pipeline to its end.

    Raises:
      Error: if it failed for a cause outside the program, such as a full disk.
    """
    execute(lambda pipeline, spread: build(pipeline, found, job, spread), pipeline_options, job.dataset)
