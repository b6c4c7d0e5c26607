"""An exported model, loaded: prompts in, pieces out. Needs TensorFlow and `music`, not the trainer."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from serving import quiet  # noqa: F401  (before TensorFlow)

# isort: split
import tensorflow as tf

from tutti.encodings.base import Encoding
from tutti.encodings.registry import encoding_from_json
from tutti.encodings.vocabulary import EOS, Vocabulary
from tutti.errors import Error

ENCODING, VOCABULARY, LABELS, MODEL = "encoding.json", "vocabulary.json", "labels.json", "model.json"


@dataclass(frozen=True)
class Answer:
    """What a row was answered: new tokens as words, the sum of their log-probabilities in nats, and whether the
    model ended the piece behind them."""

    tokens: list[str]
    log_prob: float
    ended: bool


@dataclass(frozen=True)
class SavedModel:
    """A loaded export.

    Attributes:
      path: the version's folder.
      encoding, vocabulary: how its tokens are made.
      labels: names of the labels 1, 2, ...
      described: what `model.json` says of it.
    """

    path: str
    encoding: Encoding
    vocabulary: Vocabulary
    labels: tuple[str, ...]
    described: Mapping[str, Any]
    _saved: Any

    @property
    def kind(self) -> str:
        """The model's name: lstm, wavenet ..., each with signatures of its own where it has no tokens to predict."""
        name: str = self.described["model"]["name"]
        return name

    def signature(self, name: str) -> Any:
        """The function that the export holds under this name."""
        return self._saved.signatures[name]

    def ids(self, tokens: Sequence[str]) -> list[int]:
        """The ids of a prompt; what a learned vocabulary does not know becomes its nearest token.

        Raises:
          ValueError: if a token is none of the encoding's.
        """
        ids: list[int] = self.vocabulary.ids(self.encoding.known(tokens, self.vocabulary)).tolist()
        return ids

    def label(self, name: str) -> int:
        """The number of a label.

        Raises:
          UserError: if the model was not trained with it.
        """
        if not self.labels:
            raise Error(f"no label {name!r}: the model was trained without labels")
        if name not in self.labels:
            raise Error(f"no label {name!r}: the trained labels are {', '.join(self.labels)}")
        return 1 + self.labels.index(name)

    def generate(self, prompts: Sequence[Sequence[int]], **wishes: Any) -> list[Answer]:
        """An answer for each prompt. `wishes` are those of `inputs`.

        Raises:
          UserError: if a wish is out of bounds; the text says which.
        """
        try:
            rows = self.signature("generate")(**inputs(prompts, **wishes))
        except tf.errors.InvalidArgumentError as error:
            # What the graph's own checks say, and the values that they saw.
            found = re.search(r"assertion failed: \[(.*?)\] \[(.*?)\]", error.message)
            raise Error(f"{found[1]}, got {found[2]}" if found else error.message.splitlines()[-1]) from None
        return [
            Answer(self.vocabulary.words(tokens[:length].tolist()), float(log_prob), EOS in tokens[:length])
            for tokens, length, log_prob in zip(
                rows["tokens"].numpy(), rows["length"].numpy(), rows["log_prob"].numpy(), strict=True
            )
        ]


def load(models: str) -> SavedModel:
    """The newest version in a model's folder, or the version that the path itself is.

    Raises:
      UserError: if there is none, or it is no export of Tutti's.
    """
    path = models
    if not _is_saved(path):
        found = versions(models)
        if not found:
            raise Error(f"no model at {models}: it has no version; make one with tutti export")
        path = tf.io.gfile.join(models, str(found[-1]))
    try:
        encoding, vocabulary, described = (_asset(path, name) for name in (ENCODING, VOCABULARY, MODEL))
        # Exports of earlier versions have none.
        labels = _asset(path, LABELS) if tf.io.gfile.exists(tf.io.gfile.join(path, "assets", LABELS)) else []
        saved = tf.saved_model.load(path)
    except (OSError, ValueError, tf.errors.OpError) as error:
        reason = getattr(error, "message", None) or str(error)
        raise Error(f"cannot load {path}: {reason.splitlines()[0]}") from None
    return SavedModel(str(path), encoding_from_json(encoding), Vocabulary(vocabulary), tuple(labels), described, saved)


def versions(models: str) -> list[int]:
    """The numbers of the versions in a model's folder, in order."""
    if not tf.io.gfile.isdir(models):
        return []
    names = [name.rstrip("/") for name in tf.io.gfile.listdir(models)]
    return sorted(int(name) for name in names if re.fullmatch(r"\d+", name))


def inputs(
    prompts: Sequence[Sequence[int]],
    *,
    steps: int | Sequence[int],
    seeds: Sequence[int],
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 0.0,
    label: int | Sequence[int] = 0,
) -> dict[str, Any]:
    """Tensors for the `generate` signature: a row for each prompt (ids without BOS) and its seed.

    `steps` and `label` (its number) hold for all rows, or are given one for each.
    """
    width = max(map(len, prompts))
    rows = len(prompts)
    return {
        "prompt": tf.constant([[*prompt, *[0] * (width - len(prompt))] for prompt in prompts], tf.int32, [rows, width]),
        "steps": _one_each(steps, rows),
        "temperature": tf.fill([rows], tf.constant(temperature, tf.float32)),
        "top_k": tf.fill([rows], top_k),
        "top_p": tf.fill([rows], tf.constant(top_p, tf.float32)),
        "seed": tf.constant(seeds, tf.int64),
        "label": _one_each(label, rows),
    }


def _one_each(value: int | Sequence[int], rows: int) -> Any:
    return tf.constant([value] * rows if isinstance(value, int) else value, tf.int32, [rows])


def _is_saved(path: str) -> bool:
    return bool(tf.io.gfile.exists(tf.io.gfile.join(path, "saved_model.pb")))


def _asset(path: str, name: str) -> Any:
    with tf.io.gfile.GFile(tf.io.gfile.join(path, "assets", name)) as file:
        return json.load(file)
