"""Imports TensorFlow without its start-up chatter. Import this before anything that imports TensorFlow.

TensorFlow writes lines about CPU instructions and missing GPU libraries while it is being imported, some of them
before its own log level applies, so that standard error is shut for the time of the import. Whoever wants them sets
TF_CPP_MIN_LOG_LEVEL=0.
"""

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_LEVEL = "TF_CPP_MIN_LOG_LEVEL"


@contextmanager
def _shut_stderr() -> Iterator[None]:
    """Sends file descriptor 2 to nowhere: C++ code writes past `sys.stderr`."""
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


def _import() -> None:
    import tensorflow as tf

    tf.get_logger().setLevel("ERROR")


if os.environ.get(_LEVEL, "3") == "0":
    _import()
else:
    os.environ[_LEVEL] = os.environ.get(_LEVEL, "3")
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"tensorflow|keras")
    with _shut_stderr():
        _import()
