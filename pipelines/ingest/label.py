"""Labels of files: the names of their folders, or what a CSV or JSON file says."""

import csv
import io
import json
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator

from pipelines import filesystem
from pipelines.ingest.config import FOLDER
from pipelines.ingest.match import folders
from pipelines.ingest.split import FOLDERS
from pipelines.ingest.types import File
from tutti.errors import Error

MOST_BYTES = 256  # of a label
MOST_LIST_BYTES = 256 << 20  # of a file that lists labels
FILE_COLUMNS, LABEL_COLUMN = ("file", "path"), "label"

# (name of a file, its label, where that stands)
Row = tuple[str, str, str]


def labelled(found: list[File], where: str, split_folders: bool = False) -> tuple[list[File], list[str]]:
    """Gives files their labels, as far as they have any.

    Args:
      found: the files of the corpus.
      where: `folder`, for the folder that a file is in, or the path of a CSV or JSON file.
      split_folders: whether folders that name a split are no labels.

    Returns:
      The files with their labels, and notes for the user: how many have none, which rows fit several.

    Raises:
      Error: if there is no such list, it is none, it labels none of the files, or a label cannot be one.
    """
    notes: list[str] = []
    if where == FOLDER:
        labels = {file.path: folder_label(file, split_folders) for file in found}
    else:
        labels, notes = listed(found, list(rows(where)), where)
    without = [file for file in found if not file.refused and not labels.get(file.path)]
    if without:
        notes.append(f"{len(without):,} of {len(found):,} files have no label, such as {without[0].name}")
    return [file._replace(label=labels.get(file.path, "")) for file in found], notes


def folder_label(file: File, split_folders: bool) -> str:
    """Returns the name of a file's folder; with `split_folders`, of its nearest folder that names no split."""
    names = [name for name in folders(file) if not (split_folders and name.lower() in FOLDERS)]
    return checked(names[-1], f"the folder of {file.name}") if names and names[-1] else ""


def listed(found: list[File], rows: list[Row], where: str) -> tuple[dict[str, str], list[str]]:
    """Returns the label of each path that a list has a row for, and notes on rows that label none.

    A row's name may be a file's path, its name in manifests, its path from the corpus' root, or its base name,
    in this order. What fits several files in one of these ways labels none of them.

    Raises:
      Error: if a file has two labels, or no row fits a file.
    """
    ways: list[dict[str, set[str]]] = [defaultdict(set) for _ in range(4)]
    for file in found:
        name = _normal(file.name)
        for way, spelt in zip(ways, (file.path, name, name.partition("/")[2] or name, _base(name)), strict=True):
            way[_normal(spelt)].add(file.path)
    # path -> (how well the row fits it, label, where that stands); a better fit counts before others.
    best: dict[str, tuple[int, str, str]] = {}
    unclear: list[str] = []
    for name, label, place in rows:
        fit, paths = next(((i, way[name]) for i, way in enumerate(ways) if name in way), (0, set()))
        if len(paths) > 1:
            unclear.append(name)
            continue
        for path in paths:
            had = best.get(path)
            if had and had[0] == fit and had[1] != label:
                raise Error(f"{where} labels {name} {had[1]!r} ({had[2]}) and {label!r} ({place}); give it one")
            if not had or fit < had[0]:
                best[path] = (fit, label, place)
    notes = (
        [f"{len(unclear):,} names in {where} fit several files each, such as {unclear[0]}, and label none"]
        if unclear
        else []
    )
    if not best:
        why = f"it says {rows[0][0]}, the files are like {found[0].name}" if rows else "it is empty"
        raise Error(f"{where} labels none of the {len(found):,} files: {why}")
    return {path: label for path, (_, label, _) in best.items()}, notes


def rows(path: str) -> Iterator[Row]:
    """Yields the rows of a CSV or JSON file.

    Raises:
      Error: if it cannot be read, or is no such file.
    """
    kind = path.lower().rpartition(".")[2]
    if kind not in ("csv", "json"):
        raise Error(f"--labels {path}: it must be {FOLDER}, or a file whose name ends in .csv or .json")
    with filesystem.explained("read", path), filesystem.open_old(path) as file:
        content = file.read(MOST_LIST_BYTES + 1)
    if len(content) > MOST_LIST_BYTES:
        raise Error(f"{path} has more than {MOST_LIST_BYTES:,} bytes; it must list files and labels")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Error(f"{path} is not UTF-8 ({error.reason} at byte {error.start:,})") from None
    for name, label, place in (_csv if kind == "csv" else _json)(text, path):
        yield _normal(name.removeprefix("./")), checked(label, f"{path}, {place}"), place


def checked(label: str, place: str) -> str:
    """Returns a label as it is stored: without blanks around it, in Unicode's composed form.

    Raises:
      Error: if it is empty, too long, or has control characters.
    """
    label = _normal(label.strip())
    if not label:
        raise Error(f"{place}: the label is empty")
    if len(label.encode(errors="replace")) > MOST_BYTES:
        raise Error(f"{place}: a label has more than {MOST_BYTES} bytes ({label[:32]}...)")
    if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in label):
        raise Error(f"{place}: the label {label!r} has control characters")
    return label


def appended(before: tuple[str, ...], labels: Iterable[str]) -> tuple[str, ...]:
    """Returns the labels of a dataset that gets new ones: behind those it has, in order."""
    return (*before, *sorted(set(labels) - {*before, ""}))


def _csv(text: str, path: str) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [column.strip().lower() for column in next(reader, [])]
        file = next((header.index(column) for column in FILE_COLUMNS if column in header), -1)
        if file < 0 or LABEL_COLUMN not in header:
            missing = LABEL_COLUMN if file >= 0 else FILE_COLUMNS[0]
            raise Error(f"{path} has no column {missing}; its first line must name the columns, such as file,label")
        label = header.index(LABEL_COLUMN)
        for row in reader:
            if any(map(str.strip, row)):
                if len(row) <= max(file, label):
                    raise Error(f"{path}, line {reader.line_num}: {len(row)} columns, the first line has {len(header)}")
                yield row[file].strip(), row[label], f"line {reader.line_num}"
    except csv.Error as error:
        raise Error(f"{path}, line {reader.line_num}: {error}") from None


def _json(text: str, path: str) -> Iterator[Row]:
    try:
        # A name that is there twice must not go unnoticed. Arrays are lists, so only objects become tuples.
        stored = json.loads(text, object_pairs_hook=tuple)
    except (ValueError, RecursionError) as error:
        raise Error(f"{path} is not JSON: {error}") from None
    if not isinstance(stored, tuple) or not all(isinstance(label, str) for _, label in stored):
        raise Error(f'{path} must hold names of files and their labels, such as {{"a.mid": "calm"}}')
    yield from ((name, label, f"file {name!r}") for name, label in stored)


def _normal(text: str) -> str:
    """Returns composed characters, as most systems write them; macOS names files with decomposed ones."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _base(name: str) -> str:
    return name.rpartition("/")[2]
