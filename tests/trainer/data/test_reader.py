from pathlib import Path

import numpy as np
import pytest

from tests.trainer import made
from trainer.data.reader import open_corpus, songs
from tutti.errors import Error


@pytest.mark.parametrize("stride", [16, 5, 1])
def test_songs_come_back_whole_whatever_the_stride(phrases: made.Made, tmp_path: Path, stride: int) -> None:
    copy = made.dataset(tmp_path / "copy", phrases.songs, stride=stride)
    found = songs(open_corpus(copy.path), "train")
    assert len(found) == len(copy.songs["train"])
    for song, expected in zip(found, copy.songs["train"], strict=True):
        np.testing.assert_array_equal(song.tokens, expected)


def test_songs_fall_into_pieces_where_windows_leave_gaps(tmp_path: Path) -> None:
    song = np.array([1, *range(3, 13), 2], np.int32)
    copy = made.dataset(tmp_path / "copy", {"train": [song], "validation": [], "test": []}, window=3, stride=5)
    found = songs(open_corpus(copy.path), "train")
    assert [piece.tokens.tolist() for piece in found] == [song[:4].tolist(), song[5:9].tolist(), song[10:].tolist()]


def test_an_empty_split_has_no_songs(tmp_path: Path) -> None:
    copy = made.dataset(tmp_path / "copy", {"train": [], "validation": [], "test": []})
    assert songs(open_corpus(copy.path), "test") == []


def test_a_folder_without_a_manifest_is_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(Error, match=r"no dataset at .*; make one with tutti ingest"):
        open_corpus(str(tmp_path))
    (tmp_path / "dataset.json").write_text("{")
    with pytest.raises(Error, match="is not a dataset manifest"):
        open_corpus(str(tmp_path))


def test_equal_records_have_one_content_id_wherever_they_lie(phrases: made.Made, tmp_path: Path) -> None:
    copy = made.dataset(tmp_path / "copy", phrases.songs)
    fewer = made.dataset(tmp_path / "fewer", {**phrases.songs, "test": phrases.songs["test"][1:]})
    assert open_corpus(copy.path).content == open_corpus(phrases.path).content != open_corpus(fewer.path).content
