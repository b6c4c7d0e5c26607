"""A small dataset and a short run on it, for all tests of the trainer."""

from pathlib import Path

import pytest

from tutti import quiet

with quiet.importing():
    from tests.trainer import made, running

STEPS = ("--steps", "60", "--evaluate-every", "20", "--report-every", "7")


@pytest.fixture(scope="session")
def phrases(tmp_path_factory: pytest.TempPathFactory) -> made.Made:
    """The default dataset of `made`."""
    return made.dataset(tmp_path_factory.mktemp("phrases") / "dataset")


@pytest.fixture(scope="session")
def flags(phrases: made.Made) -> tuple[str, ...]:
    """The flags of the run of `trained`, without --run."""
    return ("--dataset", phrases.path, "--preset", "piano-lstm-small", *running.TINY, *STEPS)


@pytest.fixture(scope="session")
def trained(flags: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one process on one device that nothing disturbed."""
    run = tmp_path_factory.mktemp("trained") / "run"
    running.train(*flags, "--run", str(run))
    return run
