"""Generating with the piano network: notes a second beside the original loop, and beside matrix products alone.

    python -m benchmarks.generation [--runs 5]

Three LSTM layers of 512, a dense layer of 256, 352 tokens; 200 notes a piece. The original calls `predict` on the last
100 notes for every new one. Ours is the loop that exports hold, inside the graph, at batch 1 and 64. The limit is the
time of the step's matrix products alone, for as many rows as there are pieces; for a single piece also for the four
rows that it takes to give it the same notes alone as among others (`serving.graph.sampler`).
"""

import argparse

import numpy as np
import tensorflow as tf

from benchmarks import measure
from benchmarks.training import VOCABULARY, WINDOW, original
from serving.graph.requests import SamplingRequests
from serving.graph.sampler import Sampler
from trainer.models.registry import build
from trainer.presets import PRESETS
from tutti.encodings.vocabulary import EOS

NOTES = 200
BY_PREDICT = 20
BATCHES = (1, 64)
# Rows in the smallest tile of `serving.graph.tiling`.
TILE = 4
# (inputs, outputs) of each matrix product of a step
PRODUCTS = [(128, 2048), *[(512, 2048)] * 5, (512, 256), (256, VOCABULARY)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5, help="counted runs of each contestant (5)")
    args = parser.parse_args()
    network = original()

    def one_predict_a_note() -> float:
        pattern = list(np.random.default_rng(0).integers(0, VOCABULARY, WINDOW))
        for _ in range(BY_PREDICT):
            window = np.reshape(pattern, (1, WINDOW, 1)) / VOCABULARY
            pattern = [*pattern[1:], int(np.argmax(network.predict(window, verbose=0)))]
        return BY_PREDICT

    contestants = {"one predict a note, stock Keras": one_predict_a_note}
    for batch in BATCHES:
        contestants[f"tutti generate, batch {batch}"] = generation(batch)
        contestants[f"matrix products alone, batch {batch}"] = products_alone(batch, batch)
    contestants["matrix products alone, batch 1 in a tile"] = products_alone(TILE, 1)
    rates = measure.interleaved(contestants, args.runs)
    peer = rates["one predict a note, stock Keras"]
    ratios = {}
    for batch in BATCHES:
        us, limit = rates[f"tutti generate, batch {batch}"], rates[f"matrix products alone, batch {batch}"]
        ratios[f"us at batch {batch} : one predict a note"] = measure.ratio(us, peer)
        ratios[f"us at batch {batch} : matrix products alone"] = measure.ratio(us, limit)
    alone, limit = rates["tutti generate, batch 1"], rates["matrix products alone, batch 1 in a tile"]
    ratios["us at batch 1 : matrix products alone, in a tile"] = measure.ratio(alone, limit)
    measure.report("generation", "notes/s", rates, ratios)


def generation(batch: int) -> measure.Work:
    network = build(PRESETS["piano-lstm"]().model, VOCABULARY)
    # No piece ends early, so that as many notes are written as steps are taken.
    network.output_bias[EOS].assign(-1e9)
    network.prepare_steps()
    sampler = Sampler(network, VOCABULARY)
    call = tf.function(lambda *rows: sampler.generate(SamplingRequests(*rows)))
    # Prompts of one token, temperature 0.
    rows = (
        tf.range(3, 3 + batch)[:, None],
        tf.fill([batch], NOTES),
        tf.zeros([batch]),
        tf.zeros([batch], tf.int32),
        tf.zeros([batch]),
        tf.range(batch, dtype=tf.int64),
        tf.zeros([batch], tf.int32),
    )

    def run() -> float:
        _, length, _ = call(*rows)
        return float(tf.reduce_sum(length))

    return run


def products_alone(rows: int, pieces: int) -> measure.Work:
    chance = tf.random.Generator.from_seed(0)
    pairs = [(chance.normal([rows, width]), chance.normal([width, columns])) for width, columns in PRODUCTS]

    @tf.function  # type: ignore[untyped-decorator, unused-ignore]
    def steps() -> tf.Tensor:
        # A sum of one element of each keeps the products from being left out.
        total = tf.constant(0.0)
        for _ in tf.range(NOTES):
            for a, b in pairs:
                total += tf.matmul(a + total * 0, b)[0, 0]
        return total

    def run() -> float:
        steps()
        return pieces * NOTES

    return run


if __name__ == "__main__":
    main()
