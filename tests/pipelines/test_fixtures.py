"""Datasets that an earlier version wrote."""

import json
import shutil
from pathlib import Path

import pytest

import tutti
from tests.pipelines.made import drum_corpus, tree

FIXTURES = Path(__file__).parents[1] / "fixtures"


@pytest.mark.parametrize("name", ["drums", "rolls"])
def test_a_dataset_of_an_earlier_version_is_inspected(name: str) -> None:
    data = FIXTURES / name / "dataset"
    found = tutti.inspect(data).to_json()
    assert found["encoding"] == json.loads((data / "dataset.json").read_text())["encoding"]
    assert found["words"] > 0
    assert len(found["songs"]) == 3 or sum(split["songs"] for split in found["splits"].values()) < 3


def test_a_dataset_of_an_earlier_version_grows(tmp_path: Path) -> None:
    data = shutil.copytree(FIXTURES / "drums" / "dataset", tmp_path / "data")
    before, stored = tree(data), json.loads((data / "dataset.json").read_text())
    report = tutti.ingest(
        drum_corpus(tmp_path / "corpus", range(3)),
        data,
        window=stored["window"],
        stride=stored["stride"],
        split=tuple(stored["fractions"]),
    )
    assert (report.snapshot, report.songs) == (stored["snapshot"] + 1, 3)
    assert all(tree(data)[name] == content for name, content in before.items() if name != "dataset.json")
    assert tutti.inspect(data).to_json()["snapshot"] == report.snapshot
