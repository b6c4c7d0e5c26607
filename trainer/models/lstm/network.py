"""Stacked LSTM over tokens (Hochreiter and Schmidhuber 1997; forget gate of Gers et al. 2000, its bias 1).

Fast on few cores because only what must be sequential is: the products with a layer's inputs are one matrix product
over all steps (the first layer's, one table row per token), and in the backward pass so are the gradients of all
weights, which plain back-propagation would add up step by step.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from trainer import rng
from trainer.models.base import TrainingStep
from trainer.models.conditioning import Conditioning, labels_or_none
from trainer.models.layers import Initialiser, linear, padded
from trainer.models.lstm.settings import Lstm
from trainer.types import State, Tensor, Variable


class LstmModel(tf.Module):
    """Stacked LSTM; see `trainer.models.base.TokenModel`.

    The state is, per layer, (h, c), each float32[B, units]; behind them, where there are labels, the label int32[B].
    """

    def __init__(self, settings: Lstm, vocabulary_size: int, seed: int = 0, labels: int = 0) -> None:
        super().__init__(name="lstm")
        self.settings, self.vocabulary_size, self.seed, self.labels = settings, vocabulary_size, seed, labels
        init, units, width = Initialiser(seed), settings.units, settings.embedding
        self.embedding = tf.Variable(init.normal("embedding", (vocabulary_size, width), 1.0), name="embedding")
        self.inputs, self.recurrents, self.biases = [], [], []
        for layer in range(settings.layers):
            self.inputs.append(
                tf.Variable(init.uniform(f"input{layer}", (width, 4 * units), width, units), name=f"input{layer}")
            )
            self.recurrents.append(
                tf.Variable(init.orthogonal(f"recurrent{layer}", units, 4), name=f"recurrent{layer}")
            )
            self.biases.append(tf.Variable(np.repeat(np.array([0, 1, 0, 0], np.float32), units), name=f"bias{layer}"))
            width = units
        if settings.dense:
            self.dense_kernel = tf.Variable(
                init.uniform("dense", (width, settings.dense), width, settings.dense), name="dense_kernel"
            )
            self.dense_bias = tf.Variable(np.zeros(settings.dense, np.float32), name="dense_bias")
            width = settings.dense
        columns = padded(vocabulary_size)
        self.output_kernel = tf.Variable(
            init.uniform("output", (width, columns), width, vocabulary_size), name="output_kernel"
        )
        self.output_bias = tf.Variable(np.zeros(columns, np.float32), name="output_bias")
        if labels:
            self.conditioning = Conditioning(init, labels, settings.layers, 4 * units)
        # What each token adds to the gate sums of the first layer, [V, 4 * units], once `prepare_steps` was called.
        self.first_products: Variable | None = None

    def initial_state(self, batch: int | Tensor, label: Tensor | None = None) -> State:
        """Returns zeros, and the label."""
        shape = [batch, self.settings.units]
        cells = tuple((tf.zeros(shape), tf.zeros(shape)) for _ in range(self.settings.layers))
        return (*cells, labels_or_none(batch, label)) if self.labels else cells

    def __call__(
        self, tokens: Tensor, state: State | None = None, training: TrainingStep | None = None
    ) -> tuple[Tensor, State]:
        """See `trainer.models.base.TokenModel`."""
        tokens = tf.convert_to_tensor(tokens)
        batch, time = tf.shape(tokens)[0], tf.shape(tokens)[1]
        units = self.settings.units
        rate, input_rate = (self.settings.dropout, self.settings.input_dropout) if training else (0.0, 0.0)
        if state is None:
            state = self.initial_state(batch)
        compute = recurrence if training else plain_recurrence
        cells, label, added = self._parts(state)
        after = []
        flat = tf.convert_to_tensor(self.embedding)
        for layer, (h, c) in enumerate(cells):
            kernel, bias = self.inputs[layer], self.biases[layer]
            products = tf.matmul(flat, kernel) if input_rate else linear(flat, kernel, bias)
            # The first layer's are a row of a table for each token.
            shape = [time, batch, 4 * units]
            products = tf.reshape(products, shape) if layer else tf.gather(products, tf.transpose(tokens))
            if training and input_rate:
                seed = self.seed, training.number, rng.PRODUCTS + layer
                products = rng.dropout(products, input_rate, seed, training.rows) + bias
            if added:
                products += added[layer]
            outputs, h, c = compute(products, tf.convert_to_tensor(self.recurrents[layer]), h, c)
            after.append((h, c))
            if training and rate:
                outputs = rng.dropout(outputs, rate, (self.seed, training.number, layer), training.rows)
            flat = tf.reshape(outputs, [-1, units])
        # Batch first before the head, whose narrow input is cheaper to turn round than its logits.
        flat = tf.reshape(tf.transpose(tf.reshape(flat, [time, batch, units]), [1, 0, 2]), [-1, units])
        return tf.reshape(self._head(flat), [batch, time, self.vocabulary_size]), (*after, *label)

    def step(self, token: Tensor, state: State) -> tuple[Tensor, State]:
        """See `trainer.models.base.TokenModel`."""
        cells, label, added = self._parts(state)
        x, after = None, []
        for layer, (h, c) in enumerate(cells):
            product = self._first_product(token) if x is None else linear(x, self.inputs[layer], self.biases[layer])
            if added:
                product += added[layer]
            h, c = _cell(product + tf.matmul(h, self.recurrents[layer]), c)
            after.append((h, c))
            x = h
        return self._head(x), (*after, *label)

    def prepare_steps(self) -> None:
        """See `trainer.models.base.PreparesSteps`."""
        products = linear(self.embedding, self.inputs[0], self.biases[0])
        self.first_products = tf.Variable(products, trainable=False, name="first_products")

    def _first_product(self, token: Tensor) -> Tensor:
        if self.first_products is not None:
            return tf.gather(self.first_products, token)
        return linear(tf.gather(self.embedding, token), self.inputs[0], self.biases[0])

    def _parts(self, state: State) -> tuple[tuple[tuple[Tensor, Tensor], ...], tuple[Tensor, ...], list[Tensor]]:
        """Returns the cells of a state, its label if there are any, and what that adds to every layer's gate sums."""
        cells, label = state[: self.settings.layers], state[self.settings.layers :]
        return cells, label, self.conditioning(*label) if label else []

    def _head(self, x: Tensor) -> Tensor:
        if self.settings.dense:
            x = tf.nn.relu(linear(x, self.dense_kernel, self.dense_bias))
        return linear(x, self.output_kernel, self.output_bias)[:, : self.vocabulary_size]


