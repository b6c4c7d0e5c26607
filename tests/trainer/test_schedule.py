from itertools import pairwise

import pytest
import tensorflow as tf

from trainer.config import DECAYS
from trainer.schedule import FLOOR, learning_rate


def rate(step: int, decay: str, warmup: int = 0, steps: int = 1000) -> float:
    now = tf.constant(step, tf.int64)
    return float(learning_rate(now, peak=0.01, warmup=warmup, decay=decay, steps=steps))


def test_the_inverse_decay_is_that_of_adam_with_a_decay_of_a_hundredth() -> None:
    for step in (0, 1, 50, 100, 5000):
        assert rate(step, "inverse") == pytest.approx(0.01 / (1 + 0.01 * step), rel=1e-5)


@pytest.mark.parametrize("decay", DECAYS)
def test_the_rate_rises_through_the_warmup_and_never_after(decay: str) -> None:
    rates = [rate(step, decay, warmup=10) for step in range(0, 1100, 5)]
    assert rates[0] < rates[1] < rates[2] == pytest.approx(0.01)
    assert all(later <= earlier for earlier, later in pairwise(rates[2:]))


@pytest.mark.parametrize("decay", ["linear", "cosine", "exponential"])
@pytest.mark.parametrize("warmup", [0, 300])
def test_other_decays_end_at_a_tenth_with_the_last_step_whatever_the_warmup(decay: str, warmup: int) -> None:
    assert rate(1000, decay, warmup) == pytest.approx(FLOOR * 0.01, rel=1e-4) == rate(2000, decay, warmup)
    assert rate(980, decay, warmup) > 1.001 * rate(1000, decay, warmup)
