"""The Beam pipeline of `tutti ingest`: match, read, parse, encode, deduplicate, split, shard, window, manifest."""

import logging
import os
import re
import shlex
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import apache_beam as beam
from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions, StandardOptions, TypeOptions
from apache_beam.pvalue import AsSingleton
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.transforms.environments import SubprocessSDKEnvironment

from music.dataset import Snapshot, snapshot_path
from music.errors import UserError
from pipelines import storage
from pipelines.combine import Combine
from pipelines.corpus import Match, Read
from pipelines.elements import File, Job
from pipelines.manifest import Manifest
from pipelines.plan import Deduplicate
from pipelines.shards import Place, Write
from pipelines.songs import Encode
from pipelines.staging import PROGRESS
from pipelines.standardise import Standardise

# Runners that run the pipeline on this machine alone.
LOCAL = (None, "DirectRunner", "FnApiRunner")
# Seconds that Beam has to notice the end of a worker process.
PATIENCE = 5.0
# Flags that Beam has too and is not to see. Labels of a Dataflow job can be given with --label.
OURS, HIDDEN = ("--labels",), "--tutti"
WORKER = "apache_beam.runners.worker.sdk_worker_main"


def build(pipeline: Any, found: list[File], job: Job, spread: bool = True) -> None:
    """Adds the steps that turn these files into a staged snapshot; `spread` over several workers."""
    contents = pipeline | "Match" >> Match(found, spread) | "Read" >> Read(job.encoding.medium.most_bytes)
    if job.recipe:
        contents |= "Combine" >> Combine(job.recipe)
    elif job.standardise:
        contents |= "Standardise" >> Standardise()
    batches = contents | "Parse and encode" >> Encode(job, known_sources(pipeline, job), progress_file(job))
    plan = batches | "Deduplicate and split" >> Deduplicate(job)
    placement = plan | "Placement" >> beam.Map(lambda plan: plan.placement)
    shards = batches | "Shard" >> Place(job, placement) | "Window and write" >> Write(job, placement)
    _ = shards | "Manifest" >> Manifest(job, plan)


def known_sources(pipeline: Any, job: Job) -> Any:
    """The ids of sources that the dataset has: a side input, or the empty set for a new dataset."""
    if job.snapshot == 1:
        return frozenset()
    path = storage.join(job.dataset, snapshot_path(job.snapshot - 1))
    return AsSingleton(
        pipeline
        | "Snapshot" >> beam.Create([path])
        | "Known" >> beam.Map(lambda path: _source_ids(Snapshot.from_json(storage.read(path).decode(), path)))
    )


def _source_ids(snapshot: Snapshot) -> frozenset[str]:
    return frozenset(source.id for source in snapshot.sources)


def progress_file(job: Job) -> str:
    return "" if storage.is_remote(job.staging) else storage.join(job.staging, PROGRESS)


def options(flags: Sequence[str]) -> Any:
    """Beam's options from its flags."""
    parsed = PipelineOptions(list(flags))
    # Checking the types of a pipeline that never changes takes longer than running it over a hundred files.
    parsed.view_as(TypeOptions).pipeline_type_check = False
    return parsed


def split_flags(flags: Sequence[str]) -> tuple[list[str], list[str]]:
    """Flags as (Beam's, all others), each in their order.

    Raises:
      UserError: if one of Beam's has a value it cannot take.
    """

    def refuse(message: str) -> NoReturn:
        raise UserError(message)

    parsers: list[Any] = []
    PipelineOptions([]).get_all_options(add_extra_args_fn=parsers.append)
    parsers[0].error = refuse
    hidden = [HIDDEN + flag if flag.partition("=")[0] in OURS else flag for flag in flags]
    _, others = parsers[0].parse_known_args(hidden)
    ours = iter(others)
    waiting = next(ours, None)
    beams = []
    for flag in hidden:
        if flag == waiting:
            waiting = next(ours, None)
        else:
            beams.append(flag)
    return beams, [flag.removeprefix(HIDDEN) for flag in others]


