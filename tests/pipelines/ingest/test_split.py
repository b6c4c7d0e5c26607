import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.cli import ingest, inspect
from pipelines.ingest.split import RESERVED, by_folder
from pipelines.ingest.types import File
from tests.pipelines.ingest.test_deduplicate import file, planned_by_folder
from tests.pipelines.made import dataset, drum_file, fill, labels, run, snapshot, songs, tree, windows
from tutti.dataset.manifest import SPLITS, content_id, rejected_path
from tutti.errors import Error

Capture = pytest.CaptureFixture[str]


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("corpus/train/a.mid", "train"),
        ("corpus/Validation/deep/er/a.mid", "validation"),
        ("corpus/rock/VAL/a.mid", "validation"),
        ("valid/a.mid", "validation"),
        ("test/train/a.mid", "train"),
        ("corpus/training/a.mid", ""),
        ("corpus/test.mid", ""),
    ],
)
def test_the_last_folder_with_a_splits_name_says_which(name: str, split: str) -> None:
    (placed,) = by_folder([File(f"/test/{name}", name, 1)])
    assert placed.split == split
    assert bool(placed.refused) == (not split)


def test_folders_above_the_corpus_say_nothing() -> None:
    (placed,) = by_folder([File("/home/test/songs/a.mid", "songs/a.mid", 1)])
    assert not placed.split


def test_a_file_named_as_such_goes_by_the_folder_that_it_is_in() -> None:
    (placed,) = by_folder([File("/home/test/a.mid", "a.mid", 1)])
    assert placed.split == "test"


def test_songs_are_in_the_split_of_their_folder(tmp_path: Path, capsys: Capture) -> None:
    files = {f"{folder}/{seed}.mid": drum_file(seed) for seed, folder in enumerate(["train", "VALID", "test"] * 3)}
    found = fill(tmp_path / "corpus", files | {"omitted/x.mid": drum_file(50), "train/bad.mid": b"bad"})
    did = run(capsys, found, "--dataset", tmp_path / "data", "--split", "folder")
    assert (did["songs"], did["rejected"]) == (9, 2)
    assert did["astray"] == 0
    sources = {source.id: source for source in snapshot(tmp_path / "data").sources}
    placed = {song: split for split, listed in windows(tmp_path / "data").items() for song, _, _ in listed}
    for name, data in files.items():
        split = {"train": "train", "VALID": "validation", "test": "test"}[name.partition("/")[0]]
        assert sources[content_id(data)].split == split
        assert {placed[song] for song in sources[content_id(data)].songs} == {split}
    lines = [json.loads(line) for line in (tmp_path / "data" / rejected_path(1)).read_text().splitlines()]
    assert "in no folder that names a split" in {line["name"]: line["reason"] for line in lines}["corpus/omitted/x.mid"]
    assert dataset(tmp_path / "data").fractions is None
    inspect.main([str(tmp_path / "data")])
    assert "as the corpus' folders say" in capsys.readouterr().out


def test_a_corpus_without_such_folders_is_refused(tmp_path: Path, capsys: Capture) -> None:
    found = fill(tmp_path / "corpus", {f"{seed}.mid": drum_file(seed) for seed in range(2)})
    with pytest.raises(Error, match=r"none of the 2 files can be used.*in no folder that names a split"):
        run(capsys, found, "--dataset", tmp_path / "data", "--split", "folder")
    assert not (tmp_path / "data").exists()


def test_what_lies_under_two_splits_is_kept_from_training_and_said(tmp_path: Path, capsys: Capture) -> None:
    files = {
        "train/a.mid": 1,
        "test/b.mid": 1,
        "validation/c.mid": 1,
        "val/d.mid": 2,
        "train/e.mid": 2,
        "train/f.mid": 3,
    }
    found = fill(tmp_path / "corpus", {name: drum_file(seed) for name, seed in files.items()})
    ingest.main([str(found), "--dataset", str(tmp_path / "data"), "--split", "folder"])
    assert "warning: 2 contents lie under several splits" in capsys.readouterr().err
    splits = {source.id: source.split for source in snapshot(tmp_path / "data").sources}
    assert [splits[content_id(drum_file(seed))] for seed in (1, 2, 3)] == ["test", "validation", "train"]
    assert len(songs(tmp_path / "data")) == 3


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3), st.sampled_from(SPLITS)), min_size=1, max_size=12))
def test_a_song_is_in_the_split_furthest_from_training_of_all_that_have_it(files: list[tuple[int, int, str]]) -> None:
    # A source always has the same song: its content decides.
    sources = {source: song for source, song, _ in files}
    made = planned_by_folder(*(file(b"%d" % n, [b"%d" % sources[n]], split=split) for n, _, split in files))
    splits = {song: source.split for source in made.sources for song in source.songs}
    for song, split in splits.items():
        claims = {claim for n, _, claim in files if content_id(b"%d" % sources[n]) == song}
        assert split == min(claims, key=RESERVED.index)
    assert bool(made.split_conflicts) == any(
        len({claim for n, _, claim in files if sources[n] == song}) > 1 for song in sources.values()
    )


def test_a_dataset_with_given_splits_grows_with_given_splits(tmp_path: Path, capsys: Capture) -> None:
    data = tmp_path / "data"
    run(capsys, fill(tmp_path / "a", {"train/a.mid": drum_file(1)}), "--dataset", data, "--split", "folder")
    before = tree(data)
    with pytest.raises(Error, match=r"with --split folder, not 0\.8,0\.1,0\.1"):
        run(capsys, fill(tmp_path / "b", {"test/b.mid": drum_file(2)}), "--dataset", data)
    assert tree(data) == before
    did = run(capsys, tmp_path / "b", "--dataset", data, "--split", "folder")
    assert did["splits"]["test"]["songs"] == 1


def test_labels_by_folder_are_not_the_splits(tmp_path: Path, capsys: Capture) -> None:
    found = fill(tmp_path / "corpus", {"train/rock/a.mid": drum_file(1), "jazz/test/b.mid": drum_file(2)})
    run(capsys, found, "--dataset", tmp_path / "data", "--split", "folder", "--labels", "folder")
    assert dataset(tmp_path / "data").labels == ("jazz", "rock")
    assert sorted(labels(tmp_path / "data").values()) == ["jazz", "rock"]
