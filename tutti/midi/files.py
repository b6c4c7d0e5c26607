"""Local MIDI files <-> Score."""

import os
from pathlib import Path

from tutti import atomic
from tutti.errors import Error, RejectedFile
from tutti.midi import reader
from tutti.score import Score


def read_file(path: str | os.PathLike[str]) -> Score:
    """Reads a local MIDI file.

    Raises:
      Error: if it cannot be read or is no MIDI file with notes; says why.
    """
    try:
        return reader.read(atomic.read(Path(path), reader.MAX_BYTES))
    except RejectedFile as reason:
        raise Error(f"{os.fspath(path)}: {reason}") from None


def write_file(path: str | os.PathLike[str], score: Score) -> None:
    """Writes a local MIDI file, whole or not at all.

    Raises:
      Error: if it cannot be written; an older file of this name stays as it was.
    """
    atomic.write(Path(path), reader.write(score))
