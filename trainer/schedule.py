"""The learning rate as a function of the step: a linear warm-up, then a decay."""

import tensorflow as tf

from trainer.config import DECAYS
from trainer.types import Tensor

FLOOR = 0.1  # of the peak, at the last step and beyond
SLOWING = 0.01  # of the inverse decay: it halves the rate in the first hundred steps, however many there are


def learning_rate(step: Tensor, *, peak: float, warmup: int, decay: str, steps: int) -> Tensor:
    """Returns the learning rate, float32 scalar, of update number `step` (0 is the first).

    Args:
      step: int64 scalar tensor.
      peak: the highest rate, reached after `warmup` updates.
      warmup: updates of the rise from near 0.
      decay: one of `trainer.config.DECAYS`.
      steps: the update at which the decay has reached `FLOOR * peak`; the inverse one does not look at it.

    Raises:
      ValueError: if there is no such decay.
    """
    now = tf.cast(step, tf.float32)
    rise = tf.minimum((now + 1.0) / float(max(warmup, 1)), 1.0)
    passed = tf.clip_by_value((now - warmup) / float(max(steps - warmup, 1)), 0.0, 1.0)
    if decay == "none":
        fall = tf.constant(1.0)
    elif decay == "linear":
        fall = 1.0 - (1.0 - FLOOR) * passed
    elif decay == "cosine":
        fall = FLOOR + (1.0 - FLOOR) * 0.5 * (1.0 + tf.cos(3.141592653589793 * passed))
    elif decay == "exponential":
        fall = tf.pow(FLOOR, passed)
    elif decay == "inverse":
        fall = 1.0 / (1.0 + SLOWING * tf.maximum(now - warmup, 0.0))
    else:
        raise ValueError(f"decay is one of {DECAYS}, not {decay!r}")
    return peak * rise * fall
