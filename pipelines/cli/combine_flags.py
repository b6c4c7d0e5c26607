"""The flags of `CombineConfig`, for `tutti loops` and `tutti ingest`."""

import argparse
from typing import Any

from pipelines.loops.config import CombineConfig, check_bounds
from tutti.dataset.manifest import SHARES, are_shares
from tutti.errors import Error

# The flags beside the count and the shares: type, and what it is.
FLAGS = {
    "bars": (int, "bars of 4/4 in each loop made"),
    "bpm": (float, "quarter notes a minute in them"),
    "seed": (int, "another seed, other combinations"),
}


def add_arguments(parser: Any, count: str, prefix: str = "", default: int | None = None) -> None:
    """Adds the flags: the one called `count` for the files to make, and the others with a prefix."""
    about = "loops to make, of a kick, a snare and a hat loop each" + (f" ({default})" if default else "")
    parser.add_argument(f"--{count}", type=int, metavar="N", default=default, help=about)
    for name, (kind, about) in FLAGS.items():
        parser.add_argument(
            f"--{prefix}{name}", type=kind, metavar="N", help=f"{about} ({getattr(CombineConfig, name):g})"
        )


def from_arguments(args: argparse.Namespace, count: str, prefix: str = "", **more: Any) -> CombineConfig | None:
    """Returns the settings that parsed flags ask for; None without a count.

    Args:
      args: parsed flags.
      count: the flag for the files to make.
      prefix: of the other flags.
      more: fields that are no flags here.

    Raises:
      Error: if one is out of bounds, or flags are given and no count.
    """
    names = {"count": count, **{name: f"{prefix}{name}" for name in FLAGS}}
    given = {name: getattr(args, flag.replace("-", "_")) for name, flag in names.items()}
    given = {name: value for name, value in given.items() if value is not None}
    for name, value in given.items():
        check_bounds(name, value, f"--{names[name]}")
    if given and "count" not in given:
        raise Error(f"--{names[next(iter(given))]} needs --{count}")
    return CombineConfig(**given, **more) if given else None


def shares(text: str) -> tuple[float, float, float]:
    """Reads three shares that add up to 1."""
    try:
        parts = tuple(float(part) for part in text.split(","))
    except ValueError:
        parts = ()
    if not are_shares(parts):
        raise argparse.ArgumentTypeError(f"{text!r} is not {SHARES}")
    return parts[0], parts[1], parts[2]
