"""Standard MIDI Files as exact channel messages.

`reader` pairs note on and off into notes; here they stay messages, with pressure, controllers, programs, pitch bend and
the tick of each, so that a file's messages can be written again as they were. mido reads and writes them.
"""

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import mido
import numpy as np
from numpy.typing import NDArray

from tutti.errors import RejectedFile
from tutti.medium import MIDI_SUFFIXES, Medium
from tutti.midi import parser, smf
from tutti.midi.smf import MAX_BYTES_MIDO, MICROSECONDS_A_MINUTE
from tutti.score import MAX_BEATS

# Status bytes of channel messages: the kind in the high half, the channel in the low one.
NOTE_OFF, NOTE_ON, POLY_PRESSURE, PROGRAM_CHANGE, CHANNEL_PRESSURE = 0x80, 0x90, 0xA0, 0xC0, 0xD0
SYSTEM = 0xF0
# The longest time between two events, in four bytes of seven bits, and the longest quarter note, in three bytes.
MAX_DELTA = (1 << 28) - 1
MAX_TEMPO = (1 << 24) - 1

# One event of a file to be written: a meta event, or status and data bytes.
_FileEvent: TypeAlias = mido.MetaMessage | list[int]


@dataclass(frozen=True, eq=False)
class MessageTrack:
    """The channel messages of one track, in order.

    Attributes:
      tick: int64[n], ticks from the beginning; never less than the one before.
      message: uint8[n, 3], status and two data bytes; the second is 0 for messages with one data byte.
      name: the track's name, empty where it has none.
    """

    tick: NDArray[np.int64]
    message: NDArray[np.uint8]
    name: str = ""

    def __len__(self) -> int:
        return len(self.tick)


@dataclass(frozen=True, eq=False)
class Messages:
    """A file as channel messages.

    Attributes:
      division: ticks of a quarter note.
      tracks: all tracks of the file, those without a channel message as well.
      tempos: (tick, quarter notes a minute), in order.
    """

    division: int
    tracks: tuple[MessageTrack, ...]
    tempos: tuple[tuple[int, float], ...] = ((0, 120.0),)


def data_bytes(status: int) -> int:
    """Returns how many data bytes follow a channel message's status."""
    return 1 if PROGRAM_CHANGE <= status < CHANNEL_PRESSURE + 16 else 2


def merged(tracks: Iterable[MessageTrack]) -> MessageTrack:
    """Returns the messages of several tracks in order of their ticks; at one tick, in order of the tracks."""
    tracks = list(tracks)
    if len(tracks) == 1:
        return tracks[0]
    tick = np.concatenate([track.tick for track in tracks])
    order = np.argsort(tick, kind="stable")
    message = np.concatenate([track.message for track in tracks])
    return MessageTrack(tick[order], message[order], tracks[0].name)


