"""How far a pipeline is, on standard error while it runs."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pipelines import filesystem

# Among the files of a run that is under way.
PROGRESS = "progress"
# Between two lines of progress, in seconds: on a terminal one line is written over, elsewhere they pile up.
TERMINAL_EVERY, LOG_EVERY = 0.5, 60.0


def file_in(folder: str) -> str:
    """Returns the file below a folder in which workers count files; empty where they write to an object store."""
    return "" if filesystem.is_remote(folder) else filesystem.join(folder, PROGRESS)


def count(path: str, files: int) -> None:
    """Adds a line to a progress file, if there is one: so many files are done."""
    if path:
        # Where there is no room for a line of progress, there is none for what a worker makes, and that will say so.
        with suppress(OSError), open(path, "ab") as file:  # noqa: PTH123
            file.write(b"%d\n" % files)


@contextmanager
def shown(total: int, path: str) -> Iterator[None]:
    """Shows on stderr how many files are done, as far as the workers' progress file tells."""
    terminal = sys.stderr.isatty()
    done = threading.Event()
    begun = time.monotonic()

    def write_lines() -> None:
        while not done.wait(TERMINAL_EVERY if terminal else LOG_EVERY):
            seconds = time.monotonic() - begun
            line = progress_line(files_done(path), total, seconds)
            print(f"\r{line}\033[K" if terminal else line, end="" if terminal else "\n", file=sys.stderr, flush=True)

    writer = threading.Thread(target=write_lines, daemon=True)
    writer.start()
    try:
        yield
    finally:
        done.set()
        writer.join()
        if terminal:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def files_done(path: str) -> int | None:
    """Returns the sum of the lines of a progress file; None where there is none."""
    try:
        return sum(map(int, Path(path).read_bytes().split())) if path else None
    except OSError:
        return 0


def progress_line(done: int | None, total: int, seconds: float) -> str:
    """Returns one line of progress."""
    if done is None:
        return f"{total:,} files, {seconds:,.0f} s"
    if done >= total:
        return f"{done:,} files read, {seconds:,.0f} s; writing shards"
    return f"{done:,} of {total:,} files, {done / seconds:,.0f} files/s"
