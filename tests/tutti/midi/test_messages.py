import io
import tracemalloc
from dataclasses import replace

import mido
import numpy as np
import pytest
from hypothesis import given, settings

from tests.corpora import corpus
from tests.tutti.made import file_of, note, pieces, with_division
from tests.tutti.midi.hostile import BAD_CONTAINERS, mutated, read_or_rejected
from tutti import midi
from tutti.errors import RejectedFile
from tutti.midi import messages, smf
from tutti.midi.messages import Messages
from tutti.score import MAX_BEATS


def same(one: Messages, other: Messages) -> bool:
    return (
        one.division == other.division
        and [(track.name, track.tick.tolist(), track.message.tolist()) for track in one.tracks]
        == [(track.name, track.tick.tolist(), track.message.tolist()) for track in other.tracks]
        and one.tempos == other.tempos
    )


def track_of(events: bytes) -> bytes:
    return b"MTrk" + len(events).to_bytes(4, "big") + events


def one_track(events: bytes, division: int = 480) -> bytes:
    return b"MThd\0\0\0\6\0\0\0\1" + division.to_bytes(2, "big") + track_of(events)


@settings(max_examples=80, deadline=None)
@given(pieces())
def test_what_is_written_is_read_again(piece: Messages) -> None:
    assert same(messages.read(messages.write(piece)), piece)


@pytest.mark.parametrize("name", ["metallica/midi", "jazz", "piano", "trap"])
def test_files_of_the_corpora_keep_their_messages_and_ticks(name: str) -> None:
    # Some suffice here, as `events` is tried on all of them.
    for path in sorted(corpus(name).rglob("*.mid"))[:6]:
        piece = messages.read(path.read_bytes())
        assert same(messages.read(messages.write(piece)), piece), path.name
        read_by_mido = mido.MidiFile(path)
        assert len(piece.tracks) == len(read_by_mido.tracks)
        for track, heard in zip(piece.tracks, read_by_mido.tracks, strict=True):
            ticks = np.cumsum([event.time for event in heard])
            played = [
                (tick, event.bytes())
                for tick, event in zip(ticks.tolist(), heard, strict=True)
                if not event.is_meta and event.bytes()[0] < 0xF0
            ]
            assert track.tick.tolist() == [tick for tick, _ in played]
            coded = [row[: 1 + messages.data_bytes(row[0])] for row in track.message.tolist()]
            assert coded == [content for _, content in played]


def test_running_status_is_expanded() -> None:
    piece = messages.read(one_track(bytes([0, 0x99, 36, 100, 96, 36, 0, 0, 0xC9, 5, 10, 6])))
    assert piece.tracks[0].message.tolist() == [[0x99, 36, 100], [0x99, 36, 0], [0xC9, 5, 0], [0xC9, 6, 0]]
    assert piece.tracks[0].tick.tolist() == [0, 96, 96, 106]


def test_meta_and_system_exclusive_events_are_dropped_and_their_time_kept() -> None:
    track = [
        mido.MetaMessage("track_name", name="Guitar", time=0),
        mido.Message("sysex", data=[1, 2, 3], time=100),
        mido.MetaMessage("text", text="solo", time=20),
        mido.MetaMessage("set_tempo", tempo=400_000, time=0),
        *note(60, channel=0, wait=3),
    ]
    piece = messages.read(file_of([track]))
    assert piece.tracks[0].tick.tolist() == [123, 603]
    assert piece.tracks[0].name == "Guitar"
    assert piece.tempos == ((120, 150.0),)


def test_tracks_count_as_they_stand_in_the_file() -> None:
    piece = messages.read(file_of([[mido.MetaMessage("track_name", name="Conductor")], note(), []]))
    assert [len(track) for track in piece.tracks] == [0, 2, 0]
    assert piece.tracks[0].name == "Conductor"


def test_patterns_of_a_type_2_file_follow_one_another_on_the_beat() -> None:
    piece = messages.read(file_of([note(36, length=500), note(38), note(42)], kind=2))
    assert [int(track.tick[0]) for track in piece.tracks] == [0, 960, 1440]
    score = midi.read(file_of([note(36, length=500), note(38), note(42)], kind=2))
    assert [int(track.notes.onset[0]) for track in score.tracks] == [0, 960, 1440]


@pytest.mark.parametrize(("frames", "a_second"), [(24, 24), (25, 25), (29, 30000 / 1001), (30, 30)])
def test_an_smpte_division_keeps_the_time_of_messages(frames: int, a_second: float) -> None:
    tempo = mido.MetaMessage("set_tempo", tempo=250_000)
    data = file_of([[tempo, *note(wait=round(10 * 200 * a_second))]])
    piece = messages.read(with_division(data, (256 - frames) << 8 | 200))
    ((_, bpm),) = piece.tempos
    assert int(piece.tracks[0].tick[0]) / piece.division * 60 / bpm == pytest.approx(10, rel=1e-4)


