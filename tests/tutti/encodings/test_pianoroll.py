from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from tests.corpora import corpus
from tests.tutti.made import scores
from tutti import midi
from tutti.encodings.base import FrameEncoding
from tutti.encodings.pianoroll import RESOLUTIONS, PianoRoll
from tutti.encodings.registry import encoding_from_json, encoding_to_json
from tutti.errors import RejectedFile
from tutti.score import MAX_BEATS, Notes, Score, Track

ROLL = PianoRoll()
ROLLS = [ROLL, PianoRoll(resolution=48, lowest=0, highest=128), PianoRoll(resolution=8, lowest=59, highest=61)]


def score(*played: tuple[int, int, int], division: int = 480, is_drum: bool = False) -> Score:
    """Of notes (onset, duration, pitch)."""
    onset, duration, pitch = zip(*played, strict=True)
    return Score(division, (Track(Notes.of(onset, duration, pitch, [90] * len(played)), is_drum=is_drum),))


def bits(roll: PianoRoll, steps: int) -> st.SearchStrategy[NDArray[np.uint8]]:
    return arrays.arrays(np.uint8, (steps, roll.bits), elements=st.integers(0, 1))


@pytest.mark.parametrize("roll", ROLLS)
@settings(max_examples=60, deadline=None)
@given(score=scores())
def test_encode_decode_encode_gives_the_same_frames(roll: PianoRoll, score: Score) -> None:
    try:
        (song,) = roll.encode_frames(score)
    except RejectedFile:
        return
    again = midi.read(midi.write(roll.decode_frames(roll.unpacked(song))))
    np.testing.assert_array_equal(roll.encode_frames(again)[0], song)
    (words,) = roll.encode(score)
    np.testing.assert_array_equal(roll.frames(words), roll.unpacked(song))


@pytest.mark.parametrize("roll", ROLLS)
def test_every_file_of_the_corpora_round_trips(roll: PianoRoll) -> None:
    found = 0
    for path in [*corpus("piano").glob("*.mid"), *corpus("jazz").glob("*.mid"), *corpus("trap/by_hand").glob("*.mid")]:
        try:
            (song,) = roll.encode_frames(midi.read(path.read_bytes()))
        except RejectedFile:
            continue
        again = midi.read(midi.write(roll.decode_frames(roll.unpacked(song))))
        np.testing.assert_array_equal(roll.encode_frames(again)[0], song, err_msg=path.name)
        found += 1
    assert found > (60 if roll.pitches > 2 else 30)


@settings(max_examples=60, deadline=None)
@given(frames=st.integers(0, 6).flatmap(lambda steps: bits(PianoRoll(lowest=60, highest=64), steps)))
def test_any_bits_become_a_file_that_holds_what_was_struck_or_sounds(frames: NDArray[np.uint8]) -> None:
    roll = PianoRoll(lowest=60, highest=64)
    decoded = roll.decode_frames(frames)
    assert midi.write(decoded).startswith(b"MThd")
    struck = frames[:, 4:]
    sounds = frames[:, :4] | struck
    begins = struck | (sounds & ~np.pad(sounds, ((1, 0), (0, 0)))[:-1])
    if not begins.any():
        assert decoded.tracks == ()
        return
    (song,) = roll.encode_frames(decoded)
    expected = np.concatenate([sounds, begins], axis=1)
    np.testing.assert_array_equal(roll.unpacked(song), expected[: len(song)])
    assert not expected[len(song) :].any()


@settings(max_examples=60, deadline=None)
@given(frames=st.integers(0, 6).flatmap(lambda steps: bits(PianoRoll(lowest=60, highest=64), steps)))
def test_text_says_all_that_is_heard(frames: NDArray[np.uint8]) -> None:
    roll = PianoRoll(lowest=60, highest=64)
    again = roll.frames(roll.words(frames))
    np.testing.assert_array_equal(again[:, 4:], frames[:, 4:])
    np.testing.assert_array_equal(again[:, :4], frames[:, :4] | frames[:, 4:])


def test_sounding_bits_come_before_struck_ones_lowest_pitch_first() -> None:
    (song,) = ROLL.encode_frames(score((0, 240, 24), (120, 120, 101)))
    frames = ROLL.unpacked(song)
    assert frames.shape == (2, 156)
    assert np.flatnonzero(frames[0]).tolist() == [0, 78]
    assert np.flatnonzero(frames[1]).tolist() == [0, 77, 155]
    assert song.shape == (2, 20)


