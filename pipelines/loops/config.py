"""Recipe: what to make of loops, as flags and as settings."""

import argparse
from dataclasses import dataclass
from typing import Any

from pipelines.loops.drum_loop import FASTEST, HAT, KICK, MOST_BARS, SLOWEST, SNARE
from tutti.errors import Error

MOST_FILES = 1_000_000


@dataclass(frozen=True)
class CombineConfig:
    """What to make of loops.

    Attributes:
      count: files to make.
      bars: the length of each, in bars of 4/4.
      bpm: its tempo.
      seed: another seed, other combinations.
      fractions: share of files, and of originals, for train, validation and test.
      drums: MIDI notes of the drums of which each file has one loop.
    """

    count: int = 500
    bars: int = 40
    bpm: float = 85.0
    seed: int = 1
    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1)
    drums: tuple[int, ...] = (KICK, SNARE, HAT)


# The flags of a recipe beside its count and its shares: type, and what it is.
FLAGS = {
    "bars": (int, "bars of 4/4 in each loop made"),
    "bpm": (float, "quarter notes a minute in them"),
    "seed": (int, "another seed, other combinations"),
}
BOUNDS = {"count": (1, MOST_FILES), "bars": (1, MOST_BARS), "bpm": (SLOWEST, FASTEST), "seed": (0, 1 << 63)}


def add_arguments(parser: Any, count: str, prefix: str = "", default: int | None = None) -> None:
    """Adds the flags of a recipe: the one called `count` for the files to make, and the others with a prefix."""
    about = "loops to make, of a kick, a snare and a hat loop each" + (f" ({default})" if default else "")
    parser.add_argument(f"--{count}", type=int, metavar="N", default=default, help=about)
    for name, (kind, about) in FLAGS.items():
        parser.add_argument(
            f"--{prefix}{name}", type=kind, metavar="N", help=f"{about} ({getattr(CombineConfig, name):g})"
        )


def from_arguments(args: argparse.Namespace, count: str, prefix: str = "") -> CombineConfig | None:
    """The recipe that parsed flags ask for, with `args.split` for its shares; None without a count.

    Raises:
      UserError: if one is out of bounds, there are no shares, or flags are given and no count.
    """
    named = {"count": count, **{name: f"{prefix}{name}" for name in FLAGS}}
    given = {name: getattr(args, flag.replace("-", "_")) for name, flag in named.items()}
    given = {name: value for name, value in given.items() if value is not None}
    for name, value in given.items():
        least, most = BOUNDS[name]
        if not least <= value <= most:
            raise Error(f"--{named[name]} {value:g}: it must be at least {least:,} and at most {most:,}")
    if given and "count" not in given:
        raise Error(f"--{named[next(iter(given))]} needs --{count}")
    if given and args.split is None:
        raise Error("--split folder: loops are divided before they are combined; give three shares, as 0.8,0.1,0.1")
    return CombineConfig(**given, fractions=args.split) if given else None
