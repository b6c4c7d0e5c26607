"""Small MIDI files, corpora of them, and what is in the datasets made from them."""

import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tfrecord.example_pb2 import Example

from pipelines import records
from pipelines.cli import ingest
from tutti import midi
from tutti.dataset.manifest import MANIFEST, Dataset, Snapshot, snapshot_path
from tutti.score import Notes, Score, Track


def drum_file(seed: int, beats: int = 32) -> bytes:
    """A MIDI file with a drum part of its own for each seed."""
    random = np.random.default_rng(seed)
    onset = np.flatnonzero(random.random(4 * beats) < 0.5) * 120
    onset = np.union1d(onset, [0])
    pitch = random.choice([36, 38, 42, 46, 49], len(onset))
    played = Notes.of(onset, np.full(len(onset), 60), pitch, np.full(len(onset), 90))
    return midi.write(Score(480, (Track(played, "Drums", is_drum=True),)))


def piano_file(seed: int, low: int = 48, high: int = 72, length: int = 40, parts: int = 1) -> bytes:
    """A MIDI file with parts of single notes and chords of their own for each seed."""
    random = np.random.default_rng(seed)
    tracks = []
    for program in range(parts):
        onset = np.repeat(np.arange(length), random.integers(1, 4, length)) * 240
        pitch = random.integers(low, high, len(onset))
        tracks.append(Track(Notes.of(onset, [200] * len(onset), pitch, [80] * len(onset)), program=program))
    return midi.write(Score(480, tuple(tracks)))


def fill(folder: Path, files: dict[str, bytes]) -> Path:
    """Writes files, by name, into a folder."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def drum_corpus(folder: Path, seeds: Iterable[int] = range(12)) -> Path:
    return fill(folder, {f"{seed:02d}.mid": drum_file(seed) for seed in seeds})


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    """Runs `tutti ingest` in this process; what it says it did."""
    ingest.main([*map(str, arguments), "--json"])
    return json.loads(capsys.readouterr().out)


def tree(folder: Path) -> dict[str, bytes]:
    """All files below a folder, hidden ones too."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def shards(folder: Path) -> dict[str, bytes]:
    return {name: content for name, content in tree(folder).items() if name.endswith(".tfrecord")}


def dataset(folder: Path) -> Dataset:
    return Dataset.from_json((folder / MANIFEST).read_text(), str(folder))


def snapshot(folder: Path) -> Snapshot:
    path = folder / snapshot_path(dataset(folder).snapshot)
    return Snapshot.from_json(path.read_text(), str(path))


def features(folder: Path) -> dict[str, list[Any]]:
    """The features of each record that the current snapshot names, in order, by split."""
    found: dict[str, list[Any]] = defaultdict(list)
    for split, listed in snapshot(folder).shards.items():
        for shard in listed:
            with (folder / shard.path).open("rb") as file:
                found[split] += [Example.FromString(payload).features.feature for payload in records.payloads(file)]
    return found


def windows(folder: Path) -> dict[str, list[tuple[str, int, list[int]]]]:
    """(song, start, tokens) of each record that the current snapshot names, in order, by split."""
    found: dict[str, list[tuple[str, int, list[int]]]] = defaultdict(list)
    for split, listed in features(folder).items():
        for feature in listed:
            (length,) = feature["length"].int64_list.value
            (start,) = feature["start"].int64_list.value
            (song,) = feature["song"].bytes_list.value
            found[split].append((song.decode(), start, list(feature["tokens"].int64_list.value)[:length]))
    return found


def labels(folder: Path) -> dict[str, str]:
    """The label of each song, as its records have it."""
    return {
        feature["song"].bytes_list.value[0].decode(): feature["label"].bytes_list.value[0].decode()
        for listed in features(folder).values()
        for feature in listed
    }


def songs(folder: Path) -> dict[str, list[int]]:
    """The ids of each song, BOS and EOS included, put together from windows with stride = window."""
    found: dict[str, list[int]] = {}
    for split in windows(folder).values():
        for song, start, tokens in split:
            whole = found.setdefault(song, [])
            assert start == max(len(whole) - 1, 0)
            whole += tokens if not whole else tokens[1:]
    return found
