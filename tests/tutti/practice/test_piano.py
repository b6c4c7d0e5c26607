import numpy as np
import pytest

from tests.tutti.practice.conftest import SEED
from tutti import midi
from tutti.encodings.notes import NotesAndChords
from tutti.practice import harmony, melody, piano
from tutti.practice.harmony import Key
from tutti.practice.rng import Rng
from tutti.practice.textures import EIGHTHS, PRELUDES, TEXTURES
from tutti.practice.tunes import TUNES, Tune, parse
from tutti.score import Score

Corpus = dict[str, dict[str, bytes]]
C, A_MINOR, D_DORIAN = Key(0, "major"), Key(9, "minor"), Key(2, "dorian")


def struck(score: Score) -> set[tuple[int, int]]:
    """(eighth, pitch) of all notes."""
    notes = score.tracks[0].notes
    eighth = (notes.onset + piano.EIGHTH // 2) // piano.EIGHTH
    return set(zip(eighth.tolist(), notes.pitch.tolist(), strict=True))


def test_chords_are_what_their_numerals_say() -> None:
    assert harmony.chord("V", A_MINOR).classes == (4, 8, 11)
    assert harmony.chord("i", A_MINOR).classes == (9, 0, 4)
    assert harmony.chord("V7", C).classes == (7, 11, 2, 5)
    assert harmony.chord("bVII", C).classes == (10, 2, 5)
    assert harmony.chord("viio", C).classes == (11, 2, 5)
    assert harmony.chord("IV", D_DORIAN).classes == (7, 11, 2)
    with pytest.raises(ValueError, match="'IIX' is no chord"):
        harmony.chord("IIX", C)


def test_all_progressions_are_four_bars_of_chords() -> None:
    for table in (harmony.OPEN, harmony.CLOSED, harmony.MIDDLE):
        assert set(table) == set(harmony.SCALES)
        for mode, texts in table.items():
            for text in texts:
                assert len(harmony.progression(text, Key(0, mode))) == 4, text


def test_voices_move_little_and_stay_in_their_register() -> None:
    for key in piano.KEYS:
        for text in harmony.OPEN[key.mode]:
            voices: tuple[int, ...] | None = None
            for chord, *_ in harmony.progression(text, key):
                before, voices = voices, harmony.voiced(chord, voices)
                assert {pitch % 12 for pitch in voices} <= set(chord.classes)
                assert harmony.LOWEST_VOICE <= voices[0] < voices[1] < voices[2] <= harmony.HIGHEST_VOICE
                if before:
                    assert sum(abs(a - b) for a, b in zip(voices, before, strict=True)) <= 12


@pytest.mark.parametrize("meter", list(EIGHTHS))
def test_melodies_have_chord_notes_on_strong_beats_and_end_on_the_tonic(meter: tuple[int, int]) -> None:
    size = EIGHTHS[meter]
    for index in range(30):
        rng = Rng(SEED, index)
        key = rng.pick(piano.KEYS)
        bars = harmony.period(harmony.OPEN, key, rng)
        phrase = melody.period(bars, meter, rng)
        for onset, length, degree in phrase:
            bar, at = divmod(onset, size)
            assert melody.LOWEST - 3 <= degree <= melody.HIGHEST + 3
            assert length <= size - at
            if at in melody.STRONG[meter] and phrase[-1][0] != onset:
                assert degree % 7 in bars[bar][at * len(bars[bar]) // size].degrees()
        assert phrase[-1][2] % 7 == 0


@pytest.mark.parametrize("tune", TUNES, ids=lambda tune: tune.name)
def test_every_bar_of_a_tune_is_full_and_has_its_chords(tune: Tune) -> None:
    assert set(tune.form) == set(tune.parts)
    for text, chords in tune.parts.values():
        _, lengths = parse(text)
        assert set(lengths) == {EIGHTHS[tune.meter]}
        assert len(harmony.progression(chords, Key(0, tune.mode))) == len(lengths)


@pytest.mark.parametrize("number", range(len(TUNES)), ids=lambda number: TUNES[number].name)
def test_a_tunes_melody_is_in_every_arrangement(number: int) -> None:
    tune = TUNES[number]
    for index in (piano.EVERY_TUNE * (number + 1) - 1, piano.EVERY_TUNE * (number + 1 + len(TUNES)) - 1):
        name, score = piano.compose(SEED, index)
        assert name.startswith(tune.name)
        assert score.meters == ((0, *tune.meter),)
        notes = struck(score)
        keys = [Key(tonic, tune.mode) for tonic in tune.tonics]
        (key,) = [key for key in keys if f"{tune.name}-{key.name}" == name]
        size = EIGHTHS[tune.meter]
        sung = [(note.onset, note.pitch) for note in piano.sing(tune, tune.form[0], key)]
        assert any({(start * size + onset, pitch) for onset, pitch in sung} <= notes for start in range(5))


def test_the_ode_to_joy_is_itself() -> None:
    (ode,) = [tune for tune in TUNES if tune.name == "ode-to-joy"]
    pitches = [note.pitch for note in piano.sing(ode, "A", C)]
    assert pitches[:15] == [64, 64, 65, 67, 67, 65, 64, 62, 60, 60, 62, 64, 64, 62, 62]


def test_notes_of_a_tune_are_checked() -> None:
    assert parse("q1 e#4 5, | h.r")[0] == ((0, 2, 0, 0), (2, 1, 3, 1), (3, 1, -3, 0))
    assert parse("q1 e#4 5, | h.r")[1] == (4, 6)
    with pytest.raises(ValueError, match="'q8' is no note"):
        parse("q1 q8")


def test_textures_fill_the_bars_of_their_meters() -> None:
    for meter, size in EIGHTHS.items():
        for texture in (*TEXTURES[meter].values(), *PRELUDES[meter]):
            assert len(texture.pattern.split()) == size


def test_every_piece_encodes_and_the_vocabulary_stays_modest(songs: Corpus) -> None:
    tokens: list[str] = []
    for name, content in songs["piano"].items():
        (song,) = NotesAndChords().encode(midi.read(content))
        assert 100 <= len(song) <= 700, name
        tokens += song
    chords = [token for token in tokens if "." in token]
    assert 0.2 < len(chords) / len(tokens) < 0.7
    assert 150 <= len(set(tokens)) <= 400


def test_most_eighths_have_something_struck(songs: Corpus) -> None:
    filled = []
    for content in songs["piano"].values():
        eighths = {eighth for eighth, _ in struck(midi.read(content))}
        filled.append(len(eighths) / (max(eighths) + 1))
    assert np.mean(filled) > 0.75


def test_pieces_have_32_bars_and_more_and_slow_down_at_the_end(songs: Corpus) -> None:
    for name, content in songs["piano"].items():
        score = midi.read(content)
        (_, numerator, denominator) = score.meters[0]
        bar = 4 * score.division * numerator // denominator
        notes = score.tracks[0].notes
        assert 32 <= round(notes.onset[-1] / bar) <= 72, name
        assert notes.pitch.min() >= 20 and notes.pitch.max() <= piano.TOP
        tempos = [tempo for _, tempo in score.tempos]
        assert len(tempos) == 4 and tempos == sorted(tempos, reverse=True)
        assert score.tempos[-1][0] < notes.onset[-1] + bar


def test_a_fifth_of_the_pieces_are_tunes(songs: Corpus) -> None:
    tunes = [name for name in songs["piano"] if any(f"-{tune.name}-" in name for tune in TUNES)]
    assert len(tunes) == len(songs["piano"]) // piano.EVERY_TUNE
