import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from tutti import audio
from tutti.audio import Sound
from tutti.encodings.mulaw import BORDERS, VALUES, MuLaw
from tutti.encodings.vocabulary import SPECIALS
from tutti.errors import RejectedFile

TOKENS = MuLaw().vocabulary().tokens[len(SPECIALS) :]


def companded(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """The paper's formula."""
    x = samples.astype(np.float64)
    return np.sign(x) * np.log(1 + 255 * np.abs(x)) / np.log(256)


@given(st.lists(st.sampled_from(TOKENS), min_size=1, max_size=300), st.sampled_from([8000, 16000]))
def test_any_tokens_are_the_same_after_decoding_and_encoding(tokens: list[str], rate: int) -> None:
    encoding = MuLaw(rate)
    sound = encoding.decode(tokens)
    assert sound.rate == rate
    assert encoding.encode(sound) == [tokens]
    pytest.importorskip("soundfile")
    # Sixteen bits are enough to keep every level apart.
    assert encoding.encode(audio.read(audio.write(sound))) == [tokens]


@given(arrays.arrays(np.float32, st.integers(1, 300), elements=st.floats(-1, 1, width=32)))
def test_a_decoded_sample_is_within_half_a_step_of_the_quantiser(samples: NDArray[np.float32]) -> None:
    encoding = MuLaw()
    (song,) = encoding.encode(Sound(8000, samples))
    decoded = encoding.decode(song).samples
    assert len(decoded) == len(samples)
    assert np.abs(companded(decoded) - companded(samples)).max() <= 1 / 255 + 1e-6


def test_words_and_ids_are_the_same_song() -> None:
    sound = Sound(8000, np.linspace(-1, 1, 1000, dtype=np.float32))
    (ids,), (words,) = MuLaw().encode_ids(sound), MuLaw().encode(sound)
    assert ids.dtype == np.int32
    assert ids.tolist() == MuLaw().vocabulary().ids(words).tolist()


def test_levels_are_those_of_the_paper() -> None:
    assert len(TOKENS) == 256
    assert VALUES[[0, 255]].tolist() == [-1, 1]
    assert np.array_equal(VALUES, -VALUES[::-1])
    assert (VALUES[:-1] < BORDERS).all()
    assert (VALUES[1:] > BORDERS).all()
    # Steps near silence and at full scale, in parts of full scale.
    assert np.diff(VALUES)[127] == pytest.approx(1 / 5800, rel=0.01)
    assert np.diff(VALUES)[254] == pytest.approx(1 / 23.4, rel=0.01)
    samples = np.linspace(-1, 1, 4001, dtype=np.float32)
    wanted = np.floor((companded(samples) + 1) / 2 * 255 + 0.5).astype(int)
    assert (MuLaw().encode_ids(Sound(8000, samples))[0] - len(SPECIALS)).tolist() == wanted.tolist()


def test_a_recording_of_another_rate_is_resampled() -> None:
    pytest.importorskip("soxr")
    sound = Sound(44100, np.sin(np.arange(44100, dtype=np.float32) / 50) * np.float32(0.5))
    (ids,) = MuLaw(8000).encode_ids(sound)
    assert len(ids) == 8000
    with pytest.raises(RejectedFile, match="too short"):
        MuLaw(2000).encode(Sound(768_000, np.zeros(3, np.float32)))


def test_specials_are_silent_and_strangers_are_named() -> None:
    assert MuLaw().decode(["BOS", "80", "PAD", "EOS"]).samples.tolist() == VALUES[[0x80]].tolist()
    assert len(MuLaw().decode([]).samples) == 0
    with pytest.raises(ValueError, match="'100' is not a mu-law level"):
        MuLaw().decode(["80", "100"])


@pytest.mark.parametrize("rate", [0, -8000, 1999, 48001])
def test_a_rate_out_of_bounds_is_refused(rate: int) -> None:
    with pytest.raises(ValueError, match="from 2000 to 48000"):
        MuLaw(rate)


@pytest.mark.parametrize("rate", [2000, 48000])
def test_a_rate_at_the_bounds_is_taken(rate: int) -> None:
    assert MuLaw(rate).decode(["80"]).rate == rate
