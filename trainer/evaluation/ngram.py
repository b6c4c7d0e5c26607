"""An interpolated n-gram model over token ids, the baseline of every evaluation.

Modified Kneser-Ney smoothing (Chen and Goodman, "An empirical study of smoothing techniques for language modeling",
1999): the highest order counts occurrences, each lower one in how many different contexts, a token further back,
something occurs; counts of one, two and more are discounted by different amounts, and the order below gets what that
leaves. Below the unigram lies the uniform distribution over all tokens but PAD and BOS, which are never predicted.
Before a song lies BOS without end.

Everything is counted with arrays: a context of k tokens is an integer, made from the context of k - 1 and one token
more.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tutti.encodings.vocabulary import BOS, PAD

Ids = NDArray[np.int64]
Floats = NDArray[np.float64]
History = Callable[[int], Ids]  # how far back -> the token there, for every position
UNSEEN = -1
CELLS_AT_ONCE = 1 << 22  # probabilities in memory at one time


@dataclass(frozen=True, eq=False)
class _Smoothed:
    """Discounted counts as probabilities.

    Attributes:
      own: float64[continuations], what the order itself gives to each.
      left: float64[contexts], what it leaves to the order below.
    """

    own: Floats
    left: Floats


@dataclass(frozen=True, eq=False)
class _Order:
    """Contexts of one length.

    Attributes:
      extensions: sorted keys (context of one token less, the token before it) of the contexts seen; a context's
        number is its index.
      first: int64[contexts + 1], where each context's continuations begin.
      keys: sorted keys (context, continuation).
      highest, lower: the probabilities where this is the highest order, and where it is not.
    """

    extensions: Ids
    first: Ids
    keys: Ids
    highest: _Smoothed
    lower: _Smoothed


@dataclass(frozen=True, eq=False)
class NGram:
    """All orders up to the highest, over a vocabulary of `size` ids."""

    orders: tuple[_Order, ...]
    size: int


def fit(songs: Sequence[NDArray[np.int32]], size: int, highest: int) -> NGram:
    """Returns a model of the songs.

    Args:
      songs: ids of BOS, tokens, EOS each.
      size: number of ids in the vocabulary.
      highest: the highest order to count; a context is one token shorter.
    """
    targets, history = _positions(songs, highest)
    extensions, contexts = np.zeros(1, np.int64), np.zeros(len(targets), np.int64)
    orders = []
    for length in range(highest):
        if length:
            extensions, contexts = np.unique(contexts * size + history(length), return_inverse=True)
        keys, inverse, occurrences = np.unique(contexts * size + targets, return_inverse=True, return_counts=True)
        kinds = np.bincount(np.unique(inverse * size + history(length + 1)) // size)
        first = np.searchsorted(keys // size, np.arange(len(extensions) + 1))
        orders.append(_Order(extensions, first, keys, _smooth(occurrences, first), _smooth(kinds, first)))
    return NGram(tuple(orders), size)


def _smooth(counts: Ids, first: Ids) -> _Smoothed:
    discounts = _discounts(counts)[np.minimum(counts, 3)]
    sums = np.add.reduceat(counts, first[:-1])
    left = np.add.reduceat(discounts, first[:-1])
    return _Smoothed((counts - discounts) / np.repeat(sums, np.diff(first)), left / sums)


def _discounts(counts: Ids) -> Floats:
    """Returns what to take off a count of 1, 2, and 3 or more, at [1] to [3], by how often 1, 2, 3 and 4 occur."""
    n1, n2, n3, n4 = (max(int(np.count_nonzero(counts == n)), 1) for n in (1, 2, 3, 4))
    share = n1 / (n1 + 2 * n2)
    discounts = np.array([0.0, 1 - 2 * share * n2 / n1, 2 - 3 * share * n3 / n2, 3 - 4 * share * n4 / n3])
    # In small corpora the estimates leave their bounds; something must always be left for the order below.
    return np.clip(discounts, [0.0, 0.1, 0.1, 0.1], [0.0, 0.95, 1.9, 2.85])


def bits_by_order(model: NGram, songs: Sequence[NDArray[np.int32]]) -> Floats:
    """Returns the mean bits per target of the songs at order 1, 2, ... up to the highest."""
    targets, history = _positions(songs, len(model.orders))
    below = np.full(len(targets), 1.0 / (model.size - 2))
    bits = np.empty(len(model.orders))
    for length, contexts in enumerate(_contexts(model, history, len(targets), len(model.orders))):
        order = model.orders[length]
        places, known = _find(order.keys, contexts * model.size + targets)
        known &= contexts != UNSEEN
        bits[length] = -np.log2(_mix(order.highest, contexts, places, known, below)).mean()
        below = _mix(order.lower, contexts, places, known, below)
    return bits


def _mix(smoothed: _Smoothed, contexts: Ids, places: Ids, known: NDArray[np.bool_], below: Floats) -> Floats:
    """Returns the targets' probabilities at an order from those below; `known` are its continuations at `places`."""
    own = np.where(known, smoothed.own[places], 0.0)
    return np.where(contexts == UNSEEN, below, own + smoothed.left[np.maximum(contexts, 0)] * below)


