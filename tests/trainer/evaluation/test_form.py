from pathlib import Path

import numpy as np
import pytest

from tests.trainer import made
from trainer.data.reader import open_corpus
from trainer.evaluation import form
from tutti.encodings.drums import Drums
from tutti.encodings.melody import Melody
from tutti.encodings.mulaw import MuLaw
from tutti.encodings.pianoroll import PianoRoll
from tutti.encodings.vocabulary import BOS, EOS, Vocabulary
from tutti.errors import Error

SCALE = ["C4:6", "D4:6", "E4:6", "F4:6", "G4:6", "A4:6", "B4:6", "C5:6"]
OTHER = ["D4:6", "E4:6", "F#4:6", "G4:6", "A4:6", "B4:6", "C#5:6", "D5:6"]
SKIPS = ["C4:6", "G4:6", "D4:6", "A4:6", "E4:6", "B4:6", "F4:6", "C5:6"]


def melodies(folder: Path, **songs: list[list[str]]) -> made.Made:
    """A dataset of melodies by split."""
    vocabulary = Vocabulary.of(sorted({*SCALE, *OTHER}))
    ids = {
        split: [np.array([BOS, *vocabulary.ids(words), EOS], np.int32) for words in songs.get(split, [])]
        for split in ("train", "validation", "test")
    }
    return made.dataset(folder / "dataset", ids, encoding=Melody(), vocabulary=vocabulary)


def compared(dataset: made.Made, *pieces: list[str]) -> form.Form:
    return form.compare(pieces, open_corpus(dataset.path), "test")


def test_what_returns_are_the_passages_of_four_that_a_piece_has_more_than_once() -> None:
    assert form.returning(np.arange(20)) == 0
    assert form.returning(np.tile(np.arange(5), 4)) == 1
    assert form.returning(np.array([1, 2, 3, 4, 5, 1, 2, 3, 4])) == 2 / 6


def test_a_copy_counts_in_any_key_and_with_what_is_around_it(tmp_path: Path) -> None:
    dataset = melodies(tmp_path, train=[SKIPS + SCALE], test=[SKIPS])
    found = compared(dataset, OTHER, OTHER, SCALE[3:] + SCALE[:3])
    assert found.any_key
    assert found.pieces["copied"] == found.pieces["longest_copy"] == found.held["copied"] == 8
    assert found.pieces["copied_share"] == 1
    assert compared(dataset, SCALE[3:] + SCALE[:3]).pieces["longest_copy"] == 5


def test_pieces_are_compared_in_equally_many_tokens_whatever_their_lengths(tmp_path: Path) -> None:
    dataset = melodies(tmp_path, train=[OTHER], test=[SCALE, SCALE * 2, SKIPS * 3])
    short, long = compared(dataset, SCALE, SCALE, SCALE * 9), compared(dataset, SCALE * 8, SCALE * 8, SCALE * 9)
    assert (short.length, long.length) == (8, 16)
    assert (short.pieces["returning"], short.held["returning"]) == (0, 0)
    assert long.held["counted"] == 2
    assert long.pieces["returning"] == long.held["returning"] == compared(dataset, SCALE * 2).pieces["returning"] > 0.7
    assert long.pieces["tokens"] == 64
    assert long.pieces["quarters"] == 32


def test_notes_on_a_beat_are_counted_in_the_music(tmp_path: Path) -> None:
    dataset = melodies(tmp_path, train=[SCALE], test=[SCALE])
    found = compared(dataset, SCALE)
    assert found.pieces["on_beat"] == found.held["on_beat"] == 0.5
    drums = Drums()
    hit, silence, vocabulary = "0b000000001", "0b000000000", drums.vocabulary()
    ids = np.array([BOS, *vocabulary.ids([hit, silence, silence, silence] * 4), EOS], np.int32)
    kit = made.dataset(tmp_path / "drums", {"train": [ids], "validation": [], "test": [ids]}, encoding=drums)
    found = form.compare([[hit, silence] * 8], open_corpus(kit.path), "test")
    assert not found.any_key
    assert (found.pieces["on_beat"], found.held["on_beat"]) == (0.5, 1)


def test_the_table_has_a_row_for_the_pieces_and_one_for_the_split(tmp_path: Path) -> None:
    lines = compared(melodies(tmp_path, train=[SCALE], test=[SCALE]), SKIPS).table().text().splitlines()
    assert "first 8 tokens" in lines[0]
    assert [line[:24].strip() for line in lines[1:]] == ["", "pieces", "test split"]


@pytest.mark.parametrize("encoding", [MuLaw(), PianoRoll()], ids=["sound", "frames"])
def test_what_has_no_beats_and_tokens_is_refused(encoding: MuLaw | PianoRoll) -> None:
    with pytest.raises(Error, match=f"--pieces does not apply to --encoding {encoding.name}"):
        form.with_beats(encoding)


def test_pieces_too_short_to_return_to_anything_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Error, match="have 3 tokens or fewer"):
        compared(melodies(tmp_path, train=[SCALE], test=[SCALE]), SCALE[:3])
