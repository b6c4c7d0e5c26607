"""The arithmetic of docs/scale.md: what a stream takes, and how many there can be, from figures that were measured.

    python -m benchmarks.scale

Prints the figures of that page. Speed is measured for the piano network and the network of sound (`results/`, batch
64); LSTMs are taken to do as many products a second as the one, WaveNets, whose queues take time as well, as the other.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from trainer.models.registry import build
from trainer.presets import PRESETS
from tutti.encodings.registry import encodings

RESULTS = Path(__file__).parent / "results"
# Tokens that a second of music takes: at 120 quarters a minute, with two notes a quarter where that is not said by the
# encoding; sound at 8 kHz.
PACE = {"drums-lstm": 8.5, "drums-wavenet": 8.5, "piano-lstm": 4.0, "piano-wavenet": 4.0, "melody-lstm": 4.0}
PACE |= {"melody-wavenet": 4.0, "miditok-lstm": 14.2, "miditok-wavenet": 14.2, "audio-wavenet": 8000.0}
# Where an encoding learns its vocabulary, that of the piano benchmark.
LEARNED = 352
# What is planned for of what the engine does, so that bursts find room.
FILL = 0.7
# Tokens that a stream sends at a time.
BLOCK = 8
NOTE = {"track": 0, "onset": 123.5, "duration": 0.5, "pitch": 60, "velocity": 80}


def main() -> None:
    measured = {
        "piano-lstm": per_core("generation", "tutti generate, batch 64"),
        "audio-wavenet": per_core("wavenet", "tutti generate, audio-wavenet, batch 64"),
    }
    speeds = {}
    for name, rate in measured.items():
        model = network(name)
        speeds[type(model)] = rate * products(model)
        print(f"{name}: {2 * speeds[type(model)] / 1e9:.0f} GFLOP/s a core")
    engine = served()
    print(f"the engine under mixed load: {engine:.2f} of closed calls; {engine * FILL:.2f} are counted on")
    print("| | MFLOP a token | state | tokens/s a core | streams a core | a million listeners: cores | states |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for name, pace in PACE.items():
        model = network(name)
        state, work = nbytes(model), products(model)
        rate = speeds[type(model)] / work
        streams = rate * engine * FILL / pace
        cells = [
            f"`{name}`",
            f"{2 * work / 1e6:.1f}",
            size(state),
            f"{rate:,.0f}{'' if name in measured else ' *'}",
            f"{streams:,.{0 if streams > 1 else 1}f}",
            f"{1e6 / streams:,.0f}",
            size(1e6 * state),
        ]
        print(f"| {' | '.join(cells)} |")
    event = {"tokens": ["E-4.G4"] * BLOCK, "notes": [NOTE] * BLOCK, "position": 1000, "quarters": 512.5}
    sent = len(f"event: notes\nid: 12.1000\ndata: {json.dumps(event, separators=(',', ':'))}\n\n")
    print(f"an event of {BLOCK} notes: {sent} bytes; {sent / BLOCK * 4:.0f} bytes/s at 4 notes a second")


def per_core(claim: str, contestant: str) -> float:
    """Returns a rate that was measured, of one core."""
    result = json.loads((RESULTS / f"{claim}.json").read_text())
    return float(result["rates"][contestant]["median"] / result["machine"]["cores"])


def served() -> float:
    """Returns what the engine reaches of closed calls, with requests of mixed lengths that come and go."""
    result = json.loads((RESULTS / "serving.json").read_text())
    (full,) = (run for run in result["runs"] if run["contestant"] == "engine" and run["load"] == 1)
    return float(full["tokens_a_second"] / result["closed"])


def network(name: str) -> Any:
    """Returns a preset's network, with random weights."""
    preset = PRESETS[name]()
    encoding = encodings()[preset.encoding]()
    vocabulary = encoding.vocabulary()
    return build(preset.model, len(vocabulary.tokens) if vocabulary else LEARNED)


def products(model: Any) -> int:
    """Returns the multiplications of a token's matrix products: the weights of each once, without the embedding."""
    weights = [variable for variable in model.trainable_variables if len(variable.shape) > 1]
    return sum(int(np.prod(variable.shape)) for variable in weights if "embedding" not in variable.name)


def nbytes(model: Any) -> int:
    """Returns the bytes of a stream's state: the model's, its last token, and how long it lasts."""
    parts = tf.nest.flatten(model.initial_state(1))
    return sum(int(np.prod(part.shape)) * part.dtype.size for part in parts) + 4 + 8


def size(count: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"


if __name__ == "__main__":
    main()
