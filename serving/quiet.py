"""Imports TensorFlow without its start-up chatter. Import this before anything that imports TensorFlow.

Some of those lines are written before TensorFlow's own log level applies, so standard error is shut for the time of
the import. Whoever wants them sets TF_CPP_MIN_LOG_LEVEL=0.
"""

import os
import sys
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


if os.environ.setdefault(_LEVEL, "3") == "0":
    import tensorflow as tf
else:
    with _shut_stderr():
        import tensorflow as tf
    tf.get_logger().setLevel("ERROR")
