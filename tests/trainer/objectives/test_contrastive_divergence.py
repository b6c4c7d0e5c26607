import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from tests.trainer.models.test_rbm import log_masses
from trainer import rng
from trainer.config import TrainingConfig
from trainer.distribution import Distribution
from trainer.models.rbm.network import RbmModel
from trainer.models.rbm.settings import Rbm
from trainer.objectives.contrastive_divergence import make_scoring, make_training, new_chains
from trainer.optimizer import Optimizer, make_optimizer
from trainer.types import Batch

ROOT = Path(__file__).parents[3]
ROWS, SIDE = 8, 3
VOTES = (False, False)


def distribution() -> Distribution:
    return Distribution(tf.distribute.OneDeviceStrategy("CPU:0"))


def stripes(steps: int, rows: int = ROWS, seed: int = 0) -> Batch:
    """Pictures of stripes, all lines of a row the same, some bits wrong: uint8[steps, rows, SIDE * SIDE]."""
    rng = np.random.default_rng(seed)
    lines = rng.integers(0, 2, (steps, rows, SIDE, 1))
    lines[:, :, 0] = 1
    bits = np.repeat(lines, SIDE, axis=3).reshape(steps, rows, -1)
    return {"label": tf.fill([steps, rows], 2), "frames": tf.constant(bits, tf.uint8)}


def part(batches: Batch, which: slice) -> Batch:
    """Some steps of a few."""
    return {name: rows[which] for name, rows in batches.items()}


class Fitting:
    """A machine and all that its training takes on from step to step."""

    def __init__(self, settings: Rbm, **training: Any) -> None:
        self.training = TrainingConfig(**{"optimizer": "adam", "learning_rate": 0.05, "batch_size": ROWS, **training})
        self.model = RbmModel(settings, SIDE * SIDE, seed=5)
        self.optimizer: Optimizer = make_optimizer(self.training, self.model.trainable_variables)
        self.chains = new_chains(settings)
        self.train = make_training(distribution(), self.model, self.optimizer, self.training, 100, self.chains)

    def weights(self) -> list[NDArray[np.float32]]:
        parts = [*self.model.trainable_variables, *self.optimizer.slots]
        return [part.numpy() for part in (parts if self.chains is None else [*parts, self.chains])]


def same(one: Fitting, other: Fitting) -> None:
    for left, right in zip(one.weights(), other.weights(), strict=True):
        np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize("chains", [0, 6])
def test_an_update_is_the_rate_times_the_data_less_the_negative_samples(chains: int) -> None:
    """CD-1 as the papers write it, in numpy, beside the graph's free energies."""
    fitting = Fitting(Rbm(hidden=4, chains=chains), optimizer="sgd", learning_rate=0.5, clip=0.0)
    before = fitting.model.weights()
    kernel, visible_bias, hidden_bias = (part.numpy() for part in before[:3])
    rows = stripes(1)
    error = make_scoring(distribution(), fitting.model, ROWS)(rows, 1)
    sums = fitting.train(rows, 1, VOTES)
    assert (sums.loss_sum, sums.token_count) == (error.loss_sum, error.token_count)  # of the weights before the update

    def draw(odds: Any, number: int) -> NDArray[np.float32]:
        drawn: NDArray[np.float32] = rng.bernoulli(tf.sigmoid(odds), (5, 0, number), tf.range(len(odds))).numpy()
        return drawn

    v = rows["frames"][0].numpy().astype(np.float32)
    h = np.zeros((6, 4), np.float32) if chains else draw(v @ kernel + hidden_bias, 0)
    negatives = draw(h @ kernel.T + visible_bias, 1)
    p, q = (tf.sigmoid(bits @ kernel + hidden_bias).numpy() for bits in (v, negatives))
    after = fitting.model.weights()
    difference = v.T @ p / len(v) - negatives.T @ q / len(negatives)
    np.testing.assert_allclose(after.kernel, kernel + 0.5 * difference, atol=1e-6)
    np.testing.assert_allclose(after.visible_bias, visible_bias + 0.5 * (v.mean(0) - negatives.mean(0)), atol=1e-6)
    np.testing.assert_allclose(after.hidden_bias, hidden_bias + 0.5 * (p.mean(0) - q.mean(0)), atol=1e-6)
    if chains:
        np.testing.assert_array_equal(fitting.chains, draw(negatives @ kernel + hidden_bias, 2))


