"""The loop of a model: it steps all running sequences together, a block at a time."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from collections.abc import Sequence as Rows
from math import isfinite, isinf
from typing import Protocol

from serving.exported_model import ExportedModel
from serving.server.call import Call
from serving.server.engine.model_runner import ModelRunner
from serving.server.engine.pace import Pace
from serving.server.engine.scheduler import Scheduler
from serving.server.engine.sequence import Block, Row, Sequence
from serving.server.errors import Code, ServingError
from serving.server.priority import give_way
from tutti.errors import Error

log = logging.getLogger(__name__)

# A sequence that took so many tokens since it got its slot gives it to one that waits, and waits in its turn.
QUANTUM = 256
# A prompt is read so many blocks at a time.
READ = 4
# What is reckoned to take so much less than a deadline allows is done in time, even if refusing others takes half the
# machine from now on.
SPARE = 2
# Blocks that a client may be behind before its sequence rests.
AHEAD = 32

Deliver = Callable[[Sequence, Block | ServingError], None]


class Observer(Protocol):
    """Hears what an engine does, in the engine's thread."""

    def waiting(self, queued: int, slots: int) -> None:
        """Hears how many sequences wait for a slot, and how many have one."""

    def stepped(self, rows: int, tokens: int, seconds: float) -> None:
        """Hears of a block: how many rows took it, how many tokens came of it, how long it took."""

    def first_token(self, seconds: float) -> None:
        """Hears how long after it was sent a sequence had its first tokens."""

    def left(self, reason: str) -> None:
        """Hears that a sequence is over: "done", "cancelled", or the name of an error's code."""


