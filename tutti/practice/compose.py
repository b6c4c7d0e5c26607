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
    """What a folder of the corpus holds.

    Attributes:
      compose: seed and number -> a piece and its name.
      medium: what the pieces are written as.
      every: how many songs there are to one of these; a recording is as large as a hundred MIDI files.
    """

    compose: Callable[[int, int], tuple[str, Any]]
    medium: Medium
    every: int = 1

    def count(self, songs: int) -> int:
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
    """Writes a corpus and returns the bytes of all its files. Files that are not of it stay as they are.

    Args:
      progress: is told after each song: its kind, how many of the kind are done, and of how many.

    Raises:
      Error: if `out` holds anything but songs of this corpus and not `force`, or cannot be written.
    """
    if out.exists() and not out.is_dir():
        raise Error(f"{out} is a file; name a folder for the songs")
    if not force:
        refuse_others(out, kinds, songs, seed)
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
    """File names and contents of the songs of one kind, in order."""
    chosen = KINDS[kind]
    for index in range(chosen.count(songs)):
        style, piece = chosen.compose(seed, index)
        yield f"{index + 1:05d}-{style}{chosen.medium.suffixes[0]}", chosen.medium.write(piece)


def refuse_others(out: Path, kinds: list[str], songs: int, seed: int) -> None:
    """Makes sure that every file in the folders of these kinds is one that this corpus would write there.

    Raises:
      Error: if one is not; it names the file.
    """
    for kind in kinds:
        folder = out / kind
        found = {path.name for path in folder.iterdir() if path.name[0] != "."} if folder.is_dir() else set()
        if not found:
            continue
        for name, content in corpus(kind, songs, seed):
            if name in found and atomic.read(folder / name) == content:
                found.remove(name)
        if found:
            raise Error(
                f"{folder / min(found)} is no song of this corpus; name another folder, or add --force to keep it there"
            )
