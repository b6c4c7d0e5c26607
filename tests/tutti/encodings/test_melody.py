from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.corpora import corpus
from tests.tutti.made import scores
from tutti import midi
from tutti.cli import decode, encode
from tutti.encodings import grid
from tutti.encodings.chords import pitch_name
from tutti.encodings.melody import LONGEST, Melody
from tutti.encodings.vocabulary import Vocabulary
from tutti.errors import RejectedFile
from tutti.score import Notes, Score, Track, joined


def voice(*notes: tuple[int, int, int], **more: object) -> Track:
    """A track of (onset, duration, pitch)."""
    onset, duration, pitch = zip(*notes, strict=True)
    return Track(Notes.of(onset, duration, pitch, [90] * len(notes)), **more)  # type: ignore[arg-type]


def tokens(*tracks: Track, track: str = "skyline") -> list[str]:
    (song,) = Melody(track).encode(Score(480, tracks))
    return song


def length(song: list[str]) -> int:
    return sum(int(token.partition(":")[2]) for token in song)


@settings(max_examples=100, deadline=None)
@given(scores())
def test_encode_decode_encode_gives_the_same_tokens(score: Score) -> None:
    (song,) = Melody().encode(score)
    assert Melody().encode(Melody().decode(song)) == [song]
    assert Melody().encode(midi.read(midi.write(Melody().decode(song)))) == [song]


@pytest.mark.parametrize("name", ["piano", "jazz", "trap/loops"])
def test_every_pitched_track_of_the_corpora_round_trips(name: str) -> None:
    for path in sorted(corpus(name).rglob("*.mid")):
        try:
            score = midi.read(path.read_bytes())
        except RejectedFile:
            continue
        for number in {track.number for track in score.tracks}:
            (song,) = Melody(str(number)).encode(score)
            assert Melody().encode(Melody().decode(song)) == [song], (path.name, number)


def test_the_solo_of_the_jazz_piece_is_on_the_guitar() -> None:
    score = midi.read((corpus("jazz") / "original_metheny.mid").read_bytes())
    (song,) = Melody("Guitar").encode(score)
    (guitar,) = (track for track in score.tracks if track.name == "Guitar")
    onset = grid.snapped(guitar.notes.onset, score.division)
    # A song begins with a bar of 4/4 and ends with its last note.
    assert int(onset[0]) // 48 * 48 + length(song[:-1]) == onset[-1]


@settings(max_examples=60, deadline=None)
@given(scores())
def test_a_song_has_the_highest_note_of_each_onset_where_it_was_struck(score: Score) -> None:
    (song,) = Melody("0").encode(score)
    notes = joined([track.notes for track in score.tracks])
    start = grid.snapped(notes.onset, score.division)
    wanted = {at: max(notes.pitch[start == at].tolist()) for at in start.tolist()}
    at = min(wanted) // 48 * 48
    heard = {}
    for token in song:
        name, _, size = token.partition(":")
        if name != "R":
            heard[at] = name
        at += int(size)
    assert heard == {at: pitch_name(pitch) for at, pitch in wanted.items()}


