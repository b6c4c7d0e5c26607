import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.corpora import corpus
from tests.tutti.made import scores
from tutti import midi, roles
from tutti.encodings.drums import DRUMS, Drums
from tutti.errors import RejectedFile
from tutti.score import Notes, Score, Track

ENCODINGS = [Drums(resolution=resolution, bars=bars) for resolution in (16, 32) for bars in ("fixed", "meter")]
SILENT = "0b000000000"
KICK = "0b100000000"


def drum_score(onset: list[int], pitch: list[int], division: int = 480, **more: object) -> Score:
    played = Notes.of(onset, [1] * len(onset), pitch, [90] * len(onset))
    return Score(division, (Track(played, is_drum=True),), **more)  # type: ignore[arg-type]


def test_the_metallica_corpus_gives_the_papers_own_words() -> None:
    golden = corpus("golden/metallica_words.txt").read_text().split()
    text = " ".join(golden) + " "
    words = 0
    for path in sorted(corpus("metallica/midi").glob("*.mid")):
        (song,) = Drums().encode(midi.read(path.read_bytes()))
        assert " ".join(song) + " " in text, path.name
        words += len(song)
    assert words == len(golden) == 185_759


@pytest.mark.parametrize("encoding", ENCODINGS)
@settings(max_examples=60, deadline=None)
@given(score=scores((35, 59), drums=True))
def test_encode_decode_encode_gives_the_same_words(encoding: Drums, score: Score) -> None:
    try:
        (song,) = encoding.encode(score)
    except RejectedFile:
        return
    assert encoding.encode(midi.read(midi.write(encoding.decode(song)))) == [song]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_file_of_the_corpora_round_trips(encoding: Drums) -> None:
    for path in [*corpus("metallica/midi").glob("*.mid"), *corpus("trap").glob("*/*.mid")]:
        (song,) = encoding.encode(midi.read(path.read_bytes()))
        assert encoding.encode(midi.read(midi.write(encoding.decode(song)))) == [song], path.name


@pytest.mark.parametrize("encoding", ENCODINGS)
@settings(max_examples=60, deadline=None)
@given(words=st.lists(st.sampled_from(["BAR", "BAR", KICK, SILENT, "0b111111111", "PAD", "BOS", "EOS"]), max_size=80))
def test_whatever_a_model_writes_becomes_a_file(encoding: Drums, words: list[str]) -> None:
    assert midi.write(encoding.decode(words)).startswith(b"MThd")


def test_bar_comes_after_every_16_words_and_the_last_bar_is_full() -> None:
    (song,) = Drums().encode(drum_score([0, 480 * 9], [36, 36]))
    assert [i for i, word in enumerate(song) if word == "BAR"] == [16, 33, 50]
    assert len(song) == 51


def test_a_hit_goes_to_the_nearest_step_halves_upwards() -> None:
    (song,) = Drums().encode(drum_score([0, 59, 60, 179, 180], [36, 38, 42, 46, 51]))
    assert song[:3] == ["0b110000000", "0b001100000", "0b000000010"]


FOLDS = {
    "0b100000000": (35, 36),  # bass drums
    "0b010000000": (37, 38, 40),  # side stick, snares
    "0b001000000": (42, 44),  # closed and pedal hi-hat
    "0b000100000": (46,),  # open hi-hat
    "0b000010000": (41, 43),  # floor toms
    "0b000001000": (45, 47),  # low toms
    "0b000000100": (48, 50),  # high toms
    "0b000000010": (51, 53, 55, 59),  # rides, ride bell, splash
    "0b000000001": (49, 52, 57),  # crashes, china
}


@pytest.mark.parametrize("word", FOLDS)
def test_each_drum_of_general_midi_folds_into_one_of_nine(word: str) -> None:
    assert [Drums().encode(drum_score([0], [pitch]))[0][0] for pitch in FOLDS[word]] == [word] * len(FOLDS[word])


def test_what_is_none_of_the_nine_drums_is_ignored() -> None:
    others = sorted(set(range(128)).difference(*FOLDS.values()))
    (song,) = Drums().encode(drum_score([0] * (len(others) + 1), [36, *others]))
    assert song[0] == KICK
    with pytest.raises(RejectedFile, match="nine drums"):
        Drums().encode(drum_score([0] * len(others), others))


def test_meter_bars_follow_the_files_time_signatures() -> None:
    score = drum_score([0, 1440, 2880], [36, 36, 36], meters=((0, 3, 4), (2880, 2, 4)))
    (song,) = Drums(bars="meter").encode(score)
    assert [i for i, word in enumerate(song) if word == "BAR"] == [12, 25, 34]


def test_a_last_hit_just_ahead_of_a_bar_line_is_in_the_bar_after_it() -> None:
    (song,) = Drums(bars="meter").encode(drum_score([0, 1919], [36, 38]))
    assert [i for i, word in enumerate(song) if word == "BAR"] == [16, 33]
    assert song[17] == "0b010000000"
    # A step before it is in the bar.
    (song,) = Drums(bars="meter").encode(drum_score([0, 1800], [36, 38]))
    assert (len(song), song[15]) == (17, "0b010000000")


@pytest.mark.parametrize("words", [15, 17])
def test_a_bar_too_early_or_too_late_falls_on_the_nearest_line(words: int) -> None:
    score = Drums().decode([KICK] * words + ["BAR", KICK])
    onset = score.tracks[0].notes.onset
    assert onset[-1] == 16 * 120
    assert len(onset) == min(words, 16) + 1


