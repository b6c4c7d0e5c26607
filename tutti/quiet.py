"""Libraries that write past `sys.stderr`, without what they write: TensorFlow's start-up chatter above all."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

LEVEL = "TF_CPP_MIN_LOG_LEVEL"


@contextmanager
def importing() -> Iterator[None]:
    """Silences what TensorFlow writes while it is imported within this.

    It writes lines about CPU instructions and missing GPU libraries, some of them before its own log level applies, and
    past `sys.stderr`; so file descriptor 2 is shut for that time. Set TF_CPP_MIN_LOG_LEVEL=0 to see these lines. Once
    TensorFlow is there this does nothing.
    """
    if "tensorflow" in sys.modules or os.environ.setdefault(LEVEL, "3") == "0":
        yield
        return
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    try:
        with stderr_shut():
            yield
    finally:
        if "tensorflow" in sys.modules:
            sys.modules["tensorflow"].get_logger().setLevel("ERROR")


@contextmanager
def stderr_shut() -> Iterator[None]:
    """Drops what is written to file descriptor 2, where libraries write past `sys.stderr`."""
    sys.stderr.flush()
    stderr = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(nowhere)