def test_the_grid_has_16ths_and_eighth_triplets_and_between_two_takes_the_16th() -> None:
    beat = np.array([0, 0, 3, 3, 4, 6, 6, 6, 8, 9, 9, 12])
    for division in (12, 480):
        tick = np.arange(8 * 12) * (division // 12)
        assert grid.snapped(tick, division).tolist() == np.add.outer(12 * np.arange(8), beat).ravel().tolist()


def test_of_notes_struck_together_the_highest_is_heard() -> None:
    assert tokens(voice((0, 480, 60), (0, 240, 67), (9, 480, 64))) == ["G4:6"]


def test_a_note_ends_where_the_next_begins() -> None:
    assert tokens(voice((0, 1920, 60), (480, 240, 62))) == ["C4:12", "D4:6"]


def test_silence_between_notes_is_a_rest() -> None:
    assert tokens(voice((0, 240, 60), (480, 160, 63), (640, 160, 62))) == ["C4:6", "R:6", "E-4:4", "D4:4"]


def test_an_upbeat_stays_one_and_whole_bars_of_silence_before_it_are_left_out() -> None:
    upbeat = 4 * 1920 + 1440
    assert tokens(voice((upbeat, 480, 60))) == ["R:36", "C4:12"]
    assert tokens(voice((4 * 1920, 480, 60))) == ["C4:12"]


def test_a_long_rest_is_several_and_a_long_note_is_cut() -> None:
    song = tokens(voice((0, 480 * 20, 60), (480 * 30, 480, 62)))
    assert song == ["C4:96", "R:96", "R:96", "R:72", "D4:12"]
    assert Melody().encode(Melody().decode(song)) == [song]


def test_however_short_a_note_is_heard() -> None:
    assert tokens(voice((0, 1, 60), (120, 1, 62), (160, 1, 64))) == ["C4:3", "D4:1", "E4:2"]


def test_the_skyline_is_the_highest_track_that_is_no_drum() -> None:
    low, high = voice((0, 480, 48)), voice((0, 480, 60), (480, 480, 72))
    drums = voice((0, 480, 100), is_drum=True)
    assert tokens(low, drums, high) == ["C4:12", "C5:12"]


def test_tracks_are_chosen_by_number_program_and_name() -> None:
    tracks = (
        voice((0, 480, 36), is_drum=True, name="Drums", number=1, channel=10),
        voice((0, 480, 60), name="Piano", program=0, number=2, channel=1),
        voice((0, 480, 64), name="Guitar", program=26, number=4, channel=2),
        voice((480, 480, 67), name="Guitar", program=26, number=5, channel=2),
    )
    assert tokens(*tracks, track="2") == ["C4:12"]
    assert tokens(*tracks, track="4") == ["E4:12"]
    assert tokens(*tracks, track="channel:2") == ["E4:12", "G4:12"]
    assert tokens(*tracks, track="role:drums") == ["C2:12"]
    assert tokens(*tracks, track="program:26") == ["E4:12", "G4:12"]
    assert tokens(*tracks, track=" guitar") == ["E4:12", "G4:12"]
    for wrong in ("3", "program:7", "Oboe", "channel:3"):
        with pytest.raises(
            RejectedFile, match=rf"no track '{wrong}' with notes: it has 1 \(Drums, drums\), 2 \(Piano, pr"
        ):
            tokens(*tracks, track=wrong)
    for track in ("melody", "skyline"):
        with pytest.raises(RejectedFile, match="no pitched track"):
            tokens(*tracks[:1], track=track)


def test_a_reason_lists_tracks_as_they_can_be_chosen_and_stays_short() -> None:
    named = voice((0, 480, 60), name="Guitar", program=26)
    nameless = [voice((0, 480, 60), program=4, number=number) for number in range(1, 34)]
    with pytest.raises(RejectedFile, match=r"it has 0 \(Guitar, program:26\), 1 \(program:4\)$"):
        tokens(named, nameless[0], track="oboe")
    with pytest.raises(RejectedFile, match=r" 32 \(program:4\)$"):
        tokens(*nameless[:32], track="oboe")
    with pytest.raises(RejectedFile, match=r" 32 \(program:4\), \.\.\.$"):
        tokens(*nameless, track="oboe")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(["PAD", "BOS", "EOS", "R:1", f"R:{LONGEST}"]),
            st.builds("{}:{}".format, st.integers(0, 127).map(pitch_name), st.integers(1, LONGEST)),
        ),
        max_size=40,
    )
)
def test_whatever_a_model_writes_is_laid_end_to_end(song: list[str]) -> None:
    score = Melody().decode(song)
    assert midi.write(score).startswith(b"MThd")
    for track in score.tracks:
        ends = track.notes.onset + track.notes.duration
        assert all(end <= onset for end, (_, onset) in zip(ends, pairwise(track.notes.onset), strict=False))
        assert np.isin(track.notes.onset % 40, 0).all()


def test_rests_alone_are_silence() -> None:
    assert Melody().decode(["R:12"]).tracks == ()


