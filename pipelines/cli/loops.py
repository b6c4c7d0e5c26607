"""`tutti loops`: drum loops onto General MIDI notes, and new loops combined from them."""

import argparse
import dataclasses
import json
import sys
import time
from collections import Counter
from itertools import takewhile
from typing import Any

from pipelines import filesystem, runners
from pipelines import report as reports
from pipelines.cli import ingest
from pipelines.cli.beam_flags import parsed
from pipelines.ingest import match
from pipelines.ingest.types import File
from pipelines.loops import drum_loop
from pipelines.loops.config import CombineConfig, add_arguments, from_arguments
from pipelines.loops.output import MADE, PROGRESS, SOURCES, outcome
from pipelines.progress import progress
from tutti.cli.flags import Parser
from tutti.dataset.manifest import SPLITS
from tutti.errors import Error
from tutti.midi import SCORE

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
      UserError: for whatever the user can mend; nothing of the run is left behind then.
    """
    commands = {"standardise": standardise, "combine": combine}
    if argv and argv[0] in ("-h", "--help"):
        print(ABOUT, end="")
    elif not argv or argv[0] not in commands:
        raise Error(f"tutti loops needs one of {', '.join(commands)} (tutti loops --help says more)")
    else:
        commands[argv[0]](argv[1:])


def standardise(argv: list[str]) -> None:
    about = "Move drum loops to General MIDI notes on channel 10, with Apache Beam."
    parser = Parser("tutti loops standardise", about, STANDARDISE_EXAMPLES)
    args, flags = parse(parser, argv)
    run(args, flags, {"command": "standardise"})


def combine(argv: list[str]) -> None:
    about = "Combine loops of a kick, a snare and a hat at random into new ones, with Apache Beam."
    parser = Parser("tutti loops combine", about, COMBINE_EXAMPLES)
    add_arguments(parser, "count", default=CombineConfig.count)
    parser.add_argument(
        "--split",
        type=ingest.fractions,
        default=CombineConfig.fractions,
        metavar="T,V,E",
        help="share of each split in the files and in the originals (0.8,0.1,0.1)",
    )
    args, flags = parse(parser, argv)
    recipe = from_arguments(args, "count")
    assert recipe  # As there is a count.
    options = dataclasses.asdict(recipe)
    split, drums = options.pop("fractions"), [drum_loop.NAMES[drum] for drum in options.pop("drums")]
    run(args, flags, {"command": "combine", **options, "split": list(split), "drums": drums}, recipe)


def parse(parser: Parser, argv: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """The command's own flags, and those that are Beam's."""
    parser.add_argument("corpus", nargs="+", metavar="CORPUS", help="files, folders, globs; local or gs://")
    parser.add_argument("--out", required=True, metavar="DIR", help="the folder to write, new or empty")
    parser.add_argument("--json", action="store_true", help="print what was done as JSON")
    return parsed(parser, argv)


def named(found: list[File]) -> list[File]:
    """The files under names that tell their folders, from the deepest one that they share."""
    levels = zip(*(file.path.split("/")[:-1] for file in found), strict=False)
    shared = [level[0] for level in takewhile(lambda level: len({*level}) == 1, levels)]
    start = len("/".join([*shared[:-1], ""]))
    # What does not end in .mid is MIDI all the same, once it is written.
    renamed = [
        file.path[start:] if file.path.lower().endswith(".mid") else f"{file.path[start:]}.mid" for file in found
    ]
    readable = [
        name.replace("://", "/").lstrip("/").encode(errors="surrogateescape").decode(errors="replace")
        for name in renamed
    ]
    twice = [name for name, count in Counter(readable).items() if count > 1 or ".." in name.split("/")]
    if twice:
        raise Error(f"{twice[0]} would be written twice, or outside --out; rename it, or leave it out")
    return [file._replace(name=name) for file, name in zip(found, readable, strict=True)]


def run(args: argparse.Namespace, flags: list[str], asked: dict[str, Any], recipe: CombineConfig | None = None) -> None:
    """Runs the pipeline into --out, to combine loops where there is a recipe, and prints what it did.

    Args:
      asked: what a folder that is there already must have been made with.
    """
    found = named(match.find(args.corpus, SCORE))
    with filesystem.explained("write", args.out), ingest.unwinding_on_termination(), outcome(args.out, asked) as folder:
        from pipelines.loops import pipeline

        progress_file = "" if filesystem.is_remote(folder) else filesystem.join(folder, PROGRESS)
        output = pipeline.Output(filesystem.join(folder, MADE), asked, progress_file)

        def steps(beams: Any, spread: bool) -> None:
            if recipe:
                pipeline.combine_files(beams, found, recipe, output, spread)
            else:
                pipeline.standardise_files(beams, found, output, spread)

        began = time.monotonic()
        with progress(recipe.count if recipe else len(found), progress_file):
            runners.execute(steps, runners.options(flags), args.out)
        listed = json.loads(filesystem.read(filesystem.join(output.folder, SOURCES)))
        seconds = time.monotonic() - began
        if not listed["files"]:
            first = listed["left_out"][0]
            raise Error(f"none of the {len(found):,} files can be used; the first, {first['name']}: {first['reason']}")
    report(args, figures(args.out, listed, len(found), seconds))


def figures(out: str, listed: dict[str, Any], found: int, seconds: float) -> dict[str, Any]:
    """What was done, for printing."""
    made = listed["files"].values()
    told: dict[str, Any] = {"out": out, "found": found, "written": len(made), "left_out": listed["left_out"]}
    if listed["command"] == "standardise":
        told["drums"] = dict(Counter(file["drum"] for file in made).most_common())
        told["shifts"] = {f"{shift:+d}": n for shift, n in sorted(Counter(file["shift"] for file in made).items())}
        told["dropped"] = sum(file["dropped"] for file in made)
    else:
        told["starved"] = listed["starved"]
        told["splits"] = {
            split: {
                "files": sum(file["split"] == split for file in made),
                "different": listed["different"].get(split, 0),
                **{
                    drum_loop.NAMES[drum]: sum(
                        one["split"] == split and one["drum"] == drum_loop.NAMES[drum]
                        for one in listed["originals"].values()
                    )
                    for drum in CombineConfig.drums
                },
            }
            for split in SPLITS
        }
    return {**told, "sources": filesystem.join(out, SOURCES), "seconds": round(seconds, 3)}


def report(args: argparse.Namespace, told: dict[str, Any]) -> None:
    if args.json:
        print(json.dumps(told, indent=1, ensure_ascii=False))
    else:
        lines = [("files", f"{told['found']:,}"), ("written", f"{told['written']:,}")]
        if "drums" in told:
            lines.append(("", ", ".join(f"{count:,} {drum}" for drum, count in told["drums"].items())))
            moved = [f"{count:,} by {shift}" for shift, count in told["shifts"].items() if int(shift)]
            lines += [("moved", ", ".join(moved) + " semitones")] if moved else []
            lines.append(("hits dropped", f"{told['dropped']:,}"))
        lines.append(("left out", f"{len(told['left_out']):,}"))
        lines += [("", f"{one['name']}: {one['reason']}") for one in told["left_out"][: reports.REASONS_SHOWN]]
        lines.append(("seconds", f"{told['seconds']:,.1f}"))
        print("\n".join(f"{name:<14}{value}" for name, value in lines))
        if "splits" in told:
            print(f"\n{reports.split_table(told['splits'])}")
        print(f"\n{told['sources']} says what each file was made of")
    for warning in warnings(told):
        print(f"warning: {warning}", file=sys.stderr)


def warnings(told: dict[str, Any]) -> list[str]:
    """What of the request could not be met."""
    said = [f"some drum has too few loops for the {split} split: it is empty" for split in told.get("starved", ())]
    for split, row in told.get("splits", {}).items():
        if row["files"] > row["different"]:
            said.append(
                f"the {split} split has {row['files']:,} files, and its loops {row['different']:,} different "
                "combinations; some are the same. Give more loops, or another --count or --split"
            )
    return said


if __name__ == "__main__":
    from tutti import cli

    sys.exit(cli.run(main, sys.argv[1:]))
