"""A commit that fails leaves the dataset as it was; one that has happened stays."""

import errno
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines import commit, filesystem
from tests.pipelines.made import fill, tree
from tutti.dataset.manifest import MANIFEST, Dataset
from tutti.encodings.drums import Drums
from tutti.errors import Error


def files(snapshot: int) -> dict[str, bytes]:
    """The files that a snapshot adds to a dataset, and the dataset's manifest."""
    made = Dataset(Drums(), 64, 64, Drums().vocabulary(), (0.8, 0.1, 0.1), snapshot)
    names = ("train/{:06d}-00000-of-00001.tfrecord", "snapshots/{:06d}.json", "rejected/{:06d}.jsonl")
    return {name.format(snapshot): b"x" for name in names} | {MANIFEST: made.to_json().encode()}


@pytest.fixture
def grown(tmp_path: Path) -> tuple[Path, Path]:
    """A dataset, and a staging folder that holds its second snapshot."""
    return fill(tmp_path / "data", files(1)), fill(tmp_path / "later", files(2))


def failing(name: str, after: bool) -> Callable[[str, str], None]:
    """A move that fails at a file of this name, before or after it is moved."""
    move = filesystem.move

    def broken(source: str, target: str) -> None:
        if Path(target).name == name and not after:
            raise OSError(errno.ENOSPC, "No space left on device")
        move(source, target)
        if Path(target).name == name:
            raise KeyboardInterrupt

    return broken


def test_a_commit_moves_all_that_is_part_of_the_dataset(grown: tuple[Path, Path]) -> None:
    data, later = grown
    own = {"summary.json": b"{}", "progress": b"1"}
    fill(later, own)
    commit.commit(str(later), str(data), 2)
    assert tree(data) == files(1) | files(2)
    assert tree(later) == own


def test_the_first_commit_makes_the_dataset(tmp_path: Path) -> None:
    commit.commit(str(fill(tmp_path / "first", files(1))), str(tmp_path / "data"), 1)
    assert tree(tmp_path / "data") == files(1)


def test_a_first_commit_that_fails_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = fill(tmp_path / "first", files(1))
    monkeypatch.setattr(filesystem, "move", failing(MANIFEST, after=False))
    with pytest.raises(OSError, match="No space left"):
        commit.commit(str(first), str(tmp_path / "data"), 1)
    assert tree(tmp_path / "data") == {}


@pytest.mark.parametrize("number", [1, 3])
def test_a_snapshot_follows_the_one_before_it(number: int, grown: tuple[Path, Path], tmp_path: Path) -> None:
    data, later = grown
    with pytest.raises(Error, match=f"another run has changed {data} meanwhile; run this one again"):
        commit.commit(str(later), str(data), number)
    with pytest.raises(Error, match="another run has changed"):
        commit.commit(str(later), str(tmp_path / "none"), 2)
    assert (tree(data), tree(later)) == (files(1), files(2))


@pytest.mark.parametrize("name", ["000002.json", "000002-00000-of-00001.tfrecord", MANIFEST])
def test_a_commit_that_fails_on_its_way_takes_back_what_it_has_moved(
    name: str, grown: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    data, later = grown
    before = tree(data)
    monkeypatch.setattr(filesystem, "move", failing(name, after=False))
    with pytest.raises(OSError, match="No space left"):
        commit.commit(str(later), str(data), 2)
    assert tree(data) == before


def test_a_commit_that_is_interrupted_behind_its_manifest_stays(
    grown: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    data, later = grown
    whole = tree(later) | tree(data) | {MANIFEST: (later / MANIFEST).read_bytes()}
    monkeypatch.setattr(filesystem, "move", failing(MANIFEST, after=True))
    with pytest.raises(KeyboardInterrupt):
        commit.commit(str(later), str(data), 2)
    assert tree(data) == whole


def test_what_killed_runs_left_is_swept_and_what_is_committed_or_not_ours_stays(
    grown: tuple[Path, Path],
) -> None:
    data, _ = grown
    before = tree(data)
    (data / ".ingest-dead").mkdir()
    (data / ".ingest-dead" / "x").write_text("x")
    (data / "train" / "000002-00000-of-00001.tfrecord").write_text("x")
    (data / "train" / "notes.txt").write_text("mine")
    with commit.staging(str(data)):
        pass
    assert tree(data) == before | {"train/notes.txt": b"mine"}


def test_a_run_has_a_folder_in_the_dataset_until_it_ends(tmp_path: Path) -> None:
    data = tmp_path / "new" / "data"
    with commit.staging(str(data)) as folder:
        (staged,) = data.iterdir()
        assert (str(staged), staged.is_dir()) == (folder, True)
        fill(staged, files(1))
        commit.commit(folder, str(data), 1)
    assert tree(data) == files(1)
    assert not staged.exists()


def test_a_run_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), commit.staging(str(tmp_path / "new" / "data")) as folder:
        fill(Path(folder), files(1))
        fill(Path(folder).parent, {"train/000001-00000-of-00001.tfrecord": b"x"})
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("later", [Error("the disk is gone"), OSError(errno.EIO, "Input/output error")])
def test_a_failure_is_told_and_not_that_of_cleaning_up_after_it(
    later: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: str) -> None:
        raise later

    with pytest.raises(KeyboardInterrupt), commit.staging(str(tmp_path / "data")):
        monkeypatch.setattr(filesystem, "delete_tree", broken)
        raise KeyboardInterrupt


def test_a_folder_that_cannot_be_made_or_listed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: Path, *, parents: bool = False, exist_ok: bool = False) -> None:
        if not exist_ok:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "mkdir", full)
    with (
        pytest.raises(Error, match=rf"^cannot make {tmp_path}/\.ingest-[0-9a-f]+: No space left on device$"),
        commit.staging(str(tmp_path)),
    ):
        pass
    monkeypatch.setattr(Path, "iterdir", full)
    with pytest.raises(Error, match=rf"^cannot list {tmp_path}: No space left on device$"):
        commit.current(str(tmp_path))


def test_what_a_killed_first_run_left_is_swept(tmp_path: Path) -> None:
    fill(tmp_path, {name: content for name, content in files(1).items() if name != MANIFEST})
    (tmp_path / "validation").mkdir()
    with commit.staging(str(tmp_path)) as folder:
        assert [str(path) for path in tmp_path.iterdir()] == [folder]


def test_a_manifest_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    manifest = tmp_path / MANIFEST
    manifest.write_bytes(b"\xff")
    with pytest.raises(Error, match=f"^{manifest} is not a dataset manifest"):
        commit.current(str(tmp_path))
    manifest.unlink()
    manifest.mkdir()
    with pytest.raises(Error, match=f"^cannot read {manifest}: Is a directory$"):
        commit.current(str(tmp_path))


@pytest.mark.parametrize("name", ["songs", "dataset.yaml"])
def test_a_folder_with_other_files_is_no_dataset(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("x")
    for ours in ("lost+found", "train", ".nfs0"):
        (tmp_path / ours).mkdir()
    with pytest.raises(Error, match=rf"^{tmp_path} holds other files \({name}\) and no dataset.json; give --dataset a"):
        commit.current(str(tmp_path))
    (tmp_path / name).unlink()
    assert commit.current(str(tmp_path)) is None
    with pytest.raises(Error, match=r"file is a file; --dataset takes a folder, new or with a dataset in it$"):
        (tmp_path / "file").write_text("x")
        commit.current(str(tmp_path / "file"))
