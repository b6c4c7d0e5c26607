"""Sound as tokens: mu-law companding, one of 256 levels for each sample.

Levels are close together near silence and far apart where it is loud, as the ear hears: f(x) = sign(x) ln(1 + 255 |x|)
/ ln(256) of a sample x is rounded to the nearest of 256 equally spaced points. A token is the number of its level in
two hexadecimal digits, from `00`, the lowest, to `ff`; `7f` and `80` are the two sides of silence. Source: A. van den
Oord et al., "WaveNet", arXiv 1609.03499, section 2.2, after ITU-T G.711 (1988), which approximates f by straight lines.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tutti import audio
from tutti.audio import Sound
from tutti.encodings.base import TokenEncoding
from tutti.encodings.vocabulary import SPECIALS, Vocabulary
from tutti.errors import RejectedFile
from tutti.medium import Medium

LEVELS = 256
MU = LEVELS - 1
LOWEST_RATE, HIGHEST_RATE = 2000, 48_000


def _expanded(y: NDArray[np.float64]) -> NDArray[np.float32]:
    """Returns x where y = f(x), for y from -1 to 1."""
    return (np.sign(y) * np.expm1(np.abs(y) * np.log(LEVELS)) / MU).astype(np.float32)


# float32[256], the sample that a level stands for, and float32[255], the samples at which the next level begins.
VALUES = _expanded(np.arange(LEVELS) * 2 / MU - 1)
BORDERS = _expanded((2 * np.arange(MU) + 1) / MU - 1)


@cache
def _vocabulary() -> Vocabulary:
    return Vocabulary.of(f"{level:02x}" for level in range(LEVELS))


@dataclass(frozen=True)
class MuLaw(TokenEncoding):
    """A recording as mu-law levels.

    Args:
      rate: samples a second, from 2,000 to 48,000. Recordings of other rates are resampled.
    """

    name: ClassVar[str] = "mulaw"
    medium: ClassVar[Medium] = audio.SOUND

    rate: int = field(default=8000, metadata={"help": "samples, and so tokens, a second, from 2000 to 48000"})

    def __post_init__(self) -> None:
        if not isinstance(self.rate, int) or not LOWEST_RATE <= self.rate <= HIGHEST_RATE:
            raise ValueError(f"rate is {self.rate}; it can be from {LOWEST_RATE} to {HIGHEST_RATE}")

    def vocabulary(self) -> Vocabulary:
        return _vocabulary()

    def encode_ids(self, sound: Sound) -> list[NDArray[np.int32]]:
        samples = audio.resampled(sound, self.rate).samples
        if not len(samples):
            raise RejectedFile(f"too short for a single sample at {self.rate:,} a second")
        # Looked up instead of computed: logarithms differ in their last bit from one processor to another.
        return [(np.searchsorted(BORDERS, samples, side="right") + len(SPECIALS)).astype(np.int32)]

    def decode(self, tokens: Iterable[str]) -> Sound:
        words = [token for token in tokens if token not in SPECIALS]
        try:
            levels = _vocabulary().ids(words) - len(SPECIALS)
        except KeyError as unknown:
            raise ValueError(f"{unknown.args[0]!r} is not a mu-law level: two digits from 00 to ff") from None
        return Sound(self.rate, VALUES[levels])
