from trainer import quiet  # noqa: F401

# isort: split
import keras
import numpy as np
import pytest
import tensorflow as tf

from trainer.optimizer import OPTIMIZERS, RHO, RMSPROP_EPSILON


@pytest.mark.parametrize(
    ("name", "peer"),
    [("adam", keras.optimizers.Adam(0.01)), ("rmsprop", keras.optimizers.RMSprop(0.01, RHO, epsilon=RMSPROP_EPSILON))],
)
def test_updates_are_those_of_keras(name: str, peer: keras.optimizers.Optimizer) -> None:
    rng = np.random.default_rng(0)
    shapes = [(4, 3), (3,)]
    starts = [rng.normal(size=shape).astype(np.float32) for shape in shapes]
    ours, theirs = ([tf.Variable(start) for start in starts] for _ in range(2))
    strategy = tf.distribute.OneDeviceStrategy("CPU:0")
    optimizer = OPTIMIZERS[name](ours)
    for _ in range(12):
        gradients = [tf.constant(rng.normal(size=shape), tf.float32) for shape in shapes]
        strategy.run(optimizer.apply, args=(gradients, tf.constant(0.01)))
        peer.apply_gradients(zip(gradients, theirs, strict=True))
    assert optimizer.step.numpy() == 12
    for own, other, start in zip(ours, theirs, starts, strict=True):
        np.testing.assert_allclose(own.numpy(), other.numpy(), rtol=2e-5, atol=2e-6)
        assert np.abs(own.numpy() - start).max() > 0.01
