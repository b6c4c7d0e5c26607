"""Requests that no engine steps: each is one call of the model, a few at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.exported_model import ExportedModel
from serving.server.call import Call
from serving.server.config import Limits
from serving.server.errors import Code, ServingError
from serving.server.models.bounds import check_lengths, check_rows, check_steps
from serving.server.priority import give_way
from tutti.errors import Error

Arrays = Mapping[str, NDArray[Any]]

# Calls of a model at a time. TensorFlow spreads each over the cores; a second one keeps these busy between operations.
THREADS = 2


class DirectCalls:
    """Calls a model on behalf of requests, which wait for each other.

    Args:
      model: what is called.
      limits: what a request may ask for.
    """

    def __init__(self, model: ExportedModel, limits: Limits) -> None:
        self._model, self._limits = model, limits
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix=f"calls {model.path}", initializer=give_way)
        self._running = 0

    def close(self) -> None:
        """Ends the threads; calls that are running are completed for nobody."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def call(self, signature: str, inputs: Arrays, call: Call) -> dict[str, NDArray[Any]]:
        """Returns what a signature answers.

        Raises:
          ServingError: if an input is out of bounds, there is no room, or the deadline comes; then the call itself
            goes on to its end, as TensorFlow has no way to stop it.
        """
        self._check(inputs)
        seconds = min(call.seconds_left(), self._limits.deadline)
        if self._running >= THREADS + self._limits.queue:
            raise ServingError(Code.RESOURCE_EXHAUSTED, "the queue is full; try again later", 1.0)
        self._running += 1
        try:
            loop = asyncio.get_running_loop()
            return await asyncio.wait_for(loop.run_in_executor(self._pool, self._called, signature, inputs), seconds)
        except asyncio.TimeoutError:
            raise ServingError(Code.DEADLINE_EXCEEDED, "the deadline is over") from None
        finally:
            self._running -= 1

    def _called(self, signature: str, inputs: Arrays) -> dict[str, NDArray[Any]]:
        try:
            outputs = self._model.call(signature, inputs)
        except Error as error:
            raise ServingError(Code.INVALID_ARGUMENT, str(error)) from None
        # Of a string that is no array, `numpy` gives the string itself.
        return {name: np.asarray(value.numpy(), value.dtype.as_numpy_dtype) for name, value in outputs.items()}

    def _check(self, inputs: Arrays) -> None:
        """Refuses what would keep the server busy for longer than its limits allow."""
        check_rows(self._limits, max((len(value) for value in inputs.values() if value.ndim), default=0))
        for name in {"steps", "gibbs_steps"} & inputs.keys():
            for steps in inputs[name].flat:
                check_steps(self._limits, int(steps), name)
        check_lengths(
            self._limits, {name: inputs[name].shape[-1] for name in ("prompt", "tokens", "forbidden") if name in inputs}
        )
