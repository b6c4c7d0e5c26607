"""The public functions: what they return, that they print nothing, and that they leave the process as it was."""

import json
import logging
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import tutti
from pipelines.ingest.config import IngestConfig
from pipelines.loops import run as loops
from pipelines.loops.config import CombineConfig
from tests.pipelines.loops.test_loops import pack
from tests.pipelines.made import drum_corpus, drum_file, fill, piano_file, tree
from tutti import cli
from tutti.encodings.drums import Drums
from tutti.encodings.mulaw import MuLaw
from tutti.errors import Error

Capture = pytest.CaptureFixture[str]


def process_state() -> tuple[Any, ...]:
    names = (None, "apache_beam", "apache_beam.runners", "grpc")
    levels = [logging.getLogger(name).level for name in names]
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)]
    return levels, list(logging.getLogger().handlers), handlers, threading.excepthook


@pytest.fixture
def found(tmp_path: Path) -> Path:
    return fill(drum_corpus(tmp_path / "corpus", range(6)), {"bad.mid": b"bad"})


def test_a_report_is_the_dataset_and_what_the_command_prints(found: Path, tmp_path: Path, capfd: Any) -> None:
    report = tutti.ingest(found, tmp_path / "one", encoding=Drums(), window=32)
    inspected = tutti.inspect(report, songs=1)
    assert capfd.readouterr() == ("", "")
    assert os.fspath(report) == str(tmp_path / "one")
    assert (report.files, report.rejected, report.snapshot, report.changed) == (7, 1, 1, True)
    arguments = ["ingest", str(found), "--dataset", str(tmp_path / "two"), "--window", "32", "--json"]
    assert cli.main(arguments) == 0
    printed = json.loads(capfd.readouterr().out)
    figures = report.to_json()
    assert list(printed) == list(figures)
    for name in ("rejected", "reasons", "duplicates", "songs", "words", "windows", "shards", "bytes", "splits"):
        assert printed[name] == figures[name]
    assert "6" in report.table()
    assert "<td>bad" not in report._repr_html_()
    assert "not a MIDI file" in report._repr_html_()
    assert cli.main(["inspect", str(tmp_path / "one"), "--songs", "1"]) == 0
    assert capfd.readouterr().out == inspected.table() + "\n"
    assert inspected.to_json()["words"] == report.words
    assert "<table>" in inspected._repr_html_()


def test_warnings_and_notes_are_returned(found: Path, tmp_path: Path, capfd: Any) -> None:
    labels = fill(tmp_path, {"l.csv": b"file,label\n00.mid,calm\n"}) / "l.csv"
    report = tutti.ingest([found], tmp_path / "data", encoding="drums", labels=labels, split=(1, 0, 0))
    assert report.notes == ("6 of 7 files have no label, such as corpus/01.mid",)
    again = tutti.ingest([found / "00.mid"], tmp_path / "data", labels=labels, split=(1, 0, 0))
    assert again.notes == ("files that are in the dataset already keep the labels they came with",)
    assert not again.changed
    (warning, _) = tutti.ingest(found / "00.mid", tmp_path / "few").warnings
    assert "split is empty" in warning
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("mode", ["in_memory", "multi_processing"])
def test_runs_in_threads_give_the_same_and_leave_the_process_as_it_was(
    found: Path, tmp_path: Path, mode: str, capfd: Any
) -> None:
    before = process_state()
    flags = [f"--direct_running_mode={mode}", "--direct_num_workers=2"]
    with ThreadPoolExecutor(2) as threads:
        runs = [threads.submit(tutti.ingest, found, tmp_path / str(i), beam=flags) for i in range(2)]
        reports = [run.result() for run in runs]
    assert tree(Path(reports[0])) == tree(Path(reports[1]))
    assert process_state() == before
    assert capfd.readouterr() == ("", "")


def test_a_run_that_fails_leaves_the_process_as_it_was(tmp_path: Path, capfd: Any) -> None:
    before = process_state()
    with pytest.raises(Error, match="cannot be used"):
        tutti.ingest(fill(tmp_path / "corpus", {"bad.mid": b"bad"}), tmp_path / "data")
    assert process_state() == before
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"window": 0}, "--window 0"),
        ({"window": 2.5}, "--window 2.5"),
        ({"shards": 100_000}, "--shards 100000"),
        ({"split": (1, 1, 1)}, "three shares"),
        ({"split": "folders"}, "--split folders"),
        ({"split": "folder", "combine": CombineConfig()}, "--split folder"),
        ({"transpose": True}, "has no pitch|have no pitch"),
        ({"encoding": MuLaw(), "standardise": True}, "drum loops are MIDI files"),
    ],
)
def test_settings_out_of_bounds_are_refused(settings: dict[str, Any], reason: str) -> None:
    with pytest.raises(Error, match=reason):
        IngestConfig(**{"encoding": Drums(), **settings})


