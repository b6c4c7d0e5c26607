import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.ingest.types import Content, Contents
from pipelines.loops import combine, drum_loop
from pipelines.loops.combine import Original
from pipelines.loops.config import CombineConfig
from pipelines.loops.output import MADE, SOURCES, staging
from pipelines.loops.standardise import standardised
from tests.corpora import corpus
from tests.pipelines.made import drum_file, fill, shards, snapshot, tree
from tests.pipelines.made import run as ingested
from tests.pipelines.test_bad_use import refused_here, small_files
from tutti import cli, midi
from tutti.dataset.manifest import SPLITS, content_id
from tutti.errors import Error
from tutti.score import Notes, Score, Track

Capture = pytest.CaptureFixture[str]
PARTS = ("kick", "snare", "hat")


def loop_file(seed: int, pitch: int = 60, bars: int = 2) -> bytes:
    """A loop of its own for each seed, on one note."""
    random = np.random.default_rng(seed)
    onset = np.union1d(np.flatnonzero(random.random(16 * bars) < 0.4) * 120, [1920 * (bars - 1)])
    played = Notes.of(onset, np.full(len(onset), 60), np.full(len(onset), pitch), random.integers(1, 128, len(onset)))
    return midi.write(Score(480, (Track(played),)))


def pack(folder: Path, kicks: int = 6, snares: int = 5, hats: int = 7) -> Path:
    made: dict[str, bytes] = {}
    for number, (part, count) in enumerate(zip(PARTS, (kicks, snares, hats), strict=True)):
        made |= {f"{part.title()}/{i:02d}.mid": loop_file(100 * number + i, 50 + i) for i in range(count)}
    return fill(folder, made)


