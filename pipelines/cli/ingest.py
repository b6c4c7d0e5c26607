"""`tutti ingest`: MIDI corpora -> dataset of token windows."""

import argparse
import json
import math
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pipelines import commit, filesystem, runners
from pipelines import report as reports
from pipelines.cli.beam_flags import parsed
from pipelines.ingest import codec, label, match
from pipelines.ingest import split as splits
from pipelines.ingest.config import job_for
from pipelines.ingest.label import FOLDER
from pipelines.ingest.types import File, IngestJob
from pipelines.loops import config
from pipelines.progress import progress
from tutti.cli.encoding_flags import add_arguments, from_arguments
from tutti.cli.flags import Parser
from tutti.dataset.manifest import MANIFEST, SPLITS, Snapshot, rejected_path, snapshot_path
from tutti.errors import Error

EXAMPLES = """examples:
  tutti ingest corpus/drums --dataset data/drums --encoding drums
  tutti ingest 'archive/**/*.mid' extra.mid --dataset data/piano --encoding notes --window 100 --stride 1
  tutti ingest corpus/piano --dataset data/moods --encoding notes --transpose --labels moods.csv
  tutti ingest metallica trap --dataset data/styles --encoding drums --labels folder
  tutti ingest maestro --dataset data/maestro --encoding notes --split folder
  tutti ingest corpus --dataset data/drums --direct_num_workers 4 --direct_running_mode multi_processing
  tutti ingest gs://bucket/midi --dataset gs://bucket/data --runner FlinkRunner --flink_master host:8081

All flags of Apache Beam and its runners pass through. Ingesting into an existing dataset adds what is new.
"""
LARGEST_WINDOW = 1 << 20


def main(argv: list[str]) -> None:
    """Runs the command.

    Raises:
      UserError: for whatever the user can mend; nothing of the run is left behind then.
    """
    args, flags = parse(argv)
    encoding = from_arguments(args)
    if args.transpose:
        codec.check_transposable(encoding)
    found = named(match.find(args.corpus, encoding.medium), args)
    written_to = filesystem.explained("ingest into", args.dataset)
    with written_to, unwinding_on_termination(), commit.staging(args.dataset) as folder:
        before = commit.current(args.dataset)
        job = job_for(args, encoding, folder, before)
        run = ingest(found, job, flags)
        if run["changed"]:
            commit.commit(folder, args.dataset, job.snapshot)
    report(run, args, job)


def named(found: list[File], args: argparse.Namespace) -> list[File]:
    """The files, with the splits and labels that the user gave them."""
    if args.split is None:
        found = splits.by_folder(found)
    return label.labelled(found, args.labels, split_folders=args.split is None) if args.labels else found


