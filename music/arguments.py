"""The command-line parser of every command: a wrong flag ends in one line, like any other user's error."""

import argparse
from typing import NoReturn

from music.errors import UserError


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that raises instead of printing its usage, and prints examples as they are written."""

    def __init__(self, prog: str, description: str, examples: str) -> None:
        super().__init__(
            prog=prog,
            description=description,
            epilog=examples,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message} ({self.prog} --help says more)")
