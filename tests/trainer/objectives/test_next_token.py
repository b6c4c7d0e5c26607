import numpy as np
import pytest
import tensorflow as tf

from trainer.config import TrainingConfig
from trainer.distribution import Distribution
from trainer.models.lstm.network import LstmModel
from trainer.models.lstm.settings import Lstm
from trainer.objectives.next_token import make_scoring, make_training, negative_log_likelihood
from trainer.optimizer import Adam, Sgd
from trainer.types import Batch

WORDS = 7


def distribution() -> Distribution:
    return Distribution(tf.distribute.OneDeviceStrategy("CPU:0"))


def model() -> LstmModel:
    return LstmModel(Lstm(units=16, layers=1, embedding=16, dropout=0.0), WORDS, seed=5)


def batch(rows: int, seed: int = 0) -> Batch:
    """One step of windows of 5 without labels, with some padding."""
    tokens = np.random.default_rng(seed).integers(1, WORDS, size=(1, rows, 7))[:, :, 1:]
    tokens[:, ::2, 4:] = 0
    return {"label": tf.zeros([1, rows], tf.int32), "tokens": tf.constant(tokens, tf.int32)}


def joined(batches: list[Batch], axis: int) -> Batch:
    return {name: tf.concat([batch[name] for batch in batches], axis=axis) for name in batches[0]}


def empty(batch: Batch) -> Batch:
    return {name: tf.zeros_like(rows) for name, rows in batch.items()}


def test_the_loss_is_the_mean_over_real_targets() -> None:
    logits = np.random.default_rng(1).normal(size=(2, 3, WORDS)).astype(np.float32)
    targets = np.array([[4, 2, 0], [3, 0, 0]], np.int32)
    nats, count = negative_log_likelihood(tf.constant(logits), tf.constant(targets))
    log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    assert count.numpy() == 3
    assert nats.numpy() == pytest.approx(-(log_p[0, 0, 4] + log_p[0, 1, 2] + log_p[1, 0, 3]), rel=1e-6)


def test_rows_of_padding_change_nothing() -> None:
    rows = batch(4)
    padded = joined([rows, empty(rows)], axis=1)
    results = []
    for batches in (rows, padded):
        own = model()
        train = make_training(
            distribution(), own, Adam(own.trainable_variables), TrainingConfig(batch_size=batches["label"].shape[1]), 10
        )
        sums = train(batches, 1, (False, False))
        results.append((sums, [v.numpy() for v in own.trainable_variables]))
    (sums, weights), (padded_sums, padded_weights) = results
    assert sums.token_count == padded_sums.token_count == np.count_nonzero(rows["tokens"][0, :, 1:])
    assert sums.loss_sum == pytest.approx(padded_sums.loss_sum, rel=1e-6)
    for one, other in zip(weights, padded_weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)


def test_a_call_takes_just_the_steps_that_count_and_reports_votes() -> None:
    own = model()
    optimizer = Adam(own.trainable_variables)
    train = make_training(distribution(), own, optimizer, TrainingConfig(batch_size=4), 10)
    rows = joined([batch(4), batch(4, 1), batch(4, 2)], axis=0)
    sums = train(rows, 2, (True, False))
    assert optimizer.step.numpy() == 2
    assert sums.token_count == np.count_nonzero(rows["tokens"][:2, :, 1:])
    assert sums.votes == (1.0, 0.0)


def test_the_whole_gradient_is_clipped_not_its_parts() -> None:
    moves = {}
    for clip in (0.0, 1e-3):
        own = model()
        before = [v.numpy() for v in own.trainable_variables]
        optimizer = Adam(own.trainable_variables)
        training = TrainingConfig(batch_size=4, clip=clip)
        make_training(distribution(), own, optimizer, training, 10)(batch(4), 1, (False, False))
        assert any((v.numpy() != b).any() for v, b in zip(own.trainable_variables, before, strict=True))
        moves[clip] = [slot.numpy() / 0.1 for slot in optimizer.slots[::2]]  # Adam's mean after one update: g / 10
    norm = np.sqrt(sum(np.square(g).sum() for g in moves[0.0]))
    assert norm > 1e-3
    for clipped, free in zip(moves[1e-3], moves[0.0], strict=True):
        np.testing.assert_allclose(clipped, free * 1e-3 / norm, rtol=1e-4, atol=1e-9)


