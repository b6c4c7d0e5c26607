from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.trainer import made
from trainer.data.batches import Batches
from trainer.data.reader import open_corpus
from tutti.errors import Error

CACHES = pytest.mark.parametrize("cache", [1 << 20, 1], ids=["in memory", "from files"])


def epoch(batches: Batches, number: int, skip: int = 0) -> NDArray[np.int32]:
    """int32[steps, rows, 1 + width]: behind the number of its label, each window."""
    return np.stack([glued(batch) for batch in batches.epoch(number, skip).as_numpy_iterator()])


def glued(batch: dict[str, NDArray[Any]]) -> NDArray[np.int32]:
    label, content = batch["label"], next(batch[name] for name in batch if name != "label")
    return np.concatenate([label[..., None], content], axis=-1).astype(np.int32)


def windows(corpus: made.Made) -> list[bytes]:
    """Every window of the train split, filled up, as the dataset's definition has it; in no order."""
    found = []
    for song in corpus.songs["train"]:
        for start in range(0, len(song) - 1, 16):
            piece = song[start : start + 17]
            # No label, then the window.
            found.append(np.pad(piece, (1, 17 - len(piece))).astype(np.int32).tobytes())
    return sorted(found)


def rows(batches: NDArray[np.int32]) -> list[bytes]:
    """The rows with anything in them; in no order."""
    flat = batches.reshape(-1, batches.shape[-1])
    return sorted(row.tobytes() for row in flat if row.any())


@CACHES
def test_an_epoch_holds_every_window_once_and_is_filled_up_with_padding(phrases: made.Made, cache: int) -> None:
    batches = Batches(open_corpus(phrases.path), "train", batch_size=8, cache_bytes=cache, seed=1)
    found = epoch(batches, 0)
    expected = windows(phrases)
    assert found.shape == (batches.steps, 8, 18)
    assert batches.steps == -(-len(expected) // 8) > len(expected) / 8  # the last batch is not full
    assert rows(found) == expected


@CACHES
def test_the_order_follows_from_seed_and_epoch(phrases: made.Made, cache: int) -> None:
    corpus = open_corpus(phrases.path)

    def order(seed: int | None, number: int) -> bytes:
        return epoch(Batches(corpus, "train", batch_size=8, cache_bytes=cache, seed=seed), number).tobytes()

    assert order(1, 0) == order(1, 0)
    assert len({order(1, 0), order(1, 1), order(2, 0), order(None, 0)}) == 4
    assert order(None, 0) == order(None, 1)


@CACHES
def test_workers_rows_together_are_the_batches_of_one(phrases: made.Made, cache: int) -> None:
    corpus = open_corpus(phrases.path)
    whole = epoch(Batches(corpus, "train", batch_size=12, cache_bytes=cache, seed=3), 2)
    parts = [
        epoch(Batches(corpus, "train", batch_size=12, worker=i, workers=3, cache_bytes=cache, seed=3), 2)
        for i in range(3)
    ]
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole)


@CACHES
def test_going_on_within_an_epoch_gives_the_rest_of_it(phrases: made.Made, cache: int) -> None:
    batches = Batches(open_corpus(phrases.path), "train", batch_size=8, cache_bytes=cache, seed=1)
    np.testing.assert_array_equal(epoch(batches, 4, skip=3), epoch(batches, 4)[3:])


def test_chunks_run_through_epochs_and_end_where_they_shall(phrases: made.Made) -> None:
    batches = Batches(open_corpus(phrases.path), "train", batch_size=8, seed=1)
    assert batches.steps == 10
    steps, ends = 7, []
    seen = []
    for chunk, count in batches.chunks(4, 7, (6, 100)):
        assert {name: tuple(rows.shape) for name, rows in chunk.items()} == {"label": (4, 8), "tokens": (4, 8, 17)}
        seen.append(glued({name: rows.numpy() for name, rows in chunk.items()})[:count])
        steps += count
        ends.append(steps)
        if steps >= 20:
            break
    assert ends == [10, 12, 16, 18, 20]
    np.testing.assert_array_equal(np.concatenate(seen), np.concatenate([epoch(batches, 0, 7), epoch(batches, 1)]))


def test_chunks_of_one_epoch_end_with_it(phrases: made.Made) -> None:
    batches = Batches(open_corpus(phrases.path), "validation", batch_size=8)
    chunks = list(batches.chunks(4))
    assert sum(count for _, count in chunks) == batches.steps
    assert {tuple(chunk["tokens"].shape) for chunk, _ in chunks} == {(4, 8, 17)}


