import pytest

from music.encoding import registry
from music.errors import UserError
from trainer.lstm import Lstm
from trainer.presets import PRESETS, Training, preset_name
from trainer.wavenet import WaveNet


def test_every_preset_can_be_built_and_names_an_encoding_that_exists() -> None:
    for name, make in PRESETS.items():
        preset = make()
        assert preset.encoding in registry()
        assert isinstance(preset.model, Lstm if "lstm" in name else WaveNet)


def test_the_originals_have_their_published_sizes() -> None:
    drums, piano = PRESETS["drums-lstm"](), PRESETS["piano-lstm"]()
    assert drums.model == Lstm(layers=2, units=512, embedding=128, dense=0, dropout=0.2)
    assert (drums.training.optimizer, drums.training.batch_size, drums.training.epochs) == ("adam", 128, 60)
    assert piano.model == Lstm(layers=3, units=512, embedding=128, dense=256, dropout=0.3)
    assert (piano.training.optimizer, piano.training.batch_size, piano.training.epochs) == ("rmsprop", 64, 200)


def test_a_model_takes_the_place_of_a_presets_own() -> None:
    assert preset_name("drums-lstm-small", "wavenet") == "drums-wavenet-small"
    assert preset_name("piano-wavenet", "lstm") == "piano-lstm"
    assert preset_name("piano-wavenet") == "piano-wavenet"
    with pytest.raises(UserError, match="unknown preset 'jazz'; there are drums-lstm, "):
        preset_name("jazz")


@pytest.mark.parametrize("values", [{"optimizer": "sgd"}, {"decay": "steep"}, {"batch_size": 0}, {"patience": -1}])
def test_a_setting_that_cannot_be_is_named(values: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(values))):
        Training(**values)  # type: ignore[arg-type]
