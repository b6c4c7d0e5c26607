"""`tutti decode`: tokens as music, a file for each line of them."""

import sys
from pathlib import Path

from tutti import atomic
from tutti.cli.encoding_flags import add_arguments, from_arguments
from tutti.cli.flags import Parser
from tutti.errors import Error

EXAMPLES = """examples:
  tutti decode groove.txt --encoding drums --out groove.mid
  tutti encode sonata.mid --encoding notes | tutti decode - --encoding notes --out again.mid
"""


def main(argv: list[str]) -> None:
    """Runs the command."""
    parser = Parser("tutti decode", "Writes tokens as music; of several songs, one file each.", EXAMPLES)
    parser.add_argument("file", type=Path, metavar="FILE.txt", help="tokens, one song a line; - is standard input")
    parser.add_argument("--out", type=Path, required=True, help="the file to write; OUT-1.mid ... for several")
    add_arguments(parser)
    args = parser.parse_args(argv)
    encoding = from_arguments(args)
    content = sys.stdin.buffer.read() if str(args.file) == "-" else atomic.read(args.file)
    try:
        songs = [line.split() for line in content.decode().splitlines() if line.strip()]
        pieces = [encoding.decode(song) for song in songs]
        notes = [encoding.misfit(song) for song in songs]
    except UnicodeDecodeError:
        raise Error(f"{args.file} is not text") from None
    except ValueError as error:
        raise Error(f"{args.file}: {error}") from None
    if not pieces:
        raise Error(f"{args.file} holds no tokens")
    paths = [
        args.out if len(pieces) == 1 else args.out.with_stem(f"{args.out.stem}-{number}")
        for number in range(1, len(pieces) + 1)
    ]
    atomic.write_all({path: encoding.medium.write(piece) for path, piece in zip(paths, pieces, strict=True)})
    for path, note in zip(paths, notes, strict=True):
        if note:
            print(f"note: {path}: {note}", file=sys.stderr)
        print(path)
