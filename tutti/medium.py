"""Medium: the kind of file that an encoding reads and writes, such as MIDI files as scores."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

MIDI_SUFFIXES = (".mid", ".midi", ".kar", ".rmi", ".smf")


@dataclass(frozen=True)
class Medium:
    """A kind of piece, and the files that hold one.

    What a piece is, only the encodings of the medium know: a `Score`, a `Sound`, or anything that a package brings.

    Attributes:
      noun: what users call such files.
      suffixes: how their names end, in lower case; the first is that of files written.
      most_bytes: the largest size of a file.
      read: a file's bytes -> the piece. Raises `RejectedFile` if they hold none, or are beyond the bounds.
      write: the piece -> a file's bytes.
    """

    noun: str
    suffixes: tuple[str, ...]
    most_bytes: int
    read: Callable[[bytes], Any]
    write: Callable[[Any], bytes]

    def named(self, name: str) -> bool:
        """Returns whether a file of this name is taken for one of this kind."""
        # macOS writes `._name.mid` beside files on foreign disks; they hold no music.
        return name.lower().endswith(self.suffixes) and not name.startswith("._")
