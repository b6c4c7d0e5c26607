"""The longest passages that pieces have word for word from a corpus, as they are or in any key.

A passage of n tokens is looked up by its hash among all passages of n tokens, n growing by one: only what is found at n
can be found at n + 1, so little is left to look up soon. The hash of any passage comes from two running sums.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tutti.encodings.base import TokenEncoding
from tutti.encodings.vocabulary import SPECIALS, Vocabulary

Ids = NDArray[np.int64]
Hashes = NDArray[np.uint64]
TOKENS_AT_ONCE = 1 << 20
LARGEST_STEP = 128
# Odd, so that it has an inverse modulo 2^64; numpy's products wrap there.
BASE = 0x9E3779B97F4A7C15
INVERSE = pow(BASE, -1, 1 << 64)


@dataclass(frozen=True, eq=False)
class Comparison:
    """Which tokens count as the same.

    Attributes:
      kinds: int64[size], equal for tokens that are the same but for their pitch.
      heights: int64[size], semitones above the lowest token of the kind.
      periods: int64[size], after how many semitones a token is the same again: 0 for never, 1 for no pitch.
    """

    kinds: Ids
    heights: Ids
    periods: Ids


def as_they_are(vocabulary: Vocabulary) -> Comparison:
    """Returns the comparison in which every token is the same as itself alone."""
    size = len(vocabulary)
    return Comparison(np.arange(size), np.zeros(size, np.int64), np.ones(size, np.int64))


def in_any_key(encoding: TokenEncoding, vocabulary: Vocabulary) -> Comparison:
    """Returns the comparison in which passages are the same where one is the other in another key."""
    lowest = [_lowest(encoding, token) for token in vocabulary.tokens]
    numbers: dict[str, int] = {}
    kinds = [numbers.setdefault(token, len(numbers)) for token, _, _ in lowest]
    return Comparison(np.array(kinds), *(np.array([row[column] for row in lowest]) for column in (1, 2)))


def _lowest(encoding: TokenEncoding, token: str) -> tuple[str, int, int]:
    """Returns a token as low as it goes, how many semitones that is below it, and its period."""
    if token in SPECIALS:
        return token, 0, 1
    lower = [token]
    while (next_lower := encoding.transposed(lower[-1], -1)) is not None:
        if next_lower == token:
            first = min(lower)
            return first, lower.index(first), len(lower)
        lower.append(next_lower)
    return lower[-1], len(lower) - 1, 0


def longest(pieces: Sequence[Ids], songs: Iterable[NDArray[np.int32]], comparison: Comparison) -> Ids:
    """Returns the length of the longest passage of each piece that one of the songs has, int64[pieces].

    Args:
      pieces: ids of tokens, without BOS and EOS.
      songs: ids of BOS, tokens and EOS each. Some of them are in memory at a time, as sums of their tokens.
    """
    line = _Line.of(np.concatenate(pieces), comparison)
    ends = np.cumsum([len(piece) for piece in pieces])
    owner = np.repeat(np.arange(len(pieces)), np.diff(ends, prepend=0))
    found = np.zeros(len(pieces), np.int64)
    for together in _together(songs):
        other = _Line.of(together, comparison)
        own_starts, starts, length = np.arange(len(owner)), np.arange(len(together)), 1
        while len(own_starts):
            shared, others = _shared(line.hashes(own_starts, length), other.hashes(starts, length))
            own_starts, starts = own_starts[shared], starts[others]
            np.maximum.at(found, owner[own_starts], length)
            length += 1
            own_starts = own_starts[own_starts + length <= ends[owner[own_starts]]]
            starts = starts[starts + length <= len(together)]
    return found


def _shared(few: Hashes, many: Hashes) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Returns which of each are among the others."""
    known, number = np.unique(few, return_inverse=True)
    places = np.minimum(np.searchsorted(known, many), len(known) - 1)
    same = known[places] == many
    return np.isin(number, places[same]), same


def _together(songs: Iterable[NDArray[np.int32]]) -> Iterator[Ids]:
    """Yields the songs end to end, some at a time; no passage goes from one to the next, as BOS and EOS are between."""
    some: list[NDArray[np.int32]] = []
    count = 0
    for song in songs:
        some.append(song)
        count += len(song)
        if count >= TOKENS_AT_ONCE:
            yield np.concatenate(some).astype(np.int64)
            some, count = [], 0
    if some:
        yield np.concatenate(some).astype(np.int64)


@dataclass(frozen=True, eq=False)
class _Line:
    """Tokens one after the other, as sums of their codes, each times BASE to the power of its place.

    Attributes:
      kinds: uint64[n + 1], the sums over the kinds before each place.
      steps: uint64[n + 1], the same over the steps from pitched token to pitched token.
      behind: int64[n + 1], the place behind the first pitched token from each place on: a passage's own steps begin
        there, as the step to its first pitch depends on what lies before it.
      scale: uint64[n + 1], INVERSE to the power of each place.
    """

    kinds: Hashes
    steps: Hashes
    behind: Ids
    scale: Hashes

    @classmethod
    def of(cls, tokens: Ids, comparison: Comparison) -> "_Line":
        kinds, steps = _codes(len(comparison.kinds)), _codes(2 * LARGEST_STEP)
        power = _powers(BASE, len(tokens) + 1)
        periods = comparison.periods[tokens]
        pitched = np.flatnonzero(periods != 1)
        heights = comparison.heights[tokens[pitched]]
        change, period = np.diff(heights), np.gcd(periods[pitched][1:], periods[pitched][:-1])
        change = np.where(period > 0, change % np.maximum(period, 1), change)
        stepped = np.zeros(len(tokens), np.uint64)
        stepped[pitched[1:]] = steps[change + LARGEST_STEP] * power[pitched[1:]]
        following = np.searchsorted(pitched, np.arange(len(tokens) + 1))
        behind = np.append(pitched + 1, len(tokens))[following]
        codes = kinds[comparison.kinds[tokens]] * power[:-1]
        return cls(_sums(codes), _sums(stepped), behind, _powers(INVERSE, len(tokens) + 1))

    def hashes(self, starts: Ids, length: int) -> Hashes:
        """Returns a number for each passage of this length that begins at `starts`, uint64."""
        ends = starts + length
        first = np.minimum(self.behind[starts], ends)
        parts = self.kinds[ends] - self.kinds[starts] + self.steps[ends] - self.steps[first]
        hashes: Hashes = parts * self.scale[starts]
        return hashes


def _codes(count: int) -> Hashes:
    """Returns the same random numbers every time."""
    return np.random.default_rng(count).integers(1 << 64, size=count, dtype=np.uint64)


def _powers(base: int, count: int) -> Hashes:
    powers = np.full(count, base, np.uint64)
    powers[0] = 1
    return np.cumprod(powers, dtype=np.uint64)


def _sums(codes: Hashes) -> Hashes:
    return np.concatenate([np.zeros(1, np.uint64), np.cumsum(codes, dtype=np.uint64)])
