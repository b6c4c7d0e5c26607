"""What an engine makes, as the event loop reads it."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator
from collections.abc import Sequence as Rows
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from serving.server.call import Call
from serving.server.engine.engine import Engine
from serving.server.engine.sequence import Block, Row, Sequence
from serving.server.errors import ServingError

Delivered: TypeAlias = "tuple[Sequence, Block | ServingError]"


async def blocks(engine: Engine, rows: Rows[Row], call: Call) -> AsyncGenerator[tuple[int, Block], None]:
    """Yields the new tokens of some rows as they come, each with the number of its row.

    Who ends the iteration before its end (`contextlib.aclosing`) frees the slots of what is left.

    Raises:
      ServingError: if there is no room, a row is out of bounds, or the deadline comes.
    """
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[Delivered] = asyncio.Queue()

    def deliver(sequence: Sequence, block: Block | ServingError) -> None:
        try:
            loop.call_soon_threadsafe(queue.put_nowait, (sequence, block))
        except RuntimeError:  # the loop is closed
            sequence.cancelled = True

    sequences = engine.submit(rows, call, deliver)
    number = {sequence: place for place, sequence in enumerate(sequences)}
    try:
        running = len(sequences)
        while running:
            sequence, block = await queue.get()
            if isinstance(block, ServingError):
                raise block
            engine.consumed(sequence)
            running -= block.last
            yield number[sequence], block
    finally:
        engine.cancel(sequences)


async def complete(engine: Engine, rows: Rows[Row], call: Call) -> list[Block]:
    """Returns all new tokens of each row, as one block.

    Raises:
      ServingError: as `blocks` does.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()
    parts: dict[Sequence, list[Block]] = defaultdict(list)
    running = len(rows)

    def end(error: ServingError | None) -> None:
        if done.done():
            return
        if error:
            done.set_exception(error)
        else:
            done.set_result(None)

    def deliver(sequence: Sequence, block: Block | ServingError) -> None:
        # In the engine's thread, so that the loop need not hear of every block.
        nonlocal running
        if isinstance(block, Block):
            engine.consumed(sequence)
            parts[sequence].append(block)
            running -= block.last
            if running:
                return
        try:
            loop.call_soon_threadsafe(end, None if isinstance(block, Block) else block)
        except RuntimeError:  # the loop is closed
            sequence.cancelled = True

    sequences = engine.submit(rows, call, deliver)
    try:
        if sequences:
            await done
    finally:
        engine.cancel(sequences)
    return [joined(parts[sequence]) for sequence in sequences]


def joined(parts: Rows[Block]) -> Block:
    """Returns blocks that follow each other as one."""
    tokens: list[NDArray[np.int32]] = [block.tokens for block in parts]
    log_probs: list[NDArray[np.float32]] = [block.log_probs for block in parts]
    end = parts[-1]
    return Block(np.concatenate(tokens), np.concatenate(log_probs), end.last, end.ended, end.state)
