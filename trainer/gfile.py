"""Text files on any file system that TensorFlow knows, written whole or not at all."""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import tensorflow as tf

from tutti import atomic
from tutti.errors import Error

FULL = re.compile(r"no space left|quota", re.IGNORECASE)


def join(*parts: str) -> str:
    """Joins the parts of a path, which may be one of a bucket."""
    return str(tf.io.gfile.join(*parts))


def read_text(path: str) -> str | None:
    """Returns a file's content, or None where there is no such file.

    Raises:
      Error: if it is there and cannot be read.
    """
    try:
        with tf.io.gfile.GFile(path) as file:
            return str(file.read())
    except tf.errors.NotFoundError:
        return None
    except tf.errors.OpError as error:
        raise Error(f"cannot read {path}: {error.message}") from None
    except UnicodeDecodeError:
        raise Error(f"cannot read {path}: it is not text") from None


@contextmanager
def writing(path: str) -> Iterator[None]:
    """Turns a failure to write `path` into one line; of a full disk, it says what to do."""
    try:
        yield
        return
    except tf.errors.OpError as error:
        reason = (error.message or type(error).__name__).splitlines()[0]
        # Where in a graph it happened is no help.
        reason = re.sub(r"\{\{.*?\}\} | \[Op:\w+\]", "", reason)
        # TensorFlow names its temporary file before the reason.
        reason = reason.rpartition("; ")[2]
        full = isinstance(error, tf.errors.ResourceExhaustedError) or bool(FULL.search(reason))
    except OSError as error:
        reason = error.strerror or str(error)
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    remedy = "; make room there and give the same command again" if full else ""
    raise Error(f"cannot write {path}: {reason}{remedy}") from None


class _Files:
    """The file systems of TensorFlow, as `tutti.atomic` needs them."""

    def open_new(self, path: str) -> IO[bytes]:
        return tf.io.gfile.GFile(path, "wb")

    def rename(self, source: str, target: str) -> None:
        tf.io.gfile.rename(source, target, overwrite=True)

    def remove(self, path: str) -> None:
        tf.io.gfile.remove(path)


def write_bytes(path: str, content: bytes) -> None:
    """Writes a whole file.

    Raises:
      Error: if it cannot be written; the old file stays as it was.
    """
    with writing(path):
        atomic.replace(path, content, _Files())


def write_text(path: str, text: str) -> None:
    """Writes a whole file of text, in UTF-8.

    Raises:
      Error: if it cannot be written; the old file stays as it was.
    """
    write_bytes(path, text.encode())
