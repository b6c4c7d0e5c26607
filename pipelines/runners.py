"""Running a Beam pipeline: options, the runner for this machine, and failures in one line."""

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
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.transforms.environments import SubprocessSDKEnvironment

from tutti.errors import Error

# Runners that run the pipeline on this machine alone.
LOCAL = (None, "DirectRunner", "FnApiRunner")
# Seconds that Beam has to notice the end of a worker process.
PATIENCE = 5.0
# Flags that Beam has too and is not to see. Labels of a Dataflow job can be given with --label.
OURS, HIDDEN = ("--labels",), "--tutti"
WORKER = "apache_beam.runners.worker.sdk_worker_main"


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
        raise Error(str(error)) from error
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
        raise Error("a worker process could not start, or was ended; with --direct_running_mode in_memory you see why")

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
    if found := re.findall(r"tutti\.errors\.Error: (.*?)(?: \[while running .*)?$", text, re.MULTILINE):
        raise Error(found[-1]) from error
    if "Channel closed prematurely" in text:
        raise Error("a worker process was killed; if memory ran out, give fewer --direct_num_workers") from error
    if found := re.findall(r"^(?:OS|BeamIO|Connection|Timeout|Permission)Error: (?:\[Errno \d+\] )?(.*)$", text, re.M):
        raise Error(f"writing into {target} failed: {found[-1]}") from error
