"""A practice corpus of drum songs, piano pieces and short recordings, from a seed."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tutti import atomic, audio, midi
from tutti.errors import Error
from tutti.medium import Medium
from tutti.practice import drums, piano, sound


@dataclass(frozen=True)
class Kind:
    """The songs in one folder of the corpus.

    Attributes:
      compose: (seed, number of the song) -> the song's name and the song.
      medium: what the songs are written as.
      every: how many songs of another kind there are for one of this; a recording is as large as a hundred MIDI files.
    """

    compose: Callable[[int, int], tuple[str, Any]]
    medium: Medium
    every: int = 1

    def count(self, songs: int) -> int:
        """Returns how many songs of this kind are in a corpus of `songs` of each kind."""
        return -(-songs // self.every)


KINDS = {
    "drums": Kind(drums.compose, midi.SCORE),
    "piano": Kind(piano.compose, midi.SCORE),
    "sound": Kind(sound.compose, audio.SOUND, every=15),
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
        missing = [folder for folder in (out / kind, out) if not folder.exists()]
        try:
            (out / kind).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Error(f"cannot make the folder {out / kind}: {error.strerror}") from None
        try:
            for i, (name, content) in enumerate(corpus(kind, songs, seed), 1):
                atomic.write(out / kind / name, content)
                total += len(content)
                progress(kind, i, KINDS[kind].count(songs))
        except Error:
            with suppress(OSError):
                for folder in missing:
                    folder.rmdir()  # only where it is empty: songs that are whole stay
            raise
    return total


def corpus(kind: str, songs: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Yields the file names and contents of the songs of one kind, in order."""
    compose, medium = KINDS[kind].compose, KINDS[kind].medium
    for index in range(KINDS[kind].count(songs)):
        name, piece = compose(seed, index)
        yield f"{index + 1:05d}-{name}{medium.suffixes[0]}", medium.write(piece)


def _check_folders(out: Path, kinds: list[str], songs: int, seed: int) -> None:
    """Checks that the folders of some kinds hold nothing but songs of this corpus.

    Raises:
      Error: if there is another file; names it.
    """
    for kind in kinds:
        folder = out / kind
        others = {path.name for path in folder.iterdir() if path.name[0] != "."} if folder.is_dir() else set()
        if not others:
            continue
        for name, content in corpus(kind, songs, seed):
            if name in others and atomic.read(folder / name) == content:
                others.remove(name)
        if others:
            other = folder / min(others)
            raise Error(f"{other} is no song of this corpus; name another folder, or add --force to keep it there")
