"""The bytes of a file of a corpus."""

from pathlib import Path

from pipelines import filesystem
from pipelines.ingest.match import NO_FILE
from pipelines.ingest.types import File
from tutti.errors import RejectedFile


def content(file: File, most_bytes: int) -> bytes:
    """Reads a file, local or remote.

    Raises:
      RejectedFile: if it is larger than `most_bytes`, no file, or cannot be read.
    """
    if file.refused:
        raise RejectedFile(file.refused)
    if file.size > most_bytes:
        raise RejectedFile(f"{file.size:,} bytes are beyond the limit of {most_bytes:,} for a song")
    try:
        if filesystem.is_remote(file.path):
            return filesystem.read(file.path)
        # A pipe or a device would be waited for.
        if file.size == NO_FILE and Path(file.path).exists():
            raise RejectedFile("cannot be read: not a regular file")
        # A Path and a buffer each cost as much as the reading.
        with open(file.path, "rb", buffering=0) as opened:  # noqa: PTH123
            return opened.read()
    except RejectedFile:
        raise
    except Exception as error:
        if why := filesystem.reason(error):
            raise RejectedFile(f"cannot be read: {why}") from None
        raise
