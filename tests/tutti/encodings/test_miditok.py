"""MidiTok's tokens: whatever the score, decoded tokens encode as themselves."""

import builtins
import pickle
import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.corpora import corpus
from tests.tutti.made import scores
from tutti import midi
from tutti.encodings.miditok import DRUMS, KINDS, MAX_NOTES, MidiTok, _loaded
from tutti.encodings.registry import encoding_from_json, encoding_to_json
from tutti.encodings.vocabulary import SPECIALS, Vocabulary
from tutti.errors import Error, RejectedFile
from tutti.score import MAX_BEATS, Notes, Score, Track

pytest.importorskip("miditok")

ENCODINGS = [
    MidiTok(),
    MidiTok("remi"),
    MidiTok("tsd", programs=False, velocities=0, positions=4, rests=True, tempos=32),
    MidiTok("remi", programs=False, velocities=0, positions=4, rests=True, tempos=32),
    MidiTok("tsd", velocities=127, positions=24, rests=True, tempos=128),
    MidiTok("remi", velocities=1, positions=8, rests=True, tempos=2),
]
every_encoding = pytest.mark.parametrize("encoding", ENCODINGS, ids=lambda e: f"{e.tokenizer}-{e.positions}")


@st.composite
def ensembles(draw: st.DrawFn, pitches: tuple[int, int] = (0, 127)) -> Score:
    """Scores of any instruments, lengths, loudnesses and tempos."""
    score = draw(scores(pitches))
    tracks = []
    for track in score.tracks:
        count = len(track.notes)
        long = draw(st.lists(st.integers(0, 40 * score.division), min_size=count, max_size=count))
        loud = draw(st.lists(st.integers(1, 127), min_size=count, max_size=count))
        played = Notes.of(track.notes.onset, long, track.notes.pitch, loud)
        tracks.append(Track(played, "", draw(st.integers(0, 127)), draw(st.booleans())))
    changes = draw(st.lists(st.tuples(st.integers(0, 64 * score.division), st.floats()), max_size=5))
    return replace(score, tracks=tuple(tracks), tempos=tuple(sorted(changes, key=lambda change: change[0])))


@every_encoding
@settings(max_examples=40, deadline=None)
@given(ensembles())
def test_encode_decode_encode_gives_the_same_tokens(encoding: MidiTok, score: Score) -> None:
    try:
        (song,) = encoding.encode(score)
    except RejectedFile:
        assert not encoding.programs and all(track.is_drum for track in score.tracks)
        return
    again = encoding.decode(song)
    assert encoding.encode(again) == [song]
    assert encoding.encode(midi.read(midi.write(again))) == [song]


