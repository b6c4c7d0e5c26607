import pytest

from trainer.config import TrainingConfig
from trainer.models.lstm.settings import Lstm
from trainer.models.rbm.settings import Rbm
from trainer.models.wavenet.settings import WaveNet
from trainer.presets import PRESETS, preset_name
from tutti.encodings.registry import encodings
from tutti.errors import Error


def test_every_preset_can_be_built_and_names_an_encoding_that_exists() -> None:
    for name, make in PRESETS.items():
        preset = make()
        assert preset.encoding in encodings()
        assert isinstance(preset.model, Lstm if "lstm" in name else WaveNet if "wavenet" in name else Rbm)


def test_the_originals_have_their_published_sizes() -> None:
    stacked, drums, piano = (PRESETS[name]() for name in ("stacked-lstm", "drums-lstm", "piano-lstm"))
    assert stacked.encoding == "events"
    assert isinstance(stacked.model, Lstm)
    assert (stacked.model.layers, stacked.model.dropout, stacked.model.input_dropout) == (4, 0.0, 0.5)
    assert stacked.training.carry
    assert drums.model == Lstm(layers=2, units=512, embedding=128, dense=0, dropout=0.2)
    assert (drums.training.optimizer, drums.training.batch_size, drums.training.epochs) == ("adam", 128, 60)
    assert piano.model == Lstm(layers=3, units=512, embedding=128, dense=256, dropout=0.3)
    assert (piano.training.optimizer, piano.training.batch_size, piano.training.epochs) == ("rmsprop", 64, 200)
    jazz, rbm = PRESETS["jazz-lstm"](), PRESETS["rbm"]()
    assert (jazz.encoding, jazz.window) == ("melody", 30)
    assert jazz.model == Lstm(layers=1, units=64, embedding=96, dropout=0.0)
    assert (jazz.training.learning_rate, jazz.training.decay, jazz.training.batch_size) == (0.01, "inverse", 60)
    assert (rbm.encoding, rbm.window) == ("pianoroll", 15)
    assert rbm.model == Rbm(hidden=50, gibbs_steps=1, chains=0)
    assert (rbm.training.optimizer, rbm.training.learning_rate, rbm.training.batch_size) == ("sgd", 0.005, 100)


@pytest.mark.parametrize("name", ["drums-wavenet", "audio-wavenet", "miditok-wavenet"])
def test_wavenets_double_their_dilations_up_to_512_and_begin_again(name: str) -> None:
    preset = PRESETS[name]()
    assert isinstance(preset.model, WaveNet)
    assert preset.model.dilations == (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
    assert preset.model.stacks > 1


@pytest.mark.parametrize("name", [name for name in PRESETS if "wavenet" in name])
def test_a_wavenets_windows_reach_back_as_far_as_any_of_its_dilations(name: str) -> None:
    preset = PRESETS[name]()
    assert isinstance(preset.model, WaveNet)
    assert max(preset.model.dilations) < preset.window


@pytest.mark.parametrize("name", [name for name in PRESETS if name.startswith("melody-")])
def test_presets_for_melodies_share_a_dataset_and_see_a_whole_tune(name: str) -> None:
    preset = PRESETS[name]()
    assert (preset.encoding, preset.window) == ("melody", 128)
    if isinstance(preset.model, WaveNet):
        assert preset.model.receptive_field > preset.window
    else:
        assert preset.training.carry


def test_a_model_takes_the_place_of_a_presets_own() -> None:
    assert preset_name("drums-lstm-small", "wavenet") == "drums-wavenet-small"
    assert preset_name("piano-wavenet", "lstm") == "piano-lstm"
    assert preset_name("melody-lstm-small", "wavenet") == "melody-wavenet-small"
    assert preset_name("piano-wavenet") == "piano-wavenet"
    assert preset_name("miditok-lstm-small", "wavenet") == "miditok-wavenet-small"
    with pytest.raises(Error, match="unknown preset 'jazz'; there are stacked-lstm, "):
        preset_name("jazz")


@pytest.mark.parametrize(
    ("name", "model"),
    [("jazz-lstm", "wavenet"), ("stacked-lstm-small", "wavenet"), ("audio-wavenet", "lstm"), ("rbm", "lstm")],
)
def test_a_model_that_a_preset_does_not_have_is_refused_by_name(name: str, model: str) -> None:
    with pytest.raises(Error, match=f"--model {model} does not go with preset {name}: presets of that model are "):
        preset_name(name, model)


@pytest.mark.parametrize(
    "values", [{"optimizer": "newton"}, {"decay": "steep"}, {"batch_size": 0}, {"patience": -1}, {"label_dropout": 1.0}]
)
def test_a_setting_that_cannot_be_is_named(values: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(values))):
        TrainingConfig(**values)  # type: ignore[arg-type]
