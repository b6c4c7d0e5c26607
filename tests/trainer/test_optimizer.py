from trainer import quiet  # noqa: F401

# isort: split
import keras
import numpy as np
import pytest
import tensorflow as tf

from trainer.optimizer import OPTIMIZERS, RHO, RMSPROP_EPSILON
from trainer.schedule import DECAYS, learning_rate


@pytest.mark.parametrize(
    ("name", "peer"),
    [("adam", keras.optimizers.Adam(0.01)), ("rmsprop", keras.optimizers.RMSprop(0.01, RHO, epsilon=RMSPROP_EPSILON))],
)
def test_updates_are_those_of_keras(name: str, peer: keras.optimizers.Optimizer) -> None:
    dice = np.random.default_rng(0)
    shapes = [(4, 3), (3,)]
    starts = [dice.normal(size=shape).astype(np.float32) for shape in shapes]
    ours, theirs = ([tf.Variable(start) for start in starts] for _ in range(2))
    strategy = tf.distribute.OneDeviceStrategy("CPU:0")
    optimizer = OPTIMIZERS[name](ours)
    for _ in range(12):
        gradients = [tf.constant(dice.normal(size=shape), tf.float32) for shape in shapes]
        strategy.run(optimizer.apply, args=(gradients, tf.constant(0.01)))
        peer.apply_gradients(zip(gradients, theirs, strict=True))
    assert optimizer.step.numpy() == 12
    for own, other, start in zip(ours, theirs, starts, strict=True):
        np.testing.assert_allclose(own.numpy(), other.numpy(), rtol=2e-5, atol=2e-6)
        assert np.abs(own.numpy() - start).max() > 0.01


@pytest.mark.parametrize("decay", DECAYS)
def test_the_rate_rises_to_its_peak_and_falls_to_a_tenth(decay: str) -> None:
    rates = [float(learning_rate(tf.constant(s), peak=0.5, warmup=10, decay=decay, steps=100)) for s in range(130)]
    np.testing.assert_allclose(rates[:10], np.linspace(0.05, 0.5, 10), rtol=1e-6)
    assert max(rates) == pytest.approx(0.5)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[100] == rates[129] == pytest.approx(0.5 if decay == "none" else 0.05, rel=1e-5)
    assert decay == "none" or rates[55] < 0.4
