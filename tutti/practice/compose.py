"""`tutti compose`: a practice corpus of drum songs, piano pieces and short recordings, from a seed."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tutti import atomic, audio, cli, midi
from tutti.cli.flags import Parser
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

EXAMPLES = """examples:
  tutti compose corpus                          300 drum songs in corpus/drums, 300 piano pieces in corpus/piano,
                                                20 recordings of some seconds in corpus/sound
  tutti compose corpus --songs 500              200 more of each; the first 300 stay as they are
  tutti compose more --seed 2 --kind drums      other drum songs
"""


def main(argv: list[str]) -> None:
    about = "Writes MIDI and WAV files made by a small composer. The same seed gives the same bytes, anywhere."
    parser = Parser("tutti compose", about, EXAMPLES)
    parser.add_argument("out", metavar="OUT", help="folder for drums/*.mid, piano/*.mid and sound/*.wav")
    parser.add_argument(
        "--songs", type=int, default=300, help="how many of each kind; one recording to 15 of them (300)"
    )
    parser.add_argument("--seed", type=int, default=1, help="another seed, other songs (1)")
    parser.add_argument("--kind", choices=(*KINDS, "all"), default="all", help="what to write (all)")
    parser.add_argument("--force", action="store_true", help="write although OUT holds other files; none is deleted")
    parser.add_argument("--json", action="store_true", help="print what was written as JSON")
    args = parser.parse_args(argv)
    if args.songs < 1:
        raise Error(f"--songs is {args.songs}; it must be at least 1")
    if args.seed < 0:
        raise Error(f"--seed is {args.seed}; it must be at least 0")
    if "://" in args.out:
        raise Error(f"OUT is {args.out}; compose writes to local folders only, copy the files from there")
    kinds = list(KINDS) if args.kind == "all" else [args.kind]
    size = write(Path(args.out), kinds, args.songs, args.seed, args.force)
    if args.json:
        songs = {kind: KINDS[kind].count(args.songs) for kind in kinds}
        print(json.dumps({"out": args.out, "seed": args.seed, "songs": songs, "bytes": size}, indent=1))
    else:
        written = ", ".join(f"{KINDS[kind].count(args.songs)} in {Path(args.out, kind)}" for kind in kinds)
        print(f"songs: {written}; {size / 1e6:.1f} MB")


def write(out: Path, kinds: list[str], songs: int, seed: int, force: bool = False) -> int:
    """Writes a corpus and returns the bytes of all its files. Files that are not of it stay as they are.

    Raises:
      UserError: if `out` holds anything but songs of this corpus and not `force`, or cannot be written.
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
                show_progress(kind, i, KINDS[kind].count(songs))
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
      UserError: if one is not; it names the file.
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


def show_progress(kind: str, done: int, songs: int) -> None:
    """A line on stderr that counts: rewritten in a terminal, once a kind elsewhere."""
    if sys.stderr.isatty():
        print(f"\r{kind}: {done}/{songs}", end="\n" if done == songs else "", file=sys.stderr, flush=True)
    elif done == songs:
        print(f"{kind}: {done}/{songs}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(cli.run(main, sys.argv[1:]))
