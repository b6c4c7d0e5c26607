"""Ending a process in an orderly way when it is told to."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

HEARD = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def heard() -> Iterator[threading.Event]:
    """Yields an event that a first SIGTERM or SIGINT sets; a second one, of either kind, does what it did before.

    Outside the main thread, where Python cannot listen, nothing sets it.
    """
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.getsignal(number) for number in HEARD}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def hear(number: int, frame: FrameType | None) -> None:
        stop.set()
        restore()

    for number in HEARD:
        signal.signal(number, hear)
    try:
        yield stop
    finally:
        restore()
