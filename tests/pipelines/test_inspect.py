import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tfrecord.example_pb2 import Example

from pipelines import records
from pipelines.cli import inspect
from tests.pipelines.made import drum_corpus, drum_file, fill, run, shards, snapshot, tree
from tutti import midi
from tutti.dataset.manifest import SPLITS, Snapshot, rejected_path, snapshot_path
from tutti.encodings.drums import Drums
from tutti.errors import Error

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def data(tmp_path: Path, capsys: Capture) -> Path:
    found = fill(drum_corpus(tmp_path / "corpus", range(12)), {"bad.mid": b"bad"})
    run(capsys, found, "--dataset", tmp_path / "data", "--window", 32, "--stride", 8)
    return tmp_path / "data"


def inspected(capsys: Capture, *arguments: object) -> dict[str, Any]:
    inspect.main([*map(str, arguments), "--json"])
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("stride", [8, 32, 40])
def test_the_figures_are_those_of_the_songs(tmp_path: Path, capsys: Capture, stride: int) -> None:
    found = drum_corpus(tmp_path / "corpus", range(12))
    run(capsys, found, "--dataset", tmp_path / "data", "--window", 39, "--stride", stride)
    shown = inspected(capsys, tmp_path / "data", "--songs", 2)
    wanted = [Drums().encode(midi.read(drum_file(seed)))[0] for seed in range(12)]
    lengths = sorted(map(len, wanted))
    counts = Counter(token for song in wanted for token in song)
    assert shown["lengths"]["min"] == lengths[0]
    assert shown["lengths"]["max"] == lengths[-1]
    assert shown["words"] == sum(lengths)
    assert shown["commonest"] == {token: counts[token] for token in shown["commonest"]}
    assert list(shown["commonest"].values()) == [count for _, count in counts.most_common(len(shown["commonest"]))]
    assert sum(split["songs"] for split in shown["splits"].values()) == 12
    assert len(shown["songs"]) == 2
    for words in shown["songs"].values():
        assert words in [song[: len(words)] for song in wanted]


def test_it_shows_what_a_person_wants_to_know(data: Path, capsys: Capture) -> None:
    inspect.main([str(data)])
    shown = capsys.readouterr().out
    for part in ("drums", "resolution 16", "window     32", "1 rejected", *SPLITS, "commonest", "0b000000000", "BAR"):
        assert part in shown


def test_any_damaged_byte_of_a_shard_is_found_and_the_shard_named(data: Path) -> None:
    for name, content in shards(data).items():
        for at in range(0, len(content), max(1, len(content) // 9)):
            (data / name).write_bytes(content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :])
            with pytest.raises(Error, match=name):
                inspect.main([str(data)])
        (data / name).write_bytes(content)
    inspect.main([str(data)])


def test_a_shard_with_other_music_is_found_though_each_of_its_records_is_sound(data: Path) -> None:
    (shard,) = snapshot(data).shards["train"]
    with (data / shard.path).open("rb") as file:
        first, *others = (Example.FromString(payload) for payload in records.payloads(file))
    tokens = first.features.feature["tokens"].int64_list.value
    place = next(i for i in range(1, len(tokens)) if tokens[i] != tokens[1])
    tokens[1], tokens[place] = tokens[place], tokens[1]
    whole = b"".join(records.frame(each.SerializeToString(deterministic=True)) for each in (first, *others))
    (data / shard.path).write_bytes(whole)
    with pytest.raises(Error, match=f"{shard.path}: checksum [0-9a-f]{{8}}, the manifest says {shard.crc32c}"):
        inspect.main([str(data)])


@pytest.mark.parametrize("cut", [1, 300])
def test_a_shard_cut_off_is_found(data: Path, cut: int) -> None:
    for name, content in shards(data).items():
        (data / name).write_bytes(content[:-cut])
        with pytest.raises(Error, match=name):
            inspect.main([str(data)])
        (data / name).write_bytes(content)


def test_a_missing_shard_is_found(data: Path) -> None:
    name = next(iter(shards(data)))
    (data / name).unlink()
    with pytest.raises(Error, match=f"{name}: No such file"):
        inspect.main([str(data)])


@pytest.mark.parametrize("count", ["records", "tokens", "bytes"])
def test_a_count_that_differs_from_the_manifest_is_found(data: Path, count: str) -> None:
    found = snapshot(data)
    (shard,) = found.shards["train"]
    wrong = replace(shard, **{count: getattr(shard, count) + 1})
    write(data, replace(found, shards={**found.shards, "train": (wrong,)}))
    with pytest.raises(Error, match=f"{shard.path}: {count}"):
        inspect.main([str(data)])


def test_a_song_without_a_source_is_found(data: Path) -> None:
    found = snapshot(data)
    write(data, replace(found, sources=found.sources[1:]))
    with pytest.raises(Error, match=f"songs in the {found.sources[0].split} shards"):
        inspect.main([str(data)])


def test_a_list_of_rejected_files_that_differs_is_found(data: Path) -> None:
    (data / rejected_path(1)).write_text("")
    with pytest.raises(Error, match="lists 0 files, the manifest says 1"):
        inspect.main([str(data)])


def test_what_is_no_dataset_is_named(tmp_path: Path) -> None:
    with pytest.raises(Error, match=f"no dataset in {tmp_path}"):
        inspect.main([str(tmp_path)])


def test_it_changes_nothing(data: Path) -> None:
    before = tree(data)
    inspect.main([str(data)])
    assert tree(data) == before


def test_it_needs_neither_tensorflow_nor_beam(data: Path) -> None:
    code = (
        "import sys; from pipelines.cli import inspect; inspect.main(sys.argv[1:]);"
        "sys.exit(', '.join({'tensorflow', 'apache_beam'} & set(sys.modules)) or None)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(data)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def write(data: Path, changed: Snapshot) -> None:
    (data / snapshot_path(1)).write_text(changed.to_json())
