"""A version of a model that is served: what it answers, and who still needs it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping
from collections.abc import Sequence as Rows
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.saved_model import SavedModel
from serving.server import logs
from serving.server.call import Call
from serving.server.config import Limits
from serving.server.engine import blocks
from serving.server.engine.engine import Engine
from serving.server.engine.sequence import Block, Row
from serving.server.errors import Code, ServingError
from serving.server.models.bounds import check_lengths, check_rows, check_steps
from serving.server.models.direct import DirectCalls
from tutti.encodings.vocabulary import PAD

Arrays = Mapping[str, NDArray[Any]]

# What the engine does for all requests together; whatever else a model can do is called as it is.
STEPPED = ("serving_default", "generate", "generate_bounded")


class ServedVersion:
    """A loaded version of a model.

    Attributes:
      name, version: what clients call it.
      model: what was loaded.
      engine: what steps its requests together; None for models that cannot be stepped.
      limits: what a request may ask for.
      signatures: the SignatureDef of each signature.
    """

    def __init__(
        self,
        name: str,
        version: int,
        model: SavedModel,
        engine: Engine | None,
        limits: Limits,
        signatures: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        self.name, self.version, self.model, self.engine, self.limits = name, version, model, engine, limits
        self.signatures = signatures
        self._direct = DirectCalls(model, limits)
        self._users = 0
        self._unused = asyncio.Event()
        self._unused.set()

    @contextmanager
    def used(self) -> Iterator[None]:
        """Keeps the version loaded as long as a request needs it."""
        logs.current().model = self.name
        self._users += 1
        self._unused.clear()
        try:
            yield
        finally:
            self._users -= 1
            if not self._users:
                self._unused.set()

    async def close(self, *, abort: bool = False) -> None:
        """Waits until no request needs the version (or, with `abort`, ends them all), and lets go of what it holds."""
        if not abort:
            await self._unused.wait()
        self._direct.close()
        if self.engine:
            await asyncio.to_thread(self.engine.close, abort=abort)

    def check_room(self, signature: str) -> None:
        """Refuses a request, before its inputs are looked at, where there is no room for it; looking is what costs.

        Raises:
          ServingError: if there is none.
        """
        if self.engine and signature in STEPPED:
            self.engine.check_room()

    async def predict(self, signature: str, inputs: Arrays, call: Call) -> dict[str, NDArray[Any]]:
        """Returns what a signature answers; requests for pieces are stepped together with all others.

        Args:
          signature: its name.
          inputs: arrays of the types and ranks that the signature has.
          call: on whose behalf, and until when.

        Raises:
          ServingError: if an input is out of bounds, there is no room, or the deadline comes.
        """
        with self.used():
            if self.engine and signature in STEPPED:
                rows = self._rows(inputs)
                return _answer(rows, await blocks.complete(self.engine, rows, call))
            return await self._direct.call(signature, inputs, call)

    async def stream(self, rows: Rows[Row], call: Call) -> AsyncGenerator[tuple[int, Block], None]:
        """Yields the new tokens of some rows as they come; see `serving.server.engine.blocks`.

        Raises:
          ServingError: as `predict` does, and for a model that cannot be stepped.
        """
        if not self.engine:
            raise ServingError(Code.UNIMPLEMENTED, f"{self.name} makes whole pieces only")
        self._check(rows)
        with self.used():
            async for numbered in blocks.blocks(self.engine, rows, call):
                yield numbered

    def _rows(self, inputs: Arrays) -> list[Row]:
        count = len(inputs["steps"])
        if any(len(value) != count for value in inputs.values()):
            raise ServingError(Code.INVALID_ARGUMENT, "the inputs differ in their number of rows")
        rows = []
        for place in range(count):
            values = {name: value[place] for name, value in inputs.items()}
            prompt, forbidden = values.pop("prompt"), values.pop("forbidden", np.zeros(0, np.int32))
            rows.append(
                Row(
                    prompt=_unpadded(prompt),
                    forbidden=tuple(forbidden.tolist()),
                    **{name: value.item() for name, value in values.items()},
                )
            )
        self._check(rows)
        return rows

    def _check(self, rows: Rows[Row]) -> None:
        """Refuses what is beyond the server's limits, or what a model that is stepped could not see to be wrong."""
        check_rows(self.limits, len(rows))
        for row in rows:
            check_lengths(self.limits, {"prompt": len(row.prompt), "forbidden": len(row.forbidden)})
            if row.steps is None:
                continue
            check_steps(self.limits, row.steps)
            if not 0 <= row.min_steps <= row.position + row.steps:
                raise ServingError(Code.INVALID_ARGUMENT, f"min_steps must be from 0 to steps, got [{row.min_steps}]")


def _unpadded(prompt: NDArray[np.int32]) -> NDArray[np.int32]:
    """Returns a prompt without the padding around it."""
    tokens = np.trim_zeros(prompt)
    if (tokens == PAD).any():
        raise ServingError(
            Code.INVALID_ARGUMENT, f"prompt has padding (id {PAD}) before tokens; pad on the right, got {prompt}"
        )
    return tokens


def _answer(rows: Rows[Row], done: Rows[Block]) -> dict[str, NDArray[Any]]:
    """Returns what the signature `generate` answers."""
    tokens = np.full((len(rows), max((row.steps or 0 for row in rows), default=0)), PAD, np.int32)
    for line, block in zip(tokens, done, strict=True):
        line[: len(block.tokens)] = block.tokens
    return {
        "tokens": tokens,
        "length": np.array([len(block.tokens) for block in done], np.int32),
        "log_prob": np.array([block.log_prob for block in done], np.float32),
    }
