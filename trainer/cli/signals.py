"""Ending a process in an orderly way when it is told to."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def heard() -> Iterator[threading.Event]:
    """An event that a first SIGTERM or SIGINT sets; a second one does what it did before.

    Outside the main thread, where Python cannot listen, nothing sets it.
    """
    told = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield told
        return
    before: dict[signal.Signals, Any] = {}

    def tell(number: int, frame: Any) -> None:
        told.set()
        signal.signal(number, before[signal.Signals(number)])

    for number in (signal.SIGTERM, signal.SIGINT):
        before[number] = signal.signal(number, tell)
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
