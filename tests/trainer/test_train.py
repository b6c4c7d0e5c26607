import math
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from tests.pixels import coloured
from tests.trainer import made, running
from tests.trainer.running import weights
from trainer.config import TrainingConfig
from trainer.data.reader import open_corpus
from trainer.distribution import Distribution
from trainer.run.metrics import read_lines
from trainer.train import open_batches
from tutti.encodings.drums import Drums
from tutti.errors import Error


def test_a_run_leaves_weights_metrics_logs_and_a_curve(trained: Path) -> None:
    lines = read_lines(str(trained / "metrics.jsonl"))
    checks = [line for line in lines if line.validation_bits is not None]
    assert [line.step for line in checks] == [20, 40, 60]
    assert [line.step for line in lines] == sorted({*range(7, 61, 7), 20, 40, 60})
    assert (checks[-1].validation_bits or math.inf) < (checks[0].validation_bits or 0.0) < math.log2(15) + 0.2
    assert all(line.epoch == line.step / 10 for line in lines)
    assert tf.train.latest_checkpoint(str(trained / "best")).endswith("ckpt-60")
    drawn = coloured((trained / "learning_curve.png").read_bytes())
    assert np.ptp(np.flatnonzero(drawn.any(axis=0))) > drawn.shape[1] / 2, "the curve runs from side to side"
    assert list((trained / "logs").glob("events.out.tfevents.*"))


def test_a_killed_run_ends_with_the_weights_of_one_never_killed(
    trained: Path, flags: tuple[str, ...], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    process = running.started(*flags, "--run", str(run), "--checkpoint-steps", "1", "--steps-per-call", "1")
    while process.poll() is None and running.step_of(run) < 15:
        time.sleep(0.01)
    process.kill()
    _, errors = process.communicate()
    assert 15 <= running.step_of(run) < 60, errors
    running.train(*flags, "--run", str(run))
    expected, resumed = weights(trained), weights(run)
    assert expected.keys() == resumed.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(resumed[name], value, err_msg=name)
    lines, undisturbed = (read_lines(str(path / "metrics.jsonl")) for path in (run, trained))
    assert [line.step for line in lines] == [line.step for line in undisturbed]
    assert [line.validation_bits for line in lines] == [line.validation_bits for line in undisturbed]


def test_two_devices_and_two_workers_end_with_the_weights_of_one_device(
    trained: Path, flags: tuple[str, ...], tmp_path: Path
) -> None:
    mirrored = running.started(*flags, "--run", str(tmp_path / "mirrored"), "--devices", "2")
    workers = running.started_workers(2, *flags, "--run", str(tmp_path / "workers"))
    running.ended(mirrored, *workers)
    expected = weights(trained)
    for name in ("mirrored", "workers"):
        found = weights(tmp_path / name)
        assert found.keys() == expected.keys()
        for variable, value in expected.items():
            np.testing.assert_allclose(found[variable], value, rtol=1e-4, atol=2e-6, err_msg=f"{name} {variable}")
        assert [line.step for line in read_lines(str(tmp_path / name / "metrics.jsonl"))] == [
            line.step for line in read_lines(str(trained / "metrics.jsonl"))
        ]


def test_a_finished_run_goes_on_when_it_gets_more_steps(trained: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    subprocess.run(["cp", "-r", str(trained), str(run)], check=True)
    before = (run / "metrics.jsonl").read_text()
    running.train("--run", str(run))
    assert (run / "metrics.jsonl").read_text() == before
    running.train("--run", str(run), "--steps", "63")
    assert running.step_of(run) == 63
    assert (run / "metrics.jsonl").read_text().startswith(before)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--preset", "drums-lstm"], "preset piano-lstm-small, not drums-lstm"),
        (["--model", "wavenet"], "preset piano-lstm-small, not piano-wavenet-small"),
        (["--layers", "2"], "layers 1, not 2"),
        (["--residual", "32"], "--residual does not apply"),
        (["--batch-size", "16", "--seed", "3"], "batch_size 8, not 16, seed 1, not 3"),
    ],
)
def test_a_run_of_another_model_is_refused_by_name(trained: Path, arguments: list[str], named: str) -> None:
    with pytest.raises(Error, match=named):
        running.train("--run", str(trained), *arguments)


