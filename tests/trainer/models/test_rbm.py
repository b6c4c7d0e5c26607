from itertools import product
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from trainer import rng
from trainer.models.rbm.network import RbmModel, Weights
from trainer.models.rbm.settings import Rbm

VISIBLE, HIDDEN = 5, 3


def machine(seed: int = 0, visible: int = VISIBLE, hidden: int = HIDDEN) -> Weights:
    rng = np.random.default_rng(seed)
    shapes = ((visible, hidden), (visible,), (hidden,))
    return Weights.of(*(tf.constant(rng.normal(size=shape), tf.float32) for shape in shapes))


def every(size: int) -> NDArray[np.float32]:
    """All rows of `size` bits."""
    return np.array(list(product((0, 1), repeat=size)), np.float32)


def log_masses(weights: Weights) -> NDArray[Any]:
    """log sum over h of exp(-energy(v, h)) for every v, by adding up all of them."""
    kernel, visible_bias, hidden_bias = (part.numpy().astype(float) for part in weights[:3])
    v, h = every(len(visible_bias)), every(len(hidden_bias))
    return np.logaddexp.reduce(v @ kernel @ h.T + (v @ visible_bias)[:, None] + h @ hidden_bias, axis=1)


def test_free_energy_is_minus_the_log_of_the_mass_of_all_hidden_bits() -> None:
    weights = machine()
    np.testing.assert_allclose(-weights.free_energy(every(VISIBLE)), log_masses(weights), rtol=1e-5, atol=1e-5)


def test_conditionals_are_those_of_the_joint_distribution() -> None:
    weights, rows = machine(1), every(VISIBLE)
    masses = {tuple(row): mass for row, mass in zip(rows, log_masses(weights), strict=True)}
    found = weights.conditionals(tf.constant(rows)).numpy()
    for row, conditionals in zip(rows, found, strict=True):
        for i, conditional in enumerate(conditionals):
            flipped = row.copy()
            flipped[i] = 1 - flipped[i]
            expected = masses[tuple(row)] - np.logaddexp(masses[tuple(row)], masses[tuple(flipped)])
            assert conditional == pytest.approx(expected, abs=1e-5)


def test_units_that_fill_up_a_width_change_nothing() -> None:
    weights, rows = machine(2, 20, 3), tf.constant(np.random.default_rng(0).integers(0, 2, (4, 20)), tf.float32)
    padded, filled = weights.padded(), tf.pad(rows, [[0, 0], [0, 12]])
    assert padded.kernel.shape == (32, 16)
    np.testing.assert_allclose(padded.free_energy(filled), weights.free_energy(rows), rtol=1e-5)
    np.testing.assert_allclose(padded.conditionals(filled)[:, :20], weights.conditionals(rows), rtol=1e-4, atol=1e-6)
    assert not padded.conditionals(filled)[:, 20:].numpy().any()
    hidden = tf.sigmoid(padded.hidden(filled))
    np.testing.assert_allclose(hidden[:, :3], tf.sigmoid(weights.hidden(rows)), rtol=1e-5)
    assert not hidden[:, 3:].numpy().any()
    assert not tf.sigmoid(padded.visible(hidden))[:, 20:].numpy().any()


def test_weights_start_small_and_biases_at_zero_by_the_seed_alone() -> None:
    one, again, other = (RbmModel(Rbm(), 2340, seed) for seed in (3, 3, 4))
    kernel = one.kernel.numpy()
    assert kernel.shape == (2340, 50)
    assert kernel.std() == pytest.approx(0.01, rel=0.02)
    np.testing.assert_array_equal(kernel, again.kernel.numpy())
    assert (kernel != other.kernel.numpy()).all()
    assert not one.visible_bias.numpy().any()
    assert not one.hidden_bias.numpy().any()


def test_bits_come_with_their_probabilities() -> None:
    probability = tf.constant([[0.0, 1.0, 0.25, 0.003] * 16] * 1024)
    bits = rng.bernoulli(probability, (7, tf.constant(3, tf.int64), 1), tf.range(1024)).numpy()
    means = bits.reshape(-1, 4).mean(axis=0)
    assert set(np.unique(bits)) == {0.0, 1.0}
    assert means[:2].tolist() == [0.0, 1.0]
    assert means[2] == pytest.approx(0.25, abs=0.015)
    assert means[3] == pytest.approx(0.003, abs=0.002)
    quarters = bits[:, 2::4]
    assert abs(np.corrcoef(quarters[:, :-1].ravel(), quarters[:, 1:].ravel())[0, 1]) < 0.03
    assert abs(np.corrcoef(quarters[:-1].ravel(), quarters[1:].ravel())[0, 1]) < 0.03


def test_a_bit_depends_on_its_row_and_not_on_the_rows_beside_it() -> None:
    half = tf.fill([6, 20], 0.5)
    key = (7, tf.constant(3, tf.int64), 1)
    bits = rng.bernoulli(half, key, tf.range(6)).numpy()
    np.testing.assert_array_equal(rng.bernoulli(half[:2], key, tf.range(3, 5)), bits[3:5])
    assert (rng.bernoulli(half, (7, tf.constant(4, tf.int64), 1), tf.range(6)).numpy() != bits).any()
    assert (rng.bernoulli(half, (7, tf.constant(3, tf.int64), 2), tf.range(6)).numpy() != bits).any()


@pytest.mark.parametrize("wrong", [{"hidden": 0}, {"gibbs_steps": 0}, {"gibbs_steps": 101}, {"chains": -1}])
def test_a_wrong_setting_is_named(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Rbm(**wrong)
