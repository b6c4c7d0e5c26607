"""The arrays: the state of each slot, and one step of some of them together."""

from __future__ import annotations

from collections.abc import Sequence as Rows
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.exported_model import ExportedModel
from serving.server.engine.sequence import Sequence, State
from tutti.encodings.vocabulary import PAD

NEEDED = ("start", "read", "continue")


class ModelRunner:
    """The states of a fixed number of slots, in memory that is all there from the beginning. An empty slot is zero.

    Args:
      model: an export with the signatures `NEEDED`.
      slots: how many.
    """

    def __init__(self, model: ExportedModel, slots: int) -> None:
        self.model, self.slots = model, slots
        # A prompt that is read as a window is read as one, or it would not be what `generate` reads.
        self._whole = model.description.get("prompts") == "window"
        begun = self._start(np.zeros((1, 0), np.int32), np.zeros(1, np.int32))
        self._names = [f"state_{number}" for number in range(len(begun))]
        self._states: State = tuple(np.zeros((slots, *x.shape[1:]), x.dtype) for x in begun)
        self._free = [*range(slots)][::-1]

    @staticmethod
    def can_run(model: ExportedModel) -> bool:
        """Returns whether a model has the signatures that this needs."""
        return all(model.inputs(name) for name in NEEDED)

    @property
    def free(self) -> int:
        """How many slots are nobody's."""
        return len(self._free)

    @property
    def nbytes(self) -> int:
        """Bytes that the states take."""
        return sum(x.nbytes for x in self._states)

    def admit(self, sequences: Rows[Sequence], most: int) -> None:
        """Gives sequences slots, with the states that they go on from, or those behind a first piece of their prompts.

        Args:
          sequences: as many as there are free slots, at most.
          most: tokens of a prompt that are read, unless the model reads it as a window.
        """
        new = [sequence for sequence in sequences if not (sequence.parked or sequence.row.state)]
        if new:
            pieces = [sequence.row.prompt[: None if self._whole else most] for sequence in new]
            begun = self._start(_padded(pieces), np.array([sequence.row.label for sequence in new], np.int32))
            for number, (sequence, piece) in enumerate(zip(new, pieces, strict=True)):
                sequence.parked, sequence.read = tuple(x[number] for x in begun), len(piece)
        for sequence in sequences:
            sequence.slot = self._free.pop()
            for mine, value in zip(self._states, sequence.parked or sequence.row.state or (), strict=True):
                mine[sequence.slot] = value
            sequence.parked = None

    def release(self, sequence: Sequence) -> None:
        """Frees a sequence's slot, and forgets its state."""
        if sequence.slot is not None:
            for mine in self._states:
                mine[sequence.slot] = 0
            self._free.append(sequence.slot)
            sequence.slot = None

    def state(self, sequence: Sequence) -> State:
        """Returns a copy of a sequence's state."""
        return tuple(mine[sequence.slot].copy() for mine in self._states)

    def read(self, sequences: Rows[Sequence], most: int) -> None:
        """Lets the model read on in the sequences' prompts, by some tokens at most unless it reads them as windows."""
        most = max(len(sequence.row.prompt) for sequence in sequences) if self._whole else most
        pieces = [sequence.row.prompt[sequence.read : sequence.read + most] for sequence in sequences]
        self._store(sequences, self._call("read", self._inputs(sequences) | {"prompt": _padded(pieces)}))
        for sequence, piece in zip(sequences, pieces, strict=True):
            sequence.read += len(piece)

    def step(
        self, sequences: Rows[Sequence], steps: Rows[int]
    ) -> tuple[list[NDArray[np.int32]], list[NDArray[np.float32]], list[bool]]:
        """Lets each sequence take its number of steps.

        Returns:
          Of each its new tokens, their log-probabilities, and whether it has ended.
        """
        rows = [sequence.row for sequence in sequences]
        settings: dict[str, NDArray[Any]] = {
            "position": np.array([x.row.position + x.taken for x in sequences], np.int32),
            "steps": np.array(steps, np.int32),
            "temperature": np.array([row.temperature for row in rows], np.float32),
            "top_k": np.array([row.top_k for row in rows], np.int32),
            "top_p": np.array([row.top_p for row in rows], np.float32),
            "seed": np.array([row.seed for row in rows], np.int64),
            "min_steps": np.array([row.min_steps for row in rows], np.int32),
            "forbidden": _padded([row.forbidden for row in rows]),
            "duration": np.array([row.duration for row in rows], np.int32),
        }
        answer = self._call("continue", self._inputs(sequences) | settings)
        self._store(sequences, answer)
        tokens, log_probs = (
            [line[:length].copy() for line, length in zip(answer[name], answer["length"], strict=True)]
            for name in ("tokens", "log_probs")
        )
        return tokens, log_probs, answer["ended"].tolist()

    def _inputs(self, sequences: Rows[Sequence]) -> dict[str, NDArray[Any]]:
        slots = _slots(sequences)
        return {name: mine[slots] for name, mine in zip(self._names, self._states, strict=True)}

    def _store(self, sequences: Rows[Sequence], answer: dict[str, NDArray[Any]]) -> None:
        slots = _slots(sequences)
        for name, mine in zip(self._names, self._states, strict=True):
            mine[slots] = answer[name]

    def _start(self, prompt: NDArray[np.int32], label: NDArray[np.int32]) -> list[NDArray[Any]]:
        answer = self._call("start", {"prompt": prompt, "label": label})
        return [answer[f"state_{number}"] for number in range(len(answer))]

    def _call(self, signature: str, inputs: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        return {name: value.numpy() for name, value in self.model.call(signature, inputs).items()}


def _slots(sequences: Rows[Sequence]) -> NDArray[np.intp]:
    return np.array([sequence.slot for sequence in sequences])


def _padded(lines: Rows[Rows[int] | NDArray[np.int32]]) -> NDArray[np.int32]:
    """Returns lines of ids as one array, right-padded with PAD."""
    padded = np.full((len(lines), max(map(len, lines))), PAD, np.int32)
    for line, ids in zip(padded, lines, strict=True):
        line[: len(ids)] = ids
    return padded
