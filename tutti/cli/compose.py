"""`tutti compose`: a practice corpus of drums, piano, tunes, bands, loops and short recordings, from a seed."""

import json
import sys
from pathlib import Path

from tutti.cli.flags import Parser
from tutti.errors import Error
from tutti.practice.compose import KINDS, write

EXAMPLES = """examples:
  tutti compose corpus                          300 of each kind, but 100 band songs and 20 recordings
  tutti compose corpus --songs 500              200 more of each; the first 300 stay as they are
  tutti compose more --seed 2 --kind drums      other drum songs

kinds, each in a folder of its name:
  drums    drum songs of twenty styles, which the names of the files tell
  piano    pieces for two hands
  melody   tunes for one voice
  band     drums, bass, chords and melody in files as one finds them: some without names of tracks, some with every
           program a piano's, some with drums off channel 10, some of type 0
  loops    a loop pack: folders Kick, Snare and HH, one drum a file, on any note
  sound    recordings of some seconds, WAV
"""


def main(argv: list[str]) -> None:
    """Runs the command."""
    about = "Writes MIDI and WAV files made by a small composer. The same seed gives the same bytes, anywhere."
    parser = Parser("tutti compose", about, EXAMPLES)
    parser.add_argument("out", metavar="OUT", help="folder for drums/*.mid, piano/*.mid and so on")
    parser.add_argument(
        "--songs",
        type=int,
        default=300,
        help="how many of each kind; a band song to 3, a recording to 15 (300)",
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
    size = write(Path(args.out), kinds, args.songs, args.seed, args.force, show_progress)
    if args.json:
        songs = {kind: KINDS[kind].count(args.songs) for kind in kinds}
        print(json.dumps({"out": args.out, "seed": args.seed, "songs": songs, "bytes": size}, indent=1))
    else:
        counts = ", ".join(f"{KINDS[kind].count(args.songs)} in {Path(args.out, kind)}" for kind in kinds)
        print(f"songs: {counts}; {size / 1e6:.1f} MB")


def show_progress(kind: str, done: int, songs: int) -> None:
    """Prints a line on stderr that counts: rewritten in a terminal, once a kind elsewhere."""
    if sys.stderr.isatty():
        print(f"\r{kind}: {done}/{songs}", end="\n" if done == songs else "", file=sys.stderr, flush=True)
    elif done == songs:
        print(f"{kind}: {done}/{songs}", file=sys.stderr)
