"""Finds the trained label that comes nearest to a mood in words, by vectors of meaning.

Words and labels become vectors, and the label of highest cosine is taken. Three things make that hold for single words
as well as for phrases; they were found by trying moods against labels of several kinds:
- A text's vector is the mean of its vectors in `PHRASES`: a bare `blue` may be a colour, a feeling of it is not.
- Half of a phrase's cosine is the phrase's own, half is the mean of its key words', so that each of them counts.
- Some labels are near to every mood (`angry`, being an adjective that people write about, more than `sad`). A label's
  cosine is lowered by what its mean cosine to `MOODS` has above the other labels' (as in "cross-domain similarity local
  scaling", Conneau et al., arXiv 1710.04087, section 2.3).
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from serving.generation import sentence_vectors
from serving.generation.sentence_vectors import Encoder
from serving.options import OptionError

PHRASES = ("{}", "a feeling of {}", "the music is {}")
MOODS = (
    *("joy", "sadness", "anger", "fear", "calm", "love", "surprise", "hope", "loneliness", "pride", "boredom"),
    *("tension", "tenderness", "excitement", "melancholy", "disgust", "longing", "relief", "wonder", "despair"),
    *("triumph", "dread", "playfulness", "serenity", "energy", "darkness", "warmth", "cold", "night", "light"),
)
# Words that say nothing of a mood; the rest are key words.
_STOP_WORDS = """
    a an and are as at be but by feel feeling feelings feels for from full i in is it its like make makes me mood
    moods music musical my of on or piece please quite rather really so some something song that the this to tune
    very want which with you
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())
NEAR = 0.42  # three in a hundred pairs of nonsense and a label come nearer, five in a hundred moods do not
MAX_CHARACTERS = 1000

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Match:
    """How a mood was understood.

    Attributes:
      label: the trained label that was taken.
      cosine: how near it is, from -1 to 1.
      runner_up: the next label and its cosine; none where there is one label alone.
    """

    label: str
    cosine: float
    runner_up: tuple[str, float] | None


def match(mood: str, labels: Sequence[str]) -> Match:
    """Returns the label nearest to a mood.

    Raises:
      Error: if nothing is near, the model has no labels, or the extra `moods` is not installed.
    """
    if not labels:
        raise OptionError("{mood} needs a model that was trained with labels; this one has none")
    if not key_words(mood):
        raise OptionError("{mood} {words!r} holds no word that says a mood", words=mood)
    cosines = closeness(mood, labels, sentence_vectors.load())
    ranked = sorted(zip(labels, cosines.tolist(), strict=True), key=lambda pair: -pair[1])
    (label, cosine), *others = ranked
    if cosine < NEAR:
        raise OptionError(
            "{mood} {words!r}: no trained label is near (the nearest, {nearest}, has cosine {cosine}, below "
            "{near}); the labels are {labels}: name one with {label}",
            words=mood,
            nearest=label,
            # Cut, not rounded, so that what is below does not look equal.
            cosine=math.floor(cosine * 1000) / 1000,
            near=NEAR,
            labels=", ".join(labels),
        )
    return Match(label, cosine, others[0] if others else None)


def closeness(mood: str, labels: Sequence[str], encoder: Encoder) -> Floats:
    """Returns float32[labels]: the cosine of each to the mood, less what it has to any mood; -1 for one without a word.

    Raises:
      OptionError: if no label has a word.
    """
    mood = " ".join(mood.lower().split())[:MAX_CHARACTERS]
    words = key_words(mood)
    texts = [cleaned(label) for label in labels]
    named = [text for text in texts if text]
    if not named:
        raise OptionError(
            "{mood} cannot choose: the labels {labels} are no words; name one with {label}", labels=", ".join(labels)
        )
    mood_vectors, label_vectors = np.split(_phrased([mood, *words, *named], encoder), [1 + len(words)])
    cosines = mood_vectors @ label_vectors.T
    to_any_mood = label_vectors @ _any_mood(encoder)
    result = np.full(len(labels), -1, np.float32)
    result[[i for i, text in enumerate(texts) if text]] = (cosines[0] + cosines[1:].mean(axis=0)) / 2 - (
        to_any_mood - to_any_mood.mean()
    )
    return result


def cleaned(label: str) -> str:
    """Returns the words of a label, which may be a folder's name: `01-Joyful` is joyful, `SadSlow` sad slow."""
    return " ".join(re.findall(r"[^\W\d_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", label))).lower()


def key_words(mood: str) -> list[str]:
    """Returns the words of a phrase that may say a mood."""
    words = re.findall(r"[^\W\d_]+(?:['’-][^\W\d_]+)*", mood.lower())
    return [word for word in words if word not in STOP_WORDS]


@cache
def _any_mood(encoder: Encoder) -> Floats:
    """Returns float32[width]; its product with a vector is that one's mean cosine to `MOODS`."""
    mean: Floats = _phrased(MOODS, encoder).mean(axis=0)
    return mean


def _phrased(texts: Sequence[str], encoder: Encoder) -> Floats:
    """Returns float32[texts, width], each text's mean over `PHRASES`, of length 1."""
    vectors = encoder.vectors([phrase.format(text) for phrase in PHRASES for text in texts])
    mean = vectors.reshape(len(PHRASES), len(texts), -1).mean(axis=0)
    unit: Floats = mean / np.linalg.norm(mean, axis=1, keepdims=True)
    return unit
