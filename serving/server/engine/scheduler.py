"""Who gets a slot next: a queue of bounded length, fair between clients."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from collections.abc import Sequence as Rows
from itertools import chain, islice

from serving.server.engine.sequence import Sequence
from serving.server.errors import Code, ServingError


class Scheduler:
    """The sequences that wait, a queue for each client; clients take turns, whatever the length of their queues.

    Args:
      most: sequences that may wait.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        # Clients in the order of their turns: a client whose sequence got a slot goes to the end.
        self._queues: dict[str, deque[Sequence]] = {}
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Sequence]:
        return chain.from_iterable(self._queues.values())

    def check_room(self, count: int, free: int, seconds: float) -> None:
        """Refuses sequences that there is no room for, all of them or none.

        Args:
          count: how many more there would be.
          free: slots that nobody uses.
          seconds: when some of those that wait will have gone, as far as one can say.

        Raises:
          ServingError: if there is no room.
        """
        if count > self._most + free:
            raise ServingError(
                Code.INVALID_ARGUMENT, f"{count} rows are more than the {self._most} that the server lets wait"
            )
        if self._length + count > self._most + free:
            raise ServingError(Code.RESOURCE_EXHAUSTED, "the queue is full; try again later", max(1.0, seconds))

    def ahead(self, client: str, count: int) -> Iterator[Sequence]:
        """Yields those whose turn is before that of the last of `count` more sequences of a client."""
        turns = len(self._queues.get(client, ())) + count
        for queue in self._queues.values():
            yield from islice(queue, turns)

    def add(self, sequences: Rows[Sequence]) -> None:
        """Lets sequences wait."""
        for sequence in sequences:
            self._queues.setdefault(sequence.call.client, deque()).append(sequence)
            self._length += 1

    def next(self) -> Sequence | None:
        """Returns the sequence whose turn it is, which waits no longer; None where none waits."""
        for client, queue in self._queues.items():
            sequence = queue.popleft()
            self._length -= 1
            del self._queues[client]
            if queue:
                self._queues[client] = queue
            return sequence
        return None

    def take_gone(self) -> Iterator[Sequence]:
        """Removes and returns the sequences that are cancelled or whose deadline is over."""
        now = time.monotonic()
        for client, queue in list(self._queues.items()):
            gone = [sequence for sequence in queue if sequence.cancelled or sequence.call.deadline <= now]
            if not gone:
                continue
            self._length -= len(gone)
            self._queues[client] = deque(sequence for sequence in queue if sequence not in gone)
            if not self._queues[client]:
                del self._queues[client]
            yield from gone

    def take_all(self) -> Iterator[Sequence]:
        """Removes and returns all sequences."""
        while sequence := self.next():
            yield sequence
