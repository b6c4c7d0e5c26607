import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.evaluation import copies
from tutti.encodings.melody import Melody
from tutti.encodings.notes import NotesAndChords
from tutti.encodings.vocabulary import BOS, EOS, Vocabulary

MELODY = Melody()
TUNE = ["C5:6", "D5:6", "R:12", "E5:3", "E5:6", "G5:12"]
LETTERS = st.lists(st.integers(3, 5), min_size=1, max_size=30)


def in_keys(words: list[str], keys: range) -> list[list[str]]:
    return [[str(MELODY.transposed(word, semitones)) for word in words] for semitones in keys]


def song(ids: list[int]) -> np.ndarray:
    return np.array([BOS, *ids, EOS], np.int32)


def searched(piece: list[int], songs: list[list[int]]) -> int:
    """The same by trying all passages."""
    return max(
        length
        for length in range(len(piece) + 1)
        if not length
        or any(
            piece[start : start + length] == song[at : at + length]
            for start in range(len(piece) - length + 1)
            for song in songs
            for at in range(len(song) - length + 1)
        )
    )


@given(st.lists(LETTERS, min_size=1, max_size=4), st.lists(LETTERS, min_size=1, max_size=4), st.sampled_from([1, 40]))
def test_the_longest_passage_is_the_one_that_searching_finds(
    pieces: list[list[int]], songs: list[list[int]], at_once: int
) -> None:
    vocabulary = Vocabulary.of("abc")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(copies, "TOKENS_AT_ONCE", at_once)
        found = copies.longest([np.array(piece) for piece in pieces], map(song, songs), copies.as_they_are(vocabulary))
    assert found.tolist() == [searched(piece, songs) for piece in pieces]


@given(
    st.lists(st.sampled_from(TUNE), min_size=1, max_size=12),
    st.lists(st.lists(st.sampled_from(TUNE), min_size=1, max_size=12), min_size=1, max_size=3),
)
def test_a_passage_in_any_key_is_one_of_the_songs_in_all_keys(piece: list[str], songs: list[list[str]]) -> None:
    every = [key for words in songs for key in in_keys(words, range(-12, 13))]
    vocabulary = Vocabulary.of(sorted({word for words in [piece, *every] for word in words}))
    ids = [vocabulary.ids(piece).astype(np.int64)]
    any_key = copies.longest(
        ids, (song(vocabulary.ids(words).tolist()) for words in songs), copies.in_any_key(MELODY, vocabulary)
    )
    as_it_is = copies.longest(
        ids, (song(vocabulary.ids(words).tolist()) for words in every), copies.as_they_are(vocabulary)
    )
    assert any_key.tolist() == as_it_is.tolist()


def test_chords_keep_their_distance_from_notes_and_from_each_other_but_for_octaves() -> None:
    encoding = NotesAndChords()
    words = ["C4", "0.4.7", "E4", "0.3.6.9", "0.4.7"]
    higher = [str(encoding.transposed(word, 5)) for word in words]
    vocabulary = Vocabulary.of(sorted({*words, *higher, "F4"}))
    comparison = copies.in_any_key(encoding, vocabulary)

    def found(piece: list[str]) -> int:
        ids = vocabulary.ids(piece).astype(np.int64)
        return int(copies.longest([ids], [song(vocabulary.ids(words).tolist())], comparison)[0])

    assert found(higher) == len(words)
    assert found(["F4", *words[1:]]) == 4


def test_a_piece_without_a_token_in_common_has_no_passage() -> None:
    comparison = copies.as_they_are(Vocabulary.of("ab"))
    assert copies.longest([np.array([3, 3])], [song([4])], comparison).tolist() == [0]
    assert copies.longest([np.array([3, 3])], [], comparison).tolist() == [0]
