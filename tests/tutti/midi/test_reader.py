import tracemalloc
from dataclasses import replace

import mido
import numpy as np
import pytest
from hypothesis import given, settings

from tests.corpora import corpus
from tests.tutti.made import file_of, note, scores, with_division
from tests.tutti.midi.hostile import BAD_CONTAINERS, mutated, read_or_rejected
from tutti import midi
from tutti.errors import RejectedFile
from tutti.midi import reader, smf
from tutti.score import MAX_BEATS, Score


def by_mido(data: bytes) -> Score:
    """The score of a file as mido reads it."""
    _, division, _, chunks = smf.chunks(data)
    return reader._from_mido(division, chunks)


@settings(max_examples=60, deadline=None)
@given(scores())
def test_what_is_written_is_read_again(score: Score) -> None:
    again = midi.read(midi.write(score))
    assert again.division == score.division
    onsets = sorted((int(t), int(p)) for track in score.tracks for t, p in zip(track.notes.onset, track.notes.pitch))  # noqa: B905
    read = sorted((int(t), int(p)) for track in again.tracks for t, p in zip(track.notes.onset, track.notes.pitch))  # noqa: B905
    assert read == onsets


def test_symusic_and_mido_read_the_same_notes() -> None:
    for path in sorted(corpus("jazz").glob("*.mid")) + sorted(corpus("metallica/midi").glob("*.mid"))[:3]:
        data = path.read_bytes()
        by_symusic, other = midi.read(data), by_mido(data)

        def onsets(score: Score) -> list[tuple[int, int, bool]]:
            return sorted(
                (int(tick), int(pitch), track.is_drum)
                for track in score.tracks
                for tick, pitch in zip(track.notes.onset, track.notes.pitch, strict=True)
            )

        assert onsets(by_symusic) == onsets(other), path.name


def heard(score: Score) -> list[tuple[int, ...]]:
    """(onset, duration, pitch, velocity, program, 1 for a drum) of each note, in order."""
    return sorted(
        (*row, track.program, track.is_drum)
        for track in score.tracks
        for row in np.stack(
            [track.notes.onset, track.notes.duration, track.notes.pitch, track.notes.velocity], axis=1
        ).tolist()
    )


def on(pitch: int, velocity: int = 64, wait: int = 0, channel: int = 0) -> mido.Message:
    return mido.Message("note_on", channel=channel, note=pitch, velocity=velocity, time=wait)


def off(pitch: int, wait: int = 0, channel: int = 0) -> mido.Message:
    return mido.Message("note_off", channel=channel, note=pitch, time=wait)


def tempo(bpm: float, wait: int = 0) -> mido.MetaMessage:
    return mido.MetaMessage("set_tempo", tempo=round(smf.MICROSECONDS_A_MINUTE / bpm), time=wait)


def meter(numerator: int, denominator: int) -> mido.MetaMessage:
    return mido.MetaMessage("time_signature", numerator=numerator, denominator=denominator)


PLAYED = {
    "a note off": ([on(60, 90), off(60, 100)], [(0, 100, 60, 90)]),
    "a note on without velocity": ([on(60, 90), on(60, 0, 100)], [(0, 100, 60, 90)]),
    "the pitch struck again while it sounds": (
        [on(60, 90), on(60, 70, 100), off(60, 200), off(60, 200)],
        [(0, 300, 60, 90), (100, 400, 60, 70)],
    ),
    "two pitches crossing": (
        [on(60, 90), on(64, 70, 100), off(60, 200), off(64, 200)],
        [(0, 300, 60, 90), (100, 400, 64, 70)],
    ),
    "an end without a beginning": ([off(60, 10), on(60, 90), off(60, 100)], [(10, 100, 60, 90)]),
}


@pytest.mark.parametrize("name", PLAYED)
def test_mido_ends_a_note_with_the_first_end_of_its_pitch(name: str) -> None:
    messages, expected = PLAYED[name]
    # What never ends would end with the track.
    score = by_mido(file_of([[*messages, tempo(120, wait=900)]]))
    assert [played[:4] for played in heard(score)] == expected


def test_mido_ends_a_note_on_its_own_channel() -> None:
    messages = [on(60, 90), on(60, 70, channel=9), off(60, 100, channel=9), off(60, 200)]
    assert heard(by_mido(file_of([messages]))) == [(0, 100, 60, 70, 0, True), (0, 300, 60, 90, 0, False)]


def test_mido_reads_tempos_and_meters_of_all_tracks_in_order() -> None:
    one = [meter(3, 4), tempo(90), tempo(150, wait=960)]
    score = by_mido(file_of([one, [*note(), tempo(60), meter(4, 4)]]))
    assert score.meters == ((0, 3, 4), (480, 4, 4))
    assert [tick for tick, _ in score.tempos] == [0, 480, 960]
    assert [bpm for _, bpm in score.tempos] == pytest.approx([90, 60, 150], abs=1e-3)


