"""Events as words: every channel message of a track, as time since the one before, status and data.

`0_90_4f_64` strikes G5 at once, `120_80_4f_00` releases it 120 ticks later: time in decimal ticks, the rest two
hexadecimal digits each. Program changes and channel pressure have one data byte, the other messages two. Nothing is
lost but meta and system exclusive events. Source: the words of a stacked LSTM in Chainer, 2016; its two tools
turned one track of a file into words and words into a file of 480 ticks a quarter.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tutti.encodings.base import TokenEncoding
from tutti.encodings.vocabulary import SPECIALS, Vocabulary
from tutti.errors import RejectedFile
from tutti.medium import Medium
from tutti.midi import messages
from tutti.midi.messages import NOTE_OFF, NOTE_ON, POLY_PRESSURE, Messages, MessageTrack, data_bytes
from tutti.midi.smf import DRUM_CHANNEL
from tutti.score import MAX_BEATS

DIVISION = 480
MOST_DIVISION = 0x7FFF
# Tracks of a file that a reason names: a hostile one has a hundred thousand.
MOST_NAMED = 32
_WORD = re.compile(r"([0-9]{1,9})_([89a-e][0-9a-f])_([0-7][0-9a-f])(?:_([0-7][0-9a-f]))?", re.IGNORECASE)
# Weights of the differences between two words in channel, first data byte, time and value: each outweighs all
# behind it, as a time has 30 bits and the others 7 at most. Another kind outweighs them all.
_WEIGHTS = np.array([1 << 44, 1 << 37, 1 << 7, 1], np.int64)
_OTHER_KIND = 1 << 48


@dataclass(frozen=True)
class Events(TokenEncoding):
    """The channel messages of a file, or of one of its tracks, as words.

    Args:
      track: `all` tracks in one song, in order of time; `each` that has messages as a song of its own; `first`
        that has messages; a number that counts all tracks of the file from 0; or a track's name.
      division: ticks of a quarter that times are converted to, so that files of different divisions speak one
        language; exact where it is a multiple of the file's own. 0 keeps the file's ticks.
    """

    name: ClassVar[str] = "events"
    medium: ClassVar[Medium] = messages.MESSAGES
    pitched: ClassVar[bool] = True

    track: str = field(default="all", metadata={"help": "all, each, first, a number from 0, or a track's name"})
    division: int = field(default=DIVISION, metadata={"help": "ticks of a quarter, 0 for the file's own"})

    def __post_init__(self) -> None:
        if not isinstance(self.track, str) or not self.track.strip():
            raise ValueError(f"track is {self.track!r}; it can be all, each, first, a number, or a name")
        if not isinstance(self.division, int) or not 0 <= self.division <= MOST_DIVISION:
            raise ValueError(f"division is {self.division!r}; it can be 0 to {MOST_DIVISION:,}")

    def vocabulary(self) -> None:
        return None

    def encode(self, piece: Messages) -> list[list[str]]:
        return [_words(track, piece.division, self.division or piece.division) for track in self._chosen(piece)]

    def decode(self, tokens: Iterable[str]) -> Messages:
        """One track of 480 ticks a quarter, or of `division`. Words that are no events are left out.

        So is what comes later than any song may last.

        Raises:
          ValueError: if there are words, and not one of them is an event.
        """
        division = self.division or DIVISION
        tick, strangers = 0, ""
        ticks: list[int] = []
        content = bytearray()
        for token in tokens:
            event = _event(token)
            if event is None:
                strangers = strangers or ("" if token in SPECIALS else token)
                continue
            tick += event[0]
            if tick > MAX_BEATS * division:
                break
            ticks.append(tick)
            content.extend(event[1:])
        if strangers and not ticks:
            raise ValueError(f"{strangers!r} is no event like 0_90_4f_64, and no other word is one")
        track = MessageTrack(np.array(ticks, np.int64), np.frombuffer(bytes(content), np.uint8).reshape(-1, 3))
        return Messages(division, (track,))

    def nearest(self, token: str, known: Vocabulary) -> str:
        """The known event of the same kind with the nearest channel, first data byte, time and value, in this order.

        All other channels are equally near, and a note struck with velocity 0 counts as one released. Where there
        is none of the kind, the nearest time counts alone, of events that strike no note if there are any. Among
        equals the first in the vocabulary.
        """
        wanted = _event(token)
        if wanted is None:
            raise ValueError(f"{token!r} is no event like 0_90_4f_64")
        place, candidates = _known(known)
        if not len(candidates):
            raise ValueError("the vocabulary has no events")
        kind, *rest = _features(wanted)
        apart = np.abs(candidates[:, 1:] - rest)
        apart[:, 0] = np.minimum(apart[:, 0], 1)
        other = candidates[:, 0] != kind
        struck = candidates[:, 0] == NOTE_ON >> 4
        distance = np.where(other, apart[:, 2] + (1 + struck) * _OTHER_KIND, apart @ _WEIGHTS)
        return known.tokens[place[np.argmin(distance)]]

    def transposed(self, token: str, semitones: int) -> str | None:
        """Notes and their pressure, channel 10 aside, move; everything else stays."""
        event = _event(token)
        if event is None or event[1] >> 4 not in (NOTE_OFF >> 4, NOTE_ON >> 4, POLY_PRESSURE >> 4):
            return token
        delta, status, pitch, value = event
        if status & 15 == DRUM_CHANNEL:
            return token
        pitch += semitones
        return f"{delta}{_suffix(status << 16 | pitch << 8 | value)}" if 0 <= pitch <= 127 else None

    def released(self, tokens: Iterable[str], /) -> list[str]:
        sounding: dict[tuple[str, str], None] = {}
        for token in tokens:
            _, status, *data = token.split("_")
            if status[0] in "89" and len(data) == 2:
                sounding.pop((status[1], data[0]), None)
                if status[0] == "9" and data[1] != "00":
                    sounding[status[1], data[0]] = None
        return [f"0_8{channel}_{pitch}_00" for channel, pitch in sounding]

    def _chosen(self, piece: Messages) -> list[MessageTrack]:
        playing = [track for track in piece.tracks if len(track)]
        if self.track == "all":
            return [messages.merged(playing)]
        if self.track == "each":
            return playing
        if self.track == "first":
            return playing[:1]
        if self.track.isdecimal():
            chosen = list(piece.tracks[int(self.track) : int(self.track) + 1])
        else:
            wanted = self.track.strip().lower()
            chosen = [track for track in playing if track.name.strip().lower() == wanted]
        if not any(map(len, chosen)):
            named = [f"{i} ({track.name.strip()})" for i, track in enumerate(piece.tracks) if len(track)]
            described = ", ".join(named[:MOST_NAMED]).replace(" ()", "") + ", ..." * (len(named) > MOST_NAMED)
            raise RejectedFile(f"no track {self.track!r} with channel messages; those with some are {described}")
        return [messages.merged(chosen)]


def _words(track: MessageTrack, own: int, division: int) -> list[str]:
    # Ticks are rounded, not the times between them, so that rounding never adds up.
    tick = track.tick if own == division else (2 * track.tick * division + own) // (2 * own)
    delta = np.diff(tick, prepend=0).tolist()
    key = (track.message @ np.array([1 << 16, 1 << 8, 1], np.int32)).tolist()
    return [f"{wait}{_suffix(coded)}" for wait, coded in zip(delta, key, strict=True)]


@lru_cache(1 << 16)
def _suffix(coded: int) -> str:
    """All of a word but its time, of status, data and data in one number."""
    status, first, second = coded >> 16, coded >> 8 & 255, coded & 255
    return f"_{status:02x}_{first:02x}" + (f"_{second:02x}" if data_bytes(status) == 2 else "")


@lru_cache(1 << 16)
def _event(word: str) -> tuple[int, int, int, int] | None:
    """Time, status and two data bytes, the second 0 where there is one; None where the word is no event."""
    match = _WORD.fullmatch(word)
    if not match:
        return None
    delta, *coded = match.groups()
    status, first = int(coded[0], 16), int(coded[1], 16)
    if (coded[2] is not None) != (data_bytes(status) == 2):
        return None
    return int(delta), status, first, int(coded[2] or "0", 16)


def _features(event: tuple[int, int, int, int]) -> tuple[int, int, int, int, int]:
    """Kind, channel, first data byte, time and value."""
    delta, status, first, value = event
    released = status >> 4 == NOTE_ON >> 4 and not value
    return NOTE_OFF >> 4 if released else status >> 4, status & 15, first, delta, value


@lru_cache(4)
def _known(vocabulary: Vocabulary) -> tuple[list[int], NDArray[np.int64]]:
    """The ids of a vocabulary's events, and int64[n, 5]: their features."""
    events = [(place, event) for place, word in enumerate(vocabulary.tokens) if (event := _event(word))]
    features = np.array([_features(event) for _, event in events], np.int64).reshape(-1, 5)
    return [place for place, _ in events], features
