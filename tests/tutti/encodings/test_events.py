from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.corpora import corpus
from tests.tutti.made import pieces
from tutti.cli import decode, encode
from tutti.encodings.events import Events
from tutti.encodings.vocabulary import Vocabulary
from tutti.errors import RejectedFile
from tutti.midi import messages
from tutti.midi.messages import Messages, MessageTrack
from tutti.score import MAX_BEATS


def track(*events: tuple[int, ...], name: str = "") -> MessageTrack:
    """A track of (tick, status, data...)."""
    tick = np.array([event[0] for event in events], np.int64)
    message = np.array([(*event[1:], 0)[:3] for event in events], np.uint8).reshape(-1, 3)
    return MessageTrack(tick, message, name)


def said(piece: Messages) -> list[list[tuple[float, list[int]]]]:
    """All messages of a piece with their times in quarters, track by track."""
    return [
        list(zip((track.tick / piece.division).tolist(), track.message.tolist(), strict=True)) for track in piece.tracks
    ]


def in_one(piece: Messages) -> list[list[tuple[float, list[int]]]]:
    return said(Messages(piece.division, (messages.merged(piece.tracks),)))


@cache
def sounding(name: str) -> list[tuple[Path, Messages]]:
    """The files of a corpus, but for the one that is truncated."""
    paths = [path for path in sorted(corpus(name).rglob("*.mid")) if path.name != "z_aeristhemepiano.mid"]
    return [(path, messages.read(path.read_bytes())) for path in paths]


@pytest.mark.parametrize(("name", "files"), [("metallica/midi", 57), ("jazz", 1)])
def test_midi_to_words_to_midi_keeps_every_message_and_its_time(name: str, files: int) -> None:
    read = sounding(name)
    assert len(read) == files
    for path, piece in read:
        (song,) = Events().encode(piece)
        again = messages.read(messages.write(Events().decode(song)))
        assert said(again) == in_one(piece), path.name
        assert again.division == 480
        assert Events().encode(again) == [song]


@pytest.mark.parametrize("name", ["jazz", "piano", "trap"])
def test_each_track_in_the_files_own_ticks_keeps_every_message_and_its_tick(name: str) -> None:
    encoding = Events("each", division=0)
    for path, piece in sounding(name):
        playing = [track for track in piece.tracks if len(track)]
        songs = encoding.encode(piece)
        assert len(songs) == len(playing)
        for song, track in zip(songs, playing, strict=True):
            again = encoding.decode(song)
            assert again.division == 480
            assert again.tracks[0].tick.tolist() == track.tick.tolist(), path.name
            assert again.tracks[0].message.tolist() == track.message.tolist(), path.name


@pytest.mark.parametrize("name", ["piano", "trap"])
def test_no_time_is_off_by_more_than_rounding_however_long_the_piece(name: str) -> None:
    for path, piece in sounding(name):
        (song,) = Events().encode(piece)
        again = Events().decode(song)
        whole = messages.merged(piece.tracks)
        assert again.tracks[0].message.tolist() == whole.message.tolist(), path.name
        # Within half a tick, plus what a float may err.
        off = np.abs(again.tracks[0].tick / 480 - whole.tick / piece.division) * 480
        assert off.max() <= 0.5 + 1e-6, path.name


@settings(max_examples=60, deadline=None)
@given(piece=pieces(), division=st.sampled_from([0, 1, 96, 480, 32767]), choice=st.sampled_from(["all", "each"]))
def test_encode_decode_encode_gives_the_same_words(piece: Messages, division: int, choice: str) -> None:
    encoding = Events(choice, division)
    for song in encoding.encode(piece):
        again = messages.read(messages.write(encoding.decode(song)))
        # Words in a file's own ticks do not say which they are.
        assert Events("all", division).encode(again) == [song]


def test_words_are_time_status_and_data() -> None:
    piece = Messages(480, (track((0, 0x90, 0x4F, 0x64), (120, 0x80, 0x4F, 0), (120, 0xC3, 9), (360, 0xD3, 64)),))
    assert Events().encode(piece) == [["0_90_4f_64", "120_80_4f_00", "0_c3_09", "240_d3_40"]]


