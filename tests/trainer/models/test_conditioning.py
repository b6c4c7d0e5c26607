"""What a label does in a model, and that the state carries it along."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.trainer.models.test_model import assert_states_equal
from trainer.models import registry
from trainer.models.base import TrainingStep
from trainer.models.lstm.settings import Lstm
from trainer.models.wavenet.settings import WaveNet

VOCABULARY, LABELS = 37, 3
FAR = WaveNet(residual=16, skip=16, dilations=tuple(2**n for n in range(10)), stacks=1, dropout=0.0)
NETWORKS = [
    *((Lstm(units=16, layers=layers, embedding=16, dropout=0.0), 13) for layers in (1, 2, 3, 4)),
    (WaveNet(residual=16, skip=32, dilations=(1, 2, 4), stacks=2, dropout=0.0), 40),
    (FAR, FAR.receptive_field + 40),
]
each_network = pytest.mark.parametrize(("settings", "time"), NETWORKS, ids=["1", "2", "3", "4", "wavenet", "far"])


def some_tokens(time: int, batch: int = 4) -> Any:
    return np.random.default_rng(time).integers(0, VOCABULARY, (batch, time)).astype(np.int32)


def walk(network: Any, tokens: Any, state: Any) -> tuple[Any, Any]:
    """Logits of `tokens` one by one, and the state after them."""

    @tf.function
    def all_steps(tokens: Any, state: Any) -> Any:
        def body(t: Any, state: Any, logits: Any) -> Any:
            after, state = network.step(tokens[:, t], state)
            return t + 1, state, logits.write(t, after)

        time = tf.shape(tokens)[1]
        _, state, logits = tf.while_loop(lambda t, *_: t < time, body, (0, state, tf.TensorArray(tf.float32, time)))
        return tf.transpose(logits.stack(), [1, 0, 2]), state

    return all_steps(tf.constant(tokens), state)


@each_network
def test_with_labels_a_window_and_its_tokens_one_by_one_take_over_from_each_other(settings: Any, time: int) -> None:
    assert FAR.receptive_field > 1000
    network = registry.build(settings, VOCABULARY, seed=1, labels=LABELS)
    start = network.initial_state(4, tf.constant([0, 1, 2, 3]))
    tokens, half = some_tokens(time), time // 2
    whole, end = network(tokens, start)
    walked, walked_end = walk(network, tokens, start)
    np.testing.assert_allclose(whole, walked, rtol=0, atol=2e-5)
    assert_states_equal(end, walked_end)
    first, state = network(tokens[:, :half], start)
    second, state = walk(network, tokens[:, half : time - 5], state)
    third, state = network(tokens[:, time - 5 :], state)
    np.testing.assert_allclose(whole, np.concatenate([first, second, third], axis=1), rtol=0, atol=2e-5)
    assert_states_equal(end, state)


@each_network
def test_a_rows_label_speaks_at_every_step_of_that_row_alone(settings: Any, time: int) -> None:
    network = registry.build(settings, VOCABULARY, seed=1, labels=LABELS)
    tokens = some_tokens(12)
    plain = network(tokens)[0].numpy()
    np.testing.assert_array_equal(network(tokens, network.initial_state(4, tf.zeros([4], tf.int32)))[0], plain)
    labelled = network(tokens, network.initial_state(4, tf.constant([0, 0, 2, 0])))[0].numpy()
    different = np.abs(labelled - plain).max(axis=-1) > 1e-4
    assert different[2].all()
    assert not different[[0, 1, 3]].any()


@each_network
def test_without_labels_a_model_has_no_weights_for_them_and_ignores_what_it_is_given(settings: Any, time: int) -> None:
    network, labelled = registry.build(settings, VOCABULARY), registry.build(settings, VOCABULARY, labels=LABELS)
    count = len(settings.distances) if isinstance(settings, WaveNet) else settings.layers
    assert len(labelled.trainable_variables) == len(network.trainable_variables) + count
    tokens = some_tokens(6)
    given = network(tokens, network.initial_state(4, tf.constant([3, 1, 0, 2])))
    tf.nest.map_structure(np.testing.assert_array_equal, given, network(tokens))


def test_the_label_is_added_inside_both_halves_of_a_gated_unit() -> None:
    settings = WaveNet(residual=16, skip=32, dilations=(1,), stacks=1, dropout=0.0)
    network = registry.build(settings, VOCABULARY, seed=2, labels=LABELS)
    tokens = some_tokens(5, batch=2)
    x = network.embedding.numpy()[tokens]
    pair = np.concatenate([x, np.pad(x, ((0, 0), (1, 0), (0, 0)))[:, :-1]], axis=-1)
    sums = pair @ network.gate_kernels[0].numpy() + network.conditioning.tables[0].numpy()[[3, 1]][:, None]
    gated = np.tanh(sums[..., :16]) / (1 + np.exp(-sums[..., 16:]))
    hidden = np.maximum(gated @ network.skip_kernel.numpy(), 0) @ network.hidden_kernel.numpy()
    expected = (np.maximum(hidden, 0) @ network.output_kernel.numpy())[..., :VOCABULARY]
    np.testing.assert_allclose(network(tokens, network.initial_state(2, tf.constant([3, 1])))[0], expected, atol=1e-5)


def test_the_table_of_every_layer_learns() -> None:
    for settings in (NETWORKS[1][0], NETWORKS[4][0]):
        network = registry.build(settings, VOCABULARY, labels=LABELS)
        tokens = some_tokens(9)
        with tf.GradientTape() as tape:
            logits, _ = network(
                tokens, network.initial_state(4, tf.constant([2, 2, 0, 1])), training=TrainingStep(1, tf.range(4))
            )
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(tokens, logits)
        for gradient in tape.gradient(losses, network.conditioning.tables):
            learns = np.any(tf.convert_to_tensor(gradient).numpy() != 0, axis=1)
            assert learns.tolist() == [True, True, True, False]