class Engine:
    """Continuous batching: sequences join and leave between blocks, and none waits for another to end.

    Args:
      model: what steps; `ModelRunner.can_run` says whether it can be.
      slots: sequences that are stepped together, at most.
      block: tokens that each takes before others may join or leave.
      queue: sequences that may wait for a slot.
      observer: hears what happens.
    """

    def __init__(
        self,
        model: ExportedModel,
        *,
        slots: int = 64,
        block: int = 8,
        queue: int = 256,
        observer: Observer | None = None,
    ) -> None:
        self.block = block
        self._runner = ModelRunner(model, slots)
        self._scheduler = Scheduler(queue)
        self._observer = observer
        self._running: list[Sequence] = []
        # Those that rest because their clients are behind; they have no slot.
        self._resting: set[Sequence] = set()
        self._changed = threading.Condition()
        self._closing = self._aborting = False
        self._pace = Pace()
        # When the last block was over, unless nothing has run since.
        self._stepped: float | None = None
        self._thread = threading.Thread(target=self._run, name=f"engine {model.path}", daemon=True)
        self._thread.start()

    @property
    def nbytes(self) -> int:
        """Bytes that the states of all slots take, however many are in use."""
        return self._runner.nbytes

    def check_room(self) -> None:
        """Raises the ServingError that `submit` would raise for any row, where there is no room."""
        with self._changed:
            seconds = self._seconds_a_turn([*self._running, *self._resting, *self._scheduler])
            self._scheduler.check_room(1, self._runner.free, seconds)

    def submit(self, rows: Rows[Row], call: Call, deliver: Deliver) -> list[Sequence]:
        """Takes the rows of a request, all or none.

        Args:
          rows: what is asked for.
          call: on whose behalf, and until when.
          deliver: see `Sequence`.

        Raises:
          ServingError: if there is no room for them, if they would have to wait too long to be done by their deadline,
            as far as one can say, or if the server is about to stop.
        """
        left = call.seconds_left()
        if not rows:
            return []
        sequences = [Sequence(row, call, deliver, time.monotonic()) for row in rows]
        with self._changed:
            if self._closing:
                raise ServingError(Code.UNAVAILABLE, "the server is about to stop", 1.0)
            seconds = self._seconds_until_done(sequences)
            self._scheduler.check_room(len(rows), self._runner.free, seconds if isfinite(seconds) else 1.0)
            waits = len(self._scheduler) + len(rows) > self._runner.free
            if waits and left < SPARE * seconds and isfinite(seconds):
                message = f"the server is busy: it would take some {seconds:.0f} s or twice that; try again later"
                raise ServingError(Code.RESOURCE_EXHAUSTED, message, max(1.0, seconds - left))
            self._scheduler.add(sequences)
            self._changed.notify()
        return sequences

    def cancel(self, sequences: Rows[Sequence]) -> None:
        """Ends sequences; their slots are free, and zero, before the next block."""
        with self._changed:
            for sequence in sequences:
                sequence.cancelled = True
            self._changed.notify()

    def consumed(self, sequence: Sequence) -> None:
        """Hears that a client has taken one of the blocks that were delivered to it."""
        with self._changed:
            sequence.behind -= 1
            if sequence in self._resting and sequence.behind <= AHEAD // 2:
                self._changed.notify()

    def close(self, *, abort: bool = False) -> None:
        """Takes no more, completes what it has (or, with `abort`, refuses it), and ends its thread."""
        with self._changed:
            self._closing, self._aborting = True, self._aborting or abort
            self._changed.notify()
        self._thread.join()

    def _seconds_until_done(self, new: Rows[Sequence]) -> float:
        """Returns how long it takes until the last of some new sequences of a client is done, as far as one can say."""
        longest = max(sequence.work for sequence in new)
        ahead = self._scheduler.ahead(new[0].call.client, len(new))
        rows = [*self._running, *self._resting, *ahead, *new]
        alone = longest * self._pace.step(min(self._runner.slots, len(rows)))
        return max(alone, _turns(longest) * self._seconds_a_turn(rows))

    def _seconds_a_turn(self, rows: Rows[Sequence]) -> float:
        """Returns how long it takes until each of some sequences has had a turn."""
        work = sum(min(sequence.work, QUANTUM) for sequence in rows)
        return work / self._runner.slots * self._pace.step(min(self._runner.slots, len(rows)))

    def _run(self) -> None:
        give_way()
        while self._admitted():
            self._advance()

    def _admitted(self) -> bool:
        """Waits until there is something to step, and has let go who is gone and in who waits; False at the end."""
        with self._changed:
            while True:
                self._drop_gone()
                self._wake()
                self._preempt()
                self._admit()
                if self._observer:
                    self._observer.waiting(len(self._scheduler), len(self._running))
                if self._running:
                    return True
                if self._closing and not self._resting:
                    return False
                self._stepped = None
                # Those that rest have deadlines, too.
                self._changed.wait(timeout=1.0 if self._resting else None)

    def _drop_gone(self) -> None:
        now = time.monotonic()
        gone = [*self._scheduler.take_gone()]
        gone += [x for x in (*self._running, *self._resting) if x.cancelled or x.call.deadline <= now]
        if self._aborting:
            gone += [x for x in (*self._running, *self._resting, *self._scheduler.take_all()) if x not in gone]
        for sequence in gone:
            if sequence.cancelled:
                error = ServingError(Code.CANCELLED, "the client is gone")
            elif self._aborting:
                error = ServingError(Code.UNAVAILABLE, "the server stops", 1.0)
            else:
                error = ServingError(Code.DEADLINE_EXCEEDED, "the deadline is over")
            self._leave(sequence, error)

    def _wake(self) -> None:
        awake = [sequence for sequence in self._resting if sequence.behind <= AHEAD // 2]
        self._resting.difference_update(awake)
        self._scheduler.add(awake)

    def _preempt(self) -> None:
        """Lets those that had their turn make room for those that wait, but for those whose deadlines leave no time."""
        wanted = min(len(self._scheduler), self._runner.slots) - self._runner.free
        if wanted <= 0:
            return
        seconds = self._seconds_a_turn([*self._running, *self._resting, *self._scheduler])
        now = time.monotonic()

        def has_time(x: Sequence) -> bool:
            return isinf(x.call.deadline) or x.call.deadline - now > SPARE * _turns(x.work) * seconds

        able = [x for x in self._running if x.turn >= QUANTUM and has_time(x)]
        for sequence in able[:wanted]:
            self._evict(sequence)
            self._scheduler.add([sequence])

    def _admit(self) -> None:
        new: list[Sequence] = []
        while len(new) < self._runner.free and (sequence := self._scheduler.next()):
            sequence.turn = 0
            new.append(sequence)
        if new:
            self._attempt(new, self._place)

    def _place(self, sequences: list[Sequence]) -> None:
        self._runner.admit(sequences, READ * self.block)
        self._running += sequences

    def _advance(self) -> None:
        """Reads a piece of the prompts that are not read yet, or takes a block with all the others."""
        reading = [sequence for sequence in self._running if sequence.read < len(sequence.row.prompt)]
        if reading:
            self._attempt(reading, self._read)
        stepping = [sequence for sequence in self._running if sequence.read == len(sequence.row.prompt)]
        if stepping:
            self._attempt(stepping, self._step)

    def _attempt(self, sequences: list[Sequence], work: Callable[[list[Sequence]], None]) -> None:
        """Does work for all; where the model refuses it, for each by itself, to find out whose request it refuses."""
        try:
            work(sequences)
        except Error as error:
            if len(sequences) == 1:
                self._leave(sequences[0], ServingError(Code.INVALID_ARGUMENT, str(error)))
                return
            # One that has been stepped before can most likely be stepped again.
            for sequence in [x for x in sequences if x.turn == 0] or sequences:
                self._attempt([sequence], work)
        except Exception:
            log.exception("a block failed")
            for sequence in sequences:
                self._leave(sequence, ServingError(Code.INTERNAL, "the model failed"))

    def _read(self, sequences: list[Sequence]) -> None:
        self._runner.read(sequences, READ * self.block)

    def _step(self, sequences: list[Sequence]) -> None:
        begun = time.perf_counter()
        wanted = [sequence.left if sequence.left is not None else self.block for sequence in sequences]
        steps = [min(self.block, max(wanted))] * len(sequences)
        # Steps beyond what is wanted cost less than unequal numbers of steps do, unless the state is to be kept.
        if any(x.row.keep_state and most < steps[0] for x, most in zip(sequences, wanted, strict=True)):
            steps = [*map(min, wanted, steps)]
        tokens, log_probs, ended = self._runner.step(sequences, steps)
        ended_at = time.perf_counter()
        self._pace.took(len(sequences), (ended_at - (self._stepped or begun)) / max(steps))
        self._stepped = ended_at
        count = 0
        for sequence, new, scores, most, over in zip(sequences, tokens, log_probs, wanted, ended, strict=True):
            new, scores, over = new[:most], scores[:most], over and len(new) <= most
            first = sequence.taken == 0
            sequence.taken += len(new)
            sequence.turn += len(new)
            count += len(new)
            last = over or sequence.left == 0
            kept = sequence.row.keep_state and last and not over
            state = self._runner.state(sequence) if kept else None
            if first and self._observer:
                self._observer.first_token(time.monotonic() - sequence.waiting_since)
            self._deliver(sequence, Block(new, scores, last, over, state))
            if last:
                self._leave(sequence)
            elif sequence.behind >= AHEAD:
                self._evict(sequence)
                self._resting.add(sequence)
        if self._observer:
            self._observer.stepped(len(sequences), count, time.perf_counter() - begun)

    def _deliver(self, sequence: Sequence, block: Block) -> None:
        with self._changed:
            sequence.behind += 1
        sequence.deliver(sequence, block)

    def _evict(self, sequence: Sequence) -> None:
        """Takes the slot of a sequence, which keeps its state until it has one again."""
        sequence.parked = self._runner.state(sequence)
        self._runner.release(sequence)
        self._running.remove(sequence)

    def _leave(self, sequence: Sequence, error: ServingError | None = None) -> None:
        if sequence in self._running:
            self._running.remove(sequence)
        self._runner.release(sequence)
        self._resting.discard(sequence)
        if error:
            sequence.deliver(sequence, error)
        if self._observer:
            self._observer.left(error.code.name if error else "done")


def _turns(work: float) -> float:
    """Returns how many turns so many steps take."""
    return work // QUANTUM + 1