def run(found: list[File], job: Job, pipeline_options: Any) -> None:
    """Runs the pipeline to its end.

    Raises:
      UserError: if it failed for a cause outside the program, such as a full disk.
    """
    execute(lambda pipeline, spread: build(pipeline, found, job, spread), pipeline_options, job.dataset)


def execute(add_steps: Callable[[Any, bool], None], pipeline_options: Any, target: str) -> None:
    """Runs the pipeline that `add_steps(pipeline, spread)` builds to write into `target`, to its end.

    Raises:
      UserError: if it failed for a cause outside the program, such as a full disk.
    """
    runner = pipeline_options.view_as(StandardOptions).runner
    spread = True
    if runner in LOCAL:
        # What goes wrong is told once, at the end.
        for logger in (logging.getLogger(), logging.getLogger("apache_beam")):
            logger.setLevel(logging.CRITICAL)
        runner, spread = local_runner(pipeline_options.view_as(DirectOptions))
    try:
        pipeline = beam.Pipeline(runner, pipeline_options)
    except (ImportError, ValueError) as error:
        raise UserError(str(error)) from error
    with watched_workers():
        try:
            add_steps(pipeline, spread)
            pipeline.run().wait_until_finish()
        except Exception as error:
            explain(error, target)
            raise


def local_runner(direct: Any) -> tuple[Any, bool]:
    """The runner for this machine, and whether it has several workers.

    `DirectRunner` means this one, too: it would first try to download another runner. Worker processes find
    the project where this process found it. Their stderr repeats what Beam sends back with an exception; in a
    file on a full disk it would even make them wait for ever.
    """
    environment = None
    if direct.direct_running_mode == "multi_processing":
        direct.direct_running_mode = "in_memory"  # Or the runner would start them its own way.
        home = shlex.quote(f"{Path(__file__).parents[1]}:{os.environ.get('PYTHONPATH', '')}".rstrip(":"))
        environment = SubprocessSDKEnvironment.from_command_string(
            f"PYTHONPATH={home} exec {shlex.quote(sys.executable)} -m {WORKER} 2>{os.devnull}"
        )
    return FnApiRunner(default_environment=environment), direct.direct_num_workers != 1


@contextmanager
def watched_workers() -> Iterator[None]:
    """Ends the run when a worker process has ended by itself: Beam waits for ever for one that never called.

    Raises:
      UserError: if one did.
    """
    over = threading.Event()
    main, before = threading.main_thread(), threading.excepthook

    def hook(args: threading.ExceptHookArgs) -> None:
        if args.thread is None or args.thread.name != "run_worker":
            before(args)
        # Beam notices most ends itself, and says more.
        elif not over.wait(PATIENCE) and main.ident:
            # A signal of its own: a process in the background may be deaf to SIGINT.
            signal.pthread_kill(main.ident, signal.SIGUSR1)

    def stop(*_: Any) -> None:
        raise UserError(
            "a worker process could not start, or was ended; with --direct_running_mode in_memory you see why"
        )

    handler = signal.signal(signal.SIGUSR1, stop)
    threading.excepthook = hook
    try:
        yield
    finally:
        over.set()
        threading.excepthook = before
        signal.signal(signal.SIGUSR1, handler)


def explain(error: BaseException, target: str) -> None:
    """Raises the cause of a failure where it is no fault of the program; runners wrap it, often as text only.

    Raises:
      UserError: for what a user can do something about.
      KeyboardInterrupt, SystemExit: where one of them stopped a step.
    """
    link: BaseException | None = error
    while link is not None:
        if isinstance(link, KeyboardInterrupt | SystemExit):
            raise link
        link = link.__cause__ or link.__context__
    text = "".join(traceback.format_exception(error))
    if found := re.findall(r"music\.errors\.UserError: (.*?)(?: \[while running .*)?$", text, re.MULTILINE):
        raise UserError(found[-1]) from error
    if "Channel closed prematurely" in text:
        raise UserError("a worker process was killed; if memory ran out, give fewer --direct_num_workers") from error
    if found := re.findall(r"^(?:OS|BeamIO|Connection|Timeout|Permission)Error: (?:\[Errno \d+\] )?(.*)$", text, re.M):
        raise UserError(f"writing into {target} failed: {found[-1]}") from error
