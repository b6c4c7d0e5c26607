"""Presets for one voice, each token a pitch and a length."""

from trainer.config import TrainingConfig
from trainer.models.lstm.settings import Lstm
from trainer.models.wavenet.settings import WaveNet
from trainer.preset import Preset, small


def jazz_lstm() -> Preset:
    """One cell of 64 units over the values of one solo, 30 at a time.

    The original draws 60 windows at random; those of a dataset of stride 1 are all that it could draw. Its cell reads
    one-hot vectors, which an embedding wider than the vocabulary can tell apart as well.
    """
    return Preset(
        "melody",
        30,
        Lstm(layers=1, units=64, embedding=96, dropout=0.0),
        TrainingConfig(optimizer="adam", learning_rate=1e-2, decay="inverse", clip=0.0, batch_size=60, epochs=100),
    )


def melody_lstm() -> Preset:
    """Three layers over whole tunes; for some thousands of them, ingested in all keys."""
    return Preset(
        "melody",
        128,
        Lstm(layers=3, units=512, embedding=256, dropout=0.3),
        TrainingConfig(
            optimizer="adam", learning_rate=2e-3, warmup=200, decay="cosine", batch_size=64, epochs=10, carry=True
        ),
    )


def melody_wavenet() -> Preset:
    """A WaveNet of about as many weights as `melody_lstm`; it sees 381 tokens back, more than most tunes have."""
    return Preset(
        "melody",
        128,
        WaveNet(residual=192, skip=512, dilations=(1, 2, 4, 8, 16, 32, 64), stacks=3, dropout=0.2),
        TrainingConfig(optimizer="adam", learning_rate=2e-3, warmup=200, decay="cosine", batch_size=64, epochs=10),
    )


def melody_lstm_small() -> Preset:
    return small(melody_lstm(), Lstm(layers=2, units=256, embedding=128, dropout=0.2), steps=1200, batch_size=32)


def melody_wavenet_small() -> Preset:
    """It sees 254 tokens back."""
    model = WaveNet(residual=96, skip=192, dilations=(1, 2, 4, 8, 16, 32, 64), stacks=2, dropout=0.1)
    return small(melody_wavenet(), model, steps=1200, batch_size=32)
