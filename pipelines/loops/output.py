"""A folder of files that a run makes anew: the whole of it appears at once, or nothing does.

On a local disk a run writes beside the folder and renames. Where there are no folders to rename, it moves its
objects one by one, the list of sources last: without it, what is there is not finished, and is in the way of nothing.
"""

import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pipelines import filesystem
from tutti.errors import Error

# Which file came from which, and the request of the user; a folder that has it is whole.
SOURCES = "sources.json"
# Within a run's own folder: what will be the result, how far it is, and the result that it replaces.
MADE, REPLACED = "made", "replaced"


@contextmanager
def staging(out: str, request: dict[str, Any]) -> Iterator[str]:
    """Makes a run's own folder; what the block writes into MADE there is committed as `out` at the end.

    If the block raises, nothing of this run is left, nor of a run that was killed before.

    Args:
      out: the folder of the result.
      request: what the user asked for, as it stands in SOURCES. An earlier result of the same is replaced.

    Raises:
      Error: if `out` holds anything else, or cannot be written.
    """
    check(out, request)
    if filesystem.is_remote(out):
        own = filesystem.join(out, f".loops-{uuid.uuid4().hex[:8]}")
    else:
        out = os.path.realpath(out)
        beside = f".{Path(out).name}.loops-"
        _sweep(Path(out).parent, beside)
        own = str(Path(out).parent / f"{beside}{uuid.uuid4().hex[:8]}")
    with filesystem.folder_for(own):
        try:
            yield own
            check(out, request)
            _commit(out, own)
        finally:
            # What failed before says more than what fails now.
            with suppress(Error, OSError):
                filesystem.delete_tree(own)


def check(out: str, request: dict[str, Any]) -> None:
    """Checks that nothing is overwritten but an earlier result of the same request.

    Raises:
      Error: if the folder holds anything else.
    """
    if not filesystem.is_remote(out) and os.path.lexists(out) and not Path(out).is_dir():
        raise Error(f"{out} is a file; --out takes a folder, new or empty")
    with filesystem.explained("list", out):
        names = filesystem.files(out)
    if not names:
        return
    if SOURCES not in names:
        if all(name.startswith(".loops-") for name in names):
            return
        raise Error(f"{out} holds other files ({names[0]}); give --out a new folder")
    path = filesystem.join(out, SOURCES)
    with filesystem.explained("read", path):
        content = filesystem.read(path)
    try:
        before = json.loads(content)
        listed = {SOURCES, *before["files"]}
        differing = [name for name in request if before.get(name) != request[name]]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Error(f"{path} is no list of sources; give --out a new folder") from None
    if others := [name for name in names if name not in listed and not name.startswith(".loops-")]:
        raise Error(f"{out} holds other files ({others[0]}); give --out a new folder")
    if differing:
        has, wants = before.get(differing[0]), request[differing[0]]
        raise Error(f"{out} was made with {differing[0]} {has}, not {wants}; give --out a new folder")


def _commit(out: str, own: str) -> None:
    made = filesystem.join(own, MADE)
    if filesystem.is_remote(out):
        names = filesystem.files(made)
        before = [name for name in filesystem.files(out) if not name.startswith(".loops-") and name not in names]
        for name in [*(name for name in names if name != SOURCES), SOURCES]:
            filesystem.move(filesystem.join(made, name), filesystem.join(out, name))
        filesystem.delete([filesystem.join(out, name) for name in before])
        return
    with filesystem.explained("write", out):
        if Path(out).exists() and any(Path(out).iterdir()):
            Path(out).replace(Path(own, REPLACED))
        Path(made).replace(out)


def _sweep(parent: Path, beside: str) -> None:
    """Deletes what killed runs have left; a run that lives holds its folder."""
    for left in parent.glob(f"{beside}*"):
        with suppress(Error, OSError), filesystem.folder_for(str(left)):
            filesystem.delete_tree(str(left))
