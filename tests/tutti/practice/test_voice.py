from itertools import pairwise

import numpy as np

from tests.tutti.practice.conftest import SEED
from tutti import midi
from tutti.encodings.melody import Melody
from tutti.practice import songs, voice
from tutti.practice.piano import EVERY_TUNE
from tutti.practice.rng import Rng
from tutti.practice.textures import EIGHTHS
from tutti.practice.tunes import TUNES

Corpus = dict[str, dict[str, bytes]]
FOUR = (4, 4)


def test_a_tune_is_one_note_at_a_time(songs: Corpus) -> None:
    for name, content in songs["melody"].items():
        (track,) = midi.read(content).tracks
        notes = track.notes
        assert (notes.onset[1:] >= (notes.onset + notes.duration)[:-1]).all(), name
        assert notes.pitch.min() >= 48 and notes.pitch.max() <= 96, name


def test_every_tune_has_16_to_32_bars_and_perhaps_one_before(songs: Corpus) -> None:
    for name, content in songs["melody"].items():
        score = midi.read(content)
        (_, numerator, denominator) = score.meters[0]
        bar = 4 * score.division * numerator // denominator
        assert 14.9 <= score.tracks[0].notes.onset[-1] / bar <= 33, name


def test_phrases_come_back() -> None:
    song = songs.original(FOUR, "AABA", Rng(SEED, 0))
    line = songs.line(song.sections, FOUR)
    size = 8 * EIGHTHS[FOUR]
    phrases = [[(n.onset - i * size, n.length, n.pitch) for n in line if n.onset // size == i] for i in range(4)]
    assert phrases[0] == phrases[1] == phrases[3] != phrases[2]


def test_most_passages_of_a_tune_are_heard_twice(songs: Corpus) -> None:
    returning = []
    for content in songs["melody"].values():
        (tokens,) = Melody().encode(midi.read(content))
        fours = ["".join(tokens[i : i + 4]) for i in range(len(tokens) - 3)]
        returning.append(np.mean([fours.count(four) > 1 for four in fours]))
    assert np.mean(returning) > 0.5


def test_a_pickup_takes_its_time_from_the_bar_before() -> None:
    (saints,) = [tune for tune in TUNES if tune.name == "when-the-saints"]
    song = songs.of_tune(saints, 0, least=32)
    assert len(songs.chords(song.sections)) == 32
    line = songs.line(song.sections, FOUR)
    assert line[0].onset == -6
    assert [note.onset for note in line] == sorted({note.onset for note in line})
    assert all(note.onset + note.length <= after.onset for note, after in pairwise(line))


def test_a_fifth_are_tunes_and_none_in_one_key_twice(songs: Corpus) -> None:
    names = [name.partition("-")[2] for name in songs["melody"]]
    tunes = [name for name in names if any(name.startswith(tune.name) for tune in TUNES)]
    assert len(tunes) == len(set(tunes)) == len(names) // EVERY_TUNE


def test_the_first_note_is_at_the_beginning_or_a_pickup() -> None:
    for index in range(60):
        _, score = voice.compose(SEED, index)
        assert score.tracks[0].notes.onset[0] < 4 * score.division
