"""Which split a source goes to: by a hash of its content, or by its folder where a corpus came with splits."""

import hashlib

from pipelines.ingest.match import folders
from pipelines.ingest.types import File
from tutti.dataset.manifest import SPLITS

FOLDERS = {"train": "train", "validation": "validation", "valid": "validation", "val": "validation", "test": "test"}
NO_FOLDER = "in no folder that names a split: train, validation (valid, val) or test"
# What lies under two splits stays where it was kept from training, so that official tests stay whole.
RESERVED = tuple(reversed(SPLITS))


def split_of(source: str, fractions: tuple[float, float, float]) -> str:
    """Returns the split of a source, from a hash of its id: it stays where it is when the corpus grows."""
    place = int.from_bytes(hashlib.sha256(f"split:{source}".encode()).digest()[:8], "big") / 2**64
    train, validation, _ = fractions
    return "train" if place < train else "validation" if place < train + validation else "test"


def by_folder(found: list[File]) -> list[File]:
    """Puts each file into the split that the last folder with a split's name says; refuses the others."""
    placed = [file._replace(split=folder_split(file)) for file in found]
    return [file if file.split else file._replace(refused=file.refused or NO_FOLDER) for file in placed]


def folder_split(file: File) -> str:
    """Returns the split that a file's folders name; empty if none does."""
    return next((FOLDERS[name.lower()] for name in reversed(folders(file)) if name.lower() in FOLDERS), "")
