import numpy as np
import pytest
import tensorflow as tf

from trainer.models.base import TrainingStep
from trainer.models.wavenet.network import WaveNetModel
from trainer.models.wavenet.settings import WaveNet


def test_the_receptive_field_is_what_the_settings_say() -> None:
    settings = WaveNet(residual=16, skip=16, dilations=(1, 2, 4), stacks=2, dropout=0.0)
    assert settings.receptive_field == 15
    network = WaveNetModel(settings, 20)
    tokens = np.random.default_rng(0).integers(0, 20, (1, 40)).astype(np.int32)
    changed = tokens.copy()
    changed[0, 10] = (changed[0, 10] + 1) % 20
    difference = np.abs(network(tokens)[0] - network(changed)[0]).max(axis=-1)[0]
    assert np.flatnonzero(difference).tolist() == list(range(10, 25))


def test_it_is_a_stack_of_dilated_causal_convolutions() -> None:
    settings = WaveNet(residual=16, skip=32, dilations=(1, 2, 4), stacks=1, dropout=0.0)
    network = WaveNetModel(settings, 20, seed=2)
    tokens = np.random.default_rng(1).integers(0, 20, (2, 11)).astype(np.int32)
    x = tf.gather(network.embedding, tokens)
    total = tf.convert_to_tensor(network.skip_bias)
    for block, distance in enumerate(settings.distances):
        now, earlier = tf.split(network.gate_kernels[block], 2, axis=0)
        z = network.gate_biases[block] + tf.nn.conv1d(
            tf.pad(x, [[0, 0], [distance, 0], [0, 0]]), tf.stack([earlier, now]), 1, "VALID", dilations=distance
        )
        gated = tf.tanh(z[..., :16]) * tf.sigmoid(z[..., 16:])
        total += gated @ network.skip_kernel[16 * block : 16 * (block + 1)]
        if block < 2:
            x += gated @ network.onward_kernels[block] + network.onward_biases[block]
    hidden = tf.nn.relu(tf.nn.relu(total) @ network.hidden_kernel + network.hidden_bias)
    logits = (hidden @ network.output_kernel + network.output_bias)[..., :20]
    np.testing.assert_allclose(network(tokens)[0], logits, rtol=0, atol=1e-5)


@pytest.mark.parametrize("distances", [(1,), (5, 3)])
def test_the_queues_hold_the_latest_inputs_exactly(distances: tuple[int, ...]) -> None:
    network = WaveNetModel(WaveNet(residual=16, skip=16, dilations=distances, stacks=1), 20, seed=3)
    tokens = np.random.default_rng(0).integers(0, 20, (2, 23)).astype(np.int32)
    state = network.initial_state(2)
    for column in tokens.T:
        _, state = network.step(column, state)
    queues, time = state
    np.testing.assert_array_equal(time, [23, 23])
    for back in range(distances[0]):
        at = 22 - back
        np.testing.assert_array_equal(queues[:, at % distances[0]], tf.gather(network.embedding, tokens[:, at]))


def test_dropping_takes_a_channel_at_all_positions_or_none() -> None:
    network = WaveNetModel(WaveNet(residual=16, skip=16, dilations=(1,), stacks=1, dropout=0.5), 20)
    network.embedding.assign(tf.ones_like(network.embedding))
    network.hidden_bias.assign(tf.ones_like(network.hidden_bias))
    tokens = np.zeros((4, 9), np.int32)
    logits = network(tokens, training=TrainingStep(1, tf.range(4)))[0].numpy()
    # All inputs being equal, only the first position, which sees the zeros before it, may differ.
    np.testing.assert_allclose(logits[:, 2:], logits[:, 1:-1], rtol=0, atol=1e-6)
    assert np.abs(logits[0] - logits[1]).max() > 1e-4
