"""What a file can cause and what a program gets wrong, told apart.

Readers and encodings raise `RejectedFile` for what is wrong with a file: it is left out, and the others go on. Any
other exception is a mistake in a program, which would otherwise hide as thousands of rejected files: it ends the run.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from tutti.errors import Error, RejectedFile


class ProgramError(Exception):
    """A mistake in a reader or an encoding. Its text names the file that brought it out."""


@contextmanager
def blamed_on(name: str) -> Iterator[None]:
    """Names the file in whatever fails in the block, except where it is the file's own fault.

    Raises:
      RejectedFile, Error: as the block raised them.
      Error: if memory ran out.
      ProgramError: for any other exception.
    """
    try:
        yield
    except (RejectedFile, Error):
        raise
    except MemoryError:
        raise Error(f"memory ran out at {name}; give fewer --direct_num_workers, or leave it out") from None
    except Exception as error:
        raise ProgramError(f"{name}: {type(error).__name__}: {' '.join(str(error).split())}") from error
