"""The container of a Standard MIDI File: header, chunks, RIFF wrapper. It parses no events and needs no library.

Format: "Standard MIDI Files 1.0" (MIDI Manufacturers Association, 1996); RMID: "RP-029".
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from tutti.errors import RejectedFile

# mido needs some 500 bytes of memory for each byte it reads.
MAX_BYTES_MIDO = 1 << 20
DRUM_CHANNEL = 9
MICROSECONDS_A_MINUTE = 60_000_000
# Most bytes with the high bit set in a row: a time or length has four at most, and texts in some scripts some dozens.
LONGEST_RUN = 1024
# Status bytes, and types of meta events.
META, SYSTEM_EXCLUSIVE = 0xFF, (0xF0, 0xF7)
KEY_SIGNATURE, SEQUENCER_SPECIFIC = 0x59, 0x7F


def unwrapped(data: bytes) -> bytes:
    """Returns the MIDI file in a RIFF (RMID) wrapper, or `data` itself where it has none.

    Raises:
      RejectedFile: if the wrapper holds no MIDI.
    """
    if data[:4] != b"RIFF":
        return data
    if data[8:12] != b"RMID":
        raise RejectedFile("not a MIDI file: a RIFF file that holds no MIDI")
    at = 12
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        if data[at : at + 4] == b"data":
            return data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    raise RejectedFile("an RMID file without a data chunk")


def chunks(data: bytes) -> tuple[int, int, bool, list[bytes]]:
    """Takes a MIDI file apart.

    An SMPTE division, frames a second and ticks a frame, becomes ticks at 120 quarter notes a minute.

    Returns:
      The file's type, 0 to 2; the ticks of a quarter note; whether the division was SMPTE; and the track chunks with
      their headers.

    Raises:
      RejectedFile: if it is no MIDI file, or is damaged; the text says where.
    """
    if data[:4] != b"MThd":
        raise RejectedFile("not a MIDI file: it does not begin with MThd" if data else "the file is empty")
    if len(data) < 14:
        raise RejectedFile("truncated: the header is incomplete")
    kind = int.from_bytes(data[8:10], "big")
    division = int.from_bytes(data[12:14], "big")
    smpte = division >= 0x8000
    if smpte:
        # 256 - frames a second, then ticks a frame; at 120 a minute a quarter note takes half a second.
        frames, ticks = 256 - (division >> 8), division & 0xFF
        division = round((30000 / 1001 if frames == 29 else frames) * ticks / 2)
    if not 0 < division < 0x8000:
        raise RejectedFile("the header says 0 ticks for a quarter note")
    if kind > 2:
        raise RejectedFile("MIDI files are of type 0, 1 or 2; this one says another")
    tracks: list[bytes] = []
    at = 8 + int.from_bytes(data[4:8], "big")
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "big")
        if data[at : at + 4] == b"MTrk":
            if at + 8 + size > len(data):
                raise RejectedFile(f"truncated: the file ends within track {len(tracks) + 1}")
            tracks.append(data[at : at + 8 + size])
        elif not tracks or len(tracks) < int.from_bytes(data[10:12], "big"):
            # Unknown chunks are allowed between tracks; junk after the last one is common and harmless.
            if at + 8 + size > len(data):
                break
        else:
            break
        at += 8 + size
    if not tracks:
        raise RejectedFile("a MIDI file without a track")
    return kind, division, smpte, tracks


def refuse_endless_times(data: bytes) -> None:
    """Refuses a file that would keep mido busy for minutes: it reads a number in time that grows with its square.

    Raises:
      RejectedFile: if some 1,024 bytes in a row all say that a number goes on.
    """
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) < 0x80)
    if np.diff(ends, prepend=-1, append=len(data)).max() > LONGEST_RUN:
        raise RejectedFile("damaged: a time or a length goes on without an end")


def without_odd_key_signatures(track: bytes) -> bytes:
    """Returns a track chunk whose key signatures that name no key are events that every reader passes over.

    A key signature is FF 59 02, -7 to 7 sharps, and 0 or 1 for major or minor. Notes do not depend on it, and no byte
    changes its place.

    Args:
      track: a track chunk with its header.
    """
    content = bytearray(track)
    for event in events(track):
        if event.status == META and event.kind == KEY_SIGNATURE:
            sharps, minor = content[event.data : event.data + 2] if event.size == 2 else (0x80, 0)
            if not (minor <= 1 and (sharps + 7) % 256 <= 14):
                content[event.data - 2] = SEQUENCER_SPECIFIC
    return bytes(content)


class Event(NamedTuple):
    """One event of a track chunk.

    Attributes:
      delta: ticks since the event before.
      status: its status byte, where there is none in the file the running one.
      kind: of a meta event, its type; else 0.
      data, size: where its data begins in the chunk, and how many bytes it has.
    """

    delta: int
    status: int
    kind: int
    data: int
    size: int


def events(track: bytes) -> Iterator[Event]:
    """Yields the events of a track chunk with its header, up to its end or the first that is not complete."""
    at, running = 8, 0
    try:
        while at < len(track):
            delta, at = _varlen(track, at)
            status, kind = running, 0
            if track[at] >= 0x80:
                status = track[at]
                running = running if status == META else status
                at += 1
            if status == META:
                kind = track[at]
                at += 1
            if status == META or status in SYSTEM_EXCLUSIVE:
                size, at = _varlen(track, at)
            else:
                size = 1 if status >> 4 in (0xC, 0xD) else 2
            if at + size > len(track):
                return
            yield Event(delta, status, kind, at, size)
            at += size
    except IndexError:
        return


def _varlen(content: bytes, at: int) -> tuple[int, int]:
    """Returns the variable-length number at a place, and the place after it."""
    value = 0
    while content[at] >= 0x80:
        value = value << 7 | content[at] & 0x7F
        at += 1
    return value << 7 | content[at], at + 1


def file(division: int, tracks: list[bytes]) -> bytes:
    """Returns a file with these track chunks: of type 0 for one track, of type 1 for several."""
    header = (1 if len(tracks) > 1 else 0, len(tracks), division)
    return b"MThd\x00\x00\x00\x06" + b"".join(n.to_bytes(2, "big") for n in header) + b"".join(tracks)
