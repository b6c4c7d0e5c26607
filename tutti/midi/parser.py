"""mido's parser, made to accept key signatures that name no key, which some programs write, and to bound its work."""

import io

import mido

from tutti.errors import RejectedFile
from tutti.midi import refusals, smf


def parse(division: int, tracks: list[bytes], *, clip: bool = False) -> mido.MidiFile:
    """Returns track chunks as mido's objects.

    Args:
      division: ticks of a quarter note.
      tracks: track chunks with their headers.
      clip: whether data bytes above 127 count as 127; else they are an error.

    Raises:
      RejectedFile: if a chunk is damaged; says how.
    """
    for track in tracks:
        smf.refuse_endless_times(track)
    try:
        return _parsed(division, tracks, clip)
    except (RejectedFile, MemoryError):
        raise
    except Exception as error:
        raise refusals.rejected(error) from None


def _parsed(division: int, tracks: list[bytes], clip: bool) -> mido.MidiFile:
    try:
        return mido.MidiFile(file=io.BytesIO(smf.file(division, tracks)), clip=clip)
    except (mido.KeySignatureError, IndexError):
        readable = [smf.without_odd_key_signatures(track) for track in tracks]
        return mido.MidiFile(file=io.BytesIO(smf.file(division, readable)), clip=clip)
