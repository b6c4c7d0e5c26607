"""WaveNet over tokens: dilated causal convolutions (van den Oord et al., arXiv 1609.03499).

Every block looks at its input now and `dilation` steps ago, through a gated tanh. Its residual output is added to its
input for the next block, its skip output to the prediction. Generation keeps the inputs of the last `dilation` steps
per block (Le Paine et al., arXiv 1611.09482), so that a token costs the same however far back the network sees.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from trainer import rng
from trainer.models.base import TrainingStep
from trainer.models.conditioning import Conditioning, labels_or_none
from trainer.models.layers import Initialiser, linear, padded
from trainer.models.wavenet.settings import WaveNet
from trainer.types import State, Tensor


class WaveNetModel(tf.Module):
    """WaveNet; see `trainer.models.base.TokenModel`.

    The state is (queues float32[B, sum of dilations, residual], time int32[B]): a ring buffer per block, one after
    the other, and the number of tokens so far. The block's input at time t lies at t modulo its dilation. Before
    the first token the queues hold zeros, as if the convolutions were padded with zeros on the left. Where there are
    labels, the label int32[B] is the state's third part.
    """

    def __init__(self, settings: WaveNet, vocabulary_size: int, seed: int = 0, labels: int = 0) -> None:
        super().__init__(name="wavenet")
        self.settings, self.vocabulary_size, self.seed, self.labels = settings, vocabulary_size, seed, labels
        init, width, skip = Initialiser(seed), settings.residual, settings.skip
        columns, blocks = padded(vocabulary_size), len(settings.distances)

        def kernel(name: str, rows: int, columns: int, fan_out: int) -> tf.Variable:
            return tf.Variable(init.uniform(name, (rows, columns), rows, fan_out), name=name)

        def bias(name: str, columns: int) -> tf.Variable:
            return tf.Variable(np.zeros(columns, np.float32), name=name)

        self.embedding = tf.Variable(init.normal("embedding", (vocabulary_size, width), 1.0), name="embedding")
        # Rows: the input now, then the input one dilation ago. Columns: tanh half, then sigmoid half.
        self.gate_kernels = [kernel(f"gate{n}", 2 * width, 2 * width, width) for n in range(blocks)]
        self.gate_biases = [bias(f"gate_bias{n}", 2 * width) for n in range(blocks)]
        # The residual outputs, under the names that stored checkpoints have. The last block has no next one.
        self.onward_kernels = [kernel(f"onward{n}", width, width, width) for n in range(blocks - 1)]
        self.onward_biases = [bias(f"onward_bias{n}", width) for n in range(blocks - 1)]
        # The skip outputs of all blocks are added up: one product of all their gated channels side by side.
        self.skip_kernel, self.skip_bias = kernel("skip", blocks * width, skip, skip), bias("skip_bias", skip)
        self.hidden_kernel, self.hidden_bias = kernel("hidden", skip, skip, skip), bias("hidden_bias", skip)
        self.output_kernel = kernel("output", skip, columns, vocabulary_size)
        self.output_bias = bias("output_bias", columns)
        if labels:
            self.conditioning = Conditioning(init, labels, blocks, 2 * width)

    def initial_state(self, batch: int | Tensor, label: Tensor | None = None) -> State:
        """Returns empty queues, and the label."""
        queues = tf.zeros([batch, sum(self.settings.distances), self.settings.residual])
        empty = queues, tf.zeros([batch], tf.int32)
        return (*empty, labels_or_none(batch, label)) if self.labels else empty

    def __call__(
        self, tokens: Tensor, state: State | None = None, training: TrainingStep | None = None
    ) -> tuple[Tensor, State]:
        """See `trainer.models.base.TokenModel`."""
        tokens = tf.convert_to_tensor(tokens)
        batch, time = tf.shape(tokens)[0], tf.shape(tokens)[1]
        width, skip, rate = self.settings.residual, self.settings.skip, self.settings.dropout
        if state is None:
            state = self.initial_state(batch)
        rings, clock, *label = state
        added = self._added(label)
        x = tf.gather(self.embedding, tf.transpose(tokens))
        queues, skips = [], []
        distances = self.settings.distances
        for block, (distance, ring) in enumerate(zip(distances, tf.split(rings, distances, axis=1), strict=True)):
            queue = tf.transpose(_turn(ring, clock, distance), [1, 0, 2])
            extended = tf.concat([queue, x], axis=0)
            queues.append(_turn(tf.transpose(extended[time:], [1, 0, 2]), -(clock + time), distance))
            pair = tf.concat([x, extended[:time]], axis=-1)
            gated = self._gate(block, tf.reshape(pair, [-1, 2 * width]), added)
            if training and rate:
                gated = tf.reshape(gated, [time, batch, width])
                gated = rng.dropout(gated, rate, (self.seed, training.number, block), training.rows, shared=True)
                gated = tf.reshape(gated, [-1, width])
            skips.append(gated)
            if block < len(self.onward_kernels):
                x += tf.reshape(self._residual(block, gated), [time, batch, width])
        total = tf.reshape(linear(tf.concat(skips, axis=-1), self.skip_kernel, self.skip_bias), [time, batch, skip])
        # Batch first before the head, whose input may be narrower than its logits.
        total = tf.reshape(tf.transpose(total, [1, 0, 2]), [-1, skip])
        logits = tf.reshape(self._head(total), [batch, time, self.vocabulary_size])
        return logits, (tf.concat(queues, axis=1), clock + time, *label)

    def step(self, token: Tensor, state: State) -> tuple[Tensor, State]:
        """See `trainer.models.base.TokenModel`."""
        rings, clock, *label = state
        added = self._added(label)
        distances = np.asarray(self.settings.distances, np.int32)
        starts = np.cumsum(distances) - distances
        slots = clock[:, None] % distances + starts
        old = tf.gather(rings, slots, batch_dims=1)
        x = tf.gather(self.embedding, token)
        inputs, skips = [], []
        for block, earlier in enumerate(tf.unstack(old, len(distances), axis=1)):
            inputs.append(x)
            skips.append(self._gate(block, tf.concat([x, earlier], axis=-1), added))
            if block < len(self.onward_kernels):
                x += self._residual(block, skips[-1])
        total = linear(tf.concat(skips, axis=-1), self.skip_kernel, self.skip_bias)
        rows = tf.broadcast_to(tf.range(tf.shape(clock)[0])[:, None], tf.shape(slots))
        where = tf.stack([rows, slots], axis=-1)
        return self._head(total), (_replace(rings, where, old, tf.stack(inputs, axis=1)), clock + 1, *label)

    def _added(self, label: list[Tensor]) -> list[Tensor]:
        """Returns what the label of a state, if it has one, adds in each block's gated unit."""
        return self.conditioning(*label) if label else []

    def _gate(self, block: int, pair: Tensor, added: list[Tensor]) -> Tensor:
        """Returns a gated unit [T * B, residual] of `pair` [T * B, 2 * residual], time first, and a label's part."""
        z = linear(pair, self.gate_kernels[block], self.gate_biases[block])
        if added:
            steps = tf.reshape(z, [-1, tf.shape(added[block])[0], z.shape[-1]])
            z = tf.reshape(steps + added[block], tf.shape(z))
        squashed, gate = tf.split(z, 2, axis=-1)
        return tf.tanh(squashed) * tf.sigmoid(gate)

    def _residual(self, block: int, gated: Tensor) -> Tensor:
        return linear(gated, self.onward_kernels[block], self.onward_biases[block])

    def _head(self, total: Tensor) -> Tensor:
        x = tf.nn.relu(linear(tf.nn.relu(total), self.hidden_kernel, self.hidden_bias))
        return linear(x, self.output_kernel, self.output_bias)[:, : self.vocabulary_size]


def _turn(ring: Tensor, by: Tensor, size: int) -> Tensor:
    """Turns each row b of `ring` [B, size, C] so that what was at by[b] modulo size is first."""
    places = (tf.range(size)[None, :] + by[:, None]) % size
    return tf.gather(ring, places, batch_dims=1)


def _replace(rings: Tensor, where: Tensor, old: Tensor, new: Tensor) -> Tensor:
    """Puts `new` at `where` in `rings` instead of `old`, in place where nothing else holds `rings`.

    `tf.tensor_scatter_nd_update` would copy every queue whole for every token. This operation can work in place,
    once the read of `old` is over; it adds, and taking away the very same number first leaves an exact zero.
    """
    with tf.control_dependencies([old]):
        rings = tf.raw_ops.ScatterNdNonAliasingAdd(input=rings, indices=where, updates=-old)
        return tf.raw_ops.ScatterNdNonAliasingAdd(input=rings, indices=where, updates=new)
