"""One row of a request: what it asks for, and how far it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from serving.server.call import Call
from serving.server.errors import ServingError

# The tensors of a state, one row of each.
State: TypeAlias = tuple[NDArray[Any], ...]


@dataclass(frozen=True)
class Row:
    """What a row asks for; `serving.graph.requests` and `serving.graph.bounds` say what the fields mean.

    Attributes:
      prompt: int32[P], ids without BOS; behind a `state`, what to read first from there on.
      steps: new tokens; None for as many as there are until the client has enough.
      position: new tokens that the stream has already, which a `state` goes with.
      state: where to go on from; None from the beginning.
      keep_state: whether the state behind its last block is wanted.
    """

    prompt: NDArray[np.int32]
    steps: int | None
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 0.0
    seed: int = 0
    label: int = 0
    min_steps: int = 0
    forbidden: tuple[int, ...] = ()
    duration: int = 0
    position: int = 0
    state: State | None = None
    keep_state: bool = False


@dataclass(frozen=True)
class Block:
    """Some new tokens of a row.

    Attributes:
      tokens: int32[N], with EOS last where the row has ended by it.
      log_probs: float32[N].
      last: whether no more come.
      ended: whether it is the model, or the duration, that ended the row.
      state: behind the last tokens, where it was to be kept and the row has not ended.
    """

    tokens: NDArray[np.int32]
    log_probs: NDArray[np.float32]
    last: bool = False
    ended: bool = False
    state: State | None = None

    @property
    def log_prob(self) -> np.float32:
        """Of all tokens together, added up as the graph does it."""
        return np.float32(self.log_probs.astype(np.float64).cumsum()[-1] if len(self.log_probs) else 0)


@dataclass(eq=False)
class Sequence:
    """A row on its way through the engine. Only the engine's thread changes it.

    Attributes:
      row: what it asks for.
      call: on whose behalf, and until when.
      deliver: takes each block, and at last perhaps an error, in the engine's thread; it must not wait.
      taken: new tokens so far.
      turn: new tokens since it got its slot.
      read: how much of its prompt the model has read.
      slot: where its state is; None while it waits.
      parked: its state, where it had a slot and waits for another.
      behind: blocks that were delivered and that its client has not taken yet.
      cancelled: whether nobody wants it any more. Any thread may set it.
      waiting_since: by `time.monotonic`.
    """

    row: Row
    call: Call
    deliver: Callable[[Sequence, Block | ServingError], None]
    waiting_since: float
    taken: int = 0
    turn: int = 0
    read: int = 0
    slot: int | None = None
    parked: State | None = None
    behind: int = 0
    cancelled: bool = False

    @property
    def left(self) -> int | None:
        """New tokens that it still wants; None for as many as there are."""
        return None if self.row.steps is None else self.row.steps - self.taken

    @property
    def work(self) -> float:
        """Steps that it still takes, at most, with those to read its prompt; infinite where it is endless."""
        return inf if self.left is None else self.left + len(self.row.prompt) - self.read
