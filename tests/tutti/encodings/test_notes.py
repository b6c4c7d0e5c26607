import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.corpora import corpus
from tests.tutti.made import scores
from tutti import midi
from tutti.encodings.chords import chord_name, named_chord, named_pitch, normal_order, pitch_name
from tutti.encodings.notes import NotesAndChords
from tutti.encodings.vocabulary import SPECIALS, Vocabulary
from tutti.errors import RejectedFile
from tutti.score import Notes, Score, Track


def part(onset: list[int], pitch: list[int], **more: object) -> Track:
    return Track(Notes.of(onset, [240] * len(onset), pitch, [90] * len(onset)), **more)  # type: ignore[arg-type]


def test_normal_order_is_music21s_for_every_pitch_class_set() -> None:
    golden = json.loads(corpus("golden/normal_order.json").read_text())
    assert len(golden) == 4095
    for name, expected in golden.items():
        pitch_classes = frozenset(map(int, name.split(".")))
        assert ".".join(map(str, normal_order(pitch_classes))) == expected


@pytest.mark.parametrize(
    ("name", "voicings"),
    [
        ("0.4.7", [(60, 64, 67), (64, 67, 72), (67, 72, 76)]),  # C major and its inversions
        ("9.0.4", [(57, 60, 64), (60, 64, 69), (64, 69, 72)]),  # A minor
        ("11.2.5.7", [(55, 59, 62, 65), (59, 62, 65, 67)]),  # a dominant seventh spans least from its third on
        ("9.11.2.5", [(59, 62, 65, 69)]),  # a half-diminished one from its seventh
        ("8.11.0.4", [(52, 56, 59, 60)]),  # 4.8.11.0 spans as little, but is packed less tightly
        # Symmetric ones are the same from each of their notes, and begin on the lowest.
        ("1.4.7.10", [(61, 64, 67, 70), (70, 73, 76, 79)]),
        ("3.7.11", [(59, 63, 67), (67, 71, 75)]),
        ("0.6", [(66, 72)]),
        ("1.3.5.7.9.11", [(71, 73, 75, 77, 79, 81)]),
        # Of equal spans the one with small intervals first; J. Rahn, who looks at the last ones, has 7.8.0.1.3.
        ("0.1.3.7.8", [(60, 61, 63, 67, 68)]),
        ("7", [(55, 67)]),
    ],
)
def test_a_chord_is_in_fortes_normal_order_however_it_is_voiced(name: str, voicings: list[tuple[int, ...]]) -> None:
    assert [chord_name(voicing) for voicing in voicings] == [name] * len(voicings)


@given(st.integers(0, 127))
def test_every_pitch_has_a_name_of_its_own(pitch: int) -> None:
    assert named_pitch(pitch_name(pitch)) == pitch


@given(st.sets(st.integers(0, 127), min_size=1))
def test_a_chords_name_is_its_pitch_classes(pitches: set[int]) -> None:
    assert set(named_chord(chord_name(pitches)) or ()) == {pitch % 12 for pitch in pitches}


@pytest.mark.parametrize(("pitch", "name"), [(60, "C4"), (76, "E5"), (46, "B-2"), (66, "F#4"), (27, "E-1"), (4, "E_1")])
def test_pitches_are_spelled_as_music21_does(pitch: int, name: str) -> None:
    assert pitch_name(pitch) == name


@settings(max_examples=80, deadline=None)
@given(scores())
def test_encode_decode_encode_gives_the_same_tokens(score: Score) -> None:
    for song in NotesAndChords(part="all").encode(score):
        assert NotesAndChords().encode(midi.read(midi.write(NotesAndChords().decode(song)))) == [song]


def test_every_piano_piece_round_trips() -> None:
    count = 0
    for path in sorted(corpus("piano").glob("*.mid")):
        try:
            score = midi.read(path.read_bytes())
        except RejectedFile:
            continue
        count += 1
        for song in NotesAndChords(part="all").encode(score):
            assert NotesAndChords().encode(midi.read(midi.write(NotesAndChords().decode(song)))) == [song], path.name
    assert count == 91


def test_notes_struck_together_are_a_chord_even_a_little_apart() -> None:
    (song,) = NotesAndChords().encode(Score(480, (part([0, 9, 480, 960], [69, 60, 64, 46]),)))
    assert song == ["9.0", "E4", "B-2"]