def test_an_rmid_wrapper_is_taken_off() -> None:
    bare = file_of([note()])
    wrapped = b"RIFF" + (12 + len(bare)).to_bytes(4, "little") + b"RMIDdata" + len(bare).to_bytes(4, "little") + bare
    assert same(messages.read(wrapped), messages.read(bare))


def test_a_tempo_can_be_set() -> None:
    piece = replace(messages.read(file_of([note()])), tempos=((0, 90.0),))
    (_, bpm) = messages.read(messages.write(piece)).tempos[0]
    assert bpm == pytest.approx(90, abs=1e-4)
    assert midi.read(messages.write(piece)).tempos[0][1] == pytest.approx(90, abs=1e-4)


def test_a_wait_longer_than_a_file_can_say_is_written_in_parts() -> None:
    tick = np.array([0, MAX_BEATS * 32767], np.int64)
    message = np.array([[0x90, 60, 90], [0x80, 60, 0]], np.uint8)
    piece = Messages(32767, (messages.MessageTrack(tick, message),))
    assert same(messages.read(messages.write(piece)), piece)


def test_no_messages_are_a_file_all_the_same() -> None:
    for tracks in ((), (messages.MessageTrack(np.zeros(0, np.int64), np.zeros((0, 3), np.uint8)),)):
        content = messages.write(Messages(480, tracks))
        assert content.startswith(b"MThd")
        assert len(mido.MidiFile(file=io.BytesIO(content)).tracks) == 1


HOSTILE = {
    **BAD_CONTAINERS,
    "no channel message": file_of([[]]),
    "beyond the limit of 16,384 beats": file_of([note(wait=2**28 - 1)]),
    "limit of 16,384 beats": one_track(b"\x90" * 900 + b"\0\x90\x40\x40"),
    "a time or a length goes on": one_track(b"\xff" * (1 << 19)),
    "beyond the limit of 1,048,576": bytes(smf.MAX_BYTES_MIDO + 1),
    "an event that no MIDI file can have": one_track(b"\0\xf4"),
    "it ends within an event": one_track(b"\0\x90\x40"),
    "another value is above 127": one_track(b"\0\x90\x40\x90"),
    "does not say of which kind": one_track(b"\0\x40\x40"),
    "more than a million bytes": one_track(b"\0\xff\1" + b"\xff" * 1000 + b"\x7f"),
}


@pytest.mark.parametrize("reason", HOSTILE)
def test_a_bad_file_is_rejected_with_a_reason_of_one_line(reason: str) -> None:
    with pytest.raises(RejectedFile, match=reason) as rejected:
        messages.read(HOSTILE[reason])
    assert len(str(rejected.value)) < 200
    assert "\n" not in str(rejected.value)


def test_the_truncated_piece_of_the_piano_corpus_says_where_it_ends() -> None:
    with pytest.raises(RejectedFile, match="truncated: the file ends within track 2"):
        messages.read((corpus("piano") / "z_aeristhemepiano.mid").read_bytes())


def test_mutated_files_are_read_or_rejected_in_bounded_memory() -> None:
    tracemalloc.start()
    for data in mutated(2000):
        if (piece := read_or_rejected(messages.read, data)) is not None:
            assert max(int(track.tick[-1]) for track in piece.tracks if len(track)) <= MAX_BEATS * piece.division
            assert same(messages.read(messages.write(piece)), piece)
    assert tracemalloc.get_traced_memory()[1] < 64 << 20
    tracemalloc.stop()


@pytest.mark.parametrize("signature", [b"\x02\x09\x00", b"\x02\x00\x07", b"\x02\xf8\x01", b"\x01\x00", b"\x00"])
def test_a_key_signature_that_names_no_key_is_passed_over(signature: bytes) -> None:
    events = b"\x00\x90\x3c\x40" + b"\x83\x60\xff\x59" + signature + b"\x83\x60\x3c\x00" + b"\x00\xff\x2f\x00"
    data = smf.file(480, [b"MTrk" + len(events).to_bytes(4, "big") + events])
    (track,) = messages.read(data).tracks
    assert track.tick.tolist() == [0, 960]
    assert track.message.tolist() == [[0x90, 0x3C, 0x40], [0x90, 0x3C, 0x00]]
    assert midi.read(data).tracks[0].notes.duration.tolist() == [960]


def test_each_pattern_of_a_type_2_file_begins_at_the_default_tempo() -> None:
    slow = b"\x00\xff\x51\x03" + (60_000_000 // 90).to_bytes(3, "big")
    note = b"\x00\x90\x3c\x40\x83\x60\x80\x3c\x40\x00\xff\x2f\x00"
    chunks = [b"MTrk" + len(part).to_bytes(4, "big") + part for part in (slow + note, note)]
    data = bytearray(smf.file(480, chunks))
    data[9] = 2
    tempos = [(tick, round(bpm)) for tick, bpm in messages.read(bytes(data)).tempos]
    assert tempos == [(0, 90), (480, 120)]
    assert [(tick, round(bpm)) for tick, bpm in midi.read(bytes(data)).tempos] == tempos
