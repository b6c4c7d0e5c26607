"""`tutti loops`: drum loops onto General MIDI notes, and new loops combined from them."""

import argparse
import json
import sys

from pipelines.cli.beam_flags import parsed
from pipelines.cli.combine_flags import add_arguments, from_arguments, shares
from pipelines.cli.termination import unwinding_on_termination
from pipelines.loops import run
from pipelines.loops.config import CombineConfig
from pipelines.loops.report import LoopsReport
from tutti.cli.flags import Parser
from tutti.errors import Error

ABOUT = """usage: tutti loops COMMAND [OPTIONS]    (tutti loops COMMAND --help says more)

  standardise   loops that play a drum, or a kit, on any notes -> the same on General MIDI notes, channel 10
  combine       a kick, a snare and a hat loop at a time, at random -> new loops, split so that none leaks
"""
STANDARDISE_EXAMPLES = """examples:
  tutti loops standardise packs --out standard
  tutti loops standardise gs://bucket/packs --out gs://bucket/standard --json

A file's name, or else its folder's, says which drum it plays (01_Kick.mid, HH/03.mid); what names none is a whole
kit. All flags of Apache Beam and its runners pass through.
"""
COMBINE_EXAMPLES = """examples:
  tutti loops combine packs --out loops
  tutti loops combine packs --out loops --count 2000 --bars 16 --bpm 140 --seed 7 --split 0.8,0.2,0
  tutti ingest loops --dataset data/loops --encoding drums --resolution 32 --split folder

Loops are standardised first. The originals of each drum are divided among DIR/train, DIR/validation and DIR/test, and
combined only with those of their split. All flags of Apache Beam and its runners pass through.
"""


def main(argv: list[str]) -> None:
    """Runs the command.

    Raises:
      Error: for whatever the user can mend; nothing of the run is left behind then.
    """
    commands = {"standardise": standardise, "combine": combine}
    if argv and argv[0] in ("-h", "--help"):
        print(ABOUT, end="")
    elif not argv or argv[0] not in commands:
        raise Error(f"tutti loops needs one of {', '.join(commands)} (tutti loops --help says more)")
    else:
        commands[argv[0]](argv[1:])


def standardise(argv: list[str]) -> None:
    """Runs `tutti loops standardise`."""
    about = "Move drum loops to General MIDI notes on channel 10, with Apache Beam."
    parser = Parser("tutti loops standardise", about, STANDARDISE_EXAMPLES)
    args, beam = parse(parser, argv)
    with unwinding_on_termination():
        report = run.standardise(args.corpus, args.out, beam=beam, progress=True)
    show(report, args.json)


def combine(argv: list[str]) -> None:
    """Runs `tutti loops combine`."""
    about = "Combine loops of a kick, a snare and a hat at random into new ones, with Apache Beam."
    parser = Parser("tutti loops combine", about, COMBINE_EXAMPLES)
    add_arguments(parser, "count", default=CombineConfig.count)
    parser.add_argument(
        "--split",
        type=shares,
        default=CombineConfig.fractions,
        metavar="T,V,E",
        help="share of each split in the files and in the originals (0.8,0.1,0.1)",
    )
    args, beam = parse(parser, argv)
    config = from_arguments(args, "count", fractions=args.split)
    with unwinding_on_termination():
        report = run.combine(args.corpus, args.out, config, beam=beam, progress=True)
    show(report, args.json)


def parse(parser: Parser, argv: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """Returns the command's own flags, parsed, and those that are Beam's."""
    parser.add_argument("corpus", nargs="+", metavar="CORPUS", help="files, folders, globs; local or gs://")
    parser.add_argument("--out", required=True, metavar="DIR", help="the folder to write, new or empty")
    parser.add_argument("--json", action="store_true", help="print what was done as JSON")
    return parsed(parser, argv)


def show(report: LoopsReport, as_json: bool) -> None:
    """Prints what was done."""
    print(json.dumps(report.to_json(), indent=1, ensure_ascii=False) if as_json else report.table())
    for warning in report.warnings:
        print(f"warning: {warning}", file=sys.stderr)
