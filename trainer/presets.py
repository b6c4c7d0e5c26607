"""Presets: one name that fixes encoding, window, model and training."""

from collections.abc import Callable

from trainer import melody_presets
from trainer.config import TrainingConfig
from trainer.models.lstm.settings import Lstm
from trainer.models.rbm.settings import Rbm
from trainer.models.wavenet.settings import WaveNet
from trainer.preset import DOUBLING, Preset, small
from tutti.errors import Error


def stacked_lstm() -> Preset:
    """The stacked LSTM over MIDI events, Chainer, 2016.

    Four equal layers behind an embedding as wide, half of every input-to-gate product dropped, the state carried on:
    that is the original's. Its widths, window and optimizer have not been published; these are customary ones.
    """
    return Preset(
        "events",
        64,
        Lstm(layers=4, units=256, embedding=256, dropout=0.0, input_dropout=0.5),
        TrainingConfig(
            optimizer="adam", learning_rate=1e-3, warmup=100, clip=5.0, batch_size=32, epochs=60, carry=True
        ),
    )


def piano_lstm() -> Preset:
    """The note-and-chord network of three layers, predicting at every position instead of at the last alone."""
    return Preset(
        "notes",
        100,
        Lstm(layers=3, units=512, embedding=128, dense=256, dropout=0.3),
        TrainingConfig(optimizer="rmsprop", learning_rate=1e-3, batch_size=64, epochs=200),
    )


def drums_lstm() -> Preset:
    """Choi, Fazekas and Sandler, arXiv 1604.05358."""
    return Preset(
        "drums",
        256,
        Lstm(layers=2, units=512, embedding=128, dropout=0.2),
        TrainingConfig(optimizer="adam", learning_rate=1e-3, batch_size=128, epochs=60),
    )


def rbm() -> Preset:
    """Boltzmann machine over piano rolls: 15 steps of 78 pitches, 50 hidden bits, CD-1, after Shiebler, 2016."""
    return Preset(
        "pianoroll",
        15,
        Rbm(hidden=50, gibbs_steps=1),
        TrainingConfig(optimizer="sgd", learning_rate=5e-3, clip=0.0, batch_size=100, epochs=200),
    )


def drums_wavenet() -> Preset:
    """A WaveNet (arXiv 1609.03499) of about as many weights as `drums_lstm`; it sees 2,047 words back, 120 bars.

    Windows of 1,024 words, because what lies further back than a window is never seen in training.
    """
    return Preset(
        "drums",
        1024,
        WaveNet(residual=144, skip=512, dilations=DOUBLING, stacks=2, dropout=0.1),
        TrainingConfig(optimizer="adam", learning_rate=1e-3, warmup=100, batch_size=32, epochs=60),
    )


def piano_wavenet() -> Preset:
    """A WaveNet of about as many weights as `piano_lstm`; it sees 382 tokens back."""
    return Preset(
        "notes",
        100,
        WaveNet(residual=192, skip=512, dilations=(1, 2, 4, 8, 16, 32, 64), stacks=3, dropout=0.2),
        TrainingConfig(optimizer="adam", learning_rate=1e-3, warmup=100, batch_size=64, epochs=200),
    )


def audio_wavenet() -> Preset:
    """The paper's network for sound: 256 levels, dilations 1 to 512 three times; it sees 3,070 samples back."""
    return Preset(
        "mulaw",
        6144,
        WaveNet(residual=64, skip=256, dilations=DOUBLING, stacks=3, dropout=0.0),
        TrainingConfig(optimizer="adam", learning_rate=1e-3, warmup=200, batch_size=8, epochs=100),
    )


def miditok_lstm() -> Preset:
    """Several instruments in one stream of tokens, some four for each note."""
    return Preset(
        "miditok",
        512,
        Lstm(layers=3, units=512, embedding=256, dropout=0.2),
        TrainingConfig(optimizer="adam", learning_rate=1e-3, warmup=100, batch_size=64, epochs=100),
    )


def miditok_wavenet() -> Preset:
    """A WaveNet of about as many weights as `miditok_lstm`; it sees 2,047 tokens back, some 500 notes."""
    return Preset(
        "miditok",
        1024,
        WaveNet(residual=192, skip=512, dilations=DOUBLING, stacks=2, dropout=0.1),
        TrainingConfig(optimizer="adam", learning_rate=1e-3, warmup=100, batch_size=32, epochs=100),
    )


