"""Recordings. Where soundfile is missing, these tests are skipped."""

import io
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from tutti import audio
from tutti.audio import SOUND, Sound
from tutti.errors import RejectedFile

soundfile = pytest.importorskip("soundfile")


def file(samples: Any, rate: int = 8000, format: str = "WAV", subtype: str = "PCM_16") -> bytes:
    content = io.BytesIO()
    soundfile.write(content, samples, rate, format=format, subtype=subtype)
    return content.getvalue()


def tone(hertz: float, seconds: float = 0.5, rate: int = 8000) -> NDArray[np.float32]:
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)).astype(np.float32)


@given(
    arrays.arrays(np.float32, st.integers(1, 300), elements=st.floats(-1, 1, width=32)), st.sampled_from([8000, 44100])
)
def test_a_written_sound_is_read_back_to_16_bits_and_written_again_alike(
    samples: NDArray[np.float32], rate: int
) -> None:
    written = audio.write(Sound(rate, samples))
    again = audio.read(written)
    assert again.rate == rate
    assert np.abs(again.samples - samples).max() <= 1 / audio.FULL_SCALE
    assert audio.write(again) == written


@pytest.mark.parametrize(
    ("format", "subtype", "within"),
    [
        ("WAV", "PCM_U8", 1e-2),
        ("WAV", "PCM_16", 1e-4),
        ("WAV", "PCM_24", 1e-6),
        ("WAV", "PCM_32", 1e-6),
        ("WAV", "FLOAT", 0),
        ("WAV", "DOUBLE", 0),
        ("WAV", "ULAW", 2e-2),
        ("FLAC", "PCM_16", 1e-4),
        ("FLAC", "PCM_24", 1e-6),
    ],
)
def test_any_sample_format_is_read(format: str, subtype: str, within: float) -> None:
    wanted = tone(440)
    read = audio.read(file(wanted, 8000, format, subtype))
    assert read.rate == 8000
    assert np.abs(read.samples - wanted).max() <= within


@pytest.mark.parametrize("channels", [2, 3, 8])
def test_channels_are_mixed_into_one(channels: int) -> None:
    wanted = np.random.default_rng(1).uniform(-1, 1, (1 << 15, channels)).astype(np.float32)
    read = audio.read(file(wanted, subtype="FLOAT"))
    assert np.allclose(read.samples, wanted.mean(1), atol=1e-6)


def test_samples_beyond_full_scale_are_cut_off() -> None:
    assert audio.read(file(np.array([2.0, -7e30, 0.5]), subtype="DOUBLE")).samples.tolist() == [1, -1, 0.5]


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf, 1e300])
def test_samples_that_are_no_numbers_reject_the_file(odd: float) -> None:
    with pytest.raises(RejectedFile, match="not numbers"):
        audio.read(file(np.array([0.1, odd, 0.2]), subtype="DOUBLE"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"MThd and so on", "neither WAV nor FLAC"),
        (b"RIFF\x04\x00\x00\x00RMID", "holds no sound"),
        (b"RIFF\x04\x00\x00\x00WAVE", "without samples"),
        (b"RIFF\x04\x00\x00\x00WAVE" + struct.pack("<4sI", b"junk", 0) * 5000, "without samples"),
        (b"fLaC", "damaged"),
        (b"RIFF\x24\x00\x00\x00WAVEdata\x04\x00\x00\x00abcd", "damaged"),
        (file(np.zeros(0)), "no samples"),
        (file(np.zeros(8), rate=10), "samples a second"),
    ],
)
def test_what_is_no_recording_is_rejected(content: bytes, reason: str) -> None:
    with pytest.raises(RejectedFile, match=reason):
        audio.read(content)


@pytest.mark.parametrize("format", ["WAV", "FLAC"])
def test_a_file_that_is_cut_off_is_rejected(format: str) -> None:
    whole = file(np.random.default_rng(1).uniform(-1, 1, 5000), format=format)
    for size in (20, 50, 100, len(whole) // 2, len(whole) - 2):
        with pytest.raises(RejectedFile):
            audio.read(whole[:size])


def test_a_header_that_claims_2_to_the_31_bytes_is_rejected() -> None:
    whole = bytearray(file(tone(440)))
    whole[40:44] = struct.pack("<I", 1 << 31)
    with pytest.raises(RejectedFile, match="2,147,483,648 bytes of samples, 8,000 are left"):
        audio.read(bytes(whole))


def test_a_recording_of_unstated_length_is_read_to_its_end() -> None:
    wanted = tone(440, seconds=2)
    wav = bytearray(file(wanted))
    wav[40:44] = b"\xff" * 4
    flac = bytearray(file(wanted, format="FLAC"))
    flac[21] &= 0xF0  # the last 36 bits of STREAMINFO's 64 on the format
    flac[22:26] = bytes(4)
    for streamed in (wav, flac):
        assert np.abs(audio.read(bytes(streamed)).samples - wanted).max() <= 1e-4


def test_silence_that_expands_beyond_the_bounds_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    small = file(np.zeros((3_000_000, 1), np.int16), 48_000, "FLAC")
    assert len(small) < 20_000
    assert audio.read(small).seconds == 62.5
    monkeypatch.setattr(audio, "MAX_SECONDS", 60)
    with pytest.raises(RejectedFile, match="longer than 1 minutes"):
        audio.read(small)
    monkeypatch.setattr(audio, "MAX_SAMPLES", 1 << 20)
    with pytest.raises(RejectedFile, match="more than 1,048,576 samples"):
        audio.read(small)


WHOLE = {"WAV": file(tone(440, 0.1)), "FLAC": file(tone(440, 0.1), format="FLAC")}


@settings(max_examples=300)
@given(
    st.sampled_from(sorted(WHOLE)),
    st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), min_size=1, max_size=6),
)
def test_damaged_bytes_give_a_sound_or_a_reason(format: str, damage: list[tuple[int, int]]) -> None:
    content = bytearray(WHOLE[format])
    for place, octet in damage:
        content[place] = octet
    try:
        sound = audio.read(bytes(content))
    except RejectedFile as reason:
        assert str(reason)
    else:
        assert len(sound.samples)
        assert np.abs(sound.samples).max() <= 1


@pytest.mark.parametrize(("rate", "other"), [(44100, 8000), (8000, 48000), (11025, 16000)])
def test_a_tone_is_the_same_tone_at_another_rate(rate: int, other: int) -> None:
    pytest.importorskip("soxr")
    found = audio.resampled(Sound(rate, tone(440, 1, rate)), other)
    wanted = tone(440, 1, other)
    assert found.rate == other
    assert abs(len(found.samples) - len(wanted)) <= 1
    middle = slice(other // 10, -other // 10)
    assert np.abs(found.samples[: len(wanted)][middle] - wanted[: len(found.samples)][middle]).max() < 1e-3


def test_the_medium_knows_its_files() -> None:
    assert SOUND.named("Take 1.WAV")
    assert SOUND.named("take.flac")
    assert not SOUND.named("._take.wav")
    assert not SOUND.named("take.mid")