def parse(argv: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """The command's own flags, and those that are Beam's."""
    parser = Parser("tutti ingest", "Turn MIDI corpora into a dataset of token windows, with Apache Beam.", EXAMPLES)
    parser.add_argument("corpus", nargs="+", metavar="CORPUS", help="files, folders, globs; local or gs://")
    parser.add_argument("--dataset", required=True, metavar="DIR", help="the dataset's folder, new or to be added to")
    parser.add_argument("--window", type=int, default=256, help="input tokens, or frames, in a window (256)")
    parser.add_argument("--stride", type=int, help="from one window's start to the next one's (as many as --window)")
    parser.add_argument(
        "--split",
        type=split,
        default=(0.8, 0.1, 0.1),
        metavar="T,V,E",
        help="share of each split (0.8,0.1,0.1), or folder: files lie in train, validation and test",
    )
    parser.add_argument(
        "--labels", metavar="FILE", help="labels of files: .csv with file,label, .json, or folder for their folders"
    )
    parser.add_argument("--transpose", action="store_true", help="train on the songs in all twelve keys")
    parser.add_argument("--shards", type=int, help="shards of each split (about 64 MiB each)")
    group = parser.add_argument_group("drum loops, as in tutti loops")
    group.add_argument("--standardise", action="store_true", help="move loops to General MIDI notes first")
    config.add_arguments(group, "combine", "combine-")
    parser.add_argument("--json", action="store_true", help="print what was done as JSON")
    add_arguments(parser)
    args, beams = parsed(parser, argv)
    for name, value, most in (("window", args.window, LARGEST_WINDOW), ("stride", args.stride, None)):
        if value is not None and not 1 <= value <= (most or value):
            raise Error(f"--{name} {value}: it must be at least 1" + (f" and at most {most:,}" if most else ""))
    if args.shards is not None and not 1 <= args.shards <= 99_999:
        raise Error(f"--shards {args.shards}: it must be at least 1 and at most 99,999")
    args.stride = args.window if args.stride is None else args.stride
    return args, beams


def split(text: str) -> tuple[float, float, float] | None:
    """Three shares that add up to 1, or None for `folder`."""
    return None if text == FOLDER else fractions(text)


def fractions(text: str) -> tuple[float, float, float]:
    """Three shares that add up to 1."""
    try:
        shares = tuple(float(part) for part in text.split(","))
    except ValueError:
        shares = ()
    if len(shares) != 3 or not all(0 <= share <= 1 for share in shares) or not math.isclose(sum(shares), 1):
        raise argparse.ArgumentTypeError(f"{text!r} is not three shares of {', '.join(SPLITS)} that add up to 1")
    return shares[0], shares[1], shares[2]


def ingest(found: list[Any], job: IngestJob, flags: list[str]) -> dict[str, Any]:
    """Runs the pipeline; what it did, as figures.

    Raises:
      UserError: if it failed for a cause outside the program, or there is nothing to make a dataset of.
    """
    from pipelines.ingest import pipeline

    # From here, as importing Beam takes seconds whatever the corpus.
    began = time.monotonic()
    with progress(job.recipe.count if job.recipe else len(found), pipeline.progress_file(job)):
        pipeline.run(found, job, runners.options(flags))
    run: dict[str, Any] = json.loads(filesystem.read(filesystem.join(job.staging, commit.SUMMARY)))
    if job.snapshot == 1 and not run["songs"]:
        first = run["reasons"][0]
        raise Error(
            f"none of the {len(found):,} files can be used; the first, {first['first']}: {first['reason']}"
            if len(found) > 1
            else f"{first['first']} cannot be used: {first['reason']}"
        )
    seconds = time.monotonic() - began
    return {
        "files": len(found),
        **run,
        "seconds": round(seconds, 3),
        "files_per_second": round(len(found) / seconds, 1),
    }


def report(run: dict[str, Any], args: argparse.Namespace, job: IngestJob) -> None:
    """Prints what was done."""
    number = job.snapshot if run["changed"] else job.snapshot - 1
    path = filesystem.join(args.dataset, snapshot_path(number))
    figures = reports.splits(Snapshot.from_json(filesystem.read(path).decode(), path))
    run = {
        "dataset": args.dataset,
        "snapshot": number,
        **run,
        "rejected_list": filesystem.join(args.dataset, rejected_path(number)),
        "splits": figures,
    }
    if args.json:
        print(json.dumps(run, indent=1))
    else:
        print(f"{reports.run_table(run)}\n\n{reports.split_table(figures)}\n")
        if run["changed"]:
            print(f"{filesystem.join(args.dataset, MANIFEST)} is at snapshot {number}")
        else:
            print(f"nothing new: {args.dataset} stays at snapshot {number}")
    if args.labels and run["known"]:
        print("note: files that are in the dataset already keep the labels they came with", file=sys.stderr)
    for warning in warnings(run, args.split):
        print(f"warning: {warning}", file=sys.stderr)


def warnings(run: dict[str, Any], shares: tuple[float, float, float] | None) -> Iterator[str]:
    """What may not be as the user thinks."""
    if run["astray"]:
        yield f"{run['astray']:,} contents lie under several splits; each is in the last of {', '.join(SPLITS)} alone"
    if run["contested"]:
        yield f"{run['contested']:,} contents have several labels; each keeps one of them"
    for split, share in zip(SPLITS, shares or (1, 1, 1), strict=True):
        if share and not run["splits"][split]["songs"]:
            more = "give more files, or another --split" if shares else "no file in a folder of that name can be used"
            yield f"the {split} split is empty; {more}"


@contextmanager
def unwinding_on_termination() -> Iterator[None]:
    """Makes SIGTERM end the block as an exception does, so that what the run wrote is deleted."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


if __name__ == "__main__":
    from tutti import cli

    sys.exit(cli.run(main, sys.argv[1:]))
