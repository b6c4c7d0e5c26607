"""Files that no reader may trust."""

import random
from collections.abc import Callable, Iterator
from typing import TypeVar

from tests.tutti.made import file_of, note, with_division
from tutti.errors import RejectedFile

T = TypeVar("T")

WHOLE = file_of([note(wait=10) + note(38) + note(42, channel=0), note(50, channel=1)])

# What a reader says -> a file whose container is damaged.
BAD_CONTAINERS = {
    "empty": b"",
    "does not begin with MThd": b"hello",
    "header is incomplete": b"MThd\0\0",
    "truncated: the file ends within track 1": file_of([note()])[:-5],
    "0 ticks": with_division(file_of([note()]), 0),
    "holds no MIDI": b"RIFF\0\0\0\0WAVE",
    "without a track": b"MThd\0\0\0\6\0\1\xff\xff\1\xe0",
}


def mutated(count: int) -> Iterator[bytes]:
    """Yields a file of two tracks with one to six bytes changed, each time others."""
    rng = random.Random(0)
    for _ in range(count):
        data = bytearray(WHOLE)
        for _ in range(rng.randint(1, 6)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        yield bytes(data)


def damaged(count: int) -> Iterator[bytes]:
    """Yields a file of two tracks, damaged each time: bytes changed, filled, put in, or cut off with a true length."""
    rng = random.Random(0)
    for data in mutated(count):
        at, width = rng.randrange(22, len(data)), rng.randrange(1, 20)
        filled = data[:at] + bytes([rng.choice([0x00, 0x20, 0x80, 0xFF])]) * width + data[at + width :]
        spliced = data[:at] + WHOLE[-width:] + data[at:]
        last = WHOLE.rindex(b"MTrk")
        events = WHOLE[last + 8 : rng.randrange(last + 8, len(WHOLE))]
        cut_off = WHOLE[: last + 4] + len(events).to_bytes(4, "big") + events
        yield from (data, filled, spliced, cut_off)


def read_or_rejected(read: Callable[[bytes], T], data: bytes) -> T | None:
    """Returns what a reader makes of a file; None if it rejects it, which it does with a reason."""
    try:
        return read(data)
    except RejectedFile as reason:
        assert str(reason)
        return None
