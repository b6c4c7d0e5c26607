"""A practice corpus of drums, piano, tunes, bands, loops and short recordings, from a seed."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tutti import atomic, audio, midi
from tutti.errors import Error
from tutti.practice import band, drums, loops, piano, sound, voice


@dataclass(frozen=True)
class Kind:
    """The songs in one folder of the corpus.

    Attributes:
      compose: (seed, number of the song) -> the song's name, which may begin with a folder, and the song.
      write: a song -> the bytes of its file.
      suffix: how the file's name ends.
      every: how many songs of another kind there are for one of this: a band song takes as long to make as six of
        them, and a recording is as large as a hundred.
    """

    compose: Callable[[int, int], tuple[str, Any]]
    write: Callable[[Any], bytes] = midi.write
    suffix: str = ".mid"
    every: int = 1

    def count(self, songs: int) -> int:
        """Returns how many songs of this kind are in a corpus of `songs` of each kind."""
        return -(-songs // self.every)


KINDS = {
    "drums": Kind(drums.compose),
    "piano": Kind(piano.compose),
    "melody": Kind(voice.compose),
    "band": Kind(band.compose, band.write, every=3),
    "loops": Kind(loops.compose),
    "sound": Kind(sound.compose, audio.SOUND.write, ".wav", every=15),
}


def write(
    out: Path,
    kinds: list[str],
    songs: int,
    seed: int,
    force: bool = False,
    progress: Callable[[str, int, int], None] = lambda kind, done, songs: None,
) -> int:
    """Writes a corpus and returns the size of all its files in bytes. Other files stay as they are.

    Args:
      out: the folder, which has a folder for each kind.
      kinds: of `KINDS`.
      songs: how many of each kind.
      seed: what the songs are made from; the first songs of a larger corpus are the same.
      force: write although `out` holds other files.
      progress: called after each song with its kind, how many of the kind are done, and of how many.

    Raises:
      Error: if `out` holds anything but songs of this corpus and not `force`, or cannot be written.
    """
    if out.exists() and not out.is_dir():
        raise Error(f"{out} is a file; name a folder for the songs")
    if not force:
        _check_folders(out, kinds, songs, seed)
    total = 0
    for kind in kinds:
        made: list[Path] = []
        try:
            for i, (name, content) in enumerate(corpus(kind, songs, seed), 1):
                path = out / kind / name
                made += _make_folder(path.parent)
                atomic.write(path, content)
                total += len(content)
                progress(kind, i, KINDS[kind].count(songs))
        except Error:
            with suppress(OSError):
                for folder in reversed(made):
                    folder.rmdir()  # only where it is empty: songs that are whole stay
            raise
    return total


def corpus(kind: str, songs: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Yields the file names and contents of the songs of one kind, in order; a name may begin with a folder."""
    made = KINDS[kind]
    for index in range(made.count(songs)):
        name, piece = made.compose(seed, index)
        folder, slash, name = name.rpartition("/")
        yield f"{folder}{slash}{index + 1:05d}-{name}{made.suffix}", made.write(piece)


def _make_folder(folder: Path) -> list[Path]:
    """Makes a folder and those above it; returns the new ones, the highest first.

    Raises:
      Error: if it cannot be made.
    """
    missing = [path for path in (folder, *folder.parents) if not path.exists()][::-1]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Error(f"cannot make the folder {folder}: {error.strerror}") from None
    return missing


def _check_folders(out: Path, kinds: list[str], songs: int, seed: int) -> None:
    """Checks that the folders of some kinds hold nothing but songs of this corpus.

    Raises:
      Error: if there is another file; names it.
    """
    for kind in kinds:
        folder = out / kind
        files = (path.relative_to(folder) for path in folder.rglob("*") if not path.is_dir())
        others = {path.as_posix() for path in files if path.name[0] != "."}
        if not others:
            continue
        for name, content in corpus(kind, songs, seed):
            if name in others and atomic.read(folder / name) == content:
                others.remove(name)
        if others:
            other = folder / min(others)
            raise Error(f"{other} is no song of this corpus; name another folder, or add --force to keep it there")