def test_an_unknown_encoding_or_flag_of_beam_is_refused(found: Path, tmp_path: Path) -> None:
    with pytest.raises(Error, match="unknown encoding 'opera'"):
        tutti.ingest(found, tmp_path / "data", encoding="opera")
    with pytest.raises(Error, match="unknown flag --windw=3"):
        tutti.ingest(found, tmp_path / "data", beam=["--windw=3"])
    assert not (tmp_path / "data").exists()


def test_combining_takes_its_shares_from_the_split(tmp_path: Path) -> None:
    found = pack(tmp_path / "pack", 3, 3, 3)
    made = tutti.ingest(found, tmp_path / "data", combine=CombineConfig(count=9, bars=2), split=(1, 0, 0))
    assert made.splits["train"]["songs"] == made.songs
    assert made.splits["test"]["songs"] == 0


def test_loops_are_standardised_and_combined(tmp_path: Path, capfd: Any) -> None:
    found = pack(tmp_path / "pack", 3, 3, 3)
    standard = loops.standardise(found, tmp_path / "standard")
    combined = loops.combine(standard, tmp_path / "loops", CombineConfig(count=9, bars=2))
    assert capfd.readouterr() == ("", "")
    assert standard.to_json()["written"] == 9
    assert combined.to_json()["splits"]["train"]["files"] == 7
    assert any("different combinations" in warning for warning in combined.warnings)
    assert "sources.json says what each file was made of" in combined.table()
    assert "<th>kick</th>" in combined._repr_html_()
    with pytest.raises(Error, match="bars 0: it must be at least 1"):
        CombineConfig(bars=0)
    with pytest.raises(Error, match="it must be three shares of train, validation, test that add up to 1"):
        CombineConfig(fractions=(2, 2, 2))
    with pytest.raises(Error, match="drums: no loop of 99 is known; there are 36, 38, "):
        CombineConfig(drums=(36, 99))


def test_a_picture_shows_itself_and_says_what_is_in_it(found: Path, tmp_path: Path, capfd: Any) -> None:
    pytest.importorskip("matplotlib")
    shown = tutti.show([found], most=2)
    assert (shown.titles, shown.complete) == (("00.mid", "01.mid"), False)
    assert shown.notes == ("there is more; --most 2 are shown",)
    content = shown._repr_png_()
    assert content is not None
    assert content.startswith(b"\x89PNG")
    shown.write(tmp_path / "x.png")
    assert (tmp_path / "x.png").read_bytes() == content
    score = tutti.show(found / "00.mid", encoding="drums", sheet=".musicxml")
    assert score._repr_png_() is None
    assert score.content.startswith(b"<?xml")
    assert tutti.show(tutti.midi.read_file(found / "00.mid")).content.startswith(b"\x89PNG")
    in_memory = tutti.show(tutti.midi.read_file(found / "00.mid"), encoding="drums", sheet=".musicxml")
    assert (in_memory.titles, in_memory.content.count(b"<note")) == (("as drums",), score.content.count(b"<note"))
    with pytest.raises(Error, match="the score: no drums"):
        tutti.show(replace(tutti.midi.read_file(found / "00.mid"), tracks=()), encoding="drums")
    with pytest.raises(Error, match="nothing to show: name a file"):
        tutti.show([])
    some = fill(found.parent / "some", {"0.mid": b"no music", **{f"{i}.mid": drum_file(i) for i in (1, 2)}})
    first, more = tutti.show(some, most=1).notes
    assert (first.startswith("left out some/0.mid: "), more) == (True, "there is more; --most 1 are shown")
    with pytest.raises(Error, match="--split is trane"):
        tutti.show(found, split="trane")
    assert capfd.readouterr() == ("", "")


def test_an_encoding_that_is_not_named_is_the_datasets_own_or_said(tmp_path: Path) -> None:
    piano = fill(tmp_path / "piano", {f"{seed}.mid": piano_file(seed) for seed in range(4)})
    first = tutti.ingest([piano / "0.mid", piano / "1.mid"], tmp_path / "notes", encoding="notes")
    assert "--encoding" not in "".join(first.notes)
    again = tutti.ingest(piano, tmp_path / "notes")
    assert (again.songs, "--encoding" in "".join(again.notes)) == (2, False)
    assert again.table().endswith("dataset.json is at snapshot 2; 2 songs added to 2 that were there")
    assert "songs added" not in first.table()
    drums = tutti.ingest(drum_corpus(tmp_path / "drums"), tmp_path / "data")
    assert drums.notes[0].startswith("--encoding drums, as none was named; there are drums, notes, ")


def test_nothing_but_bad_files_leaves_a_dataset_as_it_was(tmp_path: Path) -> None:
    tutti.ingest(drum_corpus(tmp_path / "drums"), tmp_path / "data", encoding="drums")
    before = tree(tmp_path / "data")
    report = tutti.ingest(fill(tmp_path / "more", {"README.md": b"# Music"}) / "README.md", tmp_path / "data")
    assert (report.changed, report.rejected, report.snapshot) == (False, 1, 1)
    assert "nothing new" in report.table()
    assert tree(tmp_path / "data") == before