def stacked_lstm_small() -> Preset:
    model = Lstm(layers=4, units=128, embedding=128, dropout=0.0, input_dropout=0.05)
    return small(stacked_lstm(), model, steps=800, learning_rate=6e-3)


def piano_lstm_small() -> Preset:
    return small(piano_lstm(), Lstm(layers=2, units=192, embedding=64, dropout=0.3), steps=600)


def drums_lstm_small() -> Preset:
    return small(drums_lstm(), Lstm(layers=2, units=160, embedding=64, dropout=0.1), 400, learning_rate=8e-3)


def drums_wavenet_small() -> Preset:
    model = WaveNet(residual=64, skip=128, dilations=(1, 2, 4, 8, 16, 32, 64, 128), stacks=1, dropout=0.05)
    return small(drums_wavenet(), model, steps=400, window=256)


def piano_wavenet_small() -> Preset:
    model = WaveNet(residual=64, skip=128, dilations=(1, 2, 4, 8, 16, 32), stacks=2, dropout=0.4)
    return small(piano_wavenet(), model, steps=600)


def rbm_small() -> Preset:
    """Persistent chains: CD-1 alone makes silence, where sampling begins, so likely that sampling stays there."""
    return small(rbm(), Rbm(hidden=256, chains=100), steps=2000, learning_rate=1e-2, batch_size=100)


def audio_wavenet_small() -> Preset:
    model = WaveNet(residual=32, skip=64, dilations=DOUBLING, stacks=1, dropout=0.0)
    return small(audio_wavenet(), model, steps=800, batch_size=4, window=2048)


def miditok_lstm_small() -> Preset:
    return small(miditok_lstm(), Lstm(layers=2, units=160, embedding=64, dropout=0.1), steps=400, window=256)


def miditok_wavenet_small() -> Preset:
    model = WaveNet(residual=64, skip=128, dilations=(1, 2, 4, 8, 16, 32, 64, 128), stacks=1, dropout=0.05)
    return small(miditok_wavenet(), model, steps=400, window=256)


PRESETS: dict[str, Callable[[], Preset]] = {
    "stacked-lstm": stacked_lstm,
    "stacked-lstm-small": stacked_lstm_small,
    "piano-lstm": piano_lstm,
    "piano-lstm-small": piano_lstm_small,
    "piano-wavenet": piano_wavenet,
    "piano-wavenet-small": piano_wavenet_small,
    "drums-lstm": drums_lstm,
    "drums-lstm-small": drums_lstm_small,
    "drums-wavenet": drums_wavenet,
    "drums-wavenet-small": drums_wavenet_small,
    "jazz-lstm": melody_presets.jazz_lstm,
    "melody-lstm": melody_presets.melody_lstm,
    "melody-lstm-small": melody_presets.melody_lstm_small,
    "melody-wavenet": melody_presets.melody_wavenet,
    "melody-wavenet-small": melody_presets.melody_wavenet_small,
    "rbm": rbm,
    "rbm-small": rbm_small,
    "audio-wavenet": audio_wavenet,
    "audio-wavenet-small": audio_wavenet_small,
    "miditok-lstm": miditok_lstm,
    "miditok-lstm-small": miditok_lstm_small,
    "miditok-wavenet": miditok_wavenet,
    "miditok-wavenet-small": miditok_wavenet_small,
}
# The parts of presets' names that name their model.
MODELS = ("lstm", "wavenet")


def preset_name(name: str, model: str | None = None) -> str:
    """Returns the preset's name, with `model` in place of its own: `drums-lstm`, `wavenet` -> `drums-wavenet`.

    Raises:
      Error: if there is no such preset.
    """
    if name not in PRESETS:
        raise Error(f"unknown preset {name!r}; there are {', '.join(PRESETS)}")
    if model is None:
        return name
    other = "-".join(model if part in MODELS else part for part in name.split("-"))
    if other not in PRESETS or model not in other.split("-"):
        of_model = ", ".join(one for one in PRESETS if model in one.split("-"))
        remedy = f"presets of that model are {of_model}" if of_model else "it has no presets; leave --preset out"
        raise Error(f"--model {model} does not go with preset {name}: {remedy}")
    return other
