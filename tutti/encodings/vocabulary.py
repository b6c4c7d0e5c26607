"""Tokens <-> ids. PAD, BOS and EOS are the first three ids of every vocabulary."""

from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

PAD, BOS, EOS = 0, 1, 2
SPECIALS = ("PAD", "BOS", "EOS")


class Vocabulary:
    """A fixed list of distinct tokens; a token's place in the list is its id.

    Args:
      tokens: all tokens in id order; the first three are `SPECIALS`.

    Raises:
      ValueError: if the specials are not first, or a token occurs twice.
    """

    def __init__(self, tokens: Iterable[str]) -> None:
        self.tokens = tuple(tokens)
        if self.tokens[:3] != SPECIALS:
            raise ValueError(f"a vocabulary starts with {SPECIALS}, not with {self.tokens[:3]}")
        if len(self._ids) != len(self.tokens):
            raise ValueError("a vocabulary lists each token once")

    @classmethod
    def of(cls, tokens: Iterable[str]) -> "Vocabulary":
        """Returns the vocabulary of the specials and, after them, these tokens."""
        return cls((*SPECIALS, *tokens))

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {token: i for i, token in enumerate(self.tokens)}

    def __len__(self) -> int:
        return len(self.tokens)

    def __contains__(self, token: str) -> bool:
        return token in self._ids

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self.tokens == other.tokens

    def __hash__(self) -> int:
        return hash(self.tokens)

    def ids(self, tokens: Sequence[str]) -> NDArray[np.int32]:
        """Returns the ids of tokens, int32[n].

        Raises:
          KeyError: if one is not in the vocabulary; `encoding.known` maps such tokens first.
        """
        ids = self._ids
        return np.fromiter((ids[token] for token in tokens), np.int32, len(tokens))

    def words(self, ids: Iterable[int]) -> list[str]:
        """Returns the tokens of ids, without PAD, BOS and EOS."""
        return [self.tokens[i] for i in ids if i >= len(SPECIALS)]
