"""Scores and MIDI bytes for the tests of `music`, made on the spot."""

import io

import mido
import numpy as np
from hypothesis import strategies as st

from tutti.midi import messages
from tutti.midi.messages import Messages
from tutti.score import Notes, Score, Track

# Onsets within 64 beats: enough for several bars of any meter, quick to lay out on a grid.
DIVISIONS = st.sampled_from([1, 24, 30, 96, 120, 384, 480, 960, 32767])


@st.composite
def scores(draw: st.DrawFn, pitches: tuple[int, int] = (0, 127), *, drums: bool = False) -> Score:
    """Any score of one to three tracks, with meter changes."""
    division = draw(DIVISIONS)
    ticks = st.integers(0, 64 * division)
    tracks = []
    for _ in range(draw(st.integers(1, 3))):
        hits = draw(st.lists(st.tuples(ticks, st.integers(*pitches)), min_size=1, max_size=40, unique=True))
        onset, pitch = zip(*hits, strict=True)
        played = Notes.of(onset, [max(division // 4, 1)] * len(hits), pitch, [90] * len(hits))
        tracks.append(Track(played, program=draw(st.integers(0, 2)), is_drum=drums))
    changes = draw(st.lists(st.tuples(ticks, st.integers(1, 13), st.sampled_from([2, 4, 8, 16])), max_size=4))
    meters = sorted({tick: (tick, top, bottom) for tick, top, bottom in changes}.values())
    return Score(division, tuple(tracks), meters=tuple(meters) or ((0, 4, 4),))


@st.composite
def pieces(draw: st.DrawFn) -> Messages:
    """Any channel messages on one to three tracks, at least one of them with some."""
    division = draw(DIVISIONS)
    tracks = []
    for number in range(draw(st.integers(1, 3))):
        drawn = draw(st.lists(_channel_messages(64 * division), min_size=number == 0, max_size=30))
        ordered = sorted(drawn, key=lambda event: event[0])
        tick = np.array([tick for tick, _ in ordered], np.int64)
        message = np.array([message for _, message in ordered], np.uint8).reshape(-1, 3)
        tracks.append(messages.MessageTrack(tick, message, draw(st.sampled_from(["", "Guitar", "Gitarre süß", "鼓"]))))
    changes = draw(st.lists(st.tuples(st.integers(0, 64 * division), st.sampled_from([60.0, 80.0, 125.0])), max_size=3))
    tempos = sorted({tick: (tick, bpm) for tick, bpm in changes}.values())
    return Messages(division, tuple(tracks), tuple(tempos) or ((0, 120.0),))


def _channel_messages(last: int) -> st.SearchStrategy[tuple[int, tuple[int, int, int]]]:
    data = st.integers(0, 127)
    message = st.tuples(st.integers(0x80, 0xEF), data, data).map(
        lambda coded: coded if messages.data_bytes(coded[0]) == 2 else (*coded[:2], 0)
    )
    return st.tuples(st.integers(0, last), message)


def file_of(messages: list[list[mido.Message]], kind: int = 1, division: int = 480) -> bytes:
    """A MIDI file with these tracks of delta-timed messages."""
    file = mido.MidiFile(type=kind, ticks_per_beat=division)
    for track in messages:
        file.tracks.append(mido.MidiTrack(track))
    content = io.BytesIO()
    file.save(file=content)
    return content.getvalue()


def note(pitch: int = 36, channel: int = 9, wait: int = 0, length: int = 480) -> list[mido.Message]:
    return [
        mido.Message("note_on", channel=channel, note=pitch, velocity=100, time=wait),
        mido.Message("note_off", channel=channel, note=pitch, velocity=0, time=length),
    ]


def with_division(file: bytes, field: int) -> bytes:
    """The file with another division field in its header."""
    return file[:12] + field.to_bytes(2, "big") + file[14:]
