"""Running a Beam pipeline: options, the runner for this machine, and failures in one line."""

import logging
import os
import re
import shlex
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import apache_beam as beam
from apache_beam.options.pipeline_options import (
    DirectOptions,
    PipelineOptions,
    StandardOptions,
    TypeOptions,
    WorkerOptions,
)
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.utils import interactive_utils

from pipelines.failures import ProgramError
from pipelines.workers import WorkerEnvironment
from tutti.errors import Error

# Runners that run the pipeline on this machine alone.
LOCAL = (None, "DirectRunner", "FnApiRunner")
# Flags that Beam has too and is not to see. Labels of a Dataflow job can be given with --label.
OURS, HIDDEN = ("--labels",), "--tutti"
WORKER = "apache_beam.runners.worker.sdk_worker_main"
# What these log of a failure is in the exception that the run ends with.
LOGGERS = ("apache_beam", "grpc")


def options(flags: Sequence[str]) -> Any:
    """Returns Beam's options from its flags.

    Raises:
      Error: if Beam has no such flag, or one has a value that it cannot take.
    """
    if flags and (strange := split_flags(flags)[1]):
        raise Error(f"unknown flag {strange[0]}: Apache Beam has none of this name")
    parsed = PipelineOptions(list(flags))
    # Checking the types of a pipeline that never changes takes longer than running it over a hundred files.
    parsed.view_as(TypeOptions).pipeline_type_check = False
    return parsed


def split_flags(flags: Sequence[str]) -> tuple[list[str], list[str]]:
    """Returns flags as (Beam's, all others), each in their order.

    Raises:
      Error: if one of Beam's has a value it cannot take.
    """

    def refuse(message: str) -> NoReturn:
        raise Error(message)

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


def execute(add_steps: Callable[[Any, bool], None], pipeline_options: Any, target: str) -> None:
    """Runs the pipeline that `add_steps(pipeline, spread)` builds to write into `target`, to its end.

    Raises:
      Error: if it failed for a cause outside the program, such as a full disk.
      ProgramError: if a reader or an encoding has a mistake.
    """
    runner = pipeline_options.view_as(StandardOptions).runner
    spread = True
    if runner in LOCAL:
        runner, spread = local_runner(pipeline_options.view_as(DirectOptions))
        workers = pipeline_options.view_as(WorkerOptions)
        # What worker processes log, Beam would hand on to the root logger.
        workers.default_sdk_harness_log_level = workers.default_sdk_harness_log_level or "CRITICAL"
        with quiet():
            _run(add_steps, runner, spread, pipeline_options, target)
    else:
        _run(add_steps, runner, spread, pipeline_options, target)


def _run(add_steps: Callable[[Any, bool], None], runner: Any, spread: bool, pipeline_options: Any, target: str) -> None:
    try:
        pipeline = beam.Pipeline(runner, pipeline_options)
    except (ImportError, ValueError) as error:
        raise Error(str(error)) from error
    try:
        with plain_labels():
            add_steps(pipeline, spread)
        pipeline.run().wait_until_finish()
    except Exception as error:
        explain(error, target)
        raise


_label_lock = threading.Lock()


@contextmanager
def plain_labels() -> Iterator[None]:
    """Keeps Beam from naming steps after a notebook's cells, for which it wants pandas and more to be installed."""
    with _label_lock:
        original = interactive_utils.is_in_ipython
        interactive_utils.is_in_ipython = lambda: False
        try:
            yield
        finally:
            interactive_utils.is_in_ipython = original


def local_runner(direct: Any) -> tuple[Any, bool]:
    """Returns the runner for this machine, and whether it has several workers.

    `DirectRunner` means this one, too: it would first try to download another runner. Worker processes find
    the project where this process found it. Their stderr repeats what Beam sends back with an exception; in a
    file on a full disk it would even make them wait for ever.
    """
    environment = None
    if direct.direct_running_mode == "multi_processing":
        direct.direct_running_mode = "in_memory"  # Or the runner would start them its own way.
        home = shlex.quote(f"{Path(__file__).parents[1]}:{os.environ.get('PYTHONPATH', '')}".rstrip(":"))
        environment = WorkerEnvironment.from_command_string(
            f"PYTHONPATH={home} exec {shlex.quote(sys.executable)} -m {WORKER} 2>{os.devnull}"
        )
    return FnApiRunner(default_environment=environment), direct.direct_num_workers != 1


_quiet_lock = threading.Lock()
_quiet_runs = 0
_levels: dict[str, int] = {}


@contextmanager
def quiet() -> Iterator[None]:
    """Silences Beam's loggers while any run is in such a block, from whatever thread."""
    global _quiet_runs
    with _quiet_lock:
        _quiet_runs += 1
        if _quiet_runs == 1:
            for name in LOGGERS:
                _levels[name] = logging.getLogger(name).level
                logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        with _quiet_lock:
            _quiet_runs -= 1
            if not _quiet_runs:
                for name, level in _levels.items():
                    logging.getLogger(name).setLevel(level)


def explain(error: BaseException, target: str) -> None:
    """Raises the cause of a failure where it is no fault of the program; runners wrap it, often as text only.

    Raises:
      Error: for what a user can do something about.
      ProgramError: for a mistake in a reader or an encoding.
      KeyboardInterrupt, SystemExit: where one of them stopped a step.
    """
    link: BaseException | None = error
    while link is not None:
        if isinstance(link, KeyboardInterrupt | SystemExit):
            raise link
        link = link.__cause__ or link.__context__
    text = "".join(traceback.format_exception(error))
    if found := re.findall(r"pipelines\.failures\.ProgramError: (.*?)(?: \[while running .*)?$", text, re.MULTILINE):
        raise ProgramError(found[-1]) from error
    if found := re.findall(r"tutti\.errors\.Error: (.*?)(?: \[while running .*)?$", text, re.MULTILINE):
        raise Error(found[-1]) from error
    if "Channel closed prematurely" in text:
        raise Error("a worker process was killed; if memory ran out, give fewer --direct_num_workers") from error
    if found := re.findall(r"^(?:OS|BeamIO|Connection|Timeout|Permission)Error: (?:\[Errno \d+\] )?(.*)$", text, re.M):
        raise Error(f"writing into {target} failed: {found[-1]}") from error
