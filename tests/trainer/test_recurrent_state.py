"""The state that goes on from one window of a song to the next, in training and in validation."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.trainer import made
from trainer.config import TrainingConfig
from trainer.data.batches import Batches
from trainer.data.reader import StoredSong, open_corpus
from trainer.distribution import Distribution
from trainer.evaluation.likelihood import score_songs
from trainer.models import registry
from trainer.models.base import TrainingStep
from trainer.models.lstm.settings import Lstm
from trainer.models.wavenet.settings import WaveNet
from trainer.multi_step import Sums
from trainer.objectives.base import TrainingComputation
from trainer.objectives.next_token import NextToken, make_scoring
from trainer.recurrent_state import CarriedState
from trainer.train import train
from tutti.encodings.vocabulary import BOS, EOS
from tutti.errors import Error

KEYS, FILLER, PERIOD, WINDOW = 4, 3 + 4, 3, 7
MODELS = [
    Lstm(units=16, layers=2, embedding=16, dropout=0.0),
    WaveNet(residual=16, skip=16, dilations=(1, 2, 4, 8), stacks=2, dropout=0.0),
]


def distribution() -> Distribution:
    return Distribution(tf.distribute.OneDeviceStrategy("CPU:0"))


def keyed(count: int, seed: int) -> list[made.Song]:
    """Songs in which one of `KEYS` tokens comes again and again, always the same, with fillers in between."""
    rng = np.random.default_rng(seed)
    songs = []
    for kind in rng.choice(20 * KEYS, count, replace=False):  # none twice
        song = np.full(40 + kind // KEYS, FILLER, np.int32)
        song[::PERIOD] = 3 + kind % KEYS
        songs.append(np.array([BOS, *song, EOS], np.int32))
    return songs


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> made.Made:
    songs = {"train": keyed(48, 1), "validation": keyed(12, 2), "test": []}
    folder = tmp_path_factory.mktemp("keyed") / "dataset"
    return made.dataset(folder, songs, window=WINDOW, words=KEYS + 1, label=lambda song: f"key{song[1] % 3}")


def learn(corpus: made.Made, training: TrainingConfig) -> tuple[TrainingComputation, list[float], float]:
    """Trains a small LSTM; what it learned with, the bits of every step, and those of validation."""
    opened = open_corpus(corpus.path)
    size = training.batch_size
    windows = Batches(opened, "train", batch_size=size, seed=1, carry=training.carry)
    network = registry.build(
        Lstm(units=32, layers=1, embedding=16, dropout=0.0), len(opened.dataset.vocabulary), seed=1
    )
    computation = NextToken().prepare(distribution(), network, training, training.steps)
    bits, step = [], 0
    for batches, count in windows.chunks(1, 0):
        bits.append(per_target(computation.train(batches, count, (False, False))))
        step += count
        if step == training.steps:
            break
    validation = Batches(opened, "validation", batch_size=size, carry=training.carry)
    sums = [computation.score(batches, count) for batches, count in validation.chunks(4)]
    return computation, bits, per_target(Sums(sum(s.loss_sum for s in sums), sum(s.token_count for s in sums)))


def per_target(sums: Sums) -> float:
    return sums.loss_sum / max(sums.token_count, 1.0) / math.log(2)


def test_what_lies_before_the_window_is_learned_where_the_state_is_carried_and_only_there(corpus: made.Made) -> None:
    training = TrainingConfig(learning_rate=2e-2, batch_size=16, steps=60, carry=True, label_dropout=0.0)
    _, _, carried = learn(corpus, training)
    _, _, alone = learn(corpus, TrainingConfig(**{**vars(training), "carry": False}))
    # A song's key costs log2(4) bits once, and its end, which may come at any time, some; without the state a key
    # costs those bits in each of its windows.
    windows = np.mean([(len(song) - 1) / WINDOW for song in corpus.songs["validation"]])
    targets = np.mean([len(song) - 1 for song in corpus.songs["validation"]])
    lost = math.log2(KEYS) * (windows - 1) / targets
    assert carried < alone - 0.7 * lost


@pytest.mark.parametrize("settings", MODELS, ids=["lstm", "wavenet"])
@pytest.mark.parametrize("rows", [4, 16])
def test_validation_that_carries_reads_whole_songs(corpus: made.Made, settings: Any, rows: int) -> None:
    opened = open_corpus(corpus.path)
    network = registry.build(settings, len(opened.dataset.vocabulary), seed=3, labels=len(opened.labels))
    carried = CarriedState(network, rows, 1)
    score = make_scoring(distribution(), network, rows, carried)
    validation = Batches(opened, "validation", batch_size=rows, carry=True)
    for _ in range(2):  # the second time, the state holds what the first has left
        sums = [score(batch, count) for batch, count in validation.chunks(3)]
        songs = [StoredSong(song, 1 + int(song[1] % 3)) for song in corpus.songs["validation"]]
        whole = score_songs(network, songs, WINDOW)
        assert sum(s.token_count for s in sums) == whole.targets
        assert sum(s.loss_sum for s in sums) / math.log(2) == pytest.approx(whole.bits, rel=1e-5)


def test_no_gradient_flows_through_a_windows_border(corpus: made.Made) -> None:
    opened = open_corpus(corpus.path)
    network = registry.build(MODELS[0], len(opened.dataset.vocabulary), seed=1)
    computation = NextToken().prepare(distribution(), network, TrainingConfig(batch_size=48, clip=0.0, carry=True), 10)
    chunks = Batches(opened, "train", batch_size=48, seed=1, carry=True).chunks(1, 0)
    batches, count = next(chunks)
    computation.train(batches, count, (False, False))
    state = tf.nest.pack_sequence_as(network.initial_state(1), [tf.constant(v) for v in computation.persistent])
    slots = [slot.numpy() for slot in computation.optimizer.slots[::2]]
    following, _ = next(chunks)
    second = following["tokens"][0]
    with tf.GradientTape() as tape:
        logits, _ = network(second[:, :-1], state, TrainingStep(1, tf.range(len(second))))
        nats = tf.nn.sparse_softmax_cross_entropy_with_logits(second[:, 1:], logits)
        real = tf.cast(second[:, 1:] != 0, tf.float32)
        loss = tf.reduce_sum(nats * real) / tf.reduce_sum(real)
    gradients = tape.gradient(loss, network.trainable_variables)
    computation.train(following, 1, (False, False))
    for before, after, gradient in zip(slots, computation.optimizer.slots[::2], gradients, strict=True):
        # Adam's mean tells what gradient it was given.
        given = (after.numpy() - 0.9 * before) / 0.1
        np.testing.assert_allclose(given, tf.convert_to_tensor(gradient), rtol=1e-3, atol=1e-6)


def test_training_goes_on_after_a_validation_from_the_state_that_it_had(corpus: made.Made) -> None:
    opened = open_corpus(corpus.path)
    network = registry.build(MODELS[0], len(opened.dataset.vocabulary), seed=1)
    computation = NextToken().prepare(distribution(), network, TrainingConfig(batch_size=8, carry=True), 10)
    batches, count = next(Batches(opened, "train", batch_size=8, seed=1, carry=True).chunks(2, 0))
    computation.train(batches, count, (False, False))
    before = [held.numpy() for held in computation.persistent]
    assert any(held.any() for held in before)
    for batches, count in Batches(opened, "validation", batch_size=8, carry=True).chunks(2):
        computation.score(batches, count)
    for held, value in zip(computation.persistent, before, strict=True):
        np.testing.assert_array_equal(held, value)


def test_a_row_starts_anew_with_a_song_and_with_its_label(corpus: made.Made) -> None:
    network = registry.build(MODELS[0], 12, seed=1, labels=3)
    carried = CarriedState(network, 4, 1)
    for held in carried.variables:
        held.assign(tf.cast(tf.fill(held.shape, 7), held.dtype))
    fresh = network.initial_state(4, tf.constant([1, 2, 3, 0]))
    state = distribution().strategy.run(lambda: carried.before(fresh, tf.constant([BOS, 5, 0, 9])))
    assert state[-1].numpy().tolist() == [1, 7, 3, 7]
    assert state[0][0].numpy()[:, 0].tolist() == [0.0, 7.0, 0.0, 7.0]


def test_what_cannot_be_carried_is_said(corpus: made.Made, tmp_path: Path) -> None:
    dense = made.dataset(tmp_path / "dense", corpus.songs, window=WINDOW, stride=3, words=KEYS + 1)
    with pytest.raises(Error, match=r"start every 3 tokens: ingest it with --stride 7, or train with --no-carry"):
        Batches(open_corpus(dense.path), "train", batch_size=8, carry=True)
    with pytest.raises(Error, match=r"takes 1 MB: give --cache-mb 1 or --no-carry"):
        Batches(open_corpus(corpus.path), "train", batch_size=8, cache_bytes=100, carry=True)
    rolls = made.framed(tmp_path / "rolls", [np.ones((6, 4), np.uint8)], window=3)
    with pytest.raises(Error, match=r"--carry is for tokens; dataset .* holds frames of bits"):
        train(rolls, run=tmp_path / "run", model="rbm", carry=True)
    many = Batches(open_corpus(corpus.path), "train", batch_size=100, carry=True)
    assert (many.occupied, many.batch_size) == (48, 100)
