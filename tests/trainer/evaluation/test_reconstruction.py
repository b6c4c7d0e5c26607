import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from tests.trainer import made, running
from trainer.cli import evaluate
from trainer.config import TrainingConfig
from trainer.data.batches import Batches
from trainer.data.reader import Corpus, open_corpus
from trainer.distribution import Distribution
from trainer.evaluation.reconstruction import score_independent, score_windows
from trainer.models.rbm.network import RbmModel
from trainer.models.rbm.settings import Rbm
from trainer.objectives.contrastive_divergence import ContrastiveDivergence, make_scoring
from trainer.run import directory
from trainer.run.metrics import read_lines
from tutti.errors import Error

WINDOW, BITS = 4, 10
FLAGS = ("--preset", "rbm-small", "--hidden", "8", "--batch-size", "8", "--warmup", "0")


@pytest.fixture(scope="module")
def rolls(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A dataset of songs that hold one of three chords each, with a silent window among them."""
    rng = np.random.default_rng(1)
    chords = np.array([[1, 0, 1, 0, 1], [0, 1, 0, 1, 0], [1, 1, 0, 0, 0]], np.uint8)
    songs: list[NDArray[np.uint8]] = []
    for number in range(12):
        sounds = np.repeat(chords[number % 3 : number % 3 + 1], 4 * WINDOW - 2, axis=0)
        struck = (rng.random(sounds.shape) < 0.5) & (sounds > 0)
        songs.append(np.concatenate([sounds, struck.astype(np.uint8)], axis=1))
    songs[0][:WINDOW] = 0
    return made.framed(tmp_path_factory.mktemp("rolls") / "dataset", songs, window=WINDOW)


@pytest.fixture(scope="module")
def trained(rolls: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("trained") / "run"
    more = ("--chains", "0", "--learning-rate", "0.05", "--steps", "160", "--evaluate-every", "40")
    running.train("--dataset", rolls, *FLAGS, *more, "--run", str(path))
    return path


def corpus(path: str) -> Corpus:
    return open_corpus(path)


def test_reconstruction_falls_below_that_of_independent_bits(
    trained: Path, rolls: str, capsys: pytest.CaptureFixture[str]
) -> None:
    bits = [line.train_bits for line in read_lines(str(trained / "metrics.jsonl"))]
    assert bits[-1] < 0.75 * bits[0]
    evaluate.main(["--run", str(trained), "--split", "train", "--json"])
    result = json.loads(capsys.readouterr().out)
    assert result["windows"] == 12 * 4 - 1
    assert result["bits"] == result["windows"] * WINDOW * BITS
    for name in ("reconstruction_bits", "pseudo_likelihood_bits", "wrong", "lost"):
        assert result[name] < result["independent"][name]
    evaluate.main(["--run", str(trained), "--split", "train", "--no-ngram"])
    assert "independent" not in capsys.readouterr().out


def test_the_best_weights_are_scored_or_the_last_as_asked_for(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = shutil.copytree(trained, tmp_path / "run")
    tf.train.Checkpoint(model=directory.load(str(copy)).build()).save(str(copy / "best" / "untrained"))
    costs = {}
    for which in ("best", "last"):
        evaluate.main(["--run", str(copy), "--split", "train", "--weights", which, "--no-ngram", "--json"])
        costs[which] = json.loads(capsys.readouterr().out)["reconstruction_bits"]
    assert costs["last"] < 0.75 * costs["best"]


def test_a_run_that_was_stopped_ends_with_the_bits_of_one_that_was_not(rolls: str, tmp_path: Path) -> None:
    common = ("--dataset", rolls, *FLAGS, "--chains", "6", "--decay", "none", "--steps-per-call", "1")
    running.train(*common, "--steps", "9", "--run", str(tmp_path / "whole"))
    running.train(*common, "--steps", "4", "--run", str(tmp_path / "parts"))
    running.train("--run", str(tmp_path / "parts"), "--steps", "9")
    whole, parts = (tf.train.load_checkpoint(str(tmp_path / name / "checkpoints")) for name in ("whole", "parts"))
    names = {
        name for name in whole.get_variable_to_shape_map() if "progress" not in name and "save_counter" not in name
    }
    assert any(name.startswith("carried/0") for name in names)
    for name in names:
        np.testing.assert_array_equal(parts.get_tensor(name), whole.get_tensor(name), err_msg=name)


def test_the_score_is_that_of_the_curve(rolls: str) -> None:
    model = RbmModel(Rbm(hidden=3), WINDOW * BITS, seed=4)
    model.kernel.assign_add(tf.ones_like(model.kernel))
    batches = Batches(corpus(rolls), "train", batch_size=10)
    score = make_scoring(Distribution(tf.distribute.OneDeviceStrategy("CPU:0")), model, 10)
    sums = [score(chunk, count) for chunk, count in batches.chunks(2)]
    found = score_windows(model, batches)
    assert found.bits == sum(s.token_count for s in sums)
    assert found.reconstruction == pytest.approx(sum(s.loss_sum for s in sums) / np.log(2), rel=1e-5)


def test_independent_bits_cost_their_entropy(rolls: str) -> None:
    batches = Batches(corpus(rolls), "train", batch_size=10)
    score = score_independent(batches, batches)
    rows = np.concatenate([batch["frames"][0].numpy() for batch, _ in batches.chunks(1)])
    rows = rows[rows.any(axis=1)]
    chance = np.clip(rows.mean(axis=0), 1e-9, 1 - 1e-9)
    entropy = -(chance * np.log2(chance) + (1 - chance) * np.log2(1 - chance)).mean()
    assert score.reconstruction / score.bits == pytest.approx(entropy, rel=0.02)
    assert score.ones == rows.sum()


def test_what_the_user_can_mend_is_said_in_one_line(trained: Path, rolls: str, tmp_path: Path) -> None:
    silent = made.framed(tmp_path / "silent", [np.zeros((8, BITS), np.uint8)], window=WINDOW)
    longer = made.framed(tmp_path / "longer", [np.ones((8, BITS), np.uint8)], window=8)
    for arguments, named in (
        (["--dataset", longer, "--split", "train"], "trained on windows of 4 frames, those of dataset .* have 8"),
        (["--dataset", silent, "--split", "train"], "the train split of dataset .* is silent"),
        ([], "has no windows in its test split"),
    ):
        with pytest.raises(Error, match=named):
            evaluate.main(["--run", str(trained), *arguments])


def test_chains_that_devices_cannot_share_are_refused() -> None:
    two = Distribution(SimpleNamespace(num_replicas_in_sync=2))
    with pytest.raises(Error, match="--chains 5 cannot be shared out evenly over 2 devices"):
        ContrastiveDivergence().prepare(two, RbmModel(Rbm(hidden=4, chains=5), 8), TrainingConfig(), 1)
