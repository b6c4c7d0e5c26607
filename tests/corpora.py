"""Where tests find the third-party corpora that are not part of the project."""

import os
from pathlib import Path

import pytest

HOME = Path(os.environ.get("TUTTI_TEST_DATA") or Path(__file__).parents[1].parent / "shared" / "data")


def corpus(name: str) -> Path:
    """The path of a corpus or golden file below TUTTI_TEST_DATA; skips the test where it is missing."""
    path = HOME / name
    if not path.exists():
        pytest.skip(f"{name} is not there; set TUTTI_TEST_DATA to the folder that holds it")
    return path