def test_a_file_that_the_snapshot_does_not_name_is_not_read(phrases: made.Made, tmp_path: Path) -> None:
    copy = made.dataset(tmp_path / "copy", phrases.songs)
    (Path(copy.path) / "train" / "000002-00000-of-00001.tfrecord").write_bytes(b"half-written")
    batches = Batches(open_corpus(copy.path), "train", batch_size=8)
    assert rows(epoch(batches, 0)) == windows(phrases)


@CACHES
def test_a_damaged_shard_is_said_in_one_line(phrases: made.Made, tmp_path: Path, cache: int) -> None:
    copy = made.dataset(tmp_path / "copy", phrases.songs)
    shard = next((Path(copy.path) / "train").iterdir())
    shard.write_bytes(shard.read_bytes()[:-5] + b"wrong")
    with pytest.raises(Error, match=r"dataset .*copy is damaged: ") as caught:
        list(Batches(open_corpus(copy.path), "train", batch_size=8, cache_bytes=cache, seed=1).chunks(4))
    assert "\n" not in str(caught.value)


def test_a_missing_record_is_noticed(phrases: made.Made, tmp_path: Path) -> None:
    copy = made.dataset(tmp_path / "copy", phrases.songs)
    shard = sorted((Path(copy.path) / "train").iterdir())[0]
    record = int.from_bytes(shard.read_bytes()[:8], "little") + 16
    shard.write_bytes(shard.read_bytes()[record:])
    with pytest.raises(Error, match="records instead of"):
        Batches(open_corpus(copy.path), "train", batch_size=8)


@CACHES
def test_a_row_has_the_number_of_its_songs_label(tmp_path: Path, cache: int) -> None:
    names = {3: "", 4: "fast", 5: "slow"}
    songs = [np.array([1, kind, *range(6, 6 + count), 2], np.int32) for kind in names for count in (3, 5)]
    copy = made.dataset(
        tmp_path / "copy",
        {"train": songs, "validation": [], "test": []},
        window=16,
        label=lambda song: names[int(song[1])],
    )
    corpus = open_corpus(copy.path)
    assert corpus.labels == ("fast", "slow")

    def labels(*known: str) -> list[tuple[int, int]]:
        opened = open_corpus(copy.path, labels=known or None)
        found = epoch(Batches(opened, "train", batch_size=6, cache_bytes=cache, seed=1), 0)[0]
        return sorted((int(row[2]), int(row[0])) for row in found)

    assert labels() == [(3, 0), (3, 0), (4, 1), (4, 1), (5, 2), (5, 2)]
    # A model that knows but one of them takes the other for none.
    assert labels("slow") == [(3, 0), (3, 0), (4, 0), (4, 0), (5, 1), (5, 1)]


@CACHES
def test_frames_are_rows_of_bits(tmp_path: Path, cache: int) -> None:
    rng = np.random.default_rng(1)
    songs = [rng.integers(0, 2, (steps, 10), np.uint8) for steps in (8, 5, 4)]
    path = made.framed(tmp_path / "rolls", songs, window=4, labels=("calm", "", "wild"))
    found = epoch(Batches(open_corpus(path), "train", batch_size=5, cache_bytes=cache, seed=1), 0)
    expected = []
    for song, label in zip(songs, (1, 0, 2), strict=True):
        for start in range(0, len(song), 4):
            frames = np.pad(song[start : start + 4], ((0, 4), (0, 0)))[:4]
            expected.append(np.array([label, *frames.ravel()], np.int32).tobytes())
    assert found.shape == (1, 5, 41)
    batch = next(iter(Batches(open_corpus(path), "train", batch_size=5, cache_bytes=cache).epoch(0)))
    assert (batch["label"].dtype, batch["frames"].dtype) == (np.int32, np.uint8)
    assert rows(found) == sorted(expected)


def test_songs_that_are_carried_on_lie_end_to_end_in_each_row(phrases: made.Made) -> None:
    batches = Batches(open_corpus(phrases.path), "train", batch_size=6, seed=1, carry=True)
    found = epoch(batches, 3)
    assert found.shape == (batches.steps, 6, 18)
    assert rows(found) == windows(phrases)
    for row in found.transpose(1, 0, 2)[..., 1:]:
        for before, after in pairwise(row):
            assert after[0] in (0, 1) or after[0] == before[-1] != 0
    parts = [
        Batches(open_corpus(phrases.path), "train", batch_size=6, worker=i, workers=2, seed=1, carry=True)
        for i in range(2)
    ]
    np.testing.assert_array_equal(np.concatenate([epoch(part, 3) for part in parts], axis=1), found)
    assert epoch(batches, 4).tobytes() != found.tobytes()
