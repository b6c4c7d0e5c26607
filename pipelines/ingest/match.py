"""Which files a corpus has: files, folders with all below them, globs; local or remote."""

import glob
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from pipelines import filesystem
from pipelines.ingest.types import File
from tutti.errors import Error
from tutti.medium import Medium

NO_FILE = -1
Wanted = Callable[[str], bool]
# A bundle is read, parsed and encoded at once. Small enough to share out among workers and to hold in memory.
BUNDLE_FILES, BUNDLE_BYTES = 128, 8 << 20
BUNDLES_AT_LEAST = 16


def find(corpora: Iterable[str], medium: Medium) -> list[File]:
    """Returns the files of the corpora, each once, in order of their paths.

    A file named as such counts whatever its name; in folders and globs, the medium decides by their names. A folder
    inside a corpus that cannot be listed is there as a refused file.

    Raises:
      Error: if a path does not exist, or there is no file of the medium at all.
    """
    corpora = list(corpora)
    found: dict[str, File] = {}
    for corpus in corpora:
        for file in (_remote if filesystem.is_remote(corpus) else _local)(corpus, medium.named):
            found.setdefault(file.path, file)
    if not found:
        raise Error(f"no {medium.noun} files in {', '.join(corpora)}; looked for {' '.join(medium.suffixes)}")
    return [found[path] for path in sorted(found)]


def folders(file: File) -> list[str]:
    """Returns the folders of a file's name, from the corpus' own down; of a file named as such, its folder."""
    *above, _ = file.name.split("/")
    return above or [_readable(part) for part in file.path.split("/")[-2:-1]]


def bundles(files: list[File]) -> list[tuple[File, ...]]:
    """Returns the files in bundles of similar size, in order."""
    most = max(1, min(BUNDLE_FILES, -(-len(files) // BUNDLES_AT_LEAST)))
    made: list[tuple[File, ...]] = []
    bundle: list[File] = []
    size = 0
    for file in files:
        if bundle and (len(bundle) == most or size + file.size > BUNDLE_BYTES):
            made.append(tuple(bundle))
            bundle, size = [], 0
        bundle.append(file)
        size += file.size
    return [*made, tuple(bundle)] if bundle else made


def _local(corpus: str, wanted: Wanted) -> Iterator[File]:
    path = Path(corpus)
    if os.path.isdir(corpus):  # noqa: PTH112 - False where Path raises: for a link to itself, say.
        yield from _below(path, wanted)
    elif os.path.lexists(path):
        yield _file(path, os.path.abspath(path), path.name)  # noqa: PTH100
    elif glob.has_magic(corpus):
        matches = sorted(glob.glob(corpus, recursive=True))  # noqa: PTH207 - Path.glob takes no absolute pattern.
        if not matches:
            raise Error(f"no file matches {corpus}")
        for match in map(Path, matches):
            if os.path.isdir(match):  # noqa: PTH112
                yield from _below(match, wanted)
            elif wanted(match.name):
                yield _file(match, os.path.abspath(match), match.name)  # noqa: PTH100
    else:
        raise Error(f"no such file or folder: {corpus}")


def _below(root: Path, wanted: Wanted) -> Iterator[File]:
    # abspath, as resolve() would follow links and change the names that users know.
    top = os.path.abspath(root)  # noqa: PTH100
    start = len(os.path.dirname(top).rstrip("/")) + 1  # noqa: PTH120
    folders = [top]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    elif wanted(entry.name) and not os.path.isdir(entry.path):  # noqa: PTH112
                        yield _file(entry, entry.path, entry.path[start:])
        except OSError as error:
            why = filesystem.reason(error)
            if folder == top:
                raise Error(f"cannot list {root}: {why}") from error
            yield File(folder, _readable(folder[start:]), NO_FILE, refused=f"cannot be listed: {why}")


def _file(entry: Path | os.DirEntry[str], path: str, name: str) -> File:
    try:
        status = entry.stat()
        size = status.st_size if stat.S_ISREG(status.st_mode) else NO_FILE
    except OSError:
        size = NO_FILE
    return File(path, _readable(name), size)


def _readable(name: str) -> str:
    # Names may be bytes of any encoding; manifests are UTF-8.
    return name if name.isascii() else name.encode(errors="surrogateescape").decode(errors="replace")


def _remote(corpus: str, wanted: Wanted) -> Iterator[File]:
    filesystems = filesystem.remote()
    pattern = any(character in corpus for character in "*?[")
    root = re.split(r"[*?\[]", corpus)[0].rpartition("/")[0] if pattern else corpus.rstrip("/")
    with filesystem.explained("list", corpus):
        below = corpus if pattern else filesystem.join(corpus, "**")
        one, many = filesystems.match([corpus, below])
    named = set() if pattern else {entry.path for entry in one.metadata_list}
    if not one.metadata_list and not many.metadata_list:
        raise Error(f"no file matches {corpus}" if pattern else f"no such file or folder: {corpus}")
    start = len(root.rpartition("/")[0]) + 1
    for entry in {entry.path: entry for entry in (*one.metadata_list, *many.metadata_list)}.values():
        if entry.path in named or wanted(entry.path.rpartition("/")[2]):
            yield File(entry.path, entry.path[start:], entry.size_in_bytes)
