"""Files that no reader may trust."""

import random
from collections.abc import Callable, Iterator
from typing import TypeVar

from tests.tutti.made import file_of, note, with_division
from tutti.errors import RejectedFile

T = TypeVar("T")

# What a reader says -> a file whose container is damaged.
BAD_CONTAINERS = {
    "empty": b"",
    "does not begin with MThd": b"hello",
    "header is incomplete": b"MThd\0\0",
    "truncated: track 1 claims": file_of([note()])[:-5],
    "0 ticks": with_division(file_of([note()]), 0),
    "holds no MIDI": b"RIFF\0\0\0\0WAVE",
    "without a track": b"MThd\0\0\0\6\0\1\xff\xff\1\xe0",
}


def mutated(count: int) -> Iterator[bytes]:
    """Yields a file of two tracks with one to six bytes changed, each time others."""
    rng = random.Random(0)
    whole = file_of([note(wait=10) + note(38) + note(42, channel=0), note(50, channel=1)])
    for _ in range(count):
        data = bytearray(whole)
        for _ in range(rng.randint(1, 6)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        yield bytes(data)


def read_or_rejected(read: Callable[[bytes], T], data: bytes) -> T | None:
    """Returns what a reader makes of a file; None if it rejects it, which it does with a reason."""
    try:
        return read(data)
    except RejectedFile as reason:
        assert str(reason)
        return None