@dataclass(frozen=True, eq=False)
class Scores:
    """For every target, song after song: its probability, and how many tokens have a higher one."""

    target: Floats
    rank: Ids


def score(model: NGram, songs: Sequence[NDArray[np.int32]], order: int) -> Scores:
    """Returns probability and rank of every token of the songs but the first, at one order."""
    targets, history = _positions(songs, order)
    contexts = _contexts(model, history, len(targets), order)
    at_once = max(1, CELLS_AT_ONCE // model.size)
    probability, rank = np.empty(len(targets)), np.empty(len(targets), np.int64)
    for start in range(0, len(targets), at_once):
        part = slice(start, start + at_once)
        every = _distribution(model, [ids[part] for ids in contexts])
        own = every[np.arange(len(every)), targets[part]]
        probability[part] = own
        rank[part] = (every > own[:, None]).sum(axis=1)
    return Scores(probability, rank)


def distribution(model: NGram, history: Sequence[int], order: int) -> Floats:
    """Returns the probability, float64[size], of each token after `history`, which begins with BOS."""
    _, before = _positions([np.array([*history, PAD])], order)
    contexts = _contexts(model, lambda back: before(back)[-1:], 1, order)
    probabilities: Floats = _distribution(model, contexts)[0]
    return probabilities


def _positions(songs: Sequence[NDArray[np.int32]], highest: int) -> tuple[Ids, History]:
    """Returns all targets, int64[n], and what lies before them."""
    padded = [np.concatenate([np.full(highest, BOS), song]).astype(np.int64) for song in songs]
    everything = np.concatenate(padded)
    ends = np.cumsum([len(song) for song in padded])
    at = np.concatenate([np.arange(end - len(song) + highest + 1, end) for end, song in zip(ends, padded, strict=True)])
    return everything[at], lambda back: everything[at - back]


def _contexts(model: NGram, history: History, count: int, orders: int) -> list[Ids]:
    """Returns the number of each position's context of length 0, 1, ... orders - 1, or UNSEEN."""
    contexts = [np.zeros(count, np.int64)]
    for length in range(1, orders):
        shorter = contexts[-1]
        places, known = _find(model.orders[length].extensions, shorter * model.size + history(length))
        contexts.append(np.where(known & (shorter != UNSEEN), places, UNSEEN))
    return contexts


def _find(known: Ids, keys: Ids) -> tuple[Ids, NDArray[np.bool_]]:
    """Returns the index of each key among the sorted known ones, and whether it is there at all."""
    places = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    return places, known[places] == keys


def _distribution(model: NGram, contexts: list[Ids]) -> Floats:
    """Returns every token's probability, float64[n, size], at positions of these contexts."""
    probabilities = np.full((len(contexts[0]), model.size), 1.0 / (model.size - 2))
    probabilities[:, [PAD, BOS]] = 0.0
    for length, numbers in enumerate(contexts):
        order = model.orders[length]
        smoothed = order.highest if length == len(contexts) - 1 else order.lower
        seen = np.flatnonzero(numbers != UNSEEN)
        if not len(seen):
            break
        numbers = numbers[seen]
        probabilities[seen] *= smoothed.left[numbers][:, None]
        starts, sizes = order.first[numbers], np.diff(order.first)[numbers]
        rows = np.repeat(seen, sizes)
        entries = np.arange(len(rows)) + np.repeat(starts - np.cumsum(sizes) + sizes, sizes)
        probabilities[rows, order.keys[entries] % model.size] += smoothed.own[entries]
    return probabilities
