"""MIDI bytes <-> Score (`reader`) and <-> exact channel messages (`messages`); `files` are local ones.

`smf` is the container of both, `parser` reads events by mido. No other folder imports a MIDI library.
"""

from tutti.midi.files import read_file, write_file
from tutti.midi.reader import MAX_BYTES, SCORE, from_symusic, read, to_symusic, write

__all__ = ["MAX_BYTES", "SCORE", "from_symusic", "read", "read_file", "to_symusic", "write", "write_file"]
