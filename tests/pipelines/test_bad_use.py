"""What a user can do wrong ends with status 2 and one line on stderr, and leaves nothing behind."""

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

import tutti
from pipelines import runners
from tests.pipelines.made import drum_corpus, drum_file, fill, piano_file, run, tree
from tutti import cli
from tutti.dataset.manifest import MANIFEST
from tutti.errors import Error

Capture = pytest.CaptureFixture[str]


def tutti_process(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tutti", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def refused(*arguments: object) -> str:
    """The one line that a command which must fail writes."""
    done = tutti_process(*arguments)
    return the_line(done.returncode, done.stdout, done.stderr)


def refused_here(capsys: Capture, *arguments: object) -> str:
    """`refused` without a new process, where importing Beam anew would take most of the time."""
    status = cli.main([*map(str, arguments)])
    printed = capsys.readouterr()
    return the_line(status, printed.out, printed.err)


def the_line(status: int, out: str, err: str) -> str:
    assert (status, out) == (2, ""), err
    (line,) = err.splitlines()
    assert line.startswith("tutti: error: ")
    return line


@contextmanager
def small_files(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Makes writes beyond a few thousand bytes fail, here and in worker processes, as on a full disk."""
    # Python does not notice that it wrote only half of a module's byte code.
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return drum_corpus(tmp_path / "corpus", range(30))


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        ((), "--dataset"),
        (("--dataset", "DATA", "--window", "0"), "--window 0"),
        (("--dataset", "DATA", "--window", "some"), "--window"),
        (("--dataset", "DATA", "--stride", "-1"), "--stride -1"),
        (("--dataset", "DATA", "--split", "0.9,0.9,0"), "0.9,0.9,0"),
        (("--dataset", "DATA", "--encoding", "opera"), "opera"),
        (("--dataset", "DATA", "--encoding", "drums", "--part", "all"), "--part"),
    ],
)
def test_wrong_flags(tmp_path: Path, good: Path, flags: tuple[str, ...], named: str) -> None:
    given = [str(tmp_path / "data") if flag == "DATA" else flag for flag in flags]
    assert named in refused("ingest", good, *given)
    assert not (tmp_path / "data").exists()


def test_a_corpus_that_is_not_there(tmp_path: Path) -> None:
    line = refused("ingest", tmp_path / "nowhere", "--dataset", tmp_path / "made" / "data")
    assert str(tmp_path / "nowhere") in line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("files", [{}, {"readme.txt": b"no music", "deep/b.mp3": b"noise"}])
def test_a_folder_without_midi(tmp_path: Path, files: dict[str, bytes]) -> None:
    (tmp_path / "corpus").mkdir()
    fill(tmp_path / "corpus", files)
    assert "no MIDI files" in refused("ingest", tmp_path / "corpus", "--dataset", tmp_path / "data")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    "flags",
    [
        ("--runner", "FnApiRunner", "--windw=64"),
        ("--runner", "NoSuchRunner"),
        ("--direct_num_workers", "several"),
        ("--direct_running_mode", "sideways"),
    ],
)
def test_flags_that_beam_does_not_take(tmp_path: Path, good: Path, capsys: Capture, flags: tuple[str, ...]) -> None:
    line = refused_here(capsys, "ingest", good, "--dataset", tmp_path / "data", *flags)
    assert flags[-1] in line
    assert not (tmp_path / "data").exists()


def test_a_corpus_of_which_every_file_is_rejected(tmp_path: Path, capsys: Capture) -> None:
    found = fill(tmp_path / "corpus", {"a.mid": b"", "b.mid": drum_file(1)[:50], "c.mid": piano_file(1)})
    line = refused_here(capsys, "ingest", found, "--dataset", tmp_path / "made" / "data")
    assert "none of the 3 files" in line
    assert "corpus/a.mid: the file is empty" in line
    assert [path.name for path in tmp_path.iterdir()] == ["corpus"]


def test_a_dataset_that_is_something_else(tmp_path: Path, good: Path) -> None:
    other = fill(tmp_path / "other", {"thesis.tex": b"years of work"})
    before = tree(tmp_path)
    assert "thesis.tex" in refused("ingest", good, "--dataset", other)
    assert "is a file" in refused("ingest", good, "--dataset", other / "thesis.tex")
    assert tree(tmp_path) == before


def test_a_dataset_with_a_damaged_manifest(tmp_path: Path, good: Path) -> None:
    data = fill(tmp_path / "data", {MANIFEST: b'{"format": 1}'})
    assert f"{data / MANIFEST} is not a dataset manifest" in refused("ingest", good, "--dataset", data)
    assert tree(data) == {MANIFEST: b'{"format": 1}'}


@pytest.mark.parametrize("mode", ["in_memory", "multi_processing"])
def test_a_write_that_fails_leaves_nothing(
    tmp_path: Path, good: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    with small_files(monkeypatch):
        line = refused_here(
            capsys, "ingest", good, "--dataset", tmp_path / "new" / "data", "--direct_running_mode", mode
        )
    assert "cannot write" in line
    assert "File too large" in line
    assert [path.name for path in tmp_path.iterdir()] == ["corpus"]


def test_a_write_that_fails_leaves_an_older_dataset_as_it_was(
    tmp_path: Path, good: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(capsys, drum_corpus(tmp_path / "few", range(90, 93)), "--dataset", tmp_path / "data")
    before = tree(tmp_path / "data")
    with small_files(monkeypatch):
        assert "cannot write" in refused_here(capsys, "ingest", good, "--dataset", tmp_path / "data")
    assert tree(tmp_path / "data") == before


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24k", "tmpfs", str(disk)]
    try:
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("no permission to mount a small disk")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk(good: Path, small_disk: Path) -> None:
    line = refused("ingest", good, "--dataset", small_disk / "data", "--stride", 4)
    assert "No space left on device" in line
    assert list(small_disk.iterdir()) == []


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_run_that_is_stopped_leaves_nothing(tmp_path: Path, good: Path, number: int, status: int) -> None:
    data = tmp_path / "made" / "data"
    command = [sys.executable, "-m", "tutti", "ingest", str(good), "--dataset", str(data)]
    # A shell may have told its children to ignore interrupts.
    running = subprocess.Popen(command, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))
    while not list(data.glob(".ingest-*")) and running.poll() is None:
        time.sleep(0.01)
    os.kill(running.pid, number)
    assert running.wait() == status
    assert [path.name for path in tmp_path.iterdir()] == ["corpus"]


def test_a_worker_process_that_cannot_start_ends_the_run(tmp_path: Path, good: Path) -> None:
    words = ["ingest", str(good), "--dataset", str(tmp_path / "new" / "data"), "--direct_running_mode=multi_processing"]
    script = (
        f"from tutti import cli; from pipelines import runners; runners.WORKER = 'missing'; exit(cli.main({words}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=100)
    assert "a worker process could not start" in the_line(done.returncode, done.stdout, done.stderr)
    assert [path.name for path in tmp_path.iterdir()] == ["corpus"]


def test_a_worker_process_that_cannot_start_ends_a_run_in_any_thread(
    tmp_path: Path, good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runners, "WORKER", "missing")
    hook = threading.excepthook
    with ThreadPoolExecutor(1) as threads:
        run = threads.submit(tutti.ingest, good, tmp_path / "data", beam=["--direct_running_mode=multi_processing"])
        with pytest.raises(Error, match="a worker process could not start"):
            run.result(timeout=100)
    assert threading.excepthook is hook
    assert [path.name for path in tmp_path.iterdir()] == ["corpus"]


def test_flags_of_beam_pass_through(tmp_path: Path, good: Path, capsys: Capture) -> None:
    flags = ("--runner", "DirectRunner", good, "--dataset", tmp_path / "data", "--direct_num_workers=1")
    assert cli.main(["ingest", *map(str, flags)]) == 0
    assert (tmp_path / "data" / MANIFEST).exists()


def test_help_shows_examples() -> None:
    done = tutti_process("ingest", "--help")
    assert done.returncode == 0
    assert "--dataset data/drums --encoding drums" in done.stdout
