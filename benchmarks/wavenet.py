"""The WaveNet's queues beside computing its receptive field anew for every sample, and seconds a second of sound.

    python -m benchmarks.wavenet [--runs 5]

First, one network of twelve blocks, with dilations that make its receptive field 64, 256, 1,024 or 4,096 samples: the
weights and the work of a step are the same, so with queues (arXiv 1611.09482) the time of a sample should be too. The
peer computes the receptive field for every sample. Both take the likeliest sample each time and must write the same.

Then the presets for sound, by the loop that exports hold: how long a second at 8,000 samples takes to make, one piece
alone, and one among 64 that are made at once. A first implementation on a GPU was reported to take 90 minutes.
"""

import argparse
from dataclasses import replace

import numpy as np
import tensorflow as tf

from benchmarks import measure
from serving.graph.requests import SamplingRequests
from serving.graph.sampler import Sampler
from trainer.models.registry import build
from trainer.models.wavenet.network import WaveNetModel
from trainer.models.wavenet.settings import WaveNet
from trainer.presets import PRESETS
from trainer.types import Tensor
from tutti.encodings.mulaw import MuLaw
from tutti.encodings.vocabulary import EOS

RATE = 8000
CLAIM = 90 * 60  # seconds a second
LEVELS = len(MuLaw().vocabulary())
SIZES = WaveNet(residual=32, skip=64, dropout=0.0)
# Receptive field -> twelve dilations, as nearly doubling as their sum allows.
DILATIONS = {
    64: (1, 2, 4, 4, 4, 4, 4, 8, 8, 8, 8, 8),
    256: (1, 2, 4, 8, 16, 32, 32, 32, 32, 32, 32, 32),
    1024: (1, 2, 4, 8, 16, 32, 64, 128, 128, 128, 256, 256),
    4096: (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048),
}
BY_QUEUES, ANEW = 1000, 40
BATCHES = (1, 64)
# Samples a call makes of each preset, by batch: enough to outweigh what a call costs.
SAMPLES = {1: 2000, 64: 400}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5, help="counted runs of each contestant (5)")
    args = parser.parse_args()
    contestants: dict[str, measure.Work] = {}
    for field, dilations in DILATIONS.items():
        model = WaveNetModel(replace(SIZES, dilations=dilations, stacks=1), LEVELS)
        assert model.settings.receptive_field == field
        prompt = tf.constant(np.random.default_rng(field).integers(3, LEVELS, (1, field)), tf.int32)
        queues, anew = by_queues(model, prompt), computing_anew(model, prompt)
        check_same(queues(ANEW), anew(ANEW), field)
        contestants[f"queues, receptive field {field:,}"] = repeated(queues, BY_QUEUES)
        contestants[f"computing anew, receptive field {field:,}"] = repeated(anew, ANEW)
    presets = [name for name, make in PRESETS.items() if make().encoding == MuLaw.name]
    for name in presets:
        for batch in BATCHES:
            contestants[f"tutti generate, {name}, batch {batch}"] = generation(name, batch)
    rates = measure.interleaved(contestants, args.runs)

    def us(field: int) -> list[float]:
        return rates[f"queues, receptive field {field:,}"]

    ratios = {
        f"queues : computing anew, receptive field {field:,}": measure.ratio(
            us(field), rates[f"computing anew, receptive field {field:,}"]
        )
        for field in DILATIONS
    }
    least, *_, most = DILATIONS
    ratios[f"time of a sample, receptive field {most:,} : {least:,}"] = measure.ratio(us(least), us(most))
    for name in presets:
        for batch in BATCHES:
            rate = measure.rate(rates[f"tutti generate, {name}, batch {batch}"]).median
            ratios[f"seconds for a second of sound, {name}, batch {batch}"] = RATE / rate
            ratios[f"90 minutes : that, {name}, batch {batch}"] = CLAIM * rate / RATE
    measure.report("wavenet", "samples/s", rates, ratios)


def by_queues(model: WaveNetModel, prompt: Tensor) -> "tf.types.experimental.PolymorphicFunction":
    """A function from a number of samples to those that follow the prompt, int32[number]."""

    @tf.function(input_signature=[tf.TensorSpec([], tf.int32)])  # type: ignore[untyped-decorator, unused-ignore]
    def generate(count: Tensor) -> Tensor:
        _, state = model(prompt[:, :-1])

        def body(i: Tensor, token: Tensor, state: Tensor, made: Tensor) -> tuple[Tensor, ...]:
            logits, state = model.step(token, state)
            token = tf.argmax(logits, 1, tf.int32)
            return i + 1, token, state, made.write(i, token[0])

        start = (0, prompt[:, -1], state, tf.TensorArray(tf.int32, count))
        return tf.while_loop(lambda i, *_: i < count, body, start)[-1].stack()

    return generate


def computing_anew(model: WaveNetModel, prompt: Tensor) -> "tf.types.experimental.PolymorphicFunction":
    """The same without queues: the last samples, as many as the network sees, go through it for every new one."""

    @tf.function(input_signature=[tf.TensorSpec([], tf.int32)])  # type: ignore[untyped-decorator, unused-ignore]
    def generate(count: Tensor) -> Tensor:
        def body(i: Tensor, window: Tensor, made: Tensor) -> tuple[Tensor, ...]:
            logits, _ = model(window)
            token = tf.argmax(logits[:, -1], 1, tf.int32)
            return i + 1, tf.concat([window[:, 1:], token[:, None]], 1), made.write(i, token[0])

        start = (0, prompt, tf.TensorArray(tf.int32, count))
        return tf.while_loop(lambda i, *_: i < count, body, start)[-1].stack()

    return generate


def check_same(ours: Tensor, theirs: Tensor, field: int) -> None:
    """Raises AssertionError unless both wrote the same samples."""
    np.testing.assert_array_equal(ours, theirs, f"other samples with queues, receptive field {field}")


def repeated(generate: "tf.types.experimental.PolymorphicFunction", count: int) -> measure.Work:
    def run() -> float:
        return float(len(generate(count).numpy()))

    return run


def generation(preset: str, batch: int) -> measure.Work:
    model = build(PRESETS[preset]().model, LEVELS)
    # A network that has learned nothing would end a piece after some 260 samples.
    model.output_bias.assign(np.where(np.arange(model.output_bias.shape[0]) == EOS, -100.0, 0.0))
    sampler = Sampler(model, LEVELS)
    call = tf.function(lambda *rows: sampler.generate(SamplingRequests(*rows)))
    requests = SamplingRequests(
        prompt=tf.zeros([batch, 1], tf.int32),
        steps=tf.fill([batch], SAMPLES[batch]),
        temperature=tf.ones([batch]),
        top_k=tf.zeros([batch], tf.int32),
        top_p=tf.zeros([batch]),
        seed=tf.range(batch, dtype=tf.int64),
        label=tf.zeros([batch], tf.int32),
    )

    def run() -> float:
        _, length, _ = call(*requests)
        return float(tf.reduce_sum(length))

    return run


if __name__ == "__main__":
    main()
