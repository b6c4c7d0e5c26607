from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from trainer import rng


@pytest.mark.parametrize(
    ("key", "counter", "answer"),
    [
        ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
        ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
        ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
    ],
)
def test_threefry_gives_the_published_answers(
    key: tuple[int, int], counter: tuple[int, int], answer: tuple[int, int]
) -> None:
    assert tuple(int(word) for word in rng.threefry(key, counter)) == answer
    columns = [tf.constant([word] * 5, tf.uint32) for word in (*key, *counter)]
    rows = rng.threefry((columns[0], columns[1]), (columns[2], columns[3]))
    np.testing.assert_array_equal(rows, [[answer[0]] * 5, [answer[1]] * 5])


def test_uniform_numbers_look_uniform_within_rows_and_between_them() -> None:
    seeds, counters = tf.range(64, dtype=tf.int64), tf.range(64, dtype=tf.int32)
    numbers = rng.uniform(seeds, counters, 512).numpy()
    assert numbers.shape == (64, 512)
    assert numbers.min() > 0
    assert numbers.max() < 1
    # 32,768 numbers: the standard error of the mean is 0.0016, of a tenth's share 0.0017.
    assert abs(numbers.mean() - 0.5) < 0.008
    assert np.abs(np.histogram(numbers, 10, (0, 1))[0] / numbers.size - 0.1).max() < 0.009
    along_place = np.stack([rng.uniform(seeds, tf.constant(n)).numpy() for n in range(256)])
    for one, other in (
        (numbers[1:], numbers[:-1]),
        (numbers[:, 1:], numbers[:, :-1]),
        (along_place[1:], along_place[:-1]),
    ):
        assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.04


def test_a_rows_numbers_depend_on_its_own_seed_and_place_alone() -> None:
    seeds, counters = [5, -1, 2**40, 5], [0, 7, 7, 0]
    together = rng.uniform(tf.constant(seeds, tf.int64), tf.constant(counters, tf.int32)).numpy()
    for row, (seed, counter) in enumerate(zip(seeds, counters, strict=True)):
        alone = rng.uniform(tf.constant([seed], tf.int64), tf.constant([counter], tf.int32)).numpy()
        assert alone[0] == together[row]
    assert together[0] == together[3]
    # All 64 bits of the seed count.
    high = rng.uniform(tf.constant([0, 2**40, -(2**63)], tf.int64), tf.zeros([3], tf.int32)).numpy()
    assert len(set(high)) == 3


def mask(key: tuple[int, Any, int] = (1, 2, 3), rate: float = 0.3, rows: int = 32, time: int = 16) -> Any:
    keep = rng.keep_mask(rate, key, tf.range(rows), tf.range(time), 64)
    return keep.numpy().astype(np.float64)


@pytest.mark.parametrize("rate", [0.1, 0.3, 0.5, 0.9])
def test_the_share_of_dropped_units_is_the_rate_overall_and_for_every_unit(rate: float) -> None:
    keep = mask(rate=rate, rows=64, time=64)
    assert keep.shape == (64, 64, 64)
    share, error = 1 - rate, (rate * (1 - rate)) ** 0.5
    # The rate is rounded to a multiple of 1/256, so at most 1/512 away.
    assert abs(keep.mean() - share) < 1 / 512 + 5 * error / 512
    assert np.abs(keep.mean(axis=(0, 1)) - share).max() < 1 / 512 + 5 * error / 64


@pytest.mark.parametrize(
    "other",
    [(1, 2, 4), (1, 3, 3), (2, 2, 3), (1 + 2**32, 2, 3), (2, 1, 3)],
    ids=["layer", "step", "seed", "high", "swap"],
)
def test_masks_of_other_layers_steps_and_seeds_are_unrelated(other: tuple[int, int, int]) -> None:
    # 32,768 units: the standard error of a correlation is 0.0055.
    assert abs(np.corrcoef(mask().ravel(), mask(other).ravel())[0, 1]) < 0.028


def test_neighbouring_rows_positions_and_units_are_unrelated() -> None:
    keep = mask(rows=64, time=64)
    for axis in range(3):
        for distance in (1, 2, 4):
            one = np.take(keep, range(distance, 64), axis)
            other = np.take(keep, range(64 - distance), axis)
            assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.012


def test_sums_over_units_vary_as_those_of_independent_units() -> None:
    counts = mask(rate=0.5, rows=64, time=64).sum(axis=-1)
    # Binomial with 64 trials; the variance of 4,096 such counts has a standard error of 0.35.
    assert abs(counts.var() - 16) < 1.8


def test_a_mask_does_not_depend_on_which_other_rows_and_positions_are_computed() -> None:
    whole = mask(rows=8, time=10)
    part = rng.keep_mask(0.3, (1, tf.constant(2, tf.int64), 3), tf.constant([5, 2]), tf.constant([9, 0, 4]), 64)
    np.testing.assert_array_equal(part, whole[np.ix_([9, 0, 4], [5, 2])])


def test_dropout_keeps_the_mean_and_scales_exactly_what_it_keeps() -> None:
    x = tf.ones([50, 40, 32])
    dropped = rng.dropout(x, 0.25, (1, 2, 3), tf.range(40)).numpy()
    np.testing.assert_allclose(np.unique(dropped), [0, 1 / 0.75])
    assert abs(dropped.mean() - 1) < 0.012
    np.testing.assert_array_equal(rng.dropout(x, 0.0, (1, 2, 3), tf.range(40)), x)


def test_shared_dropout_treats_all_positions_of_a_row_alike() -> None:
    dropped = rng.dropout(tf.ones([7, 40, 32]), 0.5, (1, 2, 3), tf.range(40), shared=True).numpy()
    np.testing.assert_array_equal(dropped, np.broadcast_to(dropped[:1], dropped.shape))
    assert 0.4 < (dropped[0] > 0).mean() < 0.6