def read(data: bytes) -> Messages:
    """Returns the messages of a Standard MIDI File of type 0, 1 or 2, bare or in a RIFF (RMID) wrapper.

    Running status is expanded. System exclusive and meta events are left out, but for names and tempos. SMPTE
    divisions become ticks at 120 quarter notes a minute; the patterns of a type 2 file follow one another, each from
    the beat after the one before it.

    Raises:
      RejectedFile: if it is no MIDI file, is damaged, holds no channel message, or is beyond the bounds: 1 MiB and
        16,384 beats.
    """
    if len(data) > MAX_BYTES_MIDO:
        raise RejectedFile(f"{len(data):,} bytes are beyond the limit of {MAX_BYTES_MIDO:,} for messages")
    kind, division, smpte, chunks = smf.chunks(smf.unwrapped(data))
    tracks: list[MessageTrack] = []
    tempos: list[tuple[int, float]] = []
    offset = 0
    for chunk in chunks:
        # Track by track: mido's objects for a whole file would take hundreds of times its size.
        track, changes = _parsed(division, chunk, offset)
        tracks.append(track)
        # The patterns of a type 2 file are independent, and each begins at the default tempo.
        tempos += changes or ([(offset, 120.0)] if kind == 2 else [])
        if kind == 2 and len(track):
            offset = -(-int(track.tick[-1]) // division) * division
    if not any(map(len, tracks)):
        raise RejectedFile("no channel message in it")
    # In SMPTE time a tempo has no effect.
    ordered = [] if smpte else sorted(tempos, key=lambda change: change[0])
    return Messages(division, tuple(tracks), tuple(ordered) or ((0, 120.0),))


def write(piece: Messages) -> bytes:
    """Returns a Standard MIDI File, of type 0 for one track, of type 1 for several; the first track has the tempos."""
    file = mido.MidiFile(type=0 if len(piece.tracks) <= 1 else 1, ticks_per_beat=piece.division, charset="utf-8")
    tracks = piece.tracks or (MessageTrack(np.zeros(0, np.int64), np.zeros((0, 3), np.uint8)),)
    for i, track in enumerate(tracks):
        changes = piece.tempos if i == 0 else ()
        name = [mido.MetaMessage("track_name", name=track.name)] if track.name else []
        events: list[tuple[int, _FileEvent]] = [(0, event) for event in name]
        events += [(tick, _tempo(bpm)) for tick, bpm in changes]
        events += zip(track.tick.tolist(), track.message.tolist(), strict=True)
        events.sort(key=lambda event: event[0])
        file.tracks.append(mido.MidiTrack(_timed(events)))
    content = io.BytesIO()
    file.save(file=content)
    return content.getvalue()


MESSAGES = Medium("MIDI", MIDI_SUFFIXES, MAX_BYTES_MIDO, read, write)


def _parsed(division: int, chunk: bytes, offset: int) -> tuple[MessageTrack, list[tuple[int, float]]]:
    """Returns the track of a chunk, its ticks counted from `offset`, and its tempos."""
    file = parser.parse(division, [chunk])
    tick, name = offset, ""
    ticks: list[int] = []
    content = bytearray()
    tempos: list[tuple[int, float]] = []
    for event in file.tracks[0]:
        tick += event.time
        if event.is_meta:
            if event.type == "track_name":
                name = name or _readable(event.name)
            elif event.type == "set_tempo" and event.tempo:
                tempos.append((tick, MICROSECONDS_A_MINUTE / event.tempo))
            continue
        message = event.bytes()
        if message[0] < SYSTEM:
            ticks.append(tick)
            content.extend(message if len(message) == 3 else (*message, 0))
    if max(ticks[-1] if ticks else 0, tempos[-1][0] if tempos else 0) > MAX_BEATS * division:
        raise RejectedFile(f"an event lies beyond the limit of {MAX_BEATS:,} beats for a song")
    return MessageTrack(np.array(ticks, np.int64), np.frombuffer(bytes(content), np.uint8).reshape(-1, 3), name), tempos


def _readable(name: str) -> str:
    """Returns a name's text as its writer meant it: mido reads bytes as Latin-1, and many programs write UTF-8."""
    try:
        return name.encode("latin-1").decode()
    except UnicodeError:
        return name


def _tempo(bpm: float) -> mido.MetaMessage:
    return mido.MetaMessage("set_tempo", tempo=min(max(round(MICROSECONDS_A_MINUTE / bpm), 1), MAX_TEMPO))


def _timed(events: Iterable[tuple[int, _FileEvent]]) -> Iterator[mido.Message]:
    """Yields events with the time since the one before; a time too long for a file is split by empty texts."""
    before = 0
    for tick, event in events:
        while tick - before > MAX_DELTA:
            yield mido.MetaMessage("text", time=MAX_DELTA)
            before += MAX_DELTA
        yield event.copy(time=tick - before) if isinstance(event, mido.MetaMessage) else _message(tick - before, *event)
        before = tick


@lru_cache(1 << 14)
def _message(time: int, status: int, *data: int) -> mido.Message:
    # Cached, because mido checks each message that it makes, and music repeats itself.
    return mido.Message.from_bytes((status, *data[: data_bytes(status)]), time=time)
