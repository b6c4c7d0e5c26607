"""The pages name what is there."""

import re
from pathlib import Path

import pytest

import tutti
from tutti.cli import COMMANDS

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "benchmarks/README.md",
    *sorted((ROOT / "docs").glob("*.md")),
]
STAGES = r"(?:tutti|pipelines|trainer|serving|tests|benchmarks|examples|docs)"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    text = page.read_text()
    named = {name.rstrip("/") for name in re.findall(rf"`({STAGES}/[\w./-]*)`", text)}
    linked = set(re.findall(r"\]\(([\w./-]+)\)", text))
    missing = [name for name in named if not (ROOT / name).exists()]
    missing += [name for name in linked if not (page.parent / name).exists()]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_a_page_gives_exists(page: Path) -> None:
    given = re.findall(r"^(?:\$ )?tutti (\w+)", page.read_text(), re.MULTILINE)
    assert set(given) <= set(COMMANDS)


def test_public_names_are_there() -> None:
    assert all(hasattr(tutti, name) for name in ("ingest", "inspect", "show", "encodings", "Score", "Error"))


def test_no_text_installs_the_other_project_of_this_name() -> None:
    files = [file for stage in ("tutti", "pipelines", "trainer", "serving") for file in (ROOT / stage).rglob("*.py")]
    for file in [*PAGES, *files]:
        assert not re.search(r"pip install [^\n]*\btutti\b(?!-music)", file.read_text()), file
