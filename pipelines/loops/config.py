"""The settings of combining: what loops to make of drum loops."""

from dataclasses import dataclass

from pipelines.loops.drum_loop import FASTEST, HAT, KICK, MOST_BARS, NAMES, SLOWEST, SNARE
from tutti.dataset.manifest import SHARES, are_shares
from tutti.errors import Error

MOST_FILES = 1_000_000
BOUNDS: dict[str, tuple[int, int]] = {
    "count": (1, MOST_FILES),
    "bars": (1, MOST_BARS),
    "bpm": (SLOWEST, FASTEST),
    "seed": (0, 1 << 63),
}


@dataclass(frozen=True)
class CombineConfig:
    """What loops to make of drum loops.

    Attributes:
      count: files to make.
      bars: the length of each, in bars of 4/4.
      bpm: its tempo, in quarter notes a minute.
      seed: another seed, other combinations.
      fractions: share of files, and of originals, for train, validation and test.
      drums: MIDI notes of the drums of which each file has one loop.

    Raises:
      Error: if a number is out of its bounds, the shares are none, or a drum is none of the kit.
    """

    count: int = 500
    bars: int = 40
    bpm: float = 85.0
    seed: int = 1
    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1)
    drums: tuple[int, ...] = (KICK, SNARE, HAT)

    def __post_init__(self) -> None:
        for name in BOUNDS:
            check_bounds(name, getattr(self, name))
        if not are_shares(self.fractions):
            raise Error(f"--split {self.fractions}: it must be {SHARES}")
        if strangers := set(self.drums) - set(NAMES):
            raise Error(f"drums: no loop of {min(strangers)} is known; there are {', '.join(map(str, NAMES))}")


def check_bounds(name: str, value: float, called: str = "") -> None:
    """Checks one of the numbers of a `CombineConfig`.

    Args:
      name: the field.
      value: its value.
      called: what the error calls it, if not by its name.

    Raises:
      Error: if it is out of its bounds.
    """
    least, most = BOUNDS[name]
    if not least <= value <= most:
        raise Error(f"{called or name} {value:g}: it must be at least {least:,} and at most {most:,}")
