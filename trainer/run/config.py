"""config.json: everything that is needed to build the model of a run again."""

import dataclasses
import json
from dataclasses import dataclass

from trainer.config import TrainingConfig
from trainer.models.registry import settings_from_json, settings_to_json
from trainer.models.settings import ModelSettings
from tutti.encodings.base import Encoding
from tutti.encodings.registry import encoding_from_json, encoding_to_json
from tutti.encodings.vocabulary import Vocabulary
from tutti.errors import Error

FORMAT = 1


@dataclass(frozen=True)
class RunConfig:
    """What a run is.

    Attributes:
      preset: the name it was started under, its model's where there was no preset; `model` and `training` may
        differ from the preset's.
      model: sizes of the network.
      training: how it is fitted.
      encoding, vocabulary, window: the dataset's.
      dataset, snapshot: where the dataset was, and which snapshot of it the run trains on.
      content: `Corpus.content` of that snapshot; the same songs may lie elsewhere later.
      labels: the dataset's; the model calls them 1, 2, ... and no label 0.
      weights_from: the run whose best weights it began with; empty for weights drawn by the seed.
    """

    preset: str
    model: ModelSettings
    training: TrainingConfig
    encoding: Encoding
    vocabulary: Vocabulary
    window: int
    dataset: str
    snapshot: int
    content: str
    labels: tuple[str, ...] = ()
    weights_from: str = ""

    def to_json(self) -> str:
        """Returns the text of config.json."""
        stored = {
            "format": FORMAT,
            "preset": self.preset,
            "model": settings_to_json(self.model),
            "training": dataclasses.asdict(self.training),
            "encoding": encoding_to_json(self.encoding),
            "window": self.window,
            "dataset": self.dataset,
            "snapshot": self.snapshot,
            "content": self.content,
            "labels": list(self.labels),
            "vocabulary": list(self.vocabulary.tokens),
        }
        if self.weights_from:
            stored["weights_from"] = self.weights_from
        return json.dumps(stored, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str, path: str) -> "RunConfig":
        """Parses config.json; `path` is for the error message.

        Raises:
          Error: if it is none of this format.
        """
        try:
            stored = json.loads(text)
            if stored["format"] != FORMAT:
                raise Error(f"{path} has format {stored['format']}; this version of tutti reads {FORMAT}")
            return cls(
                preset=stored["preset"],
                model=settings_from_json(stored["model"]),
                training=TrainingConfig(**stored["training"]),
                encoding=encoding_from_json(stored["encoding"]),
                vocabulary=Vocabulary(stored["vocabulary"]),
                window=stored["window"],
                dataset=stored["dataset"],
                snapshot=stored["snapshot"],
                content=stored["content"],
                labels=tuple(stored.get("labels", ())),
                weights_from=stored.get("weights_from", ""),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise Error(f"{path} is not the configuration of a run ({type(error).__name__}: {error})") from None
