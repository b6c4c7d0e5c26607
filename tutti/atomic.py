"""Local files read within a bound; files written whole or not at all: beside their place, and then renamed."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Protocol

from tutti.errors import Error


class Files(Protocol):
    """A file system, as far as writing whole files needs one."""

    def open_new(self, path: str) -> IO[bytes]:
        """Opens a file for writing."""
        ...

    def rename(self, source: str, target: str) -> None:
        """Renames a file, replacing what is at `target` at once."""
        ...

    def remove(self, path: str) -> None:
        """Removes a file."""
        ...


class LocalFiles:
    """The file system of this machine."""

    def open_new(self, path: str) -> IO[bytes]:
        return Path(path).open("wb")

    def rename(self, source: str, target: str) -> None:
        Path(source).replace(target)

    def remove(self, path: str) -> None:
        Path(path).unlink()


LOCAL = LocalFiles()


def read(path: Path, most: int = -1) -> bytes:
    """Returns the content of a local file; of one that has more than `most` bytes, one byte more than that.

    Raises:
      Error: if it is not there or is no file.
    """
    try:
        with path.open("rb") as file:
            return file.read(most + 1 if most >= 0 else -1)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError) as error:
        raise Error(f"cannot read {path}: {error.strerror}") from None


def write(path: Path, content: bytes) -> None:
    """Writes a local file; a killed process leaves the old one or none.

    Raises:
      Error: if it cannot be written; the old file stays as it was.
    """
    write_all({path: content})


def check_writable(path: Path) -> None:
    """Makes sure that a local file can be written, before there is anything to write.

    Raises:
      Error: if there is no such folder, no file can be made in it, or the path is a folder's.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        if path.is_dir():
            raise IsADirectoryError(None, "Is a directory")
        beside.touch()
        beside.unlink()
    except OSError as error:
        raise Error(f"cannot write {path}: {error.strerror}") from None


def write_all(contents: Mapping[Path, bytes]) -> None:
    """Writes all of some local files or, where one fails, none: older files of these names stay as they were.

    Raises:
      Error: if one cannot be written; names it.
    """
    beside = {path: path.with_name(f".{path.name}.{os.getpid()}") for path in contents}
    path = Path()
    try:
        for path, content in contents.items():
            if path.is_dir():
                raise IsADirectoryError(None, "Is a directory")
            beside[path].write_bytes(content)
        for path in contents:
            beside[path].replace(path)
    except OSError as error:
        raise Error(f"cannot write {path}: {error.strerror}") from None
    finally:
        for left in beside.values():
            with suppress(OSError):
                left.unlink(missing_ok=True)


def replace(path: str, content: bytes, files: Files = LOCAL) -> None:
    """Writes one file of any file system, whose own exceptions pass through; the old file stays where that fails."""
    beside = f"{path}.{os.getpid()}.partial"
    try:
        with files.open_new(beside) as file:
            file.write(content)
        files.rename(beside, path)
    except BaseException:
        with suppress(Exception):
            files.remove(beside)
        raise
