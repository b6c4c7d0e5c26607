import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.trainer import made
from trainer.evaluation import ngram
from tutti.encodings.vocabulary import BOS, EOS

SIZE = 9  # six words behind the specials
bodies = st.lists(st.integers(3, SIZE - 1), min_size=1, max_size=30)
corpora = st.lists(bodies, min_size=1, max_size=8)


def songs(bodies: list[list[int]]) -> list[NDArray[np.int32]]:
    return [np.array([BOS, *body, EOS], np.int32) for body in bodies]


@settings(deadline=None)
@given(corpora, bodies, st.integers(1, 6))
def test_probabilities_after_any_history_sum_to_1(corpus: list[list[int]], history: list[int], order: int) -> None:
    model = ngram.fit(songs(corpus), SIZE, 6)
    for end in range(len(history) + 1):
        every = ngram.distribution(model, [BOS, *history[:end]], order)
        assert every.sum() == pytest.approx(1.0)
        assert every[BOS] == every[0] == 0.0
        assert every[2:].min() > 0.0


@settings(deadline=None)
@given(corpora, corpora)
def test_bits_are_those_of_the_distributions(corpus: list[list[int]], others: list[list[int]]) -> None:
    model = ngram.fit(songs(corpus), SIZE, 4)
    by_order = ngram.bits_by_order(model, songs(others))
    for order in range(1, 5):
        expected = [
            ngram.distribution(model, song[:position].tolist(), order)
            for song in songs(others)
            for position in range(1, len(song))
        ]
        targets = np.concatenate([song[1:] for song in songs(others)])
        own = np.array([every[target] for every, target in zip(expected, targets, strict=True)])
        scores = ngram.score(model, songs(others), order)
        np.testing.assert_allclose(scores.target, own, rtol=1e-9)
        assert scores.rank.tolist() == [int((e > p).sum()) for e, p in zip(expected, own, strict=True)]
        assert by_order[order - 1] == pytest.approx(-np.log2(own).mean())


def test_scores_in_parts_are_those_of_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    model, others = ngram.fit(made.phrases(20, 12, 1), 15, 3), made.phrases(3, 12, 2)
    whole = ngram.score(model, others, 3)
    for cells in (1, 7 * 15 + 3):  # one target at a time, and seven
        monkeypatch.setattr(ngram, "CELLS_AT_ONCE", cells)
        parts = ngram.score(model, others, 3)
        np.testing.assert_array_equal(parts.target, whole.target)
        np.testing.assert_array_equal(parts.rank, whole.rank)


def test_counts_are_discounted_and_what_is_taken_goes_to_the_order_below() -> None:
    model = ngram.fit(songs([[3, 4, 3, 4, 3, 5]]), SIZE, 2)
    unigram = ngram.distribution(model, [BOS, 3], 1)
    # Occurrences 3: three times, 4: two, 5 and EOS: one. Counts of counts: n1 = 2, n2 = 1, n3 = 1, n4 = 0, taken as 1.
    share = 2 / (2 + 2 * 1)
    one, two, more = 1 - 2 * share * 1 / 2, 2 - 3 * share * 1 / 1, 3 - 4 * share * 1 / 1
    left = (2 * one + two + more) / 7
    np.testing.assert_allclose(unigram[2:], np.array([1 - one, 3 - more, 2 - two, 1 - one, 0, 0, 0]) / 7 + left / 7)


def test_discounts_are_those_of_chen_and_goodman() -> None:
    # Four tokens occur once, EOS among them, three twice, two three times and two four times: 24 in all. So the share
    # is 4 / (4 + 2 * 3) = 0.4, and the discounts are 1 - 2 * 0.4 * 3/4, 2 - 3 * 0.4 * 2/3 and 3 - 4 * 0.4 * 2/2.
    one, two, more = 0.4, 1.2, 1.4
    model = ngram.fit(songs([[3, 4, 5] + 2 * [6, 7, 8] + 3 * [9, 10] + 4 * [11, 12]]), 13, 1)
    left = (4 * one + 3 * two + 4 * more) / 24 / 11
    wanted = np.array([1 - one] * 4 + [2 - two] * 3 + [3 - more] * 2 + [4 - more] * 2) / 24 + left
    np.testing.assert_allclose(ngram.distribution(model, [BOS], 1)[2:], wanted)


@pytest.mark.parametrize(
    ("body", "left"),
    [
        # 50 tokens occur once: their discount would be 1 - 2 / 52.
        (list(range(3, 52)), 0.95),
        # EOS occurs once, 60 tokens twice, one three times: the discounts would be below 0.01, above 1.99 and 2.96.
        (2 * list(range(3, 63)) + 3 * [63], (0.1 + 60 * 1.9 + 2.85) / 124),
    ],
)
def test_discounts_take_neither_nothing_nor_all(body: list[int], left: float) -> None:
    unseen = ngram.distribution(ngram.fit(songs([body]), 66, 1), [BOS], 1)[65]
    assert unseen == pytest.approx(left / 64)


def test_the_order_below_counts_contexts_and_gets_what_discounts_leave() -> None:
    model = ngram.fit(songs([[3, 4, 3, 4, 3, 5]]), SIZE, 2)
    # Different tokens stand before 3: two (BOS and 4); before 4, 5 and EOS: one. n1 = 3, n2 = 1, the others taken as 1.
    one, two = 1 - 2 * 3 / 5 * 1 / 3, 2 - 3 * 3 / 5
    below = np.array([1 - one, 2 - two, 1 - one, 1 - one, 0, 0, 0]) / 5 + (3 * one + two) / 5 / 7
    # Pairs: 34 and 43 occur twice, BOS 3, 35 and 5 EOS once. n1 = 3, n2 = 2, n3 and n4 taken as 1.
    one, two = 1 - 2 * 3 / 7 * 2 / 3, 2 - 3 * 3 / 7 * 1 / 2
    wanted = np.array([0, 0, 2 - two, 1 - one, 0, 0, 0]) / 3 + (one + two) / 3 * below
    np.testing.assert_allclose(ngram.distribution(model, [BOS, 3], 2)[2:], wanted)
    # Nothing was ever seen after 6.
    np.testing.assert_allclose(ngram.distribution(model, [BOS, 6], 2)[2:], below)


def test_longer_contexts_beat_the_unigram_on_songs_that_have_structure() -> None:
    model = ngram.fit(made.phrases(60, 12, 1), 15, 6)
    bits = ngram.bits_by_order(model, made.phrases(10, 12, 2))
    assert np.argmin(bits) + 1 == 3  # the next word follows from the two before it
    assert bits[2] < 0.75 * bits[0]
    assert bits[5] < bits[0]
