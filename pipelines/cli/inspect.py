"""`tutti inspect`: what is in a dataset, which is checked, in a MIDI file, or in a folder of them."""

import json

import tutti
from tutti.cli.flags import Parser

EXAMPLES = """examples:
  tutti inspect song.mid                        its tracks, and what each encoding would take
  tutti inspect midi/                           what each encoding would take of a folder of MIDI files
  tutti inspect data/drums                      a dataset: every checksum and count, and what is in it
  tutti inspect gs://bucket/data/drums --json --songs 0
"""


def main(argv: list[str]) -> None:
    """Runs the command.

    Raises:
      Error: if the dataset is none, or differs from its manifest; names the shard.
    """
    about = (
        "Shows what is in a MIDI file, in a folder of them, or in a dataset, "
        "of which every checksum and count is checked against its manifest."
    )
    parser = Parser("tutti inspect", about, EXAMPLES)
    parser.add_argument("path", metavar="FILE|FOLDER|DATASET", help="local or gs://")
    parser.add_argument("--songs", type=int, default=3, help="songs of a dataset to show as text (3)")
    parser.add_argument("--json", action="store_true", help="print what was found as JSON")
    args = parser.parse_args(argv)
    found = tutti.inspect(args.path, songs=args.songs, progress=True)
    print(json.dumps(found.to_json(), indent=1, ensure_ascii=False) if args.json else found.table())
