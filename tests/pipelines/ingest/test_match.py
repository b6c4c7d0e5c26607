import errno
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipelines import filesystem
from pipelines.ingest import match, read
from pipelines.ingest.split import by_folder
from pipelines.ingest.types import File
from tests.pipelines.made import fill
from tutti.errors import Error
from tutti.midi import SCORE
from tutti.midi.reader import MAX_BYTES

NAMES = ["a.mid", "b.MIDI", "deep/er/c.Kar", "deep/d.rmi", "e.SMF"]
STRANGERS = ["notes.txt", "deep/a.mid.zip", "._a.mid", "mid"]


def names(*corpora: object) -> list[str]:
    return [file.name for file in match.find(map(str, corpora), SCORE)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return fill(tmp_path / "corpus", dict.fromkeys([*NAMES, *STRANGERS], b"MThd"))


def test_a_folder_gives_all_midi_files_below_it_whatever_the_case(folder: Path) -> None:
    assert sorted(names(folder)) == sorted(f"corpus/{name}" for name in NAMES)


def test_globs_and_files_and_folders_may_overlap(folder: Path) -> None:
    found = match.find([str(folder / "**" / "*"), str(folder / "deep"), str(folder), str(folder / "a.mid")], SCORE)
    assert sorted(file.path for file in found) == sorted(str(folder / name) for name in NAMES)


def test_a_file_named_as_such_counts_whatever_its_name(folder: Path) -> None:
    assert names(folder / "notes.txt") == ["notes.txt"]


def test_a_name_with_glob_characters_is_a_name_where_there_is_such_a_file(tmp_path: Path) -> None:
    fill(tmp_path, {"song [live].mid": b"MThd", "song l.mid": b"MThd"})
    assert names(tmp_path / "song [live].mid") == ["song [live].mid"]


def test_paths_relative_to_the_current_folder_work(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert sorted(names(".")) == sorted(f"corpus/{name}" for name in NAMES)


@pytest.mark.parametrize("missing", ["nowhere", "no*where/*.mid"])
def test_what_does_not_exist_is_named(folder: Path, missing: str) -> None:
    with pytest.raises(Error, match=missing.replace("*", r"\*")):
        match.find([str(folder), str(folder / missing)], SCORE)


def test_a_folder_without_midi_files_is_named(tmp_path: Path) -> None:
    fill(tmp_path, {"readme.txt": b"no music here"})
    with pytest.raises(Error, match=f"no MIDI files in {tmp_path}"):
        match.find([str(tmp_path)], SCORE)


def test_names_that_are_not_utf_8_do_not_stop_anything(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.mid")).write_bytes(b"MThd")
    (found,) = match.find([str(tmp_path)], SCORE)
    found.name.encode()
    assert read.read(found, MAX_BYTES).data == b"MThd"


def test_bundles_hold_every_file_once_and_are_bounded() -> None:
    found = [File(f"{n}", f"{n}", (n % 7) << 20) for n in range(1000)]
    made = match.bundles(found)
    assert [file for bundle in made for file in bundle] == found
    for bundle in made:
        assert len(bundle) <= match.BUNDLE_FILES
        assert len(bundle) == 1 or sum(file.size for file in bundle) <= match.BUNDLE_BYTES


def test_few_files_make_several_bundles_for_several_workers() -> None:
    assert len(match.bundles([File(f"{n}", f"{n}", 1) for n in range(57)])) > 8


def test_a_file_too_large_for_a_song_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.mid"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    (found,) = match.find([str(tmp_path)], SCORE)
    content = read.read(found, MAX_BYTES)
    assert content.data is None
    assert "beyond the limit" in content.reason


def test_what_is_no_regular_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mid")
    (tmp_path / "gone.mid").symlink_to(tmp_path / "nowhere")
    reasons = [read.read(file, MAX_BYTES).reason for file in match.find([str(tmp_path)], SCORE)]
    assert reasons == ["cannot be read: No such file or directory", "cannot be read: not a regular file"]


def test_a_link_to_itself_is_one_file_that_cannot_be_read(tmp_path: Path) -> None:
    fill(tmp_path, {"a.mid": b"MThd"})
    (tmp_path / "loop.mid").symlink_to(tmp_path / "loop.mid")
    for corpus in (tmp_path, tmp_path / "*.mid"):
        good, bad = match.find([str(corpus)], SCORE)
        assert read.read(good, MAX_BYTES).data == b"MThd"
        assert read.read(bad, MAX_BYTES).reason == f"cannot be read: {os.strerror(errno.ELOOP)}"
    (named,) = match.find([str(tmp_path / "loop.mid")], SCORE)
    assert read.read(named, MAX_BYTES).data is None


def test_a_folder_that_cannot_be_listed_is_refused_and_stops_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path / "corpus", {"a.mid": b"MThd", "train/b.mid": b"MThd"})
    scandir = os.scandir

    def scan(path: str) -> Any:
        if str(path).endswith("train"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", scan)
    good, bad = match.find([str(tmp_path / "corpus")], SCORE)
    assert (good.name, good.refused) == ("corpus/a.mid", "")
    assert (bad.name, bad.refused) == ("corpus/train", "cannot be listed: Permission denied")
    assert read.read(bad, MAX_BYTES).reason == bad.refused
    _, placed = by_folder([good, bad])
    assert placed.refused == bad.refused
    with pytest.raises(Error, match=r"cannot list .*train: Permission denied"):
        match.find([str(tmp_path / "corpus" / "train")], SCORE)


@pytest.mark.parametrize("pattern", ["gs://b/[ab]c/d/*.mid", "gs://b/?c/d/*.mid", "gs://b/*/d/*.mid"])
def test_a_remote_file_is_named_from_the_folder_before_the_first_wildcard(
    pattern: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = SimpleNamespace(path="gs://b/ac/d/x.mid", size_in_bytes=3)
    listed = SimpleNamespace(metadata_list=[entry])
    monkeypatch.setattr(filesystem, "remote", lambda: SimpleNamespace(match=lambda patterns: [listed] * len(patterns)))
    (file,) = match.find([pattern], SCORE)
    assert (file.path, file.name, file.size) == ("gs://b/ac/d/x.mid", "b/ac/d/x.mid", 3)