def test_divisions_speak_one_language() -> None:
    songs = [
        Events().encode(Messages(division, (track((division, 0x90, 60, 90), (2 * division, 0x80, 60, 0)),)))
        for division in (24, 96, 480, 960, 32767)
    ]
    assert songs == [[["480_90_3c_5a", "480_80_3c_00"]]] * 5
    verbatim = Events(division=0).encode(Messages(96, (track((96, 0x90, 60, 90)),)))
    assert verbatim == [["96_90_3c_5a"]]


def test_rounding_does_not_drift() -> None:
    # Steps of a third of a tick.
    piece = Messages(3, (track(*((tick, 0x90, 60, 90) for tick in range(301))),))
    (song,) = Events(division=1).encode(piece)
    assert sum(int(word.split("_")[0]) for word in song) == 100


def test_tracks_are_chosen_by_number_and_name() -> None:
    right, left = track((0, 0x90, 72, 90), name="Right"), track((0, 0x91, 48, 90), (10, 0x91, 48, 0), name="Left ")
    piece = Messages(480, (track(name="Title"), right, left))
    assert Events("first").encode(piece) == [["0_90_48_5a"]]
    assert Events("1").encode(piece) == [["0_90_48_5a"]]
    assert Events("left").encode(piece) == [["0_91_30_5a", "10_91_30_00"]]
    assert Events("each").encode(piece) == [["0_90_48_5a"], ["0_91_30_5a", "10_91_30_00"]]
    assert Events("all").encode(piece) == [["0_90_48_5a", "0_91_30_5a", "10_91_30_00"]]
    for wrong in ("0", "3", "oboe", "title"):
        with pytest.raises(RejectedFile, match=rf"no track '{wrong}' .* 1 \(Right\), 2 \(Left\)"):
            Events(wrong).encode(piece)


def test_a_reason_stays_short_however_many_tracks_a_file_has() -> None:
    piece = Messages(480, (track((0, 0x90, 60, 90)),) * 5000)
    with pytest.raises(RejectedFile, match=r"are 0, 1, 2, .*, 31, \.\.\.$"):
        Events("oboe").encode(piece)
    with pytest.raises(RejectedFile, match=r"are 0, 1, 2, .*, 31$"):
        Events("oboe").encode(Messages(480, piece.tracks[:32]))


def test_at_one_tick_tracks_keep_the_files_order() -> None:
    first, second = track((5, 0x90, 60, 1), (5, 0x90, 61, 1)), track((0, 0x91, 62, 1), (5, 0x91, 63, 1))
    (song,) = Events().encode(Messages(480, (first, second)))
    assert song == ["0_91_3e_01", "5_90_3c_01", "0_90_3d_01", "0_91_3f_01"]


def test_unknown_words_are_left_out() -> None:
    words = "0_90_4f_64 kick BOS 1_f0_01 2_90_4f 3_c0_01_01 4_90_80_00 5_70_01_01 -1_90_01_01 120_80_4F_00 PAD EOS"
    piece = Events().decode(words.split())
    assert piece.tracks[0].tick.tolist() == [0, 120]
    assert piece.tracks[0].message.tolist() == [[0x90, 0x4F, 0x64], [0x80, 0x4F, 0]]
    assert piece.division == 480


def test_a_text_without_any_event_is_refused() -> None:
    with pytest.raises(ValueError, match="'kick' is no event like 0_90_4f_64"):
        Events().decode(["kick", "snare"])
    assert len(Events().decode(["BOS", "EOS"]).tracks[0]) == 0


def test_what_lies_beyond_the_longest_song_is_left_out() -> None:
    piece = Events().decode(["0_90_3c_40", f"{MAX_BEATS * 480}_80_3c_00", "1_90_3c_40", "0_90_3d_40"])
    assert piece.tracks[0].tick.tolist() == [0, MAX_BEATS * 480]


@example(["999999999_90_40_40"] * 3)
@settings(max_examples=60, deadline=None)
@given(st.lists(st.from_regex(r"[0-9]{1,12}_[0-9a-f]{2}_[0-9a-f]{2}(_[0-9a-f]{2})?", fullmatch=True), max_size=30))
def test_whatever_a_model_writes_becomes_a_file_no_longer_than_any_song(words: list[str]) -> None:
    piece = Events().decode(["0_90_3c_40", *words])
    again = messages.read(messages.write(piece))
    assert again.tracks[0].tick[-1] <= MAX_BEATS * 480