def run(capsys: Capture, *arguments: object) -> dict[str, Any]:
    assert cli.main(["loops", *map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def sources(folder: Path) -> dict[str, Any]:
    return json.loads((folder / SOURCES).read_text())


def test_standardised_files_have_the_names_of_their_originals(tmp_path: Path, capsys: Capture) -> None:
    found = pack(tmp_path / "pack")
    fill(
        found,
        {"beat.mid": drum_file(1), "Kick/empty.mid": b"", "song.mid": loop_file(3, 96), "Hat/9.rmi": loop_file(4)},
    )
    report = run(capsys, "standardise", found, "--out", tmp_path / "out")
    assert report["drums"] == {"hat": 8, "kick": 6, "snare": 5, "kit": 1}
    assert [file["name"] for file in report["left_out"]] == ["pack/Kick/empty.mid", "pack/song.mid"]
    listed = sources(tmp_path / "out")["files"]
    files = tree(tmp_path / "out")
    assert set(files) == {SOURCES, *listed}
    for name, file in listed.items():
        assert file["id"] == content_id(files[name])
        before = (
            (tmp_path / name).with_suffix("").read_bytes()
            if name.endswith(".rmi.mid")
            else (tmp_path / name).read_bytes()
        )
        assert file["source"] == content_id(before)
        (track,) = midi.read(files[name]).tracks
        assert track.is_drum


def test_every_runner_combines_the_same_files_and_again(tmp_path: Path, capsys: Capture) -> None:
    found = pack(tmp_path / "pack")
    runners = [
        (),
        (),
        ("--direct_running_mode", "multi_processing", "--direct_num_workers", 2),
        ("--runner", "BundleBasedDirectRunner"),
    ]
    for i, runner in enumerate(runners):
        flags = ("--out", tmp_path / str(i), "--count", 150, "--bars", 5, "--bpm", 140.5, "--seed", 3)
        run(capsys, "combine", found, *flags, *runner)
        assert tree(tmp_path / str(i)) == tree(tmp_path / "0"), runner
    assert len(tree(tmp_path / "0")) == 151
    run(capsys, "standardise", found, "--out", tmp_path / "one")
    run(capsys, "standardise", found, "--out", tmp_path / "two", *runners[3])
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


def test_a_file_is_what_its_sources_give(tmp_path: Path, capsys: Capture) -> None:
    found = pack(tmp_path / "pack")
    run(capsys, "combine", found, "--out", tmp_path / "out", "--count", 30, "--bars", 7, "--bpm", 99, "--seed", 4)
    originals = {content_id(content): (name, content) for name, content in tree(tmp_path).items() if name[:4] == "pack"}
    listed = sources(tmp_path / "out")["files"]
    assert len(listed) == 30
    for name, file in listed.items():
        assert name.startswith(file["split"])
        assert (file["bars"], file["bpm"], file["seed"]) == (7, 99, 4)
        parts = []
        for drum in PARTS:
            source = file["sources"][drum]
            path, content = originals[source["id"]]
            assert path == source["name"]
            parts.append(drum_loop.standardise(midi.read(content), path).score)
        content = (tmp_path / "out" / name).read_bytes()
        assert content == midi.write(drum_loop.combine(parts, 7, 99))
        assert file["id"] == content_id(content)


def test_no_original_is_in_two_splits_nor_its_relatives(tmp_path: Path, capsys: Capture) -> None:
    report = run(capsys, "combine", corpus("trap/loops"), "--out", tmp_path / "out")
    assert {split: row["files"] for split, row in report["splits"].items()} == dict(
        zip(SPLITS, (400, 50, 50), strict=True)
    )
    assert report["splits"]["train"]["different"] == 8 * 2 * 9
    listed = sources(tmp_path / "out")
    splits: dict[str, set[str]] = {split: set() for split in SPLITS}
    for file in listed["files"].values():
        splits[file["split"]] |= {source["id"] for source in file["sources"].values()}
    assert sum(map(len, splits.values())) == len(set().union(*splits.values())) == 25
    # 13_Trap_Kick has the bars of 06_Trap_Kick in another order; 10_Trap_Hat is 09_Trap_Hat.
    of = {Path(one["name"]).stem: one["split"] for one in listed["originals"].values()}
    assert of["13_Trap_Kick"] == of["06_Trap_Kick"]
    (same,) = listed["left_out"]
    assert Path(same["name"]).stem in ("09_Trap_Hat", "10_Trap_Hat")
    for path, content in tree(tmp_path / "out").items():
        if path != SOURCES:
            score = midi.read(content)
            assert drum_loop.bars_of(score) == 40
            assert score.tempos[0][1] == pytest.approx(85, rel=1e-5)


def test_names_and_places_of_files_do_not_change_what_is_made(tmp_path: Path, capsys: Capture) -> None:
    made = {f"{part}_{i}.mid": loop_file(100 * n + i) for n, part in enumerate(PARTS) for i in range(4)}
    there = {f"deep/{part}s/{9 - i}.MID": loop_file(100 * n + i) for n, part in enumerate(PARTS) for i in range(4)}
    for name, files in (("one", made), ("two", there)):
        run(capsys, "combine", fill(tmp_path / f"{name} pack", files), "--out", tmp_path / name, "--count", 20)
    both = [
        {name: content for name, content in tree(tmp_path / out).items() if name != SOURCES} for out in ("one", "two")
    ]
    assert both[0] == both[1]


def originals(*counts: int) -> list[list[Original]]:
    return [[Original("", f"{drum}-{i}", drum, b"", "", "train") for i in range(n)] for drum, n in enumerate(counts)]


@given(st.lists(st.integers(1, 6), min_size=1, max_size=3), st.integers(0, 300), st.integers(0, 9))
def test_no_combination_comes_again_before_each_has_come(counts: list[int], count: int, seed: int) -> None:
    total = int(np.prod(counts))
    found = list(combine.drawn(originals(*counts), count, str(seed)))
    assert len(found) == count
    for begin in range(0, count, total):
        some = found[begin : begin + total]
        assert len(set(some)) == len(some)
    more = list(combine.drawn(originals(*counts), count + 5, str(seed)))
    assert more[:count] == found or count % total  # Within a round, more files leave the first ones as they are.
    assert max(Counter(found).values(), default=0) <= -(-count // total)


@given(st.integers(0, 1000), st.lists(st.floats(0, 1), min_size=1, max_size=3), st.integers(0, 1))
def test_shares_are_met_to_less_than_one_thing_or_the_least(count: int, parts: list[float], least: int) -> None:
    total = sum(parts)
    shares = [part / total for part in parts] if total > 1e-3 else [1 / len(parts)] * len(parts)
    count = max(count, least * len(parts))
    counts = combine.apportioned(count, shares, least)
    assert sum(counts) == count
    assert min(counts) >= least
    if not least:
        assert all(abs(n - count * share) < 1 for n, share in zip(counts, shares, strict=True))


@pytest.mark.parametrize(("snares", "served"), [(1, {"train"}), (2, {"train", "validation"}), (3, set(SPLITS))])
def test_a_split_for_which_a_drum_has_no_original_is_empty_and_said_to_be(
    tmp_path: Path, capsys: Capture, snares: int, served: set[str]
) -> None:
    found = pack(tmp_path / "pack", snares=snares)
    assert cli.main(["loops", "combine", str(found), "--out", str(tmp_path / "out"), "--count", "40", "--json"]) == 0
    printed = capsys.readouterr()
    report = json.loads(printed.out)
    assert {split for split, row in report["splits"].items() if row["files"]} == served
    assert sum(row["files"] for row in report["splits"].values()) == 40
    for split in SPLITS:
        assert (f"too few loops for the {split} split" in printed.err) == (split not in served)


def test_a_drum_without_loops_and_files_without_a_drum(tmp_path: Path, capsys: Capture) -> None:
    found = pack(tmp_path / "pack", hats=0)
    assert "no loop of the hat among the 11 files" in refused_here(
        capsys, "loops", "combine", found, "--out", tmp_path / "o"
    )
    other = fill(tmp_path / "other", {"a.mid": loop_file(1, 99), "b.mid": b"none"})
    assert "none of the 2 files" in refused_here(capsys, "loops", "standardise", other, "--out", tmp_path / "o")
    assert not (tmp_path / "o").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other", "pack"]


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (("combine",), "--out"),
        (("stir",), "standardise, combine"),
        (("combine", "--out", "O", "--bars", "0"), "--bars 0"),
        (("combine", "--out", "O", "--bpm", "2"), "--bpm 2"),
        (("combine", "--out", "O", "--bpm", "nan"), "--bpm nan"),
        (("combine", "--out", "O", "--count", "0"), "--count 0"),
        (("combine", "--out", "O", "--seed", "-1"), "--seed -1"),
        (("combine", "--out", "O", "--split", "1,1,1"), "1,1,1"),
        (("combine", "--out", "O", "--split", "folder"), "folder"),
        (("standardise", "--out", "O", "--bars", "3"), "--bars"),
    ],
)
def test_wrong_flags(tmp_path: Path, capsys: Capture, flags: tuple[str, ...], named: str) -> None:
    found = pack(tmp_path / "pack", 1, 1, 1)
    command, *rest = [str(tmp_path / "out") if flag == "O" else flag for flag in flags]
    assert named in refused_here(capsys, "loops", command, found, *rest)
    assert [path.name for path in tmp_path.iterdir()] == ["pack"]


def test_a_folder_with_anything_else_in_it_stays_as_it_is(tmp_path: Path, capsys: Capture) -> None:
    found = pack(tmp_path / "pack")
    other = fill(tmp_path / "other", {"thesis.tex": b"years of work"})
    assert "thesis.tex" in refused_here(capsys, "loops", "combine", found, "--out", other)
    assert "is a file" in refused_here(capsys, "loops", "combine", found, "--out", other / "thesis.tex")
    out = tmp_path / "out"
    run(capsys, "combine", found, "--out", out, "--count", 20)
    before = tree(out)
    assert "count 20, not 30" in refused_here(capsys, "loops", "combine", found, "--out", out, "--count", 30)
    assert "command combine, not standardise" in refused_here(capsys, "loops", "standardise", found, "--out", out)
    assert tree(out) == before
    # The same again is made anew: from the same loops the same, from others what they give.
    run(capsys, "combine", found, "--out", out, "--count", 20)
    assert tree(out) == before
    fill(found, {"Hat/more.mid": loop_file(999)})
    run(capsys, "combine", found, "--out", out, "--count", 20)
    assert len(tree(out)) == 21
    assert tree(out) != before
    fill(out, {"mine.txt": b""})
    assert "mine.txt" in refused_here(capsys, "loops", "combine", found, "--out", out, "--count", 20)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other", "out", "pack"]


def test_what_comes_into_a_folder_while_a_result_is_made_is_not_overwritten(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(Error, match=r"out holds other files \(theirs\.mid\)"), staging(str(out), {}) as own:
        fill(Path(own, MADE), {"ours.mid": b"", SOURCES: b"{}"})
        fill(out, {"theirs.mid": b"years of work"})
    assert tree(tmp_path) == {"out/theirs.mid": b"years of work"}


def test_an_empty_folder_is_taken(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "out").mkdir()
    run(capsys, "combine", pack(tmp_path / "pack"), "--out", tmp_path / "out", "--count", 3)
    assert len(tree(tmp_path / "out")) == 4


def test_a_write_that_fails_leaves_nothing(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    found = pack(tmp_path / "pack")
    with small_files(monkeypatch):
        line = refused_here(capsys, "loops", "combine", found, "--out", tmp_path / "new" / "out")
    assert "cannot write" in line
    assert "File too large" in line
    assert [path.name for path in tmp_path.iterdir()] == ["pack"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_is_stopped_leaves_no_half_of_a_result(tmp_path: Path, capsys: Capture, number: int) -> None:
    found, out = pack(tmp_path / "pack"), tmp_path / "out"
    command = [sys.executable, "-m", "tutti", "loops", "combine", str(found), "--out", str(out), "--count", "20000"]
    running = subprocess.Popen(command)
    while not list(tmp_path.glob(".out.loops-*/made/train")) and running.poll() is None:
        time.sleep(0.01)
    os.kill(running.pid, number)
    assert running.wait() != 0
    if number == signal.SIGKILL:
        assert not out.exists()
        # What it could not delete, the next run does.
        run(capsys, "combine", found, "--out", out, "--count", 20)
        assert len(tree(out)) == 21
    assert sorted(path.name for path in tmp_path.iterdir()) == (["out", "pack"] if out.exists() else ["pack"])


def test_ingesting_combined_loops_is_combining_and_ingesting(tmp_path: Path, capsys: Capture) -> None:
    found = pack(tmp_path / "pack")
    run(capsys, "combine", found, "--out", tmp_path / "loops", "--count", 40, "--bars", 6, "--bpm", 120, "--seed", 2)
    flags = ("--resolution", 32, "--window", 64)
    ingested(capsys, tmp_path / "loops", "--dataset", tmp_path / "two", "--split", "folder", *flags)
    combining = ("--combine", 40, "--combine-bars", 6, "--combine-bpm", 120, "--combine-seed", 2)
    ingested(capsys, found, "--dataset", tmp_path / "one", *combining, *flags)
    assert shards(tmp_path / "one") == shards(tmp_path / "two")
    splits = [{source.id: source.split for source in snapshot(tmp_path / name).sources} for name in ("one", "two")]
    assert splits[0] == splits[1]
    again = (found, "--dataset", tmp_path / "one", *combining, *flags)
    assert "divides loops anew" in refused_here(capsys, "ingest", *again)
    assert "--combine-bars needs --combine" in refused_here(capsys, "ingest", *again[:3], "--combine-bars", 3)


def test_ingesting_standardised_loops_is_standardising_and_ingesting(tmp_path: Path, capsys: Capture) -> None:
    found = pack(tmp_path / "pack")
    fill(found, {"none.mid": loop_file(7, 99)})
    did = ingested(capsys, found, "--dataset", tmp_path / "one", "--standardise")
    assert (did["songs"], did["rejected"]) == (18, 1)
    run(capsys, "standardise", found, "--out", tmp_path / "loops")
    ingested(capsys, tmp_path / "loops", "--dataset", tmp_path / "two")
    assert shards(tmp_path / "one") == shards(tmp_path / "two")


def test_loops_of_other_drums_can_be_combined() -> None:
    config = CombineConfig(count=4, drums=(drum_loop.KICK, drum_loop.RIDE), fractions=(1, 0, 0))
    files = {"kick.mid": loop_file(1), "ride.mid": loop_file(2), "ride 2.mid": loop_file(3), "hat.mid": loop_file(4)}
    found = standardised(Contents(tuple(Content(name, data) for name, data in files.items())))
    plan = combine.combinations([found], config)
    assert plan.different == {"train": 2}
    assert len(plan.draws) == 4
    assert [loop.reason for loop in plan.left_out] == ["a loop of the hat; loops of one drum are combined: kick, ride"]
