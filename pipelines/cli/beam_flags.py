"""A command's own flags, and Beam's, which pass through."""

import argparse

from tutti.cli.flags import Parser
from tutti.errors import Error


def parsed(parser: Parser, argv: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """Returns the command's own flags, parsed, and those that are Beam's.

    Raises:
      Error: if a flag is neither's, or has a value that it cannot take.
    """
    args, strange = parser.parse_known_intermixed_args(argv)
    if not strange:
        return args, []
    # Only Beam can tell which of its flags take a value, and it takes seconds to import.
    from pipelines import runners

    beam, ours = runners.split_flags(argv)
    args, strange = parser.parse_known_intermixed_args(ours)
    if strange:
        raise Error(f"unknown flag {strange[0]}: neither {parser.prog} nor Apache Beam has it")
    return args, beam
