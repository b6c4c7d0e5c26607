"""Checkpoints from which a killed run goes on as if it had never stopped."""

import dataclasses
import json
import math
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import tensorflow as tf

from trainer.gfile import join, writing
from trainer.models.base import Model
from trainer.optimizer import Optimizer
from trainer.run.directory import BEST, CHECKPOINTS
from trainer.types import Variable
from tutti.errors import Error


@dataclass(frozen=True)
class Progress:
    """How far a run is, beside its weights. Checkpoints store these fields under their names.

    Attributes:
      step: updates so far; epoch and place in the epoch follow from it.
      elapsed: seconds of training and validation so far, restarts included.
      targets: real targets seen so far.
      nats, counted: loss sum and targets since the last line of metrics.
      epoch_nats, epoch_counted: the same since the last validation.
      best: the lowest bits per token at a validation, and `best_step` its step.
      stale: validations since then.
      validated: the step of the last validation.
    """

    step: int = 0
    elapsed: float = 0.0
    targets: float = 0.0
    nats: float = 0.0
    counted: float = 0.0
    epoch_nats: float = 0.0
    epoch_counted: float = 0.0
    best: float = math.inf
    best_step: int = 0
    stale: int = 0
    validated: int = 0


class _Stored(tf.train.experimental.PythonState):
    """`Progress` as part of a checkpoint."""

    def __init__(self) -> None:
        self.progress = Progress()

    def serialize(self) -> str:
        return json.dumps(dataclasses.asdict(self.progress))

    def deserialize(self, string_value: str | bytes) -> None:
        self.progress = Progress(**json.loads(string_value))


class Checkpoints:
    """The checkpoints of a run. All workers restore; the chief alone saves.

    Args:
      persistent: variables that go from step to step beside the model's and the optimizer's.
    """

    def __init__(
        self,
        run: str,
        model: Model,
        optimizer: Optimizer,
        persistent: Sequence[Variable] = (),
    ) -> None:
        self._stored = _Stored()
        beside = {"carried": list(persistent)} if persistent else {}
        self._last = tf.train.CheckpointManager(
            tf.train.Checkpoint(
                model=model, step=optimizer.step, slots=optimizer.slots, progress=self._stored, **beside
            ),
            join(run, CHECKPOINTS),
            max_to_keep=2,
        )
        self._best = tf.train.CheckpointManager(tf.train.Checkpoint(model=model), join(run, BEST), max_to_keep=1)

    def restore(self) -> Progress:
        """Takes up the newest checkpoint and returns its progress; where there is none, changes nothing.

        Raises:
          Error: if it cannot be read.
        """
        newest = self._last.latest_checkpoint
        if newest:
            try:
                self._last.checkpoint.restore(newest).assert_existing_objects_matched()
            except (tf.errors.OpError, AssertionError, ValueError) as error:
                raise Error(f"cannot read {newest}: {str(error).splitlines()[0]}") from None
        return self._stored.progress

    def exist(self) -> bool:
        """Returns whether there is any."""
        return self._last.latest_checkpoint is not None

    def trained(self) -> bool:
        """Returns whether there is one of a step that was taken."""
        return self.exist() and self._stored.progress.step > 0

    def save(self, progress: Progress) -> None:
        """Writes everything.

        Raises:
          Error: if it cannot; earlier checkpoints stay.
        """
        self._stored.progress = progress
        _save(self._last, progress.step)

    def save_best(self, step: int) -> None:
        """Writes the model's weights as those of the best validation.

        Raises:
          Error: if it cannot; earlier ones stay.
        """
        _save(self._best, step)

    def sweep(self) -> None:
        """Removes what a killed process left half-written."""
        for manager in (self._last, self._best):
            _sweep(manager)


def _save(manager: tf.train.CheckpointManager, step: int) -> None:
    with writing(manager.directory):
        try:
            tf.io.gfile.makedirs(manager.directory)
            manager.save(checkpoint_number=step)
        except BaseException:
            _sweep(manager)
            raise


def _sweep(manager: tf.train.CheckpointManager) -> None:
    """Removes files of checkpoints that the folder's state file does not name."""
    state = tf.train.get_checkpoint_state(manager.directory)
    paths = state.all_model_checkpoint_paths if state else ()
    named = {path.rsplit("/", 1)[-1] for path in paths}
    with suppress(tf.errors.NotFoundError):
        for name in tf.io.gfile.listdir(manager.directory):
            name = name.rstrip("/")
            belongs = re.match(r"(ckpt-\d+)[._]", name)
            if (belongs and belongs[1] not in named) or re.match(r"checkpoint\.tmp", name):
                _remove(join(manager.directory, name))


def _remove(path: str) -> None:
    with suppress(tf.errors.OpError):
        if tf.io.gfile.isdir(path):
            tf.io.gfile.rmtree(path)
        else:
            tf.io.gfile.remove(path)
