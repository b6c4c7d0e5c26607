"""Runs that carry the state from window to window, on songs with labels: killed, and shared out."""

import time
from pathlib import Path

import numpy as np
import pytest

from tests.trainer import made, running
from tests.trainer.running import weights
from trainer.run.metrics import read_lines

Runs = tuple[tuple[str, ...], Path]


@pytest.fixture(scope="module")
def undisturbed(phrases: made.Made, tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """Flags, and a run of one process on one device with them."""
    folder = tmp_path_factory.mktemp("carried")
    corpus = made.dataset(folder / "dataset", phrases.songs, label=lambda song: ("", "calm", "wild")[int(song[1]) % 3])
    steps = ("--steps", "24", "--evaluate-every", "12", "--report-every", "7")
    flags: tuple[str, ...] = ("--dataset", corpus.path, "--preset", "piano-lstm-small", *running.TINY, *steps)
    flags += ("--carry", "--label-dropout", "0.3")
    run = folder / "run"
    running.train(*flags, "--run", str(run))
    return flags, run


def test_a_killed_run_that_carries_ends_with_the_weights_and_the_state_of_one_never_killed(
    undisturbed: Runs, tmp_path: Path
) -> None:
    flags, expected = undisturbed
    run = tmp_path / "run"
    process = running.started(*flags, "--run", str(run), "--checkpoint-steps", "1", "--steps-per-call", "1")
    while process.poll() is None and running.step_of(run) < 10:
        time.sleep(0.01)
    process.kill()
    _, errors = process.communicate()
    assert 10 <= running.step_of(run) < 24, errors
    running.train(*flags, "--run", str(run))
    whole, resumed = (weights(path) for path in (expected, run))
    assert sum(name.startswith("carried/") for name in whole) == 3  # h, c and the label
    assert sum(name.startswith("model/conditioning") for name in whole) == 1
    assert whole.keys() == resumed.keys()
    for name, value in whole.items():
        np.testing.assert_array_equal(resumed[name], value, err_msg=name)
    assert validations(run) == validations(expected)


def test_two_devices_and_two_workers_carry_what_one_device_does(undisturbed: Runs, tmp_path: Path) -> None:
    flags, expected = undisturbed
    mirrored = running.started(*flags, "--run", str(tmp_path / "mirrored"), "--devices", "2")
    workers = running.started_workers(2, *flags, "--run", str(tmp_path / "workers"))
    running.ended(mirrored, *workers)
    whole = weights(expected)
    for name in ("mirrored", "workers"):
        found = weights(tmp_path / name)
        assert found.keys() == whole.keys()
        for variable, value in whole.items():
            np.testing.assert_allclose(found[variable], value, rtol=1e-4, atol=5e-6, err_msg=f"{name} {variable}")
        np.testing.assert_allclose(validations(tmp_path / name), validations(expected), rtol=1e-4)


def validations(run: Path) -> list[float]:
    """Bits per token of each validation."""
    lines = read_lines(str(run / "metrics.jsonl"))
    return [line.validation_bits for line in lines if line.validation_bits is not None]
