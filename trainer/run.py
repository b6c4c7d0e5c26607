"""The run directory: what is in it, and the model that it holds.

config.json          everything needed to build the model again
checkpoints/         model, optimizer and progress, for going on
best/                the model's weights at its best validation
metrics.jsonl        one line per report and per validation
logs/                the same for TensorBoard
learning_curve.png
"""

import dataclasses
import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from music import encoding as encodings
from music.encoding import Encoding
from music.errors import UserError
from music.vocabulary import Vocabulary
from trainer import model as models
from trainer.features import model_size
from trainer.files import join, read_text, write_text, writing
from trainer.presets import Settings
from trainer.training import Training

FORMAT = 1
CONFIG, CHECKPOINTS, BEST = "config.json", "checkpoints", "best"
METRICS, LOGS, CURVE = "metrics.jsonl", "logs", "learning_curve.png"


@dataclass(frozen=True)
class Config:
    """What a run is.

    Attributes:
      preset: the name it was started under; `model` and `training` may differ from it.
      model: sizes of the network.
      training: how it is fitted.
      encoding, vocabulary, window: the dataset's.
      dataset, snapshot: where the dataset was, and which snapshot of it the run trains on.
      content: `Corpus.content` of that snapshot; the same songs may lie elsewhere later.
      labels: the dataset's; the model calls them 1, 2, ... and no label 0.
    """

    preset: str
    model: Settings
    training: Training
    encoding: Encoding
    vocabulary: Vocabulary
    window: int
    dataset: str
    snapshot: int
    content: str
    labels: tuple[str, ...] = ()

    def to_json(self) -> str:
        stored = {
            "format": FORMAT,
            "preset": self.preset,
            "model": models.to_json(self.model),
            "training": dataclasses.asdict(self.training),
            "encoding": encodings.to_json(self.encoding),
            "window": self.window,
            "dataset": self.dataset,
            "snapshot": self.snapshot,
            "content": self.content,
            "labels": list(self.labels),
            "vocabulary": list(self.vocabulary.tokens),
        }
        return json.dumps(stored, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str, path: str) -> "Config":
        """Parses config.json; `path` is for the error message.

        Raises:
          UserError: if it is none of this format.
        """
        try:
            stored = json.loads(text)
            if stored["format"] != FORMAT:
                raise UserError(f"{path} has format {stored['format']}; this version of tutti reads {FORMAT}")
            return cls(
                preset=stored["preset"],
                model=models.from_json(stored["model"]),
                training=Training(**stored["training"]),
                encoding=encodings.from_json(stored["encoding"]),
                vocabulary=Vocabulary(stored["vocabulary"]),
                window=stored["window"],
                dataset=stored["dataset"],
                snapshot=stored["snapshot"],
                content=stored["content"],
                labels=tuple(stored.get("labels", ())),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{path} is not the configuration of a run ({type(error).__name__}: {error})") from None


@dataclass(frozen=True)
class Run:
    """A run directory and its configuration."""

    path: str
    config: Config

    def build(self) -> Any:
        """The model, freshly initialised."""
        config = self.config
        size = model_size(config.encoding, config.window, config.vocabulary)
        return models.build(config.model, size, config.training.seed, len(config.labels))

    def model(self, which: str = "best") -> Any:
        """The model with the weights of its best validation ("best") or of its last checkpoint ("last").

        Raises:
          UserError: if the run has no such weights yet.
        """
        folder = join(self.path, {"best": BEST, "last": CHECKPOINTS}[which])
        newest = tf.train.latest_checkpoint(folder)
        if newest is None:
            raise UserError(f"run {self.path} has no weights in {folder} yet; go on with tutti train --run {self.path}")
        model = self.build()
        try:
            tf.train.Checkpoint(model=model).restore(newest).assert_existing_objects_matched().expect_partial()
        except (tf.errors.OpError, AssertionError, ValueError) as error:
            raise UserError(f"cannot read {newest}: {str(error).splitlines()[0]}") from None
        return model

    def save(self) -> None:
        """Writes config.json.

        Raises:
          UserError: if it cannot; a directory that was not there is not there then either.
        """
        new = not tf.io.gfile.exists(self.path)
        try:
            with writing(self.path):
                tf.io.gfile.makedirs(self.path)
            write_text(join(self.path, CONFIG), self.config.to_json())
        except UserError:
            if new:
                self.delete()
            raise

    def delete(self) -> None:
        """Removes the directory, as far as that can be done."""
        with suppress(tf.errors.OpError):
            tf.io.gfile.rmtree(self.path)


def exists(path: str) -> bool:
    return bool(tf.io.gfile.exists(join(path, CONFIG)))


def load(path: str) -> Run:
    """The run below `path`.

    Raises:
      UserError: if there is none.
    """
    config = join(path, CONFIG)
    text = read_text(config)
    if text is None:
        raise UserError(f"no run at {path}: {config} is missing; make one with tutti train")
    return Run(path, Config.from_json(text, config))
