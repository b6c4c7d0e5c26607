from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from serving.graph.requests import SamplingRequests
from serving.graph.sampler import Sampler
from tutti.encodings.vocabulary import BOS, EOS, PAD

LOGITS = np.array([9.0, 9.0, -9.0, 2.0, 1.0, 0.0, -1.0, 1.5], np.float32)


class Fixed:
    """A model that predicts the same whatever came before; after `end` tokens it predicts EOS."""

    def __init__(self, end: int = 1000) -> None:
        self.end = end

    def initial_state(self, batch: Any) -> Any:
        return tf.zeros([batch], tf.int32)

    def step(self, token: Any, state: Any) -> Any:
        over = (state >= self.end)[:, None]
        eos = tf.where(tf.range(len(LOGITS)) == EOS, 50.0, 0.0)
        return tf.where(over, eos, tf.constant(LOGITS)), state + 1


def drawn(count: int = 4096, end: int = 1000, **options: Any) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Tokens and lengths of `count` rows with seeds of their own."""
    row: dict[str, Any] = {"steps": 1, "temperature": 1.0, "top_k": 0, "top_p": 0.0, **options}
    requests = SamplingRequests(
        prompt=tf.zeros([count, 1], tf.int32),
        steps=tf.fill([count], row["steps"]),
        temperature=tf.fill([count], tf.constant(row["temperature"], tf.float32)),
        top_k=tf.fill([count], row["top_k"]),
        top_p=tf.fill([count], tf.constant(row["top_p"], tf.float32)),
        seed=tf.range(count, dtype=tf.int64),
        label=tf.zeros([count], tf.int32),
    )
    tokens, length, _ = Sampler(Fixed(end), len(LOGITS)).generate(requests)
    return tokens.numpy(), length.numpy()


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_tokens_are_drawn_with_their_probabilities(temperature: float) -> None:
    tokens, _ = drawn(temperature=temperature)
    expected = np.concatenate([[0, 0], softmax(LOGITS[2:] / temperature)]) * len(tokens)
    seen = np.bincount(tokens[:, 0], minlength=len(LOGITS))
    likely = expected > 5
    chi_square = ((seen - expected)[likely] ** 2 / expected[likely]).sum()
    # The 0.999 quantile of chi-square with five degrees of freedom.
    assert chi_square < 20.5
    assert seen[[PAD, BOS]].sum() == 0


def test_a_rows_tokens_are_independent_of_each_other() -> None:
    tokens, _ = drawn(count=256, steps=32)
    best = (tokens == 3).astype(float)
    correlation = np.corrcoef(best[:, :-1].ravel(), best[:, 1:].ravel())[0, 1]
    assert abs(correlation) < 0.05


def test_top_k_leaves_the_k_likeliest() -> None:
    tokens, _ = drawn(top_k=3)
    assert set(tokens[:, 0].tolist()) == {3, 7, 4}


def test_top_p_leaves_the_fewest_that_reach_it() -> None:
    first = softmax(LOGITS[2:]).max()
    assert set(drawn(top_p=first - 0.01)[0][:, 0].tolist()) == {3}
    assert set(drawn(top_p=first + 0.01)[0][:, 0].tolist()) == {3, 7}


def test_temperature_0_takes_the_likeliest() -> None:
    assert set(drawn(count=64, temperature=0.0, steps=5)[0].ravel().tolist()) == {3}


def test_eos_ends_a_row_and_the_rest_is_padding() -> None:
    tokens, length = drawn(count=16, end=3, steps=8)
    # The prompt is empty: BOS and two tokens are read before the model says EOS.
    assert length.tolist() == [4] * 16
    assert (tokens[:, 3] == EOS).all()
    assert (tokens[:, 4:] == PAD).all()


def test_scores_are_logarithms_of_the_softmax_however_great_the_logits() -> None:
    # EOS has a logit of 50: as a power of e it is a float32, its square is not.
    tokens = tf.constant([[3, 7, EOS], [4, 6, EOS]])
    scores = Sampler(Fixed(end=2), len(LOGITS)).score(tokens, tf.zeros([2], tf.int32))
    logs = np.log(softmax(LOGITS))
    np.testing.assert_allclose(scores, [[logs[3], logs[7], 0], [logs[4], logs[6], 0]], rtol=1e-5)


def test_no_rows_and_no_steps_are_answered() -> None:
    assert drawn(count=0)[0].shape[0] == 0
    assert drawn(count=3, steps=0)[1].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"temperature": -1.0}, "temperature must be"),
        ({"temperature": float("nan")}, "temperature must be"),
        ({"steps": 1 << 17}, "steps must be"),
        ({"top_k": -1}, "top_k must be"),
        ({"top_p": -0.5}, "top_p must be"),
    ],
)
def test_a_request_out_of_bounds_is_refused(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match=reason):
        drawn(count=2, **options)
