"""Reading and writing, on local disks and wherever Beam's FileSystems reach (`gs://`, `s3://`, `hdfs://`).

Local paths go to the operating system at once: FileSystems takes a tenth of a millisecond a file, longer than
a small song takes to parse, and importing Beam takes seconds, longer than a wrong flag should.
"""

import fcntl
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from tutti.errors import Error

# Packages whose exceptions mean that an object store failed.
CLIENTS = ("google", "requests", "urllib3", "botocore", "azure", "hdfs")


def is_remote(path: str) -> bool:
    """Returns whether a path is that of an object store."""
    return "://" in path


def join(folder: str, name: str) -> str:
    """Returns the path of a name in a folder."""
    return f"{folder.rstrip('/')}/{name}" if folder.rstrip("/") else f"/{name}"


def remote() -> Any:
    """Returns Beam's FileSystems, which else log each attempt to find credentials, with a traceback."""
    for name in ("apache_beam.internal.gcp.auth", "apache_beam.utils.retry"):
        if (logger := logging.getLogger(name)).level == logging.NOTSET:
            logger.setLevel(logging.ERROR)
    from apache_beam.io.filesystems import FileSystems

    return FileSystems


@contextmanager
def explained(doing: str, path: str) -> Iterator[None]:
    """Turns a failure of the file system into one line for the user.

    Raises:
      Error: "cannot DOING PATH: reason".
    """
    try:
        yield
    except Exception as error:
        if why := reason(error):
            raise Error(f"cannot {doing} {path}: {why}") from error
        raise


def reason(error: Exception) -> str:
    """Returns why a file system or an object store failed; empty for any other exception."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, OSError) or type(error).__module__.partition(".")[0] in CLIENTS:
        return " ".join(str(error).split()) or type(error).__name__
    return ""


def exists(path: str) -> bool:
    """Returns whether there is a file or folder of this path."""
    return bool(remote().exists(path)) if is_remote(path) else Path(path).exists()


def read(path: str) -> bytes:
    """Reads a file."""
    with open_old(path) as file:
        return file.read()


def open_old(path: str) -> IO[bytes]:
    """Opens a file for reading."""
    return remote().open(path) if is_remote(path) else Path(path).open("rb")


def open_new(path: str) -> IO[bytes]:
    """Opens a file for writing, in a folder that is made where it is missing."""
    if is_remote(path):
        return remote().create(path)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    return Path(path).open("wb", buffering=1 << 20)


def write(path: str, content: bytes) -> None:
    """Writes a file that nobody reads before the run commits.

    Raises:
      Error: if it cannot be written.
    """
    with explained("write", path), open_new(path) as file:
        file.write(content)


def move(source: str, target: str) -> None:
    """Renames a file, replacing what is at `target` at once.

    Raises:
      Error: if it cannot be written there.
    """
    with explained("write", target):
        if is_remote(source):
            remote().rename([source], [target])
        else:
            Path(target).parent.mkdir(parents=True, exist_ok=True)
            Path(source).replace(target)


def files(folder: str) -> list[str]:
    """Returns the paths, relative to the folder, of all files below it, in order; none where there is none."""
    if is_remote(folder):
        (found,) = remote().match([join(folder, "**")])
        start = len(join(folder, ""))
        return sorted(entry.path[start:] for entry in found.metadata_list)
    root = Path(folder)
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if not path.is_dir())


def delete(paths: list[str]) -> None:
    """Deletes files, as far as they are there."""
    if not paths:
        return
    if is_remote(paths[0]):
        filesystems = remote()
        if there := [path for path in paths if filesystems.exists(path)]:
            filesystems.delete(there)
        return
    for path in paths:
        Path(path).unlink(missing_ok=True)


def delete_tree(folder: str) -> None:
    """Deletes a folder with all below it, as far as that can be done."""
    if is_remote(folder):
        delete([join(folder, name) for name in files(folder)])
    else:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def folder_for(path: str) -> Iterator[None]:
    """Makes a local folder and holds it for this process alone; where the block raises, unmakes what it made.

    Only empty folders are unmade. Object stores have no folders, and no locks through FileSystems: there
    the two ends of a race see each other when they commit.

    Raises:
      Error: if it cannot be made, or another process holds it.
    """
    if is_remote(path):
        yield
        return
    folder = Path(path).absolute()
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    with explained("make", path):
        folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Error(f"another process is writing to {path}; wait until it is done") from None
        except OSError:
            pass  # A file system without locks, as some network ones are.
        yield
    except BaseException:
        for place in missing:
            with suppress(OSError):
                place.rmdir()
        raise
    finally:
        os.close(handle)