def test_two_hands_take_turns() -> None:
    right, left = part([0, 480], [72, 74]), part([0, 0, 480], [48, 52, 50])
    assert NotesAndChords().encode(Score(480, (right, left))) == [["C5", "0.4", "D5", "D3"]]


def test_a_second_hand_may_begin_alone() -> None:
    right, left = part([480], [72]), part([0], [48])
    assert NotesAndChords().encode(Score(480, (right, left))) == [["C3", "C5"]]


def test_an_octave_is_a_chord_of_one_pitch_class() -> None:
    assert NotesAndChords().encode(Score(480, (part([0, 0], [60, 72]),))) == [["0"]]
    assert NotesAndChords().decode(["0"]).tracks[0].notes.pitch.tolist() == [60, 72]


def test_a_token_lasts_half_a_beat() -> None:
    score = NotesAndChords().decode(["C4", "0.4.7", "E5"])
    assert sorted(set(score.tracks[0].notes.onset.tolist())) == [0, 240, 480]
    assert set(score.tracks[0].notes.duration.tolist()) == {240}
    assert score.division == 480
    assert score.tracks[0].name == "Piano"
    assert NotesAndChords().decode(["BOS", "EOS"]).tracks == ()


def test_a_chord_is_voiced_near_the_notes_around_it() -> None:
    low = NotesAndChords().decode(["C2", "0.4.7", "E2"]).tracks[0].notes.pitch
    high = NotesAndChords().decode(["C6", "0.4.7", "E6"]).tracks[0].notes.pitch
    assert low.max() <= 45
    assert high.min() >= 78


def test_parts_are_chosen_by_number_program_and_name() -> None:
    score = Score(
        480,
        (
            part([0], [60], name="Right", program=0, number=0),
            part([0], [64], name="Flute", program=73, number=1),
            part([480], [48], name="Left", program=0, number=2),
            part([0], [36], is_drum=True, number=3),
            part([0], [62], program=40, number=4),
        ),
    )
    assert NotesAndChords().encode(score) == [["C4", "C3"]]
    for selector, song in (("2", "C3"), ("program:73", "E4"), ("left", "C3"), ("role:drums", "C2")):
        assert NotesAndChords(track=selector).encode(score) == [[song]]
        assert NotesAndChords(part=selector) == NotesAndChords(track=selector)
    assert NotesAndChords(part="all").encode(score) == [["C4", "C3"], ["E4"], ["D4"]]
    with pytest.raises(
        RejectedFile, match=r"no track '5' with notes: it has 0 \(Right, program:0\), 1 \(Flute, .*, 3 \(dr"
    ):
        NotesAndChords(track="5").encode(score)
    with pytest.raises(ValueError, match="both choose tracks"):
        NotesAndChords(part="1", track="2")


def test_drums_alone_are_no_part() -> None:
    with pytest.raises(RejectedFile, match="no pitched part"):
        NotesAndChords().encode(Score(480, (part([0], [36], is_drum=True),)))


@pytest.mark.parametrize(
    ("unknown", "nearest"), [("D4", "C4"), ("G9", "E5"), ("0.4.7.9", "0.4.7"), ("2.7", "7.11.2"), ("11.2", "7.11.2")]
)
def test_an_unknown_token_becomes_the_nearest_known_one(unknown: str, nearest: str) -> None:
    vocabulary = Vocabulary.of(["C4", "E5", "0.4.7", "7.11.2"])
    assert NotesAndChords().known(["C4", unknown], vocabulary) == ["C4", nearest]


def test_without_a_known_chord_a_note_of_the_chord_serves() -> None:
    assert NotesAndChords().nearest("0.4.7", Vocabulary.of(["C#4", "E5"])) == "E5"


def test_of_known_chords_the_one_with_fewer_notes_that_differ_is_nearer() -> None:
    assert NotesAndChords().nearest("0.4.7", Vocabulary.of(["7.9.11.0.4", "0.4"])) == "0.4"
    # Any chord is nearer to a chord than a note of it.
    assert NotesAndChords().nearest("0.4.7", Vocabulary.of(["C4", "2.6"])) == "2.6"


