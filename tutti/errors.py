"""The ways in which work can fail through no fault of the program."""

from collections.abc import Iterator
from contextlib import contextmanager

# A module of the project that is missing is a mistake in it, and no package to install.
OWN = ("tutti", "pipelines", "trainer", "serving")


class Error(Exception):
    """Something the user can mend: a wrong option, a missing path, a full disk.

    Its text is one line that says what was wrong, where, and what to do. The command line prints it and ends with
    status 2.
    """


class MissingPackage(Error):
    """A package that an extra of Tutti installs, and that is not there.

    Args:
      task: what needs it, such as "reading recordings".
      package: its name.
      extra: the extra that has it.
    """

    def __init__(self, task: str, package: str, extra: str) -> None:
        super().__init__(f"{task} needs {package}; {how_to_install(extra)}")


class RejectedFile(Exception):
    """A file that cannot become a song. Its text is the reason, as it stands in the dataset's `rejected/`."""


@contextmanager
def needing(extra: str, task: str) -> Iterator[None]:
    """Says of a package that the block cannot import how to install it.

    Args:
      extra: the extra that has it; empty where nothing has to be installed.
      task: what needs it.

    Raises:
      MissingPackage: if a package is missing that is not the project's own.
    """
    try:
        yield
    except ModuleNotFoundError as missing:
        if not extra or (missing.name or OWN[0]).partition(".")[0] in OWN:
            raise
        raise MissingPackage(task, str(missing.name), extra) from None


def how_to_install(extra: str) -> str:
    """Says how to install an extra."""
    return f"install it with: pip install '.[{extra}]' in a checkout of Tutti"
