"""One corpus of 300 songs of each kind for all tests here."""

import pytest

from tutti.practice.compose import KINDS, corpus

SONGS = 300
SEED = 1


@pytest.fixture(scope="session")
def songs() -> dict[str, dict[str, bytes]]:
    """kind -> file name -> bytes."""
    return {kind: dict(corpus(kind, SONGS, SEED)) for kind in KINDS}
