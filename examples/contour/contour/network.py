"""A GRU that predicts the next token (Cho et al., arXiv 1406.1078)."""

import tensorflow as tf

from contour.settings import Gru
from trainer.models.base import TrainingStep
from trainer.models.layers import Initialiser, linear


class GruModel(tf.Module):
    """See `trainer.models.base.TokenModel`. The state is h, float32[B, width]."""

    def __init__(self, settings: Gru, vocabulary_size: int, seed: int = 0, labels: int = 0) -> None:
        super().__init__(name="gru")
        self.settings, self.labels = settings, 0  # It does not heed labels.
        init, width = Initialiser(seed), settings.width

        def kernel(name: str, rows: int, columns: int) -> tf.Variable:
            return tf.Variable(init.uniform(name, (rows, columns), rows, columns), name=name)

        self.embedding = tf.Variable(init.normal("embedding", (vocabulary_size, width), 1.0), name="embedding")
        self.gates, self.candidate = kernel("gates", 2 * width, 2 * width), kernel("candidate", 2 * width, width)
        self.output = kernel("output", width, vocabulary_size)
        self.gates_bias = tf.Variable(tf.zeros([2 * width]), name="gates_bias")
        self.candidate_bias = tf.Variable(tf.zeros([width]), name="candidate_bias")
        self.output_bias = tf.Variable(tf.zeros([vocabulary_size]), name="output_bias")

    def initial_state(self, batch: int | tf.Tensor, label: tf.Tensor | None = None) -> tf.Tensor:
        return tf.zeros([batch, self.settings.width])

    def step(self, token: tf.Tensor, state: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        x = tf.gather(self.embedding, token)
        update, reset = tf.split(tf.sigmoid(linear(tf.concat([x, state], 1), self.gates, self.gates_bias)), 2, axis=1)
        new = tf.tanh(linear(tf.concat([x, reset * state], 1), self.candidate, self.candidate_bias))
        state = update * state + (1 - update) * new
        return linear(state, self.output, self.output_bias), state

    def __call__(
        self, tokens: tf.Tensor, state: tf.Tensor | None = None, training: TrainingStep | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        batch, time = tf.shape(tokens)[0], tf.shape(tokens)[1]
        state = self.initial_state(batch) if state is None else state
        logits = tf.TensorArray(tf.float32, time)
        for t in tf.range(time):
            one, state = self.step(tokens[:, t], state)
            logits = logits.write(t, one)
        return tf.transpose(logits.stack(), [1, 0, 2]), state
