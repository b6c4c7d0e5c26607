"""Local files, whole or not at all."""

import os
from pathlib import Path

from tutti.errors import Error


def read(path: Path, most: int = -1) -> bytes:
    """The content of a file; of one that has more than `most` bytes, one byte more than that.

    Raises:
      UserError: if it is not there or is no file.
    """
    try:
        with path.open("rb") as file:
            return file.read(most + 1 if most >= 0 else -1)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError) as error:
        raise Error(f"cannot read {path}: {error.strerror}") from None


def write(path: Path, content: bytes) -> None:
    """Writes a file beside its place and renames it, so that a killed process leaves the old one or none."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_bytes(content)
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise Error(f"cannot write {path}: {error.strerror}") from None
