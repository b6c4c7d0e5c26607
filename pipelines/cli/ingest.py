"""`tutti ingest`: MIDI corpora -> dataset of token windows."""

import json
import sys

import tutti
from pipelines.cli import combine_flags
from pipelines.cli.beam_flags import parsed
from pipelines.cli.termination import unwinding_on_termination
from pipelines.ingest.config import DEFAULT, FOLDER, SPLIT, Split
from tutti.cli.encoding_flags import add_arguments, from_arguments_if_any
from tutti.cli.flags import Parser

EXAMPLES = """examples:
  tutti ingest corpus/drums --dataset data/drums --encoding drums
  tutti ingest 'archive/**/*.mid' extra.mid --dataset data/piano --encoding notes --window 100 --stride 1
  tutti ingest corpus/piano --dataset data/moods --encoding notes --transpose --labels moods.csv
  tutti ingest metallica trap --dataset data/styles --encoding drums --labels folder
  tutti ingest maestro --dataset data/maestro --encoding notes --split folder
  tutti ingest corpus --dataset data/drums --direct_num_workers 4 --direct_running_mode multi_processing
  tutti ingest gs://bucket/midi --dataset gs://bucket/data --runner FlinkRunner --flink_master host:8081

All flags of Apache Beam and its runners pass through. Ingesting into an existing dataset adds what is new.
"""


def main(argv: list[str]) -> None:
    """Runs the command.

    Raises:
      Error: for whatever the user can mend; nothing of the run is left behind then.
    """
    args, beam = parsed(parser(), argv)
    encoding = from_arguments_if_any(args, otherwise=DEFAULT)
    with unwinding_on_termination():
        report = tutti.ingest(
            args.corpus,
            args.dataset,
            encoding=encoding,
            window=args.window,
            stride=args.stride,
            split=args.split,
            labels=args.labels,
            transpose=args.transpose,
            shards=args.shards,
            standardise=args.standardise,
            combine=combine_flags.from_arguments(args, "combine", "combine-"),
            beam=beam,
            progress=True,
        )
    print(json.dumps(report.to_json(), indent=1) if args.json else report.table())
    for note in report.notes:
        print(f"note: {note}", file=sys.stderr)
    for warning in report.warnings:
        print(f"warning: {warning}", file=sys.stderr)


def parser() -> Parser:
    """Returns the parser of the command's own flags."""
    parser = Parser("tutti ingest", "Turn MIDI corpora into a dataset of token windows, with Apache Beam.", EXAMPLES)
    parser.add_argument("corpus", nargs="+", metavar="CORPUS", help="files, folders, globs; local or gs://")
    parser.add_argument("--dataset", required=True, metavar="DIR", help="the dataset's folder, new or to be added to")
    parser.add_argument("--window", type=int, default=256, help="input tokens, or frames, in a window (256)")
    parser.add_argument("--stride", type=int, help="from one window's start to the next one's (as many as --window)")
    parser.add_argument(
        "--split",
        type=split,
        default=SPLIT,
        metavar="T,V,E",
        help="share of each split (0.8,0.1,0.1), or folder: files lie in train, validation and test",
    )
    parser.add_argument(
        "--labels", metavar="FILE", help="labels of files: .csv with file,label, .json, or folder for their folders"
    )
    parser.add_argument("--transpose", action="store_true", help="train on the songs in all twelve keys")
    parser.add_argument("--shards", type=int, help="shards of each split (about 64 MiB each)")
    group = parser.add_argument_group("drum loops, as in tutti loops")
    group.add_argument("--standardise", action="store_true", help="move loops to General MIDI notes first")
    combine_flags.add_arguments(group, "combine", "combine-")
    parser.add_argument("--json", action="store_true", help="print what was done as JSON")
    add_arguments(parser, None, f"how songs become tokens (the dataset's own; {DEFAULT} for a new one)")
    return parser


def split(text: str) -> Split:
    """Reads three shares that add up to 1, or `folder`."""
    return "folder" if text == FOLDER else combine_flags.shares(text)