def test_a_run_on_another_dataset_is_refused_by_name(trained: Path, phrases: made.Made, tmp_path: Path) -> None:
    songs = {**phrases.songs, "train": phrases.songs["train"][1:]}
    others = {
        "other songs": made.dataset(tmp_path / "fewer", songs),
        "window 16, not 8": made.dataset(tmp_path / "shorter", phrases.songs, window=8),
        "another vocabulary": made.dataset(tmp_path / "wider", phrases.songs, words=13),
        "--encoding notes, not --encoding drums": made.dataset(tmp_path / "drums", phrases.songs, encoding=Drums()),
    }
    for named, other in others.items():
        with pytest.raises(Error, match=named):
            running.train("--run", str(trained), "--dataset", other.path)


def test_what_the_user_can_mend_is_said_in_one_line_and_leaves_no_run(phrases: made.Made, tmp_path: Path) -> None:
    empty = made.dataset(tmp_path / "empty", {"train": [], "validation": [], "test": phrases.songs["test"]})
    drums = made.dataset(tmp_path / "drums", phrases.songs, encoding=Drums())
    run = tmp_path / "run"
    good = ["--dataset", phrases.path, "--preset", "piano-lstm-small"]
    for arguments, named in (
        (["--dataset", phrases.path, "--preset", "piano"], "unknown preset 'piano'; there are stacked-lstm, "),
        (["--dataset", str(tmp_path / "none"), "--preset", "piano-lstm"], "no dataset at .*none"),
        (["--dataset", drums.path, "--preset", "piano-lstm"], "encoding drums, piano-lstm needs notes"),
        (["--dataset", empty.path, "--preset", "piano-lstm"], "no windows in its train split"),
        (["--dataset", phrases.path], "--preset says"),
        (["--preset", "piano-lstm"], "--dataset says"),
        ([*good, "--snapshot", "2"], "no snapshot 2"),
        ([*good, "--units", "15"], "units must be a positive multiple of 16, got 15"),
        ([*good, "--stacks", "2"], "--stacks does not apply to --model lstm"),
        ([*good, "--learning-rate", "0"], "learning_rate must be greater than 0"),
        ([*good, "--strategy", "multiworker"], "needs TF_CONFIG"),
    ):
        with pytest.raises(Error, match=named) as caught:
            running.train("--run", str(run), *arguments)
        assert "\n" not in str(caught.value)
    assert not run.exists()


def test_a_batch_that_devices_cannot_share_is_refused(phrases: made.Made) -> None:
    three = Distribution(SimpleNamespace(num_replicas_in_sync=3))
    with pytest.raises(Error, match="--batch-size 8 cannot be shared out evenly over 3 devices"):
        open_batches(three, open_corpus(phrases.path), TrainingConfig(batch_size=8))


@pytest.mark.parametrize("carry", [False, True], ids=["windows", "songs"])
def test_each_epoch_of_training_has_an_order_of_its_own_and_validation_one_for_all(
    phrases: made.Made, carry: bool
) -> None:
    one, corpus = Distribution(SimpleNamespace(num_replicas_in_sync=1)), open_corpus(phrases.path)

    def orders(seed: int) -> list[bytes]:
        """Two epochs of training, two of validation."""
        training = TrainingConfig(batch_size=8, seed=seed, carry=carry)
        epochs = [split.epoch(n) for split in open_batches(one, corpus, training) if split for n in (0, 1)]
        return [b"".join(batch["tokens"].tobytes() for batch in epoch.as_numpy_iterator()) for epoch in epochs]

    first, second, validation, again = orders(1)
    other, _, same, _ = orders(2)
    assert first != second
    assert first != other
    assert validation == again == same


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=220k", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting a small tmpfs needs rights that this process lacks")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_leaves_the_checkpoint_before_and_the_run_goes_on_after(
    flags: tuple[str, ...], small_disk: Path
) -> None:
    run = small_disk / "run"
    more = ("--steps", "40", "--checkpoint-steps", "10", "--units", "32", "--run", str(run))
    with pytest.raises(Error, match=r"cannot write .*make room there") as caught:
        running.train(*flags, *more)
    assert "\n" not in str(caught.value)
    left = running.step_of(run)
    assert left in (10, 20)
    names = {path.name.split(".")[0] for path in (run / "checkpoints").iterdir()} - {"checkpoint"}
    assert names <= {f"ckpt-{step}" for step in (left, left - 10)}
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    running.train(*flags, *more)
    assert running.step_of(run) == 40


def test_a_disk_too_small_for_any_checkpoint_is_left_empty(flags: tuple[str, ...], small_disk: Path) -> None:
    with pytest.raises(Error, match="No space left on device; make room there"):
        running.train(*flags, "--units", "128", "--run", str(small_disk / "run"))
    assert list(small_disk.iterdir()) == []
