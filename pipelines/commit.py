"""How a dataset changes: all at once, or not at all.

A run writes into a folder of its own inside the dataset. To commit, it moves those files to their places, which
changes nothing for readers, and last replaces dataset.json, which names the new snapshot. Whatever stops the
run before that, its files are deleted; what a killed run could not delete, the next one does.
"""

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pipelines import filesystem
from pipelines.progress import PROGRESS
from tutti.dataset.manifest import MANIFEST, SPLITS, Dataset
from tutti.errors import Error

PREFIX = ".ingest-"
PARTS = (*SPLITS, "snapshots", "rejected")
# What a run leaves in its folder that is no part of the dataset: what it did, and how far it is.
SUMMARY = "summary.json"
NUMBERED = re.compile(rf"(?:{'|'.join(PARTS)})/(\d{{6}})[-.].*")


def current(dataset: str) -> Dataset | None:
    """Returns the dataset's manifest, None where there is no dataset yet.

    Raises:
      Error: if the path holds something else.
    """
    manifest = filesystem.join(dataset, MANIFEST)
    if filesystem.exists(manifest):
        with filesystem.explained("read", manifest):
            return Dataset.from_json(filesystem.read(manifest).decode(errors="replace"), manifest)
    if filesystem.is_remote(dataset) or not Path(dataset).exists():
        return None
    if not Path(dataset).is_dir():
        raise Error(f"{dataset} is a file; --dataset takes a folder, new or with a dataset in it")
    with filesystem.explained("list", dataset):
        others = sorted(
            path.name
            for path in Path(dataset).iterdir()
            if path.name not in (*PARTS, "lost+found") and not path.name.startswith(".")
        )
    if others:
        raise Error(f"{dataset} holds other files ({others[0]}) and no {MANIFEST}; give --dataset a new folder")
    return None


@contextmanager
def staging(dataset: str) -> Iterator[str]:
    """Makes a folder for what is not yet part of the dataset; it is gone at the end.

    If the block raises, nothing of this run is left, nor of a run that was killed before.

    Raises:
      Error: if the path holds something else, cannot be written to, or another process is writing to it.
    """
    current(dataset)
    with filesystem.folder_for(dataset):
        folder = filesystem.join(dataset, f"{PREFIX}{uuid.uuid4().hex[:8]}")
        _sweep(dataset)
        try:
            if not filesystem.is_remote(folder):
                with filesystem.explained("make", folder):
                    Path(folder).mkdir()
            yield folder
        except BaseException:
            # What failed before says more than what fails now.
            with suppress(Error, OSError):
                filesystem.delete_tree(folder)
                _sweep(dataset)
            raise
        filesystem.delete_tree(folder)


def commit(folder: str, dataset: str, snapshot: int) -> None:
    """Makes the files in the staging folder part of the dataset, as its snapshot of this number.

    Raises:
      Error: if they cannot be moved, or another run has committed meanwhile. Nothing has changed then.
    """
    now = current(dataset)
    if (now.snapshot if now else 0) != snapshot - 1:
        raise Error(f"another run has changed {dataset} meanwhile; run this one again")
    names = [name for name in filesystem.files(folder) if name not in (MANIFEST, SUMMARY, PROGRESS)]
    moved: list[str] = []
    try:
        for name in names:
            filesystem.move(filesystem.join(folder, name), filesystem.join(dataset, name))
            moved.append(filesystem.join(dataset, name))
        filesystem.move(filesystem.join(folder, MANIFEST), filesystem.join(dataset, MANIFEST))
    except BaseException:
        after = current(dataset)
        if after is None or after.snapshot < snapshot:
            filesystem.delete(moved)
        raise


def _sweep(dataset: str) -> None:
    """Deletes what runs that did not commit have left. This process holds the folder, so none of them lives."""
    if filesystem.is_remote(dataset):
        return
    root = Path(dataset)
    now = current(dataset)
    for folder in root.glob(f"{PREFIX}*"):
        filesystem.delete_tree(str(folder))
    for part in PARTS:
        for path in (root / part).glob("*"):
            found = NUMBERED.fullmatch(f"{part}/{path.name}")
            if found and int(found[1]) > (now.snapshot if now else 0) and path.is_file():
                path.unlink()
        with suppress(OSError):
            (root / part).rmdir()  # Only where it is empty.