def test_missing_bars_change_nothing() -> None:
    score = Drums().decode([KICK] * 40)
    assert score.tracks[0].notes.onset.tolist() == [120 * i for i in range(40)]


def test_auto_takes_what_plays_as_a_kit_where_channel_10_is_empty() -> None:
    drums = Track(Notes.of(range(0, 7680, 240), [60] * 32, [36, 42, 38, 42] * 8, [90] * 32))
    bass = Track(Notes.of(range(0, 7680, 480), [400] * 16, [41, 43, 45, 48] * 4, [90] * 16))
    score = Score(480, (bass, drums))
    (song,) = Drums().encode(score)
    assert song[0] == KICK
    assert Drums().choice(score) == ((drums,), roles.PLAYING)
    with pytest.raises(RejectedFile, match="nothing on channel 10"):
        Drums(drum_source="channel10").encode(score)
    # All its pitches are those of drums, too.
    with pytest.raises(RejectedFile, match="no drums: nothing is on channel 10"):
        Drums().encode(Score(480, (bass,)))


def test_a_track_that_is_asked_for_is_taken_whatever_else_there_is() -> None:
    kit = Track(Notes.of([0], [60], [38], [90]), is_drum=True, number=1)
    other = Track(Notes.of([0], [60], [36], [90]), "Loop", number=2)
    for selector in ("2", "loop"):
        assert Drums(track=selector).encode(Score(480, (kit, other)))[0][0] == KICK


def test_the_vocabulary_is_512_words_bar_and_the_specials() -> None:
    assert len(Drums().vocabulary()) == 516
    assert len({word for word in Drums().vocabulary().tokens if word.startswith("0b")}) == 512


def test_decoded_hits_are_the_nine_drums_on_channel_10() -> None:
    (track,) = Drums().decode(["0b111111111"]).tracks
    assert track.is_drum
    assert (track.name, track.program) == ("Drums", 0)
    assert sorted(track.notes.pitch.tolist()) == sorted(DRUMS)


def test_hits_on_a_beat_are_louder() -> None:
    for resolution in (16, 32):
        beat = resolution // 4
        (track,) = Drums(resolution=resolution).decode([KICK] * (beat + 1)).tracks
        assert track.notes.velocity.tolist() == [100, *[80] * (beat - 1), 100]


def test_the_specials_take_no_time_and_silence_has_no_track() -> None:
    (track,) = Drums().decode(["BOS", KICK, "PAD", KICK, "EOS"]).tracks
    assert track.notes.onset.tolist() == [0, 120]
    assert Drums().decode([SILENT, "BAR"]).tracks == ()
    assert Drums().decode([]).tracks == ()


def test_decoded_meters_follow_the_bars_as_far_as_a_file_can_say_them() -> None:
    encoding = Drums(bars="meter")
    words = ["BAR", *[KICK] * 12, "BAR", "BAR", *[KICK] * 16, "BAR"]
    assert encoding.decode(words).meters == ((0, 3, 4), (12 * 120, 4, 4))
    assert encoding.decode([*[KICK] * 257, "BAR"]).meters == ((0, 255, 16),)


def test_a_word_of_another_encoding_is_named() -> None:
    with pytest.raises(ValueError, match="'E5' is not a drum word"):
        Drums().decode([KICK, "E5"])


@pytest.mark.parametrize("wrong", [{"resolution": 24}, {"bars": "none"}, {"drum_source": "left"}])
def test_a_wrong_parameter_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Drums(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(("words", "steps"), [(3, 0), (8, 0), (9, 16), (15, 16), (24, 16), (25, 32)])
def test_a_bar_is_cut_up_to_its_half_and_filled_up_beyond(words: int, steps: int) -> None:
    score = Drums().decode(["0b100000000"] * words + ["BAR", "0b010000000"])
    (snare,) = score.tracks[-1].notes.onset[score.tracks[-1].notes.pitch == 38].tolist()
    assert snare == steps * 120
    assert score.meters == ((0, 4, 4),)


def test_all_tracks_are_drums_on_request() -> None:
    bass = Track(Notes.of([120], [60], [38], [90]), program=33)
    kit = Track(Notes.of([0], [60], [36], [90]), is_drum=True)
    (words,) = Drums(drum_source="all").encode(Score(480, (bass, kit)))
    assert words[:2] == ["0b100000000", "0b010000000"]
    (words,) = Drums(drum_source="channel10").encode(Score(480, (bass, kit)))
    assert words[:2] == ["0b100000000", "0b000000000"]
    with pytest.raises(RejectedFile, match="nothing on channel 10"):
        Drums(drum_source="channel10").encode(Score(480, (bass,)))


def test_bars_of_another_length_are_counted_and_the_resolution_they_speak_for_is_said() -> None:
    full, odd = [KICK] * 16 + ["BAR"], [KICK] * 17 + ["BAR"]
    assert Drums().misfit(full * 2) == ""
    assert Drums().misfit(["BOS", *full, "PAD", *full, KICK, "EOS"]) == ""
    assert Drums().misfit([KICK] * 3) == ""
    assert Drums().misfit(full * 2 + odd) == "1 of 3 bars have not 16 words and were filled up or cut"
    assert Drums().misfit(odd * 1001) == "1,001 of 1,001 bars have not 16 words and were filled up or cut"
    assert Drums(bars="meter").misfit(odd) == ""
    with pytest.raises(
        ValueError, match=r"^2 of 3 bars have not 32 words, most have 16; decode it with --resolution 16$"
    ):
        Drums(resolution=32).misfit(full * 2 + ([KICK] * 32 + ["BAR"]))
