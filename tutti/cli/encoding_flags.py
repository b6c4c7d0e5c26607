"""The flags of encodings: `--encoding`, and a flag for each parameter of each encoding."""

import argparse

from tutti.cli.flags import add_fields, flag, given
from tutti.encodings.base import Encoding
from tutti.encodings.registry import encoding_from_json, encodings
from tutti.errors import Error


def add_arguments(parser: argparse.ArgumentParser, default: str | None = "drums", about: str = "") -> None:
    """Adds `--encoding` and the parameters of all encodings, which stay None where they are not given.

    Args:
      default: the encoding where none is given.
      about: the help of `--encoding`.
    """
    known = encodings()
    parser.add_argument(
        "--encoding", choices=known, default=default, help=about or f"how songs become tokens ({default})"
    )
    add_fields(parser, dict(known), "parameters of --encoding {}")


def from_arguments(args: argparse.Namespace) -> Encoding:
    """Returns the encoding that parsed flags ask for.

    Raises:
      Error: if they name none, a flag belongs to another one, or has a value that it cannot take.
    """
    encoding = from_arguments_if_any(args)
    if encoding is None:
        raise Error(f"--encoding is missing; there are {', '.join(encodings())}")
    return encoding


def from_arguments_if_any(args: argparse.Namespace, otherwise: str | None = None) -> Encoding | None:
    """Returns the encoding that parsed flags ask for; None where they name none.

    Args:
      otherwise: the encoding of parameters that are given without a name.

    Raises:
      Error: if a flag belongs to another encoding, or has a value that it cannot take.
    """
    known = encodings()
    every = {name for encoding in known.values() for name in given(args, encoding)}
    name = args.encoding or (otherwise if every else None)
    own = {} if name is None else given(args, known[name])
    if strangers := sorted(every - set(own)):
        if name is None:
            raise Error(f"{flag(strangers[0])} belongs to an encoding; name one with --encoding")
        raise Error(f"{', '.join(map(flag, strangers))} does not apply to --encoding {name}")
    return None if name is None else encoding_from_json({"name": name, **own})
