"""`tutti inspect`: checks a dataset against its manifest, without TensorFlow, and shows what is in it."""

import json

import tutti
from tutti.cli.flags import Parser

EXAMPLES = """examples:
  tutti inspect data/drums
  tutti inspect gs://bucket/data/drums --json --songs 0
"""


def main(argv: list[str]) -> None:
    """Runs the command.

    Raises:
      Error: if the dataset is none, or differs from its manifest; names the shard.
    """
    about = "Check every checksum and count of a dataset against its manifest, and show what is in it."
    parser = Parser("tutti inspect", about, EXAMPLES)
    parser.add_argument("dataset", metavar="DATASET", help="the dataset's folder, local or gs://")
    parser.add_argument("--songs", type=int, default=3, help="songs to show as text (3)")
    parser.add_argument("--json", action="store_true", help="print what was found as JSON")
    args = parser.parse_args(argv)
    found = tutti.inspect(args.dataset, songs=args.songs, progress=True)
    print(json.dumps(found.to_json(), indent=1, ensure_ascii=False) if args.json else found.table())