def _cell(sums: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """Returns h and c after a step, from gate sums [B, 4H] (input, forget, output, candidate) and the cell before."""
    # Split first: the functions then read what the cache still has of their parts.
    i, f, o, g = tf.split(sums, 4, axis=-1)
    c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
    return tf.sigmoid(o) * tf.tanh(c), c


def plain_recurrence(products: Tensor, recurrent: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Returns outputs [T, B, H] and the last h and c, from input products [T, B, 4H] and the first h and c, [B, H]."""
    time = tf.shape(products)[0]

    def body(t: Tensor, h: Tensor, c: Tensor, outputs: tf.TensorArray) -> tuple[Tensor, ...]:
        h, c = _cell(products[t] + tf.matmul(h, recurrent), c)
        return t + 1, h, c, outputs.write(t, h)

    outputs = tf.TensorArray(tf.float32, time, element_shape=h.shape)
    _, h, c, outputs = tf.while_loop(lambda t, *_: t < time, body, (0, h, c, outputs), maximum_iterations=time)
    return outputs.stack(), h, c


@tf.custom_gradient
def recurrence(products: Tensor, recurrent: Tensor, h0: Tensor, c0: Tensor) -> tuple[object, object]:
    """Computes `plain_recurrence`; its gradient's loop has the product with the recurrent weights, nothing larger."""
    time, units = tf.shape(products)[0], recurrent.shape[0]

    def array(width: int, size: Tensor) -> tf.TensorArray:
        return tf.TensorArray(tf.float32, size, element_shape=[None, width * units], clear_after_read=False)

    def forward(
        t: Tensor,
        h: Tensor,
        c: Tensor,
        hs: tf.TensorArray,
        cs: tf.TensorArray,
        gates: tf.TensorArray,
        news: tf.TensorArray,
    ) -> tuple[Tensor, ...]:
        ifo, g = tf.split(products[t] + tf.matmul(h, recurrent), [3 * units, units], axis=-1)
        ifo, g = tf.sigmoid(ifo), tf.tanh(g)
        i, f, o = tf.split(ifo, 3, axis=-1)
        c = f * c + i * g
        h = o * tf.tanh(c)
        return t + 1, h, c, hs.write(t, h), cs.write(t + 1, c), gates.write(t, ifo), news.write(t, g)

    arrays = (array(1, time), array(1, time + 1).write(0, c0), array(3, time), array(1, time))
    _, h, c, hs, cs, gates, news = tf.while_loop(
        lambda t, *_: t < time, forward, (0, h0, c0, *arrays), maximum_iterations=time
    )
    outputs = hs.stack()

    def gradient(d_outputs: Tensor, d_h: Tensor, d_c: Tensor) -> tuple[Tensor, ...]:
        # Turned round once: a narrow product that reads these weights transposed takes three times as long.
        back = tf.transpose(recurrent)

        def backward(t: Tensor, d_h: Tensor, d_c: Tensor, d_sums: tf.TensorArray) -> tuple[Tensor, ...]:
            # The arrays are read in place: stacked, they would be copied, and they are the largest there are.
            i, f, o = tf.split(gates.read(t), 3, axis=-1)
            g, squashed = news.read(t), tf.tanh(cs.read(t + 1))
            d_h = d_h + d_outputs[t]
            d_c = d_c + _through_tanh(squashed, d_h * o)
            d_sum = tf.concat(
                [
                    _through_sigmoid(i, d_c * g),
                    _through_sigmoid(f, d_c * cs.read(t)),
                    _through_sigmoid(o, d_h * squashed),
                    _through_tanh(g, d_c * i),
                ],
                axis=-1,
            )
            return t - 1, tf.matmul(d_sum, back), d_c * f, d_sums.write(t, d_sum)

        _, d_h0, d_c0, d_sums = tf.while_loop(
            lambda t, *_: t >= 0, backward, (time - 1, d_h, d_c, array(4, time)), maximum_iterations=time
        )
        d_products = d_sums.stack()
        earlier = tf.reshape(tf.concat([h0[None], outputs[:-1]], axis=0), [-1, units])
        d_recurrent = tf.matmul(earlier, tf.reshape(d_products, [-1, 4 * units]), transpose_a=True)
        return d_products, d_recurrent, d_h0, d_c0

    return (outputs, h, c), gradient


def _through_sigmoid(y: Tensor, d: Tensor) -> Tensor:
    """Returns the gradient with respect to x where y = sigmoid(x), in one operation."""
    return tf.raw_ops.SigmoidGrad(y=y, dy=d)


def _through_tanh(y: Tensor, d: Tensor) -> Tensor:
    """Returns the gradient with respect to x where y = tanh(x), in one operation."""
    return tf.raw_ops.TanhGrad(y=y, dy=d)