def test_the_specials_take_no_time() -> None:
    (track,) = Melody().decode(["BOS", "C4:12", "PAD", "E4:6", "EOS"]).tracks
    assert track.notes.onset.tolist() == [0, 480]
    assert track.notes.pitch.tolist() == [60, 64]
    assert track.name == "Melody"


@pytest.mark.parametrize("wrong", ["H4:3", "C4", "C4:0", "C4:97", "C4:03", "R", "r:3", "0.4.7:6", "C4:3:3", "G#9:3"])
def test_a_word_that_is_neither_note_nor_rest_is_named(wrong: str) -> None:
    with pytest.raises(ValueError, match=rf"'{wrong}' is neither a note like E-5:6 nor a rest"):
        Melody().decode([wrong])


@pytest.mark.parametrize(
    ("unknown", "nearest"),
    [
        ("D4:12", "C4:12"),
        ("C4:11", "C4:12"),
        ("B4:13", "C5:18"),
        ("E5:12", "C5:18"),
        ("C6:12", "C5:18"),
        ("R:40", "R:48"),
    ],
)
def test_an_unknown_token_becomes_the_nearest_known_one(unknown: str, nearest: str) -> None:
    words = ["C4:12", "C5:18", "R:3", "R:48"]
    assert Melody().known([words[0], unknown], Vocabulary.of(words)) == [words[0], nearest]


@pytest.mark.parametrize("known", [["C4:24", "C5:12"], ["C5:12", "C4:24"], ["C4:6", "C5:12"]])
def test_twice_or_half_the_length_counts_as_much_as_an_octave(known: list[str]) -> None:
    assert Melody().nearest("C4:12", Vocabulary.of(known)) == known[0]


def test_where_there_is_no_rest_or_no_note_the_length_counts() -> None:
    assert Melody().nearest("R:5", Vocabulary.of(["C4:12", "E4:6"])) == "E4:6"
    assert Melody().nearest("C4:5", Vocabulary.of(["R:12", "R:6"])) == "R:6"
    with pytest.raises(ValueError, match=r"^the vocabulary has no notes and no rests"):
        Melody().nearest("C4:5", Vocabulary.of([]))


def test_notes_are_transposed_and_rests_are_not() -> None:
    encoding = Melody()
    assert encoding.pitched
    assert encoding.transposed("E-5:6", 1) == "E5:6"
    assert encoding.transposed("C#_1:6", -1) == "C_1:6"
    assert encoding.transposed("C_1:6", -1) is None
    assert encoding.transposed("F#9:6", 1) == "G9:6"
    assert encoding.transposed("G9:6", 1) is None
    assert encoding.transposed("R:6", 5) == "R:6"
    assert encoding.transposed("EOS", 5) == "EOS"


def test_a_transposed_song_is_the_song_of_the_transposed_score() -> None:
    played = [(0, 480, 60), (480, 100, 63), (960, 2000, 71)]
    moved = [Melody().transposed(token, 3) for token in tokens(voice(*played))]
    assert moved == tokens(voice(*((onset, duration, pitch + 3) for onset, duration, pitch in played)))


def test_text_out_and_in_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, again = tmp_path / "tune.mid", tmp_path / "again.mid"
    file.write_bytes(midi.write(Score(480, (voice((480, 240, 60), (960, 160, 75)),))))
    encode.main([str(file), "--encoding", "melody"])
    song = capsys.readouterr().out
    assert song == "R:12 C4:6 R:6 E-5:4\n"
    words = tmp_path / "tune.txt"
    words.write_text(song)
    decode.main([str(words), "--encoding", "melody", "--out", str(again)])
    capsys.readouterr()
    encode.main([str(again), "--encoding", "melody"])
    assert capsys.readouterr().out == song


@pytest.mark.parametrize("wrong", ["", " ", 3, "channel:0", "channel:17", "program:128", "program:x", "role:solo"])
def test_a_wrong_parameter_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="track"):
        Melody(wrong)  # type: ignore[arg-type]
