"""TensorFlow without its start-up chatter."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

LEVEL = "TF_CPP_MIN_LOG_LEVEL"


@contextmanager
def hushed() -> Iterator[None]:
    """Import TensorFlow within this.

    It writes lines about CPU instructions and missing GPU libraries while it is being imported, some of them
    before its own log level applies, and past `sys.stderr`; so file descriptor 2 is shut for that time. Whoever
    wants these lines sets TF_CPP_MIN_LOG_LEVEL=0.
    """
    if os.environ.setdefault(LEVEL, "3") == "0":
        yield
        return
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