@pytest.mark.parametrize("encoding", ENCODINGS[:2], ids=lambda e: e.tokenizer)
@pytest.mark.parametrize("name", ["piano", "jazz", "metallica/midi", "trap/by_hand"])
def test_files_of_the_corpora_round_trip(encoding: MidiTok, name: str) -> None:
    paths = sorted(corpus(name).glob("*.mid"))
    for path in paths[:: max(1, len(paths) // 12)]:
        try:
            score = midi.read(path.read_bytes())
        except RejectedFile:
            continue
        (song,) = encoding.encode(score)
        assert encoding.encode(midi.read(midi.write(encoding.decode(song)))) == [song], path.name


@every_encoding
@settings(max_examples=30, deadline=None)
@given(st.data())
def test_any_order_of_tokens_is_a_score(encoding: MidiTok, data: st.DataObject) -> None:
    tokens = data.draw(st.lists(st.sampled_from(encoding.vocabulary().tokens), max_size=100))
    score = encoding.decode(tokens)
    if score.tracks:
        (song,) = encoding.encode(score)
        assert encoding.encode(encoding.decode(song)) == [song]
        assert midi.read(midi.write(score)).tracks


@settings(max_examples=40, deadline=None)
@given(ensembles(), st.sampled_from(ENCODINGS[:2]))
def test_onsets_pitches_and_instruments_are_kept_to_the_position(score: Score, encoding: MidiTok) -> None:
    def struck(score: Score) -> set[tuple[int, int, int]]:
        return {
            (DRUMS if track.is_drum else track.program, int(onset), int(pitch))
            for track in score.tracks
            for onset, pitch in zip((24 * track.notes.onset // score.division + 1) // 2, track.notes.pitch, strict=True)
        }

    assert struck(encoding.decode(encoding.encode(score)[0])) == struck(score)


def test_lengths_are_the_nearest_that_have_a_token_and_end_where_the_pitch_is_struck_again() -> None:
    lengths = [10, 20, 250, 480, 700, 1210, 480 * 20, 480 * 20]
    onsets = [0, 480, 960, 1440, 1920, 2880, 7680, 9600]
    played = Notes.of(onsets, lengths, [60] * 8, [90] * 8)
    (track,) = MidiTok().decode(MidiTok().encode(Score(480, (Track(played),)))[0]).tracks
    assert track.notes.duration.tolist() == [40, 40, 240, 480, 720, 1200, 1920, 3840]


@pytest.mark.parametrize(
    ("encoding", "song"),
    [
        (
            ENCODINGS[0],
            "Program_40 Pitch_60 Velocity_95 Duration_0.6.12 TimeShift_1.0.12 Program_-1 PitchDrum_36 Velocity_95 "
            "Duration_0.6.12 Program_40 Pitch_62 Velocity_95 Duration_0.6.12 TimeShift_1.0.12 Pitch_64 Velocity_95 "
            "Duration_0.6.12",
        ),
        (
            ENCODINGS[1],
            "Bar_None Position_0 Program_40 Pitch_60 Velocity_95 Duration_0.6.12 Position_12 Program_-1 PitchDrum_36 "
            "Velocity_95 Duration_0.6.12 Program_40 Pitch_62 Velocity_95 Duration_0.6.12 Position_24 Pitch_64 "
            "Velocity_95 Duration_0.6.12",
        ),
        (
            ENCODINGS[2],
            "Tempo_122.99 Pitch_60 Duration_0.2.4 Rest_0.2.4 Pitch_62 Duration_0.2.4 Rest_0.2.4 Pitch_64 "
            "Duration_0.2.4",
        ),
    ],
    ids=["tsd", "remi", "rests"],
)
def test_a_song_in_tokens(encoding: MidiTok, song: str) -> None:
    fiddle = Track(Notes.of([0, 480, 960], [240] * 3, [60, 62, 64], [90] * 3), program=40)
    drums = Track(Notes.of([480], [240], [36], [90]), is_drum=True)
    assert encoding.encode(Score(480, (fiddle, drums))) == [song.split()]


def test_how_many_tokens_there_are() -> None:
    assert [len(encoding.vocabulary()) for encoding in ENCODINGS] == [484, 489, 223, 220, 883, 488]


def test_lengths_are_written_in_parts_of_a_beat() -> None:
    tokens = [token for token in ENCODINGS[2].vocabulary().tokens if token.startswith("Duration_")]
    parts = [f"{beat}.{part}.4" for beat in range(2) for part in range(4)][1:]
    halves = [f"{beat}.{part}.2" for beat in range(2, 8) for part in range(2)]
    assert tokens == [f"Duration_{length}" for length in (*parts, *halves, "8.0.2")]


def durations(onset: list[int], length: list[int], pitch: list[int]) -> list[int]:
    """The lengths of notes after encoding and decoding, all in twelfths of a beat."""
    score = Score(12, (Track(Notes.of(onset, length, pitch, [90] * len(onset))),))
    (track,) = MidiTok().decode(MidiTok().encode(score)[0]).tracks
    return (track.notes.duration // 40).tolist()


def test_lengths_are_finer_the_shorter_they_are() -> None:
    lengths = [*range(1, 24), *range(24, 48, 2), *range(48, 97, 6)]
    assert durations([0] * len(lengths), lengths, [*range(len(lengths))]) == lengths


@pytest.mark.parametrize(("length", "kept"), [(50, 48), (51, 48), (52, 54), (200, 96)])
def test_a_length_without_a_token_becomes_the_nearest_and_between_two_the_shorter(length: int, kept: int) -> None:
    assert durations([0], [length], [60]) == [kept]


@pytest.mark.parametrize(("again", "kept"), [(52, 48), (53, 48), (54, 54), (60, 54)])
def test_no_length_reaches_beyond_the_next_note_of_its_pitch(again: int, kept: int) -> None:
    assert durations([0, again], [53, 6], [60, 60]) == [kept, 6]


def test_of_a_note_written_twice_the_longest_and_of_these_the_loudest_stays() -> None:
    played = Notes.of([0, 0, 0], [240, 480, 480], [60] * 3, [127, 32, 96])
    (track,) = MidiTok(velocities=127).decode(MidiTok(velocities=127).encode(Score(480, (Track(played),)))[0]).tracks
    assert (track.notes.duration.tolist(), track.notes.velocity.tolist()) == ([480], [96])


def test_the_lowest_pitch_alone_keeps_its_length() -> None:
    (track,) = MidiTok().decode(MidiTok().encode(Score(480, (Track(Notes.of([960], [720], [0], [90])),)))[0]).tracks
    assert (track.notes.onset.tolist(), track.notes.duration.tolist()) == ([960], [720])


def test_only_drums_have_a_name() -> None:
    played = Notes.of([0], [240], [38], [90])
    score = MidiTok().decode(
        MidiTok().encode(Score(480, (Track(played, "Fiddle", 40), Track(played, is_drum=True))))[0]
    )
    assert {(track.name, track.program, track.is_drum) for track in score.tracks} == {
        ("Drums", 0, True),
        ("", 40, False),
    }


def test_tempos_are_kept_to_the_nearest() -> None:
    played = Notes.of([0, 480, 9600], [480] * 3, [60, 62, 64], [90] * 3)
    score = Score(
        480, (Track(played),), ((0, 88.0), (490, 88.3), (960, 180.0), (1440, 180.1), (9600, 88.0), (96_000, 60.0))
    )
    tempos = MidiTok(tempos=64).decode(MidiTok(tempos=64).encode(score)[0]).tempos
    assert [tick for tick, _ in tempos] == [0, 960, 9600]
    assert [bpm for _, bpm in tempos] == pytest.approx([88, 180, 88], rel=0.02)


@pytest.mark.parametrize(
    ("tempo", "kept"), [(0.0, 40), (-1.0, 40), (39.0, 40), (251.0, 250), (1e300, 250), (float("nan"), 120)]
)
def test_a_tempo_that_no_token_is_for_is_the_slowest_the_fastest_or_the_usual_one(tempo: float, kept: float) -> None:
    score = Score(480, (Track(Notes.of([0], [480], [60], [90])),), ((0, tempo),))
    ((_, bpm),) = MidiTok(tempos=64).decode(MidiTok(tempos=64).encode(score)[0]).tempos
    assert bpm == pytest.approx(kept, rel=0.02)


@every_encoding
def test_the_vocabulary_is_closed_and_in_an_order_of_its_own(encoding: MidiTok) -> None:
    vocabulary = encoding.vocabulary()
    assert vocabulary.tokens[:3] == SPECIALS
    kinds = [KINDS.index(token.partition("_")[0]) for token in vocabulary.tokens[3:]]
    assert kinds == sorted(kinds)
    pitches = [token for token in vocabulary.tokens if token.startswith("Pitch_")]
    assert pitches == [f"Pitch_{pitch}" for pitch in range(128)]
    assert set(vocabulary.tokens[3:]) == set(_loaded(encoding).tokenizer.vocab) - {"PAD_None"}


def test_ids_are_those_of_the_tokens() -> None:
    played = Notes.of([0, 480, 480], [240] * 3, [60, 64, 67], [90, 80, 70])
    score = Score(480, (Track(played, "", 40), Track(played, "", 0, is_drum=True)))
    for encoding in ENCODINGS:
        (ids,), (song,) = encoding.encode_ids(score), encoding.encode(score)
        assert ids.dtype == np.int32
        assert encoding.vocabulary().ids(song).tolist() == ids.tolist()


def test_the_vocabulary_is_the_same_in_another_process() -> None:
    script = "from tutti.encodings.miditok import MidiTok; print(hash(MidiTok('remi').vocabulary().tokens))"
    told = subprocess.run(
        [sys.executable, "-c", script], env={"PYTHONHASHSEED": "0"}, capture_output=True, text=True, check=True
    )
    script = (
        "from tutti.encodings.miditok import MidiTok; MidiTok().vocabulary(); "
        "print(hash(MidiTok('remi').vocabulary().tokens))"
    )
    again = subprocess.run(
        [sys.executable, "-c", script], env={"PYTHONHASHSEED": "0"}, capture_output=True, text=True, check=True
    )
    assert told.stdout == again.stdout


def test_an_encoding_that_has_worked_is_pickled_as_its_parameters() -> None:
    encoding = MidiTok("remi")
    before = pickle.dumps(encoding)
    encoding.decode(["Bar_None"])
    assert pickle.dumps(encoding) == before
    assert len(before) < 300
    assert encoding_from_json(encoding_to_json(pickle.loads(before))) == encoding


def test_miditok_is_imported_where_it_is_used_and_not_before() -> None:
    script = "import sys; from tutti.encodings.registry import encodings; encodings(); print('miditok' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "False"


def test_without_miditok_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    imported = builtins.__import__

    def missing(name: str, *args: Any, **more: Any) -> Any:
        if name == "miditok":
            raise ModuleNotFoundError(name=name)
        return imported(name, *args, **more)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(Error, match=r"pip install '\.\[miditok\]'"):
        MidiTok(velocities=3).vocabulary()


def test_a_file_that_miditok_cannot_encode_is_rejected_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise IndexError("no such tempo")

    monkeypatch.setattr(_loaded(MidiTok()).tokenizer, "encode", broken)
    with pytest.raises(RejectedFile, match=r"^MidiTok cannot encode it: IndexError: no such tempo$"):
        MidiTok().encode(Score(480, (Track(Notes.of([0], [480], [60], [90])),)))


@settings(max_examples=40, deadline=None)
@given(ensembles(pitches=(24, 103)), st.integers(-24, 24))
def test_to_move_the_score_is_to_move_its_tokens(score: Score, semitones: int) -> None:
    tracks = [
        track if track.is_drum else replace(track, notes=replace(track.notes, pitch=track.notes.pitch + semitones))
        for track in score.tracks
    ]
    (song,) = MidiTok().encode(score)
    moved = [MidiTok().transposed(token, semitones) for token in song]
    assert MidiTok().encode(replace(score, tracks=tuple(tracks))) == [moved]


def test_only_pitches_are_moved() -> None:
    assert MidiTok().pitched
    assert MidiTok().transposed("Pitch_120", 7) == "Pitch_127"
    assert MidiTok().transposed("Pitch_120", 8) is None
    assert MidiTok().transposed("Pitch_5", -5) == "Pitch_0"
    assert MidiTok().transposed("Pitch_5", -6) is None
    for token in ("PitchDrum_36", "Velocity_127", "Program_-1", "Duration_1.0.12", *SPECIALS):
        assert MidiTok().transposed(token, 5) == token


@pytest.mark.parametrize("token", ["0b100000000", "Pitch_128", "Bar_None", "Duration_9.0.2", "E5", "Pitch"])
def test_a_token_of_another_encoding_is_named(token: str) -> None:
    with pytest.raises(ValueError, match=f"'{token}' is none of MidiTok's tokens"):
        MidiTok().decode(["Pitch_60", token])
    with pytest.raises(ValueError, match=token):
        MidiTok().nearest(token, Vocabulary.of(["Pitch_60"]))


@pytest.mark.parametrize(
    "wrong",
    [
        {"tokenizer": "octuple"},
        {"positions": 5},
        {"velocities": 128},
        {"velocities": -1},
        {"tempos": 1},
        {"tempos": 129},
    ],
)
def test_a_wrong_parameter_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        MidiTok(**wrong)


def test_drums_alone_are_no_part_where_instruments_have_no_token() -> None:
    drums = Score(480, (Track(Notes.of([0], [120], [36], [90]), is_drum=True),))
    assert "PitchDrum_36" in MidiTok().encode(drums)[0]
    with pytest.raises(RejectedFile, match="no pitched part"):
        MidiTok(programs=False).encode(drums)
    fiddle = Score(480, (Track(Notes.of([0], [120], [60], [90]), program=40),))
    (track,) = MidiTok(programs=False).decode(MidiTok(programs=False).encode(fiddle)[0]).tracks
    assert track.program == 0


def test_no_tokens_are_a_score_without_notes() -> None:
    for encoding in ENCODINGS:
        assert encoding.decode([]).tracks == ()
        assert encoding.decode([]).division == encoding.decode(["BOS", "Pitch_60"]).division == 480
        assert encoding.decode(["BOS", "Pitch_60", "EOS"]).tracks == ()


@pytest.mark.parametrize("encoding", ENCODINGS[:4], ids=lambda e: f"{e.tokenizer}-{e.positions}")
def test_hostile_scores_are_encoded_or_rejected(encoding: MidiTok) -> None:
    count = 1 << 20
    every = np.arange(count)

    def of(onset: Any, pitch: Any, division: int = 480, **more: Any) -> Score:
        size = len(onset)
        return Score(division, (Track(Notes.of(onset, np.full(size, 2**31 - 1), pitch, [90] * size)),), **more)

    at_once = encoding.encode_ids(of(np.zeros(count), every % 128, 32767))
    assert len(at_once[0]) < 500
    empty = encoding.encode_ids(of([0, MAX_BEATS * 480], [60, 60]))
    assert len(empty[0]) <= MAX_BEATS // 4 + 16
    absurd = encoding.encode_ids(
        of(
            [0, 480],
            [60, 62],
            tempos=tuple((i // 9, (0.0, 1e300, -1.0, float("nan"))[i % 4]) for i in range(1 << 16)),
            meters=tuple((i, 255, 1 << 30) for i in range(1 << 16)),
        )
    )
    assert len(absurd[0]) < 100
    with pytest.raises(RejectedFile, match=f"beyond the limit of {MAX_NOTES:,}"):
        encoding.encode_ids(of(every * 120 // 16, every % 128))