def test_a_step_moves_the_weights_by_the_rate_of_the_schedule() -> None:
    moves = []
    for training in (
        TrainingConfig(batch_size=4, warmup=0, decay="none"),
        TrainingConfig(batch_size=4, warmup=4, decay="linear"),
    ):
        own = model()
        before = [v.numpy() for v in own.trainable_variables]
        optimizer = Sgd(own.trainable_variables)
        optimizer.step.assign(7)
        make_training(distribution(), own, optimizer, training, 10)(batch(4), 1, (False, False))
        moves.append([v.numpy() - b for v, b in zip(own.trainable_variables, before, strict=True)])
    # Half-way from the end of the warm-up to the last step, half-way from the whole rate to a tenth of it.
    for whole, part in zip(*moves, strict=True):
        np.testing.assert_allclose(part, 0.55 * whole, rtol=1e-3, atol=1e-7)


def test_scoring_is_the_loss_without_an_update() -> None:
    own = model()
    rows = batch(4)
    before = [v.numpy() for v in own.trainable_variables]
    sums = make_scoring(distribution(), own, 4)(rows, 1)
    tokens = rows["tokens"][0]
    loss_sum, token_count = negative_log_likelihood(own(tokens[:, :-1])[0], tokens[:, 1:])
    assert sums.loss_sum == pytest.approx(float(loss_sum), rel=1e-6)
    assert sums.token_count == float(token_count)
    for variable, value in zip(own.trainable_variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)


def labelled(rows: int) -> Batch:
    """One step of windows that begin alike and go on as their labels, 1 to 3, have it."""
    labels = 1 + np.arange(rows) % 3
    tokens = np.stack([*[np.ones(rows, int)] * 3, 2 + labels, 2 + labels, np.full(rows, 6)], axis=1)
    return {"label": tf.constant(labels[None], tf.int32), "tokens": tf.constant(tokens[None], tf.int32)}


def test_a_model_learns_what_its_labels_mean_and_to_do_without() -> None:
    own = LstmModel(Lstm(units=16, layers=1, embedding=16, dropout=0.0), WORDS, seed=5, labels=3)
    training = TrainingConfig(batch_size=48, learning_rate=3e-2, label_dropout=0.25)
    train = make_training(distribution(), own, Adam(own.trainable_variables), training, 200)
    rows = labelled(48)
    for _ in range(80):
        train(rows, 1, (False, False))
    tokens, labels = rows["tokens"][0, :4, :3], tf.constant([1, 2, 3, 0])
    likely = tf.nn.softmax(own(tokens, own.initial_state(4, labels))[0][:, -1]).numpy()
    for row, word in enumerate((3, 4, 5)):
        assert likely[row, word] > 0.9
    assert (likely[3, 3:6] > 0.15).all()


def test_which_rows_lose_their_label_depends_on_step_and_row_alone() -> None:
    moved = []
    for batch_size, where in ((12, slice(0, 12)), (6, slice(0, 6))):
        own = LstmModel(Lstm(units=16, layers=1, embedding=16, dropout=0.0), WORDS, seed=5, labels=3)
        # Rows of padding at the end: their gradient is nothing.
        optimizer = Adam(own.trainable_variables)
        training = TrainingConfig(batch_size=batch_size, clip=0.0, label_dropout=0.5)
        whole = joined([labelled(6), empty(labelled(6))], axis=1)
        rows = {name: values[:, where] for name, values in whole.items()}
        make_training(distribution(), own, optimizer, training, 10)(rows, 1, (False, False))
        moved.append([slot.numpy() for slot in optimizer.slots[::2]])
    for one, other in zip(*moved, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-8)
    names = [v.name for v in own.trainable_variables]
    table = moved[0][next(i for i, name in enumerate(names) if name.startswith("label0"))]
    assert np.abs(table[0]).max() > 0  # some lost it, and not all
    assert np.abs(table[1:]).max() > 0