@pytest.mark.parametrize(
    ("unknown", "nearest"),
    [
        ("7_90_3d_5a", "0_90_3c_5a"),
        ("100_90_3c_40", "120_90_3c_5a"),
        # Released is released, however it is written.
        ("0_80_3c_40", "120_90_3c_00"),
        ("0_90_3c_00", "120_90_3c_00"),
        ("5_b0_40_7f", "0_b0_07_64"),
        ("0_91_40_5a", "0_91_7f_5a"),
        # None of its kind is known: nothing is struck, and the time is kept.
        ("110_e0_00_00", "120_90_3c_00"),
        ("10_c0_00", "0_b0_07_64"),
    ],
)
def test_an_unknown_word_becomes_the_nearest_known_one(unknown: str, nearest: str) -> None:
    words = ["0_90_3c_5a", "120_90_3c_5a", "120_90_3c_00", "0_91_7f_5a", "0_b0_07_64"]
    assert Events().known([words[0], unknown], Vocabulary.of(words)) == [words[0], nearest]


@pytest.mark.parametrize(
    ("known", "nearest"),
    [
        # The pitch counts more than time and value, the channel more than the pitch.
        (["0_90_40_5a", "900_90_3d_01"], "900_90_3d_01"),
        (["0_91_3c_5a", "900_90_7f_01"], "900_90_7f_01"),
        # All other channels are equally near.
        (["0_92_3d_5a", "0_91_40_5a"], "0_92_3d_5a"),
    ],
)
def test_what_counts_first_where_a_word_is_unknown(known: list[str], nearest: str) -> None:
    assert Events().nearest("0_90_3c_5a", Vocabulary.of(known)) == nearest


def test_without_an_event_nothing_is_nearest() -> None:
    with pytest.raises(ValueError, match=r"^the vocabulary has no events"):
        Events().nearest("0_90_3c_5a", Vocabulary.of([]))
    with pytest.raises(ValueError, match="'kick'"):
        Events().nearest("kick", Vocabulary.of(["0_90_3c_5a"]))


def test_only_pitches_are_transposed() -> None:
    encoding = Events()
    assert encoding.pitched
    assert encoding.transposed("7_90_3c_5a", 2) == "7_90_3e_5a"
    assert encoding.transposed("7_83_3c_00", -12) == "7_83_30_00"
    assert encoding.transposed("7_a0_3c_11", 1) == "7_a0_3d_11"
    assert encoding.transposed("7_90_7e_5a", 1) == "7_90_7f_5a"
    assert encoding.transposed("7_90_7f_5a", 1) is None
    assert encoding.transposed("7_90_01_5a", -1) == "7_90_00_5a"
    assert encoding.transposed("7_90_00_5a", -1) is None
    for fixed in ("7_99_3c_5a", "7_89_7f_5a", "0_b0_40_7f", "0_c0_05", "0_d0_05", "0_e0_00_40", "BOS"):
        assert encoding.transposed(fixed, 5) == fixed


def test_what_still_sounds_is_released_in_the_order_in_which_it_was_struck() -> None:
    words = "0_90_4f_64 0_90_3c_5a 0_91_3c_5a 5_c0_05 5_a0_3c_11 9_b0_40_7f 9_80_4f_00 9_91_3c_00 9_80_11_40 9_90_00_01"
    assert Events().released(words.split()) == ["0_80_3c_00", "0_80_00_00"]
    assert Events().released(["0_90_3c_5a", "0_90_40_5a", "5_90_3c_5a"]) == ["0_80_40_00", "0_80_3c_00"]
    assert Events().released([]) == []


@pytest.mark.parametrize("name", ["jazz/original_metheny.mid", "metallica/midi/2x4.mid"])
def test_text_out_and_in_again_keeps_every_message_and_its_tick(name: str, tmp_path: Path) -> None:
    words, again = tmp_path / "words.txt", tmp_path / "again.mid"
    piece = messages.read(corpus(name).read_bytes())
    encode.main([str(corpus(name)), "--encoding", "events", "--division", "0", "--out", str(words)])
    decode.main([str(words), "--encoding", "events", "--division", "0", "--out", str(again)])
    read = messages.read(again.read_bytes())
    whole = messages.merged(piece.tracks)
    assert read.tracks[0].tick.tolist() == whole.tick.tolist()
    assert read.tracks[0].message.tolist() == whole.message.tolist()


@pytest.mark.parametrize("wrong", [{"track": ""}, {"track": 3}, {"division": -1}, {"division": 1 << 15}])
def test_a_wrong_parameter_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Events(**wrong)  # type: ignore[arg-type]
