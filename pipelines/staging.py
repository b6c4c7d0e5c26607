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

from music.dataset import MANIFEST, SPLITS, Dataset
from music.errors import UserError
from pipelines import storage

PREFIX = ".ingest-"
PARTS = (*SPLITS, "snapshots", "rejected")
# What a run leaves in its folder that is no part of the dataset: what it did, and how far it is.
SUMMARY, PROGRESS = "summary.json", "progress"
NUMBERED = re.compile(rf"(?:{'|'.join(PARTS)})/(\d{{6}})[-.].*")


def current(dataset: str) -> Dataset | None:
    """The dataset's manifest, None where there is no dataset yet.

    Raises:
      UserError: if the path holds something else.
    """
    manifest = storage.join(dataset, MANIFEST)
    if storage.exists(manifest):
        with storage.explained("read", manifest):
            return Dataset.from_json(storage.read(manifest).decode(errors="replace"), manifest)
    if storage.is_remote(dataset) or not Path(dataset).exists():
        return None
    if not Path(dataset).is_dir():
        raise UserError(f"{dataset} is a file; --dataset takes a folder, new or with a dataset in it")
    with storage.explained("list", dataset):
        strangers = sorted(
            path.name
            for path in Path(dataset).iterdir()
            if path.name not in (*PARTS, "lost+found") and not path.name.startswith(".")
        )
    if strangers:
        raise UserError(f"{dataset} holds other files ({strangers[0]}) and no {MANIFEST}; give --dataset a new folder")
    return None


@contextmanager
def staging(dataset: str) -> Iterator[str]:
    """A folder for what is not yet part of the dataset; gone at the end.

    If the block raises, nothing of this run is left, nor of a run that was killed before.

    Raises:
      UserError: if the path holds something else, cannot be written to, or another process is writing to it.
    """
    current(dataset)
    with storage.folder_for(dataset):
        folder = storage.join(dataset, f"{PREFIX}{uuid.uuid4().hex[:8]}")
        _sweep(dataset)
        try:
            if not storage.is_remote(folder):
                with storage.explained("make", folder):
                    Path(folder).mkdir()
            yield folder
        except BaseException:
            # What fails here is less telling than what failed before.
            with suppress(UserError, OSError):
                storage.delete_tree(folder)
                _sweep(dataset)
            raise
        storage.delete_tree(folder)


def commit(folder: str, dataset: str, snapshot: int) -> None:
    """Makes the files in the staging folder part of the dataset, as its snapshot of this number.

    Raises:
      UserError: if they cannot be moved, or another run has committed meanwhile. Nothing has changed then.
    """
    now = current(dataset)
    if (now.snapshot if now else 0) != snapshot - 1:
        raise UserError(f"another run has changed {dataset} meanwhile; run this one again")
    names = [name for name in storage.files(folder) if name not in (MANIFEST, SUMMARY, PROGRESS)]
    moved: list[str] = []
    try:
        for name in names:
            storage.move(storage.join(folder, name), storage.join(dataset, name))
            moved.append(storage.join(dataset, name))
        storage.move(storage.join(folder, MANIFEST), storage.join(dataset, MANIFEST))
    except BaseException:
        after = current(dataset)
        if after is None or after.snapshot < snapshot:
            storage.delete(moved)
        raise


def _sweep(dataset: str) -> None:
    """Deletes what runs that did not commit have left. This process holds the folder, so none of them lives."""
    if storage.is_remote(dataset):
        return
    root = Path(dataset)
    now = current(dataset)
    for folder in root.glob(f"{PREFIX}*"):
        storage.delete_tree(str(folder))
    for part in PARTS:
        for path in (root / part).glob("*"):
            found = NUMBERED.fullmatch(f"{part}/{path.name}")
            if found and int(found[1]) > (now.snapshot if now else 0) and path.is_file():
                path.unlink()
        with suppress(OSError):
            (root / part).rmdir()  # Only where it is empty.
