"""A commit that fails leaves the dataset as it was; one that has happened stays."""

import errno
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines import commit, filesystem
from tests.pipelines.made import drum_corpus, run, tree
from tutti.dataset.manifest import MANIFEST
from tutti.errors import Error

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def grown(tmp_path: Path, capsys: Capture) -> tuple[Path, Path]:
    """A dataset, and a staging folder that holds its second snapshot."""
    data, later = tmp_path / "data", tmp_path / "later"
    for folder, seeds in ((data, (range(4),)), (later, (range(4), range(4, 8)))):
        for number, some in enumerate(seeds):
            run(capsys, drum_corpus(tmp_path / f"{folder.name}{number}", some), "--dataset", folder)
    before = tree(data)
    for name in tree(later):
        if name in before and name != MANIFEST:
            (later / name).unlink()
    return data, later


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


@pytest.mark.parametrize("name", ["songs", "dataset.yaml"])
def test_a_folder_with_other_files_is_no_dataset(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("x")
    (tmp_path / "lost+found").mkdir()
    with pytest.raises(Error, match=rf"holds other files \({name}\)"):
        commit.current(str(tmp_path))
    (tmp_path / name).unlink()
    assert commit.current(str(tmp_path)) is None
    with pytest.raises(Error, match="is a file"):
        (tmp_path / "file").write_text("x")
        commit.current(str(tmp_path / "file"))
