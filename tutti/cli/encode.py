"""`tutti encode`: a file as tokens, one song a line."""

import sys
from pathlib import Path

from tutti import atomic
from tutti.cli.encoding_flags import add_arguments, from_arguments
from tutti.cli.flags import Parser
from tutti.errors import Error, RejectedFile

EXAMPLES = """examples:
  tutti encode groove.mid --encoding drums
  tutti encode groove.mid --encoding drums --resolution 32 --bars meter --out groove.txt
  tutti encode sonata.mid --encoding notes --part all
"""


def main(argv: list[str]) -> None:
    """Runs the command."""
    parser = Parser("tutti encode", "Writes the tokens of a file as text, one song a line.", EXAMPLES)
    parser.add_argument("file", type=Path, metavar="FILE", help="a MIDI file, or a recording for --encoding mulaw")
    parser.add_argument("--out", type=Path, help="the text file to write (standard output)")
    add_arguments(parser)
    args = parser.parse_args(argv)
    encoding = from_arguments(args)
    try:
        songs = encoding.encode(encoding.read(atomic.read(args.file, encoding.medium.most_bytes)))
    except RejectedFile as reason:
        raise Error(f"{args.file}: {reason}") from None
    text = "".join(" ".join(song) + "\n" for song in songs)
    if args.out:
        atomic.write(args.out, text.encode())
    else:
        sys.stdout.write(text)
