import keras
import numpy as np
import pytest
import tensorflow as tf

from trainer.config import OPTIMIZERS
from trainer.optimizer import CLASSES, RHO, RMSPROP_EPSILON, Sgd


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
    optimizer = CLASSES[name](ours)
    for _ in range(12):
        gradients = [tf.constant(rng.normal(size=shape), tf.float32) for shape in shapes]
        strategy.run(optimizer.apply, args=(gradients, tf.constant(0.01)))
        peer.apply_gradients(zip(gradients, theirs, strict=True))
    assert optimizer.step.numpy() == 12
    for own, other, start in zip(ours, theirs, starts, strict=True):
        np.testing.assert_allclose(own.numpy(), other.numpy(), rtol=2e-5, atol=2e-6)
        assert np.abs(own.numpy() - start).max() > 0.01


def test_every_name_that_settings_know_is_an_optimizer() -> None:
    assert tuple(CLASSES) == OPTIMIZERS


def test_variables_of_keras_are_updated_as_those_of_tensorflow() -> None:
    layer = keras.layers.Dense(2)
    layer.build((None, 3))
    before = layer.kernel.numpy()
    optimizer = Sgd(layer.trainable_variables)
    gradients = [tf.ones(variable.shape) for variable in optimizer.variables]
    tf.distribute.OneDeviceStrategy("CPU:0").run(optimizer.apply, args=(gradients, tf.constant(0.5)))
    np.testing.assert_allclose(layer.kernel.numpy(), before - 0.5)
