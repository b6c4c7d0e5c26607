"""An exported model, loaded: prompts in, pieces out. Needs TensorFlow and `music`, not the trainer."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from serving import quiet  # noqa: F401  (before TensorFlow)

# isort: split
import tensorflow as tf

from music import encoding as encodings
from music.encoding import Encoding
from music.errors import UserError
from music.vocabulary import Vocabulary

ENCODING, VOCABULARY = "encoding.json", "vocabulary.json"


@dataclass(frozen=True)
class Answer:
    """What a row was answered: new tokens as words, and the sum of their log-probabilities in nats."""

    tokens: list[str]
    log_prob: float


@dataclass(frozen=True)
class Engine:
    """A loaded export.

    Attributes:
      path: the version's folder.
      encoding, vocabulary: how its tokens are made.
    """

    path: str
    encoding: Encoding
    vocabulary: Vocabulary
    _saved: Any

    def ids(self, tokens: Sequence[str]) -> list[int]:
        """The ids of a prompt; what a learned vocabulary does not know becomes its nearest token.

        Raises:
          ValueError: if a token is none of the encoding's.
        """
        ids: list[int] = self.vocabulary.ids(encodings.known(self.encoding, tokens, self.vocabulary)).tolist()
        return ids

    def generate(self, prompts: Sequence[Sequence[int]], **wishes: Any) -> list[Answer]:
        """An answer for each prompt. `wishes` are those of `inputs`.

        Raises:
          UserError: if a wish is out of bounds; the text says which.
        """
        try:
            rows = self._saved.signatures["generate"](**inputs(prompts, **wishes))
        except tf.errors.InvalidArgumentError as error:
            # What the graph's own checks say, and the values that they saw.
            found = re.search(r"assertion failed: \[(.*?)\] \[(.*?)\]", error.message)
            raise UserError(f"{found[1]}, got {found[2]}" if found else error.message.splitlines()[-1]) from None
        return [
            Answer(self.vocabulary.words(tokens[:length].tolist()), float(log_prob))
            for tokens, length, log_prob in zip(
                rows["tokens"].numpy(), rows["length"].numpy(), rows["log_prob"].numpy(), strict=True
            )
        ]


def load(models: str) -> Engine:
    """The newest version in a model's folder, or the version that the path itself is.

    Raises:
      UserError: if there is none, or it is no export of Tutti's.
    """
    path = models
    if not _is_saved(path):
        found = versions(models)
        if not found:
            raise UserError(f"no model at {models}: it has no version; make one with tutti export")
        path = tf.io.gfile.join(models, str(found[-1]))
    try:
        stored = [_json(tf.io.gfile.join(path, "assets", name)) for name in (ENCODING, VOCABULARY)]
        saved = tf.saved_model.load(path)
    except (OSError, ValueError, tf.errors.OpError) as error:
        reason = getattr(error, "message", None) or str(error)
        raise UserError(f"cannot load {path}: {reason.splitlines()[0]}") from None
    return Engine(str(path), encodings.from_json(stored[0]), Vocabulary(stored[1]), saved)


def versions(models: str) -> list[int]:
    """The numbers of the versions in a model's folder, in order."""
    if not tf.io.gfile.isdir(models):
        return []
    names = [name.rstrip("/") for name in tf.io.gfile.listdir(models)]
    return sorted(int(name) for name in names if re.fullmatch(r"\d+", name))


def inputs(
    prompts: Sequence[Sequence[int]],
    *,
    steps: int,
    seeds: Sequence[int],
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 0.0,
    label: int = 0,
) -> dict[str, Any]:
    """Tensors for the `generate` signature: a row for each prompt (ids without BOS) and its seed."""
    width = max(map(len, prompts))
    rows = len(prompts)
    return {
        "prompt": tf.constant([[*prompt, *[0] * (width - len(prompt))] for prompt in prompts], tf.int32, [rows, width]),
        "steps": tf.fill([rows], steps),
        "temperature": tf.fill([rows], tf.constant(temperature, tf.float32)),
        "top_k": tf.fill([rows], top_k),
        "top_p": tf.fill([rows], tf.constant(top_p, tf.float32)),
        "seed": tf.constant(seeds, tf.int64),
        "label": tf.fill([rows], label),
    }


def _is_saved(path: str) -> bool:
    return bool(tf.io.gfile.exists(tf.io.gfile.join(path, "saved_model.pb")))


def _json(path: str) -> Any:
    with tf.io.gfile.GFile(path) as file:
        return json.load(file)
