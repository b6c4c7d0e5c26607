"""Ingest: corpora of files -> a dataset, new or grown."""

import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from pipelines import commit, filesystem, progress
from pipelines import report as reports
from pipelines.ingest import label, match
from pipelines.ingest import split as splits
from pipelines.ingest.config import DEFAULT, FOLDER, SPLIT, IngestConfig, Split
from pipelines.ingest.report import IngestReport
from pipelines.ingest.types import File, IngestJob
from pipelines.loops.config import CombineConfig
from tutti.dataset.manifest import SPLITS, Snapshot, rejected_path, snapshot_path
from tutti.encodings.base import Encoding
from tutti.encodings.registry import encoding_from_json, encodings
from tutti.errors import Error, needing

Path = str | os.PathLike[str]


def ingest(
    corpora: Path | Sequence[Path],
    dataset: Path,
    *,
    encoding: str | Encoding | None = None,
    window: int = 256,
    stride: int | None = None,
    split: Split = SPLIT,
    labels: Path | None = None,
    transpose: bool = False,
    shards: int | None = None,
    standardise: bool = False,
    combine: CombineConfig | None = None,
    beam: Sequence[str] = (),
    progress: bool = False,
) -> IngestReport:
    """Makes a dataset of windows of songs from files, or adds to one what is new, with Apache Beam.

    The dataset changes all at once or, if anything fails, not at all. Files that cannot be used are listed in it, each
    with its reason. The same files give the same bytes, whatever the runner and however often.

    Args:
      corpora: files, folders with all below them, and globs; local or gs://.
      dataset: the dataset's folder, new or to be added to; local or gs://.
      encoding: how pieces become songs: an encoding, or the name of one with its parameters as they are by default;
        None for the dataset's own, and "drums" for a new dataset.
      window: input tokens in a window, or frames.
      stride: tokens, or frames, from one window's start to the next one's; None for as many as `window`.
      split: share of files for train, validation and test; "folder" where folders of these names hold them.
      labels: a CSV or JSON file of labels; "folder" for the names of folders; None for no labels.
      transpose: whether the songs to train on come in the other eleven keys as well.
      shards: how many files to write of each split; None for about 64 MiB each.
      standardise: whether the files are drum loops that are moved to General MIDI notes first.
      combine: what loops to make of them instead of taking them as they are; its shares are those of `split`.
      beam: flags of Apache Beam and its runners, such as `["--direct_num_workers=4"]`.
      progress: whether to show on stderr how far the pipeline is.

    Returns:
      What was done. It is a path, that of the dataset.

    Raises:
      Error: for whatever the user can mend: a wrong setting, a missing path, no usable file, a full disk.
      pipelines.failures.ProgramError: if a reader or an encoding has a mistake; names the file.
    """
    folder, notes = os.fspath(dataset), []
    if encoding is None:
        with filesystem.explained("ingest into", folder):
            before = commit.current(folder)
        encoding = before.encoding if before else DEFAULT
        if not before:
            notes.append(f"--encoding {DEFAULT}, as none was named; there are {', '.join(encodings())}")
    config = IngestConfig(
        encoding=encoding_from_json({"name": encoding}) if isinstance(encoding, str) else encoding,
        window=window,
        stride=stride,
        split=split,
        labels=None if labels is None else os.fspath(labels),
        transpose=transpose,
        shards=shards,
        standardise=standardise,
        combine=combine,
    )
    paths = [corpora] if isinstance(corpora, str | os.PathLike) else corpora
    report = run(config, [os.fspath(path) for path in paths], folder, beam, progress)
    return replace(report, notes=(*notes, *report.notes))


def run(
    config: IngestConfig, corpora: Sequence[str], dataset: str, beam: Sequence[str] = (), progress: bool = False
) -> IngestReport:
    """Makes a dataset with these settings, or adds to one; see `ingest`."""
    files = match.find(corpora, config.encoding.medium)
    notes: list[str] = []
    if config.split == FOLDER:
        files = splits.by_folder(files)
    if config.labels is not None:
        files, notes = label.labelled(files, config.labels, split_folders=config.split == FOLDER)
    with filesystem.explained("ingest into", dataset), commit.staging(dataset) as staging:
        job = config.job(dataset, staging, commit.current(dataset))
        figures = _run_pipeline(files, job, beam, progress)
        if figures["changed"]:
            commit.commit(staging, dataset, job.snapshot)
    number = job.snapshot if figures["changed"] else job.snapshot - 1
    path = filesystem.join(dataset, snapshot_path(number))
    split_figures = reports.splits(Snapshot.from_json(filesystem.read(path).decode(), path))
    if config.labels is not None and figures["known"]:
        notes.append("files that are in the dataset already keep the labels they came with")
    return IngestReport(
        dataset=dataset,
        snapshot=number,
        **figures,
        rejected_list=filesystem.join(dataset, rejected_path(number)),
        splits=split_figures,
        warnings=tuple(_warnings(figures, split_figures, config.fractions)),
        notes=tuple(notes),
    )


def _run_pipeline(files: list[File], job: IngestJob, beam: Sequence[str], shown: bool) -> dict[str, Any]:
    """Runs the pipeline; returns the figures of what it did.

    Raises:
      Error: if it failed for a cause outside the program, or there is nothing to make a dataset of.
    """
    # Here, as importing Beam takes seconds, which a wrong setting should not.
    with needing("pipelines", "ingest"):
        from pipelines import runners
        from pipelines.ingest import pipeline

    options = runners.options(beam)
    began = time.monotonic()
    total = job.combine.count if job.combine else len(files)
    with progress.shown(total, progress.file_in(job.staging)) if shown else nullcontext():
        pipeline.run(files, job, options)
    figures: dict[str, Any] = json.loads(filesystem.read(filesystem.join(job.staging, commit.SUMMARY)))
    if job.snapshot == 1 and not figures["songs"]:
        first = figures["reasons"][0]
        raise Error(
            f"none of the {len(files):,} files can be used; the first, {first['first']}: {first['reason']}"
            if len(files) > 1
            else f"{first['first']} cannot be used: {first['reason']}"
        )
    seconds = time.monotonic() - began
    return {
        "files": len(files),
        **figures,
        "seconds": round(seconds, 3),
        "files_per_second": round(len(files) / seconds, 1),
    }


def _warnings(
    figures: dict[str, Any], splits: dict[str, dict[str, int]], shares: tuple[float, float, float] | None
) -> Iterator[str]:
    """Yields what may not be as the user thinks."""
    if count := figures["split_conflicts"]:
        yield f"{count:,} contents lie under several splits; each is in the last of {', '.join(SPLITS)} alone"
    if count := figures["label_conflicts"]:
        yield f"{count:,} contents have several labels; each keeps one of them"
    for split, share in zip(SPLITS, shares or (1, 1, 1), strict=True):
        if share and not splits[split]["songs"]:
            more = "give more files, or another --split" if shares else "no file in a folder of that name can be used"
            yield f"the {split} split is empty; {more}"
