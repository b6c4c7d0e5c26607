"""The jazz network's inference, written once more in numpy, against what a model of that preset generates."""

from typing import Any

from tests.trainer import made, running

# isort: split
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from serving.graph.requests import SamplingRequests
from serving.graph.sampler import Sampler
from trainer.run import directory
from trainer.run.directory import Run
from tutti.encodings.melody import Melody
from tutti.encodings.vocabulary import BOS, EOS, PAD, Vocabulary

STEPS = 50
VALUES = Vocabulary.of(f"{pitch}:{length}" for pitch in ("C4", "D4", "E4", "G4", "A4", "R") for length in (3, 6, 12))


def solo(notes: int, seed: int) -> made.Song:
    """Phrases that come again, with a slip now and then."""
    rng = np.random.default_rng(seed)
    phrases = np.random.default_rng(5).integers(3, len(VALUES), (4, 8))
    tokens = np.concatenate([phrases[rng.integers(4)] for _ in range(notes // 8)])
    slips = rng.random(len(tokens)) < 0.05
    return np.array([BOS, *np.where(slips, rng.integers(3, len(VALUES), len(tokens)), tokens), EOS], np.int32)


@pytest.fixture(scope="module")
def jazz(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A short run of the preset on windows of one solo, as many as it could draw."""
    folder = tmp_path_factory.mktemp("jazz")
    songs = {"train": [solo(200, 1)], "validation": [], "test": []}
    corpus = made.dataset(folder / "data", songs, window=30, stride=1, encoding=Melody(), vocabulary=VALUES)
    running.train("--dataset", corpus.path, "--preset", "jazz-lstm", "--steps", "60", "--run", str(folder / "run"))
    return directory.load(str(folder / "run"))


def sigmoid(x: NDArray[np.float32]) -> Any:
    return 1 / (1 + np.exp(-x))


def by_hand(weights: dict[str, NDArray[np.float32]], steps: int) -> list[int]:
    """One cell from a zero state, its arg-max fed back as a one-hot vector."""
    one_hot = np.eye(len(VALUES), dtype=np.float32)
    h, c = np.zeros(64, np.float32), np.zeros(64, np.float32)
    token, written = BOS, list[int]()
    while len(written) < steps and token != EOS:
        x = one_hot[token] @ weights["embedding"]
        sums = x @ weights["input0"] + h @ weights["recurrent0"] + weights["bias0"]
        i, f, o, g = np.split(sums, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        logits = (h @ weights["output_kernel"] + weights["output_bias"])[: len(VALUES)]
        logits[[PAD, BOS]] = -np.inf
        token = int(np.argmax(logits))
        written.append(token)
    return written


def test_a_solo_at_temperature_0_is_the_cells_own_arg_max_fed_back_from_a_zero_state(jazz: Run) -> None:
    model = jazz.model()
    weights = {variable.name.split(":")[0]: variable.numpy() for variable in model.trainable_variables}
    requests = SamplingRequests(
        prompt=tf.zeros([1, 0], tf.int32),
        steps=tf.constant([STEPS]),
        temperature=tf.constant([0.0]),
        top_k=tf.constant([0]),
        top_p=tf.constant([0.0]),
        seed=tf.constant([0], tf.int64),
        label=tf.constant([0]),
    )
    tokens, length, _ = tf.function(Sampler(model, len(VALUES)).generate)(requests)
    written = tokens[0, : int(length[0])].numpy().tolist()
    assert written == by_hand(weights, STEPS)
    assert len(set(written)) > 8