@pytest.mark.parametrize("settings", [Rbm(hidden=8), Rbm(hidden=8, gibbs_steps=2), Rbm(hidden=8, chains=16)])
def test_training_makes_the_data_likelier_and_its_reconstruction_better(settings: Rbm) -> None:
    fitting = Fitting(settings)
    data = tf.constant(stripes(1, 64)["frames"][0].numpy(), tf.float32)

    def likelihood() -> float:
        """Of the data, mean nats, by adding up the mass of everything."""
        total = np.logaddexp.reduce(log_masses(fitting.model.weights()))
        return float(-np.mean(fitting.model.weights().free_energy(data).numpy()) - total)

    score = make_scoring(distribution(), fitting.model, ROWS)
    before, cost = likelihood(), score(stripes(2, seed=9), 2)
    fitting.train(stripes(300), 300, VOTES)
    after, less = likelihood(), score(stripes(2, seed=9), 2)
    assert before == pytest.approx(-9 * np.log(2), abs=0.05)
    assert after > -4.5  # the best there is, two free lines, is -2 log 2
    assert cost.loss_sum / cost.token_count == pytest.approx(np.log(2), abs=0.01)
    assert less.loss_sum / less.token_count < 0.35
    assert less.token_count == 2 * ROWS * SIDE * SIDE


def test_rows_without_a_bit_count_for_nothing() -> None:
    rows = stripes(1)
    filled = {name: tf.concat([values, tf.zeros_like(values)], axis=1) for name, values in rows.items()}
    one, other = Fitting(Rbm(hidden=4)), Fitting(Rbm(hidden=4), batch_size=2 * ROWS)
    sums, more = one.train(rows, 1, VOTES), other.train(filled, 1, VOTES)
    assert sums.token_count == more.token_count == ROWS * SIDE * SIDE
    assert sums.loss_sum == pytest.approx(more.loss_sum, rel=1e-6)
    for left, right in zip(one.weights(), other.weights(), strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-5, atol=1e-7)


def test_a_call_takes_just_the_steps_that_count_and_reports_votes() -> None:
    one, other = Fitting(Rbm(hidden=4, chains=4)), Fitting(Rbm(hidden=4, chains=4))
    sums = one.train(stripes(3), 2, (True, False))
    other.train(part(stripes(3), slice(2)), 2, VOTES)
    assert one.optimizer.step.numpy() == 2
    assert sums.votes == (1.0, 0.0)
    same(one, other)


def test_what_goes_on_from_a_checkpoint_ends_with_the_same_bits(tmp_path: Path) -> None:
    whole, first, second = (Fitting(Rbm(hidden=4, chains=6)) for _ in range(3))
    rows = stripes(6)
    whole.train(rows, 6, VOTES)
    first.train(rows, 3, VOTES)

    def checkpoint(fitting: Fitting) -> Any:
        optimizer = fitting.optimizer
        return tf.train.Checkpoint(
            model=fitting.model, step=optimizer.step, slots=optimizer.slots, carried=fitting.chains
        )

    path = checkpoint(first).write(str(tmp_path / "weights"))
    checkpoint(second).read(path).assert_consumed()
    second.train(part(rows, slice(3, None)), 3, VOTES)
    same(whole, second)


TWO_DEVICES = """
import numpy as np
import tensorflow as tf
from tests.trainer.objectives.test_contrastive_divergence import stripes
from trainer.config import TrainingConfig
from trainer.distribution import Distribution, open_distribution
from trainer.models.rbm.network import RbmModel
from trainer.models.rbm.settings import Rbm
from trainer.objectives.contrastive_divergence import make_scoring, make_training, new_chains
from trainer.optimizer import Adam
from tutti.errors import Error

two = open_distribution("mirrored", 2)
one = Distribution(tf.distribute.OneDeviceStrategy("CPU:0"))
settings = Rbm(hidden=8, chains=10)
found = []
for distribution in (one, two):
    with distribution.strategy.scope():
        model = RbmModel(settings, 9, seed=5)
        optimizer = Adam(model.trainable_variables)
        chains = new_chains(settings)
    train = make_training(distribution, model, optimizer, TrainingConfig(batch_size=8), 12, chains)
    sums = train(stripes(12), 12, (False, True))
    assert sums.votes[1] == distribution.replicas
    scored = make_scoring(distribution, model, 8)(stripes(3, seed=9), 3)
    variables = [*model.trainable_variables, chains]
    found.append([sums.loss_sum, sums.token_count, scored.loss_sum, *(variable.numpy() for variable in variables)])
for left, right in zip(*found, strict=True):
    np.testing.assert_allclose(left, right, rtol=1e-4, atol=1e-5)
try:
    make_training(two, RbmModel(Rbm(chains=3), 9), optimizer, TrainingConfig(batch_size=8), 40, None)
except Error as error:
    print(error)
"""


def test_two_devices_end_with_the_weights_and_chains_of_one() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", TWO_DEVICES], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300
    )
    assert ended.stdout == "--chains 3 cannot be shared out evenly over 2 devices\n", ended.stderr
