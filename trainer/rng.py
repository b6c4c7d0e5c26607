"""Random numbers that are a pure function of their counters, never of the device or the order that computes them.

`threefry` is the counter-based generator of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as
1, 2, 3" (SC 2011). `uniform` draws from it one stream per row, for sampling; `dropout` uses it to key a cheap
32-bit hash, one value of which decides four units.
"""

from __future__ import annotations

from typing import TypeAlias

import tensorflow as tf

from trainer.types import Tensor

Integer: TypeAlias = int | Tensor
Key: TypeAlias = tuple[int, Integer, int]  # training seed, step, and which draw of the step

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = 0x1BD11BDA

# Keys of what else may be dropped than the outputs of layer 0, 1, ...: a layer's input products are that many further
# on, a row's label is on its own.
PRODUCTS, LABEL = 1 << 16, -1


def _word(value: Integer) -> Tensor:
    """Returns the low 32 bits, as uint32, of a Python int or of a tensor of int32, int64 or uint32."""
    if isinstance(value, int):
        return tf.constant(value & 0xFFFFFFFF, tf.uint32)
    value = tf.convert_to_tensor(value)
    if value.dtype == tf.uint32:
        return value
    if value.dtype == tf.int32:
        return tf.bitcast(value, tf.uint32)
    return tf.bitcast(tf.cast(value, tf.int64), tf.uint32)[..., 0]


def _rotate(x: Tensor, by: int) -> Tensor:
    left = tf.bitwise.left_shift(x, tf.constant(by, tf.uint32))
    return tf.bitwise.bitwise_or(left, tf.bitwise.right_shift(x, tf.constant(32 - by, tf.uint32)))


def threefry(key: tuple[Integer, Integer], counter: tuple[Integer, Integer]) -> tuple[Tensor, Tensor]:
    """Computes Threefry-2x32 with 20 rounds: two uint32 tensors, as random as the pair (key, counter) is distinct.

    Each word is a Python int or an integer tensor (its low 32 bits count); shapes broadcast.
    """
    k0, k1 = _word(key[0]), _word(key[1])
    k2 = tf.bitwise.bitwise_xor(tf.bitwise.bitwise_xor(k0, k1), tf.constant(_PARITY, tf.uint32))
    keys = (k0, k1, k2)
    x0, x1 = _word(counter[0]) + k0, _word(counter[1]) + k1
    for block in range(5):
        for by in _ROTATIONS[block % 2]:
            x0 = x0 + x1
            x1 = tf.bitwise.bitwise_xor(_rotate(x1, by), x0)
        x0 = x0 + keys[(block + 1) % 3]
        x1 = x1 + keys[(block + 2) % 3] + tf.constant(block + 1, tf.uint32)
    return x0, x1


def uniform(seed: Tensor, counter: Tensor, count: int | None = None) -> Tensor:
    """Draws uniform numbers strictly between 0 and 1 (multiples of 2**-24), so that log(u) and log(1-u) are finite.

    Args:
        seed: int64[B], one stream per row.
        counter: int32[B] (or a scalar), the place in the stream.
        count: how many numbers per row; None for one.

    Returns:
        float32[B], or float32[B, count].
    """
    seed = tf.bitcast(tf.cast(seed, tf.int64), tf.uint32)
    low, high, place = seed[..., 0], seed[..., 1], _word(counter)
    if count is not None:
        low, high = low[:, None], high[:, None]
        place = place[..., None]
    bits, _ = threefry((low, high), (place, tf.range(count, dtype=tf.int32) if count is not None else 0))
    return _between_0_and_1(bits)


def _between_0_and_1(bits: Tensor) -> Tensor:
    """Turns uint32 into float32."""
    # 23 bits and a half: float32 holds that sum exactly, so it never rounds up to 1.
    high_bits = tf.bitcast(tf.bitwise.right_shift(bits, tf.constant(9, tf.uint32)), tf.int32)
    return (tf.cast(high_bits, tf.float32) + 0.5) * tf.constant(2.0**-23, tf.float32)


def _scramble(x: Tensor) -> Tensor:
    """Maps uint32 by a bijection in which every input bit flips every output bit about half of the time."""
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        x = tf.bitwise.bitwise_xor(x, tf.bitwise.right_shift(x, tf.constant(shift, tf.uint32)))
        x = x * tf.constant(factor, tf.uint32)
    return tf.bitwise.bitwise_xor(x, tf.bitwise.right_shift(x, tf.constant(16, tf.uint32)))


def keep_mask(rate: float, key: Key, rows: Tensor, positions: Tensor, units: int) -> Tensor:
    """Returns which units a dropout of `rate` keeps.

    A value depends on its own key, row, position and unit alone: a batch cut in two, or computed elsewhere, keeps
    the same units.

    Args:
        rate: share of units dropped, in [0, 1), rounded to a multiple of 1/256.
        key: (training seed, step, layer); the step may be a scalar tensor.
        rows: int[B], each row's number in the global batch.
        positions: int[T].
        units: a multiple of 4.

    Returns:
        bool[T, B, units].
    """
    seed, step, layer = key
    site = threefry((seed, seed >> 32), (step, layer))
    place, blind = threefry(site, (rows[None, :], positions[:, None]))
    counters = place[..., None] + tf.bitcast(tf.range(units // 4, dtype=tf.int32), tf.uint32)
    words = _scramble(counters) ^ blind[..., None]
    draws = tf.reshape(tf.bitcast(words, tf.uint8), [tf.shape(place)[0], tf.shape(place)[1], units])
    return draws >= tf.constant(_dropped(rate), tf.uint8)


def dropout(x: Tensor, rate: float, key: Key, rows: Tensor, shared: bool = False) -> Tensor:
    """Returns `x` with about `rate` of its units zeroed and the rest scaled up, so that the mean stays.

    Args:
        x: float32[T, B, units], time first.
        rate, key, rows: as for `keep_mask`.
        shared: drop a unit at all positions or none ("spatial" dropout).
    """
    if _dropped(rate) == 0:
        return x
    positions = tf.zeros([1], tf.int32) if shared else tf.range(tf.shape(x)[0])
    keep = keep_mask(rate, key, rows, positions, x.shape[-1])
    scale = 256.0 / (256 - _dropped(rate))
    return x * (tf.cast(keep, tf.float32) * scale)


def bernoulli(probability: Tensor, key: Key, rows: Tensor) -> Tensor:
    """Draws 1 with the probability given, else 0: a function of key, row and unit alone, as what `dropout` drops.

    Args:
        probability: float32[B, units].
        key: (training seed, step, number of the draw in the step).
        rows: int[B], each row's number in the global batch.

    Returns:
        float32[B, units].
    """
    seed, step, draw = key
    place, blind = threefry(threefry((seed, seed >> 32), (step, draw)), (rows, 0))
    counters = place[:, None] + tf.bitcast(tf.range(probability.shape[1], dtype=tf.int32), tf.uint32)
    draws = _between_0_and_1(_scramble(counters) ^ blind[:, None])
    return tf.cast(draws < probability, tf.float32)


def _dropped(rate: float) -> int:
    return min(round(rate * 256), 255)
