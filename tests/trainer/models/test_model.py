"""What every model promises (trainer.models.base.Model), shown on the LSTM and on the WaveNet."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from trainer.models import registry
from trainer.models.base import PreparesSteps, TrainingStep
from trainer.models.lstm.settings import Lstm
from trainer.models.wavenet.settings import WaveNet

VOCABULARY, BATCH, TIME = 37, 6, 13
SETTINGS = [
    Lstm(units=32, layers=1, embedding=16, dropout=0.4),
    Lstm(units=16, layers=4, embedding=32, dense=16, dropout=0.4),
    Lstm(units=16, layers=2, embedding=32, dropout=0.0, input_dropout=0.4),
    WaveNet(residual=16, skip=32, dilations=(1, 2, 4), stacks=1, dropout=0.4),
    WaveNet(residual=16, skip=32, dilations=(1, 2, 4, 8, 16), stacks=2, dropout=0.4),
]
each_model = pytest.mark.parametrize(
    "settings", SETTINGS, ids=["lstm1", "lstm4", "lstm-inputs", "wavenet8", "wavenet63"]
)


def some_tokens(seed: int = 0, time: int = TIME) -> Any:
    return np.random.default_rng(seed).integers(0, VOCABULARY, (BATCH, time)).astype(np.int32)


def walk(network: Any, tokens: Any, state: Any = None) -> tuple[Any, Any]:
    """Logits of `tokens` one by one, and the state after them."""
    step = tf.function(network.step)
    state = network.initial_state(BATCH) if state is None else state
    logits = []
    for column in tokens.T:
        after, state = step(tf.constant(column), state)
        logits.append(after.numpy())
    return np.stack(logits, axis=1), state


def assert_states_equal(one: Any, other: Any) -> None:
    for a, b in zip(tf.nest.flatten(one), tf.nest.flatten(other), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-5)


@each_model
def test_a_whole_window_equals_its_tokens_one_by_one(settings: Any) -> None:
    network, tokens = registry.build(settings, VOCABULARY, seed=1), some_tokens()
    whole, state = network(tokens)
    steps, end = walk(network, tokens)
    assert whole.shape == (BATCH, TIME, VOCABULARY)
    assert np.std(whole) > 0.01
    np.testing.assert_allclose(whole, steps, rtol=0, atol=1e-5)
    assert_states_equal(state, end)


@pytest.mark.parametrize("labels", [0, 3])
def test_prepared_steps_equal_the_others(labels: int) -> None:
    network, tokens = registry.build(SETTINGS[1], VOCABULARY, seed=1, labels=labels), some_tokens()
    label = tf.constant([0, 1, 2, 3, 0, 1]) if labels else None
    steps, state = walk(network, tokens, network.initial_state(BATCH, label))
    trained = [variable.ref() for variable in network.trainable_variables]
    able: Any = network
    assert isinstance(able, PreparesSteps)
    able.prepare_steps()
    prepared, end = walk(network, tokens, network.initial_state(BATCH, label))
    np.testing.assert_allclose(prepared, steps, rtol=0, atol=1e-5)
    assert_states_equal(state, end)
    assert [variable.ref() for variable in network.trainable_variables] == trained


@each_model
def test_a_window_or_a_step_continues_from_the_state_of_either(settings: Any) -> None:
    network, tokens = registry.build(settings, VOCABULARY, seed=1), some_tokens(time=29)
    whole, end = network(tokens)
    first, state = network(tokens[:, :5])
    second, state = walk(network, tokens[:, 5:12], state)
    third, state = network(tokens[:, 12:], state)
    np.testing.assert_allclose(whole, np.concatenate([first, second, third], axis=1), rtol=0, atol=1e-5)
    assert_states_equal(state, end)


@each_model
def test_rows_may_stand_at_different_times(settings: Any) -> None:
    network, tokens = registry.build(settings, VOCABULARY, seed=1), some_tokens(time=12)
    _, early = network(tokens[:, :4])
    _, late = network(tokens[:, :9])
    mixed = tf.nest.map_structure(lambda a, b: tf.concat([a[:3], b[3:]], axis=0), early, late)
    logits, _ = walk(network, np.concatenate([tokens[:3, 4:7], tokens[3:, 9:12]]), mixed)
    whole = network(tokens)[0].numpy()
    np.testing.assert_allclose(logits, np.concatenate([whole[:3, 4:7], whole[3:, 9:12]]), rtol=0, atol=1e-5)


@each_model
def test_no_prediction_sees_a_later_token_or_another_row(settings: Any) -> None:
    network, tokens = registry.build(settings, VOCABULARY, seed=1), some_tokens()
    before = network(tokens)[0].numpy()
    tokens[2, 6] = (tokens[2, 6] + 1) % VOCABULARY
    changed = np.any(before != network(tokens)[0].numpy(), axis=-1)
    assert changed[2, 6]
    changed[2, 6:] = False
    assert not changed.any()


@each_model
def test_the_state_has_the_batch_first_and_keeps_its_size(settings: Any) -> None:
    network = registry.build(settings, VOCABULARY)
    start = network.initial_state(BATCH)
    for tokens in (some_tokens(time=1), some_tokens(time=40)):
        _, end = network(tokens)
        for a, b in zip(tf.nest.flatten(start), tf.nest.flatten(end), strict=True):
            assert a.shape[0] == BATCH
            assert a.shape == b.shape
            assert a.dtype == b.dtype


@each_model
def test_the_units_dropped_are_the_same_when_the_batch_is_cut_in_two(settings: Any) -> None:
    network, tokens = registry.build(settings, VOCABULARY, seed=1), some_tokens()
    step = tf.constant(7, tf.int64)
    whole, _ = network(tokens, training=TrainingStep(step, tf.range(BATCH)))
    parts = [network(tokens[r], training=TrainingStep(step, tf.constant(r)))[0] for r in ([0, 1], [2, 3, 4, 5])]
    np.testing.assert_allclose(whole, np.concatenate(parts), rtol=0, atol=1e-5)


@each_model
def test_dropping_depends_on_row_step_and_seed(settings: Any) -> None:
    network, tokens = registry.build(settings, VOCABULARY, seed=1), some_tokens()
    whole = network(tokens, training=TrainingStep(7, tf.range(BATCH)))[0].numpy()
    plain = network(tokens)[0].numpy()
    other_rows = network(tokens, training=TrainingStep(7, tf.range(BATCH) + 1))[0].numpy()
    other_step = network(tokens, training=TrainingStep(8, tf.range(BATCH)))[0].numpy()
    network.seed = 2
    other_seed = network(tokens, training=TrainingStep(7, tf.range(BATCH)))[0].numpy()
    for other in (plain, other_rows, other_step, other_seed):
        assert np.all(np.any(np.abs(whole - other) > 1e-3, axis=(1, 2)))


@each_model
def test_initial_weights_follow_from_the_seed(settings: Any) -> None:
    one, same, other = (registry.build(settings, VOCABULARY, seed) for seed in (3, 3, 4))
    assert [v.name for v in one.trainable_variables] == [v.name for v in same.trainable_variables]
    for a, b in zip(one.trainable_variables, same.trainable_variables, strict=True):
        np.testing.assert_array_equal(a, b)
    assert np.any(one.embedding.numpy() != other.embedding.numpy())


@each_model
def test_every_weight_learns(settings: Any) -> None:
    network, tokens = registry.build(settings, VOCABULARY), some_tokens()

    @tf.function
    def gradients() -> Any:
        with tf.GradientTape() as tape:
            logits, _ = network(tokens, training=TrainingStep(1, tf.range(BATCH)))
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(tokens, logits)
        return tape.gradient(losses, network.trainable_variables)

    for variable, gradient in zip(network.trainable_variables, gradients(), strict=True):
        assert np.any(tf.convert_to_tensor(gradient) != 0), variable.name


@each_model
def test_settings_survive_json(settings: Any) -> None:
    data = registry.settings_to_json(settings)
    assert registry.settings_from_json(data) == settings
    # JSON has lists where Python has tuples.
    assert registry.settings_from_json({k: list(v) if isinstance(v, tuple) else v for k, v in data.items()}) == settings


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"name": "transformer"}, "unknown name 'transformer'; expected one of lstm, wavenet, rbm"),
        ({"name": "lstm", "width": 3}, "unknown setting 'width'"),
        ({"name": "lstm", "units": 100}, "units must be a positive multiple of 16, got 100"),
        ({"name": "lstm", "layers": 0}, "layers must be at least 1, got 0"),
        ({"name": "lstm", "dropout": 1.0}, "dropout must be at least 0 and below 1, got 1.0"),
        ({"name": "lstm", "input_dropout": -0.1}, "input_dropout must be at least 0 and below 1, got -0.1"),
        ({"name": "wavenet", "skip": -16}, "skip must be a positive multiple of 16, got -16"),
        ({"name": "wavenet", "dilations": []}, "dilations must be one or more positive numbers"),
    ],
)
def test_settings_that_no_model_can_have_are_refused(data: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        registry.settings_from_json(data)


@pytest.mark.parametrize("settings", SETTINGS[2:4], ids=["lstm", "wavenet"])
def test_an_exported_loop_of_steps_writes_what_the_model_writes(settings: Any, tmp_path: Path) -> None:
    network = registry.build(settings, VOCABULARY, seed=1)

    class Greedy(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        @tf.function(input_signature=[tf.TensorSpec([None], tf.int32)])
        def write(self, token: Any) -> Any:
            def body(n: Any, token: Any, state: Any, written: Any) -> Any:
                logits, state = self.network.step(token, state)
                token = tf.argmax(logits, axis=-1, output_type=tf.int32)
                return n + 1, token, state, written.write(n, token)

            start = (0, token, self.network.initial_state(tf.shape(token)[0]), tf.TensorArray(tf.int32, 20))
            return tf.transpose(tf.while_loop(lambda n, *_: n < 20, body, start)[3].stack())

        @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32)])
        def score(self, tokens: Any) -> Any:
            return self.network(tokens)[0]

    tf.saved_model.save(Greedy(), str(tmp_path))
    loaded = tf.saved_model.load(str(tmp_path))
    first = some_tokens()[:, 0]
    written = loaded.write(first).numpy()
    logits = loaded.score(np.concatenate([first[:, None], written[:, :-1]], axis=1)).numpy()
    np.testing.assert_array_equal(written, logits.argmax(axis=-1))
