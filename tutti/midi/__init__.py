"""MIDI bytes <-> Score (`reader`) and <-> exact channel messages (`messages`); `smf` is the container of both.

The only rooms that know MIDI libraries.
"""

from tutti.midi.reader import MAX_BYTES, SCORE, from_symusic, read, to_symusic, write

__all__ = ["MAX_BYTES", "SCORE", "from_symusic", "read", "to_symusic", "write"]