def test_a_note_struck_again_while_it_sounds_is_two_notes() -> None:
    assert ROLL.encode(score((0, 480, 60), (240, 240, 60))) == [["60s", "60", "60s", "60"]]
    (track,) = ROLL.decode(["60s", "60", "60s", "60"]).tracks
    assert track.name == "Piano"
    notes = track.notes
    assert notes.onset.tolist() == [0, 240]
    assert notes.duration.tolist() == [240, 240]


def test_notes_snap_to_the_nearest_step_and_last_one_at_least() -> None:
    played = score((59, 1, 60), (60, 1, 61), (180, 121, 62))
    assert ROLL.encode(played) == [["60s", "61s", "62s"]]
    # Where it is struck it sounds.
    sounding = ROLL.unpacked(ROLL.encode_frames(played)[0])[:, : ROLL.pitches]
    assert [np.flatnonzero(frame).tolist() for frame in sounding] == [[36], [37], [38]]


def test_drums_and_pitches_out_of_range_are_left_out() -> None:
    both = Score(
        480, (score((0, 120, 23), (0, 120, 102), (0, 120, 50)).tracks + score((0, 1, 36), is_drum=True).tracks)
    )
    assert ROLL.encode(both) == [["50s"]]
    with pytest.raises(RejectedFile, match="on channel 10"):
        ROLL.encode(score((0, 1, 36), is_drum=True))
    with pytest.raises(RejectedFile, match="no note has a pitch from 24 to 101"):
        ROLL.encode(score((0, 120, 102)))


def test_a_note_that_claims_to_last_for_ever_ends_with_the_longest_song() -> None:
    (song,) = ROLL.encode_frames(score((0, 1 << 40, 60)))
    assert len(song) == MAX_BEATS * 4 + 1


def test_transposed_frames_are_those_of_the_transposed_score() -> None:
    played = [(0, 240, 60), (120, 480, 64), (600, 120, 101 - 5)]
    (song,) = ROLL.encode_frames(score(*played))
    for semitones in (-36, -1, 0, 1, 5):
        (expected,) = ROLL.encode_frames(
            score(*((onset, length, pitch + semitones) for onset, length, pitch in played))
        )
        moved = ROLL.transposed_frames(song, semitones)
        assert moved is not None
        np.testing.assert_array_equal(moved, expected)
    for semitones in (-37, 6, 78, 100, -200):
        assert ROLL.transposed_frames(song, semitones) is None


def test_a_single_frame_is_transposed() -> None:
    (song,) = ROLL.encode_frames(score((0, 120, 60)))
    moved = ROLL.transposed_frames(song, 2)
    assert moved is not None
    assert ROLL.words(ROLL.unpacked(moved)) == ["62s"]


def test_each_bit_is_about_a_pitch() -> None:
    assert PianoRoll(lowest=60, highest=63).bit_pitches().tolist() == [60, 61, 62, 60, 61, 62]


def test_a_pitch_named_twice_is_struck_if_one_of_them_is() -> None:
    assert ROLL.words(ROLL.frames(["60s.60.64"])) == ["60s.64"]


def test_it_is_known_by_name_and_its_vocabulary_is_the_specials() -> None:
    assert encoding_from_json(encoding_to_json(ROLLS[1])) == ROLLS[1]
    assert len(ROLL.vocabulary()) == 3
    assert isinstance(ROLL, FrameEncoding)


@pytest.mark.parametrize("word", ["23s", "102", "60.", "60ss", "0060", "E5", "", "²", "99999999999999999999"])
def test_a_word_that_is_no_frame_is_named(word: str) -> None:
    with pytest.raises(ValueError, match=f"'{word}' is no frame: -, or pitches from 24 to 101 joined"):
        ROLL.decode(["60s", word])


def test_a_word_without_a_pitch_is_no_frame_of_the_whole_range_either() -> None:
    with pytest.raises(ValueError, match="'E5' is no frame"):
        PianoRoll(lowest=0, highest=128).decode(["E5"])


@pytest.mark.parametrize("wrong", [{"resolution": 10}, {"lowest": -1}, {"lowest": 128}, {"highest": 129}])
def test_a_wrong_parameter_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        PianoRoll(**wrong)
    with pytest.raises(ValueError, match="highest is 24; it can be 25 to 128"):
        PianoRoll(highest=24)
    assert PianoRoll(lowest=127, highest=128).pitches == 1
    assert 16 in RESOLUTIONS