def test_without_a_note_or_a_chord_nothing_is_nearest() -> None:
    with pytest.raises(ValueError, match=r"^the vocabulary has no notes and no chords"):
        NotesAndChords().nearest("C4", Vocabulary.of([]))


@pytest.mark.parametrize("word", ["H4", "12", "0.4.12", "0.4.007"])
def test_a_word_that_is_neither_note_nor_chord_is_named(word: str) -> None:
    with pytest.raises(ValueError, match=f"'{word}' is neither a note"):
        NotesAndChords().decode([word])


def higher(score: Score, semitones: int) -> Score:
    tracks = [replace(track, notes=replace(track.notes, pitch=track.notes.pitch + semitones)) for track in score.tracks]
    return replace(score, tracks=tuple(tracks))


@settings(max_examples=80, deadline=None)
@given(scores(pitches=(24, 103)), st.integers(-24, 24))
def test_to_move_the_score_is_to_move_its_tokens(score: Score, semitones: int) -> None:
    encoding = NotesAndChords(part="all")
    moved = [[encoding.transposed(token, semitones) for token in song] for song in encoding.encode(score)]
    assert encoding.encode(higher(score, semitones)) == moved


@given(st.sets(st.integers(0, 11), min_size=1), st.integers(-127, 127))
def test_a_chord_moved_there_and_back_is_itself(pitch_classes: set[int], semitones: int) -> None:
    moved = NotesAndChords().transposed(chord_name(pitch_classes), semitones)
    assert moved is not None
    assert NotesAndChords().transposed(moved, -semitones) == chord_name(pitch_classes)


def test_a_chord_that_is_moved_is_named_anew() -> None:
    assert NotesAndChords().transposed("9.0.4", 3) == "0.3.7"
    # The notes of an augmented chord are equally far apart: it begins with the lowest.
    assert NotesAndChords().transposed("0.4.8", 5) == "1.5.9"


def test_a_note_does_not_leave_the_range_of_midi() -> None:
    assert NotesAndChords().transposed("G9", 0) == "G9"
    assert NotesAndChords().transposed("G9", 1) is None
    assert NotesAndChords().transposed("C#_1", -1) == "C_1"
    assert NotesAndChords().transposed("C_1", -1) is None


def test_the_specials_have_no_pitch() -> None:
    assert NotesAndChords().pitched
    assert [NotesAndChords().transposed(token, 5) for token in SPECIALS] == list(SPECIALS)


@pytest.mark.parametrize(("note", "lowest", "highest"), [("C_1", 0, 23), ("G9", 104, 127), ("C4", 54, 65)])
def test_a_chord_is_voiced_within_the_keyboard_and_half_an_octave_of_its_neighbour(
    note: str, lowest: int, highest: int
) -> None:
    chords = [".".join(map(str, sorted({root, (root + 4) % 12, (root + 7) % 12}))) for root in range(12)]
    for chord in [*chords, "0", "11"]:
        score = NotesAndChords().decode([note, chord, note])
        notes = score.tracks[0].notes
        voiced = notes.pitch[notes.onset == 240].tolist()
        assert lowest <= min(voiced)
        assert max(voiced) <= highest + (12 if "." not in chord else 0)


@pytest.mark.parametrize(
    ("song", "voiced"),
    [
        (["C3", "0.4.7", "C5", "E5", "G5"], [55, 60, 64]),  # half-way between the notes next to it
        (["E2", "C3", "0.4.7"], [43, 48, 52]),
        (["0.4.7", "C3", "E2"], [43, 48, 52]),
        (["0.4.7", "2.7"], [55, 60, 64]),  # without notes, around middle C
        (["C4", "6", "C#4"], [54, 66]),
        (["C_1", "0.4.7", "C_1"], [0, 4, 7]),
        (["G9", "8", "G9"], [104, 116]),
    ],
)
def test_where_a_chord_is_voiced(song: list[str], voiced: list[int]) -> None:
    notes = NotesAndChords().decode(song).tracks[0].notes
    (at,) = (i for i, token in enumerate(song) if token[0].isdecimal() and token != "2.7")
    assert notes.pitch[notes.onset == 240 * at].tolist() == voiced


@pytest.mark.parametrize("wrong", ["", 3])
def test_a_wrong_parameter_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="part is"):
        NotesAndChords(wrong)  # type: ignore[arg-type]