@settings(max_examples=60, deadline=None)
@given(scores())
def test_symusic_and_mido_read_any_score_alike(score: Score) -> None:
    data = midi.write(replace(score, tempos=((0, 90.0), (score.division, 150.0))))
    by_symusic, other = midi.read(data), by_mido(data)
    assert heard(by_symusic) == heard(other)
    assert (by_symusic.division, by_symusic.meters) == (other.division, other.meters)
    assert np.array(by_symusic.tempos) == pytest.approx(np.array(other.tempos), rel=1e-6)


def test_patterns_of_a_type_2_file_follow_one_another_on_the_beat() -> None:
    data = file_of([note(36, length=500), note(38), note(42)], kind=2)
    assert [int(track.notes.onset[0]) for track in midi.read(data).tracks] == [0, 960, 1440]


def test_a_pattern_of_a_type_2_file_has_meters_and_tempos_of_its_own() -> None:
    waltz = [meter(3, 4), tempo(90), *note(36, length=500), meter(6, 8)]
    score = midi.read(file_of([waltz, note(38), [meter(2, 4), tempo(150), *note(42)]], kind=2))
    # One that says nothing is in 4/4 and at 120.
    assert score.meters == ((0, 3, 4), (500, 6, 8), (960, 4, 4), (1440, 2, 4))
    assert [tick for tick, _ in score.tempos] == [0, 960, 1440]
    assert [bpm for _, bpm in score.tempos] == pytest.approx([90, 120, 150], abs=1e-3)


@pytest.mark.parametrize(("frames", "a_second"), [(24, 24), (25, 25), (29, 30000 / 1001), (30, 30)])
def test_an_smpte_division_keeps_the_time_of_notes(frames: int, a_second: float) -> None:
    # The header has minus the frames, of which 29 are NTSC's 29.97, and the ticks a frame, 200.
    data = with_division(file_of([[tempo(90), *note(wait=round(10 * 200 * a_second))]]), (256 - frames) << 8 | 200)
    score = midi.read(data)
    ((_, bpm),) = score.tempos
    assert score.tracks[0].notes.onset[0] / score.division * 60 / bpm == pytest.approx(10, rel=1e-4)


def test_an_rmid_wrapper_is_taken_off() -> None:
    bare = file_of([note()])
    chunk = b"data" + len(bare).to_bytes(4, "little") + bare
    info = b"LIST" + (5).to_bytes(4, "little") + b"abcde\x00"
    wrapped = b"RIFF" + (4 + len(chunk) + len(info)).to_bytes(4, "little") + b"RMID" + info + chunk
    assert midi.read(wrapped).tracks[0].notes.onset.tolist() == midi.read(bare).tracks[0].notes.onset.tolist()


def test_running_status_and_junk_behind_the_last_track_are_read() -> None:
    events = bytes([0, 0x99, 36, 100, 96, 36, 0, 0, 38, 100, 96, 38, 0, 0, 0xFF, 0x2F, 0])
    track = b"MTrk" + len(events).to_bytes(4, "big") + events
    data = b"MThd\0\0\0\6\0\0\0\1\0\x60" + track + b"junk\xff\xff\xff\xff"
    assert midi.read(data).tracks[0].notes.pitch.tolist() == [36, 38]


def test_a_note_that_never_ends_is_kept_where_no_other_is() -> None:
    data = file_of([[mido.Message("note_on", channel=9, note=36, velocity=100, time=10)]])
    assert midi.read(data).tracks[0].notes.onset.tolist() == [10]


HOSTILE = {
    **BAD_CONTAINERS,
    "no notes": file_of([[]]),
    "beyond the limit of 16,384 beats": file_of([note(wait=2**28 - 1)]),
    "beyond the limit": file_of([[message for _ in range(9) for message in note(wait=2**28 - 1)]]),
    "beyond the limit of 16,777,216": bytes(midi.MAX_BYTES + 1),
}


@pytest.mark.parametrize("reason", HOSTILE)
def test_a_bad_file_is_rejected_with_a_reason(reason: str) -> None:
    with pytest.raises(RejectedFile, match=reason):
        midi.read(HOSTILE[reason])


def test_the_truncated_piece_of_the_piano_corpus_says_where_it_ends() -> None:
    with pytest.raises(RejectedFile, match="truncated: the file ends within track 2"):
        midi.read((corpus("piano") / "z_aeristhemepiano.mid").read_bytes())


def test_mutated_files_are_read_or_rejected_in_bounded_memory() -> None:
    tracemalloc.start()
    for data in mutated(3000):
        if (score := read_or_rejected(midi.read, data)) is not None:
            last = max(int(track.notes.onset[-1]) for track in score.tracks)
            assert len(score.bar_lines(last + 1)) <= 8 * MAX_BEATS + 8
    assert tracemalloc.get_traced_memory()[1] < 64 << 20
    tracemalloc.stop()


def test_a_meter_that_no_file_can_hold_is_left_out() -> None:
    score = by_mido(file_of([[meter(3, 1 << 20), meter(3, 8), *note()]]))
    assert score.meters == ((0, 3, 8),)
    assert midi.read(midi.write(score)).meters == score.meters
