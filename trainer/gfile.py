"""Text files on any file system that TensorFlow knows, written whole or not at all."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import tensorflow as tf

from tutti.errors import Error


def join(*parts: str) -> str:
    return str(tf.io.gfile.join(*parts))


def read_text(path: str) -> str | None:
    """The file's content, or None where there is no such file.

    Raises:
      UserError: if it is there and cannot be read.
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
    """Turns a failure to write `path`, a full disk above all, into one line."""
    try:
        yield
    except tf.errors.OpError as error:
        reason = (error.message or type(error).__name__).splitlines()[0]
        # Where in a graph it happened is no help.
        reason = re.sub(r"\{\{.*?\}\} | \[Op:\w+\]", "", reason)
        # TensorFlow names its temporary file before the reason.
        reason = reason.rpartition("; ")[2]
    except OSError as error:
        reason = error.strerror or str(error)
    else:
        return
    raise Error(f"cannot write {path}: {reason}; make room there and give the same command again") from None


def write_bytes(path: str, content: bytes) -> None:
    """Writes beside `path` and renames.

    Raises:
      UserError: if it cannot; the old file stays as it was.
    """
    beside = f"{path}.{os.getpid()}.partial"
    with writing(path):
        try:
            with tf.io.gfile.GFile(beside, "wb") as file:
                file.write(content)
            tf.io.gfile.rename(beside, path, overwrite=True)
        except BaseException:
            with suppress(tf.errors.OpError):
                tf.io.gfile.remove(beside)
            raise


def write_text(path: str, text: str) -> None:
    """`write_bytes`, in UTF-8."""
    write_bytes(path, text.encode())
