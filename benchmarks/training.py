"""Training the piano network: targets a second beside the original recipe, and beside matrix products alone.

    python -m benchmarks.training [--runs 5]

Three LSTM layers of 512, a dense layer of 256, 352 tokens, windows of 100, batch 64, dropout 0.3, RMSprop. The original
recipe (stock Keras, `fit`) sees a window and learns its one next token; ours learns at every position. The limit is
the time that the step's matrix products alone would take at the speed that a 2048 x 2048 product reaches here.
"""

import argparse

import keras
import numpy as np
import tensorflow as tf

from benchmarks import measure
from trainer.distribution import open_distribution
from trainer.models.registry import build
from trainer.objectives.next_token import NextToken
from trainer.presets import PRESETS

VOCABULARY, WINDOW, BATCH = 352, 100, 64
STEPS = 4
SIDE = 2048


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5, help="counted runs of each contestant (5)")
    args = parser.parse_args()
    preset = PRESETS["piano-lstm"]()
    tokens = np.random.default_rng(0).integers(3, VOCABULARY, (STEPS, BATCH, WINDOW + 1), np.int32)
    batches = {"label": tf.zeros([STEPS, BATCH], tf.int32), "tokens": tf.constant(tokens)}

    distribution = open_distribution("one")
    with distribution.strategy.scope():
        model = build(preset.model, VOCABULARY)
        train = NextToken().prepare(distribution, model, preset.training, total_steps=10_000).train

    def ours() -> float:
        return train(batches, STEPS, (False, False)).token_count

    stock = every_position(preset.training.learning_rate)

    def keras_at_every_position() -> float:
        for step in tokens:
            stock.train_on_batch(step[:, :-1], step[:, 1:])
        return tokens[:, :, 1:].size

    network = original()
    inputs = (tokens[0, :, :-1, None] / VOCABULARY).astype(np.float32)
    targets = keras.utils.to_categorical(tokens[0, :, -1], VOCABULARY)

    def original_recipe() -> float:
        network.fit(inputs, targets, batch_size=BATCH, epochs=1, verbose=0)
        return BATCH

    square = tf.random.normal([SIDE, SIDE])
    product = tf.function(lambda a: tf.matmul(a, a))
    flops = flops_a_target()

    def products_alone() -> float:
        for _ in range(10):
            product(square)
        return 10 * 2 * SIDE**3 / flops

    us, peer, bare, limit = measure.interleaved(
        {
            "tutti train, piano-lstm": ours,
            "the original recipe, stock Keras fit": original_recipe,
            "stock Keras LSTM at every position": keras_at_every_position,
            "matrix products alone, at 2048 x 2048 speed": products_alone,
        },
        args.runs,
    ).items()
    measure.report(
        "training",
        "targets/s",
        dict([us, peer, bare, limit]),
        {
            "us : original recipe": measure.ratio(us[1], peer[1]),
            "us : stock Keras at every position": measure.ratio(us[1], bare[1]),
            "us : matrix products alone": measure.ratio(us[1], limit[1]),
            "GFLOP/s in our matrix products": measure.rate(us[1]).median * flops / 1e9,
        },
    )


def original() -> keras.Model:
    """The published network: scalars in, one next token out."""
    network = keras.Sequential(
        [
            keras.Input((WINDOW, 1)),
            keras.layers.LSTM(512, return_sequences=True),
            keras.layers.Dropout(0.3),
            keras.layers.LSTM(512, return_sequences=True),
            keras.layers.Dropout(0.3),
            keras.layers.LSTM(512),
            keras.layers.Dense(256),
            keras.layers.Dropout(0.3),
            keras.layers.Dense(VOCABULARY, activation="softmax"),
        ]
    )
    network.compile(loss="categorical_crossentropy", optimizer="rmsprop")
    return network


def every_position(learning_rate: float) -> keras.Model:
    """Our network in stock layers."""
    layers: list[keras.Layer] = [keras.Input((WINDOW,), dtype="int32"), keras.layers.Embedding(VOCABULARY, 128)]
    for _ in range(3):
        layers += [keras.layers.LSTM(512, return_sequences=True), keras.layers.Dropout(0.3)]
    layers += [keras.layers.Dense(256, activation="relu"), keras.layers.Dense(VOCABULARY)]
    network = keras.Sequential(layers)
    network.compile(
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        optimizer=keras.optimizers.RMSprop(learning_rate, global_clipnorm=1.0),
    )
    return network


def flops_a_target() -> float:
    """Floating-point operations of the matrix products for one target, forwards and twice that backwards.

    The first layer's input product is a row of a table and counts as none.
    """
    products = 4 * 512 * 512 + 2 * 4 * 512 * (512 + 512) + 512 * 256 + 256 * VOCABULARY
    return 3 * 2 * products


if __name__ == "__main__":
    main()
