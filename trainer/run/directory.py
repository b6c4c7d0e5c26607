"""The run directory, and the model that it holds.

config.json          everything needed to build the model again
checkpoints/         model, optimizer and progress, for going on
best/                the model's weights at its best validation
metrics.jsonl        one line per report and per validation
logs/                the same for TensorBoard
learning_curve.png
"""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from trainer.gfile import join, read_text, write_text, writing
from trainer.models.registry import build
from trainer.run.config import RunConfig
from tutti.errors import Error

CONFIG, CHECKPOINTS, BEST = "config.json", "checkpoints", "best"
METRICS, LOGS, CURVE = "metrics.jsonl", "logs", "learning_curve.png"


@dataclass(frozen=True)
class Run:
    """A run directory and its configuration."""

    path: str
    config: RunConfig

    def build(self) -> Any:
        """Returns the model, freshly initialised. Any: its class is what its settings name."""
        config = self.config
        size = config.encoding.schema(config.window, config.vocabulary).model_size
        return build(config.model, size, config.training.seed, len(config.labels))

    def model(self, which: str = "best") -> Any:
        """Returns the model with the weights of its best validation ("best") or of its last checkpoint ("last").

        Raises:
          Error: if the run has no such weights yet.
        """
        model = self.build()
        _load_weights(model, self.path, which)
        return model

    def save(self) -> None:
        """Writes config.json.

        Raises:
          Error: if it cannot; a directory that was not there is not there then either.
        """
        new = not tf.io.gfile.exists(self.path)
        try:
            with writing(self.path):
                tf.io.gfile.makedirs(self.path)
            write_text(join(self.path, CONFIG), self.config.to_json())
        except Error:
            if new:
                self.delete()
            raise

    def delete(self) -> None:
        """Removes the directory, as far as that can be done."""
        with suppress(tf.errors.OpError):
            tf.io.gfile.rmtree(self.path)


def begin_with(model: Any, path: str) -> None:
    """Gives a model the best weights of another run.

    Raises:
      Error: if the run has none yet, or they are those of a model of other sizes.
    """
    newest = _newest(path, "best")
    try:
        tf.train.Checkpoint(model=model).restore(newest).assert_consumed()
    except (tf.errors.OpError, AssertionError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise Error(f"--weights-from {path}: its weights do not fit a model of these sizes ({reason})") from None


def _load_weights(model: Any, path: str, which: str) -> None:
    newest = _newest(path, which)
    try:
        tf.train.Checkpoint(model=model).restore(newest).assert_existing_objects_matched().expect_partial()
    except (tf.errors.OpError, AssertionError, ValueError) as error:
        raise Error(f"cannot read {newest}: {str(error).splitlines()[0]}") from None


def _newest(path: str, which: str) -> str:
    """Returns the newest checkpoint of a run's "best" or "last" weights.

    Raises:
      Error: if there is none yet.
    """
    folder = join(path, {"best": BEST, "last": CHECKPOINTS}[which])
    newest: str | None = tf.train.latest_checkpoint(folder)
    if newest is None:
        raise Error(f"run {path} has no weights in {folder} yet; go on with tutti train --run {path}")
    return newest


def exists(path: str) -> bool:
    """Returns whether there is a run at `path`."""
    return bool(tf.io.gfile.exists(join(path, CONFIG)))


def load(path: str) -> Run:
    """Returns the run below `path`.

    Raises:
      Error: if there is none.
    """
    config = join(path, CONFIG)
    text = read_text(config)
    if text is None:
        raise Error(f"no run at {path}: {config} is missing; make one with tutti train")
    return Run(path, RunConfig.from_json(text, config))
