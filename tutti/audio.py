"""Recordings: WAV and FLAC files <-> Sound, one channel of samples.

libsndfile decodes them, through soundfile, and soxr changes sampling rates; both come with the extra `audio`. Writing
needs neither. Container: "Multimedia Programming Interface and Data Specifications 1.0" (IBM and Microsoft, 1991).
"""

import base64
import importlib
import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tutti.errors import MissingPackage, RejectedFile
from tutti.medium import Medium

if TYPE_CHECKING:
    from soundfile import SoundFile

# The longest recording. A FLAC file of silence holds an hour in some kilobytes, and at one sample a second a short file
# lasts for days: the bounds are on what comes out.
MAX_BYTES = 256 << 20
MAX_SECONDS = 20 * 60
MAX_SAMPLES = 1 << 26
LOWEST_RATE, HIGHEST_RATE = 1000, 768_000
# Samples, of all channels together, that are decoded at once.
BLOCK = 1 << 18
MAX_CHUNKS = 4096
# The size of the data chunk where a program wrote into a pipe and could not know how long it would be.
UNKNOWN = 0xFFFFFFFF
FULL_SCALE = 1 << 15


@dataclass(frozen=True, eq=False)
class Sound:
    """A recording. In a notebook it shows a player.

    Attributes:
      rate: samples a second.
      samples: float32[n], one channel, from -1 to 1.
    """

    rate: int
    samples: NDArray[np.float32]

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.samples) / self.rate

    def _repr_html_(self) -> str:
        content = base64.b64encode(write(self)).decode()
        return f'<audio controls src="data:audio/wav;base64,{content}"></audio>'


def read(data: bytes) -> Sound:
    """Returns the sound of a WAV or FLAC file of any sample format and rate, its channels mixed into one.

    Samples beyond full scale, which files of floating-point numbers can hold, are clipped.

    Raises:
      RejectedFile: if it is neither WAV nor FLAC, is damaged or cut off, holds no samples or samples that are no
        numbers, or is beyond the bounds of this module.
      Error: if soundfile is not installed.
    """
    if len(data) > MAX_BYTES:
        raise RejectedFile(f"{len(data):,} bytes are beyond the limit of {MAX_BYTES:,} for a recording")
    if data[:4] == b"RIFF":
        _check_wav(data)
    elif data[:4] != b"fLaC":
        raise RejectedFile(
            "neither WAV nor FLAC: it begins with neither RIFF nor fLaC" if data else "the file is empty"
        )
    soundfile = _module("soundfile", "reading recordings")
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            if not LOWEST_RATE <= file.samplerate <= HIGHEST_RATE:
                raise RejectedFile(
                    f"{file.samplerate:,} samples a second; it can be from {LOWEST_RATE:,} to {HIGHEST_RATE:,}"
                )
            blocks = list(_blocks(file))
            samples = np.concatenate(blocks) if blocks else np.zeros(0, np.float32)
            # A FLAC encoder that writes into a pipe leaves the number out, which then reads as 2^63 - 1.
            if len(samples) < file.frames < 1 << 62:
                raise RejectedFile(f"cut off: it claims {file.frames:,} samples, there are {len(samples):,}")
            rate = int(file.samplerate)
    except soundfile.LibsndfileError as error:
        raise RejectedFile(f"damaged or cut off: {error.error_string.strip().rstrip('.')}") from None
    except (soundfile.SoundFileError, RuntimeError, ValueError, OverflowError) as error:
        raise RejectedFile(f"damaged or cut off: {' '.join(str(error).split())}") from None
    if not len(samples):
        raise RejectedFile("no samples in it")
    return Sound(rate, samples)


def write(sound: Sound) -> bytes:
    """Returns a WAV file of 16-bit samples, one channel; the same bytes for the same sound."""
    pcm = np.rint(sound.samples * np.float32(FULL_SCALE)).clip(-FULL_SCALE, FULL_SCALE - 1).astype("<i2").tobytes()
    header = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, sound.rate, 2 * sound.rate, 2, 16)
    content = b"WAVE" + header + struct.pack("<4sI", b"data", len(pcm)) + pcm
    return struct.pack("<4sI", b"RIFF", len(content)) + content


SOUND = Medium("WAV or FLAC", (".wav", ".flac"), MAX_BYTES, read, write)


def resampled(sound: Sound, rate: int) -> Sound:
    """Returns the sound at another sampling rate, without the frequencies above half of that rate.

    Raises:
      Error: if soxr is not installed and the rate differs from the sound's.
    """
    if sound.rate == rate or not len(sound.samples):
        return Sound(rate, sound.samples)
    samples = _module("soxr", "changing sampling rates").resample(sound.samples, sound.rate, rate)
    # The filter rings a little beyond full scale where a recording is at its limit.
    return Sound(rate, np.clip(samples, -1, 1).astype(np.float32))


def _check_wav(data: bytes) -> None:
    """Checks that the samples of a RIFF file are all there; libsndfile does not.

    Raises:
      RejectedFile: if some are missing, or it holds none.
    """
    if data[8:12] != b"WAVE":
        raise RejectedFile("not a WAV file: a RIFF file that holds no sound")
    at = 12
    for _ in range(MAX_CHUNKS):
        if at + 8 > len(data):
            raise RejectedFile("cut off: a WAV file without samples")
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        if data[at : at + 4] == b"data":
            present = len(data) - at - 8
            if present < size != UNKNOWN:
                raise RejectedFile(f"cut off: it claims {size:,} bytes of samples, {present:,} are left")
            return
        at += 8 + size + size % 2
    raise RejectedFile(f"a WAV file without samples in its first {MAX_CHUNKS:,} chunks")


def _blocks(file: "SoundFile") -> Iterator[NDArray[np.float32]]:
    """Yields the samples of an open file block by block, channels mixed into one.

    Raises:
      RejectedFile: if there are too many samples, or some are no numbers.
    """
    most = min(MAX_SAMPLES, MAX_SECONDS * file.samplerate)
    size = max(BLOCK // file.channels, 1)
    # After every block soundfile seeks to where it is, which fails at the end of a FLAC file of unstated length.
    file.seekable = lambda: False
    count = 0
    while True:
        block = file.read(size, dtype="float32", always_2d=True)
        count += len(block)
        if count > most:
            raise RejectedFile(
                f"longer than {MAX_SECONDS // 60} minutes, the limit for a recording"
                if most < MAX_SAMPLES
                else f"more than {MAX_SAMPLES:,} samples, the limit for a recording"
            )
        if not np.isfinite(block).all():
            raise RejectedFile("it holds samples that are not numbers")
        if len(block):
            yield np.clip(block, -1, 1).mean(axis=1, dtype=np.float32)
        if len(block) < size:
            return


def _module(name: str, task: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    # soundfile raises OSError where its library is missing.
    except (ModuleNotFoundError, OSError):
        raise MissingPackage(task, name, "audio") from None
