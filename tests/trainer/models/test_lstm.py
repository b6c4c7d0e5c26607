from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from trainer.models.base import TrainingStep
from trainer.models.lstm.network import LstmModel, plain_recurrence, recurrence
from trainer.models.lstm.settings import Lstm


def both(function: Any, arguments: list[Any]) -> tuple[Any, Any]:
    """Results of `function`, and the gradients of a fixed random sum of them."""

    @tf.function
    def run(*arguments: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(arguments)
            results = function(*arguments)
            total = 0.0
            for n, result in enumerate(results):
                total += tf.reduce_sum(result * tf.random.stateless_normal(tf.shape(result), [n, 1]))
        return results, tape.gradient(total, arguments)

    return run(*arguments)


@pytest.mark.parametrize(("time", "batch", "units"), [(1, 1, 16), (2, 5, 16), (9, 3, 32)])
def test_the_fast_gradient_equals_plain_differentiation(time: int, batch: int, units: int) -> None:
    draw = np.random.default_rng(time)
    arguments = [
        tf.constant(draw.normal(size=shape) * scale, tf.float32)
        for shape, scale in (
            ((time, batch, 4 * units), 1.0),
            ((units, 4 * units), units**-0.5),
            ((batch, units), 0.5),
            ((batch, units), 1.0),
        )
    ]
    results, gradients = both(recurrence, arguments)
    plain_results, plain_gradients = both(plain_recurrence, arguments)
    for one, other in zip([*results, *gradients], [*plain_results, *plain_gradients], strict=True):
        assert one.shape == other.shape
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_training_and_evaluation_give_the_same_logits_where_nothing_is_dropped() -> None:
    network = LstmModel(Lstm(units=16, layers=2, embedding=16, dropout=0.0), 20)
    tokens = np.random.default_rng(0).integers(0, 20, (3, 7)).astype(np.int32)
    for one, other in zip(
        tf.nest.flatten(network(tokens, training=TrainingStep(1, tf.range(3)))),
        tf.nest.flatten(network(tokens)),
        strict=True,
    ):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-6)


def test_the_fast_gradient_works_without_a_graph() -> None:
    network = LstmModel(Lstm(units=16, layers=2, embedding=16, dropout=0.0), 20)
    tokens = np.random.default_rng(0).integers(0, 20, (3, 7)).astype(np.int32)
    gradients = []
    for training in (TrainingStep(1, tf.range(3)), None):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(network(tokens, training=training)[0]))
        gradients.append([tf.convert_to_tensor(g) for g in tape.gradient(loss, network.trainable_variables)])
    for one, other in zip(*gradients, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_it_is_the_lstm_of_keras() -> None:
    keras = pytest.importorskip("keras")
    units, network = 16, LstmModel(Lstm(units=16, layers=1, embedding=32, dropout=0.0), 20)
    layer = keras.layers.LSTM(units, return_sequences=True)
    layer.build((None, None, 32))

    def reorder(weights: Any) -> Any:
        i, f, o, g = np.split(weights.numpy(), 4, axis=-1)
        return np.concatenate([i, f, g, o], axis=-1)

    layer.set_weights([reorder(v) for v in (network.inputs[0], network.recurrents[0], network.biases[0])])
    tokens = np.random.default_rng(0).integers(0, 20, (3, 7)).astype(np.int32)
    hidden = layer(tf.gather(network.embedding, tokens)).numpy()
    logits = (hidden @ network.output_kernel.numpy())[..., :20]
    np.testing.assert_allclose(network(tokens)[0], logits, rtol=0, atol=1e-5)


def test_recurrent_weights_start_as_rotations_and_the_forget_gate_open() -> None:
    network = LstmModel(Lstm(units=32, layers=2, embedding=16), 20)
    for block in np.split(network.recurrents[1].numpy(), 4, axis=1):
        np.testing.assert_allclose(block @ block.T, np.eye(32), atol=1e-5)
    np.testing.assert_array_equal(network.biases[0].numpy().reshape(4, 32)[:, 0], [0, 1, 0, 0])


def test_input_dropout_falls_on_the_products_with_inputs_alone() -> None:
    network = LstmModel(Lstm(units=16, layers=2, embedding=16, dropout=0.0, input_dropout=0.5), 20, seed=1)
    tokens = np.random.default_rng(0).integers(0, 20, (3, 7)).astype(np.int32)

    def change() -> Any:
        dropped = network(tokens, training=TrainingStep(1, tf.range(3)))[0]
        return np.abs(dropped - network(tokens)[0]).max(axis=(1, 2))

    assert (change() > 1e-2).all()
    # Recurrent products and biases, left alone, are never dropped.
    for kernel in network.inputs:
        kernel.assign(tf.zeros_like(kernel))
    for bias in network.biases:
        bias.assign_add(tf.random.stateless_normal(bias.shape, [1, 2]))
    assert (change() < 1e-6).all()
