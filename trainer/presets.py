"""Presets: one name that fixes encoding, window, model and training."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from music.errors import UserError
from trainer.lstm import Lstm
from trainer.optimizer import OPTIMIZERS
from trainer.schedule import DECAYS
from trainer.wavenet import WaveNet

Settings = Lstm | WaveNet


def _option(help: str, choices: tuple[str, ...] | None = None) -> Any:
    return {"help": help, "choices": choices}


@dataclass(frozen=True)
class Training:
    """How a model is fitted. An epoch sees every window of the train split once.

    Raises:
      ValueError: if a field has a value that it cannot take.
    """

    optimizer: str = field(default="adam", metadata=_option("adam or rmsprop", tuple(OPTIMIZERS)))
    learning_rate: float = field(default=1e-3, metadata=_option("highest learning rate"))
    warmup: int = field(default=0, metadata=_option("steps in which the learning rate rises from 0"))
    decay: str = field(default="none", metadata=_option("how it falls, to a tenth at the last step", DECAYS))
    clip: float = field(default=1.0, metadata=_option("greatest norm of the whole gradient; 0 for any"))
    batch_size: int = field(default=64, metadata=_option("windows in a step, over all devices and workers"))
    epochs: int = field(default=60, metadata=_option("passes over the train split"))
    steps: int = field(default=0, metadata=_option("steps instead of epochs; 0: the epochs decide"))
    time_limit: float = field(default=0.0, metadata=_option("minutes of training at most, restarts included; 0: any"))
    evaluate_every: int = field(default=0, metadata=_option("steps from one validation to the next; 0: an epoch"))
    patience: int = field(default=0, metadata=_option("validations without gain before it stops; 0: it never does"))
    seed: int = field(default=1, metadata=_option("decides initial weights, order of windows and dropped units"))
    cache_mb: int = field(default=1024, metadata=_option("megabytes of windows to hold in memory at most"))

    def __post_init__(self) -> None:
        for name, choices in (("optimizer", tuple(OPTIMIZERS)), ("decay", DECAYS)):
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} must be one of {', '.join(choices)}, not {getattr(self, name)!r}")
        for name in ("learning_rate", "batch_size", "epochs", "cache_mb"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be greater than 0, not {getattr(self, name)}")
        for name in ("warmup", "clip", "steps", "time_limit", "evaluate_every", "patience", "seed"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be below 0, got {getattr(self, name)}")


# What may change when a run goes on: how long it goes and when it looks up, not what it computes in a step.
EXTENDABLE = frozenset({"epochs", "steps", "time_limit", "patience", "evaluate_every"})


@dataclass(frozen=True)
class Preset:
    """Attributes:
    encoding: name of the encoding that its datasets have.
    window: input tokens in a window as the original has it. Other windows train as well.
    """

    encoding: str
    window: int
    model: Settings
    training: Training


def drums_lstm() -> Preset:
    """Choi, Fazekas and Sandler, arXiv 1604.05358."""
    return Preset(
        "drums",
        256,
        Lstm(layers=2, units=512, embedding=128, dropout=0.2),
        Training(optimizer="adam", learning_rate=1e-3, batch_size=128, epochs=60),
    )


def piano_lstm() -> Preset:
    """The note-and-chord network of three layers, predicting at every position instead of at the last alone."""
    return Preset(
        "notes",
        100,
        Lstm(layers=3, units=512, embedding=128, dense=256, dropout=0.3),
        Training(optimizer="rmsprop", learning_rate=1e-3, batch_size=64, epochs=200),
    )


def drums_wavenet() -> Preset:
    """A WaveNet (arXiv 1609.03499) of about as many weights as `drums_lstm`; it sees 1,023 words back, 60 bars."""
    return Preset(
        "drums",
        256,
        WaveNet(residual=160, skip=512, dilations=(1, 2, 4, 8, 16, 32, 64, 128, 256), stacks=2, dropout=0.1),
        Training(optimizer="adam", learning_rate=1e-3, warmup=100, batch_size=128, epochs=60),
    )


def piano_wavenet() -> Preset:
    """A WaveNet of about as many weights as `piano_lstm`; it sees 382 tokens back."""
    return Preset(
        "notes",
        100,
        WaveNet(residual=192, skip=512, dilations=(1, 2, 4, 8, 16, 32, 64), stacks=3, dropout=0.2),
        Training(optimizer="adam", learning_rate=1e-3, warmup=100, batch_size=64, epochs=200),
    )


def _small(preset: Preset, model: Settings, steps: int, learning_rate: float = 4e-3) -> Preset:
    """A preset that two CPU cores train in about a minute."""
    training = Training(
        optimizer="adam",
        learning_rate=learning_rate,
        warmup=20,
        decay="cosine",
        batch_size=16,
        steps=steps,
        evaluate_every=max(steps // 8, 1),
        seed=preset.training.seed,
    )
    return replace(preset, model=model, training=training)


def drums_lstm_small() -> Preset:
    return _small(drums_lstm(), Lstm(layers=2, units=160, embedding=64, dropout=0.1), 400, learning_rate=8e-3)


def piano_lstm_small() -> Preset:
    return _small(piano_lstm(), Lstm(layers=2, units=192, embedding=64, dropout=0.3), steps=600)


def drums_wavenet_small() -> Preset:
    model = WaveNet(residual=64, skip=128, dilations=(1, 2, 4, 8, 16, 32, 64, 128), stacks=1, dropout=0.05)
    return _small(drums_wavenet(), model, steps=400)


def piano_wavenet_small() -> Preset:
    model = WaveNet(residual=64, skip=128, dilations=(1, 2, 4, 8, 16, 32), stacks=2, dropout=0.4)
    return _small(piano_wavenet(), model, steps=600)


PRESETS: dict[str, Callable[[], Preset]] = {
    "drums-lstm": drums_lstm,
    "drums-lstm-small": drums_lstm_small,
    "drums-wavenet": drums_wavenet,
    "drums-wavenet-small": drums_wavenet_small,
    "piano-lstm": piano_lstm,
    "piano-lstm-small": piano_lstm_small,
    "piano-wavenet": piano_wavenet,
    "piano-wavenet-small": piano_wavenet_small,
}
MODELS = ("lstm", "wavenet")


def preset_name(name: str, model: str | None = None) -> str:
    """The preset's name, with `model` in place of its own: `drums-lstm`, `wavenet` -> `drums-wavenet`.

    Raises:
      UserError: if there is no such preset.
    """
    if name not in PRESETS:
        raise UserError(f"unknown preset {name!r}; there are {', '.join(PRESETS)}")
    if model is None:
        return name
    return "-".join(model if part in MODELS else part for part in name.split("-"))
