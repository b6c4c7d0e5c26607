"""`tutti show`: files, folders or a dataset -> a picture of the music in them."""

import argparse
import json
import sys
from pathlib import Path

import tutti
from pipelines.show import MOST
from tutti.cli.encoding_flags import add_arguments, from_arguments_if_any
from tutti.cli.flags import Parser
from tutti.dataset.manifest import SPLITS
from tutti.drawing import picture
from tutti.errors import Error

EXAMPLES = """examples:
  tutti show groove.mid --out groove.png
  tutti show groove.mid --out words.png --encoding drums    what the drum words keep of it
  tutti show corpus/piano --out piano.png --most 12         a contact sheet
  tutti show data/drums --out drums.png --split test        the first songs of a dataset
  tutti show sonata.mid --out sonata.pdf --sheet            music notation
"""


def main(argv: list[str]) -> None:
    """Runs the command.

    Raises:
      Error: if there is nothing to show, or it cannot be written.
    """
    args = parse(argv)
    shown = tutti.show(
        args.paths,
        encoding=from_arguments_if_any(args),
        split=args.split,
        most=args.most,
        most_bars=args.most_bars,
        sheet=args.out.suffix if args.sheet else "",
    )
    shown.write(args.out)
    for note in shown.notes:
        print(f"note: {note}", file=sys.stderr)
    if args.json:
        print(json.dumps({"out": str(args.out), "shown": shown.titles, "all": shown.complete}, indent=1))
    else:
        print(args.out)


def parse(argv: list[str]) -> argparse.Namespace:
    """Parses the flags, and checks the file to write before anything is drawn."""
    about = (
        "Draws music: one piece as a page, several as a contact sheet. Scores become piano rolls and drum grids,\n"
        "recordings a waveform over a spectrogram. Without --encoding a file is shown as it is."
    )
    parser = Parser("tutti show", about, EXAMPLES)
    parser.add_argument("paths", nargs="+", metavar="PATH", help="MIDI, WAV or FLAC files, folders, globs, or datasets")
    parser.add_argument("--out", required=True, type=Path, metavar="FILE.png", help="the picture to write")
    parser.add_argument("--most", type=int, default=MOST, help=f"pieces on a contact sheet at most ({MOST})")
    parser.add_argument(
        "--most-bars",
        type=int,
        default=0,
        metavar="N",
        help=f"bars at most ({picture.BARS}; {picture.BARS_A_PANEL} on a contact sheet)",
    )
    parser.add_argument("--split", choices=SPLITS, default="train", help="which songs of a dataset (train)")
    parser.add_argument("--sheet", action="store_true", help="music notation of one piece: FILE.pdf, .svg, .png ...")
    parser.add_argument("--json", action="store_true", help="print what was shown as JSON")
    add_arguments(parser, default=None, about="show what this encoding keeps of a file: encoded and decoded again")
    args = parser.parse_args(argv)
    if not args.sheet and args.out.suffix != ".png":
        raise Error(f"--out is {args.out}; it must end in .png")
    if not args.out.parent.is_dir():
        raise Error(f"cannot write {args.out}: there is no folder {args.out.parent}")
    return args
