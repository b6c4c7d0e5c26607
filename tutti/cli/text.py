"""`tutti encode` and `tutti decode`: one song a line, tokens with spaces between them."""

import sys
from pathlib import Path

from tutti import atomic
from tutti.cli.encoding_flags import add_arguments, from_arguments
from tutti.cli.flags import Parser
from tutti.errors import Error, RejectedFile

ENCODE_EXAMPLES = """examples:
  tutti encode groove.mid --encoding drums
  tutti encode groove.mid --encoding drums --resolution 32 --bars meter --out groove.txt
  tutti encode sonata.mid --encoding notes --part all
"""
DECODE_EXAMPLES = """examples:
  tutti decode groove.txt --encoding drums --out groove.mid
  tutti encode sonata.mid --encoding notes | tutti decode - --encoding notes --out again.mid
"""


def main(argv: list[str]) -> None:
    command, *rest = argv
    {"encode": encode, "decode": decode}[command](rest)


def encode(argv: list[str]) -> None:
    parser = Parser("tutti encode", "Writes the tokens of a file as text, one song a line.", ENCODE_EXAMPLES)
    parser.add_argument("file", type=Path, metavar="FILE", help="a MIDI file, or a recording for --encoding mulaw")
    parser.add_argument("--out", type=Path, help="the text file to write (standard output)")
    add_arguments(parser)
    args = parser.parse_args(argv)
    encoding = from_arguments(args)
    try:
        songs = encoding.encode(encoding.medium.read(atomic.read(args.file, encoding.medium.most_bytes)))
    except RejectedFile as reason:
        raise Error(f"{args.file}: {reason}") from None
    text = "".join(" ".join(song) + "\n" for song in songs)
    if args.out:
        atomic.write(args.out, text.encode())
    else:
        sys.stdout.write(text)


def decode(argv: list[str]) -> None:
    parser = Parser("tutti decode", "Writes tokens as music; of several songs, one file each.", DECODE_EXAMPLES)
    parser.add_argument("file", type=Path, metavar="FILE.txt", help="tokens, one song a line; - is standard input")
    parser.add_argument("--out", type=Path, required=True, help="the file to write; OUT-1.mid ... for several")
    add_arguments(parser)
    args = parser.parse_args(argv)
    encoding = from_arguments(args)
    content = sys.stdin.buffer.read() if str(args.file) == "-" else atomic.read(args.file)
    try:
        songs = [line.split() for line in content.decode().splitlines() if line.strip()]
        pieces = [encoding.decode(song) for song in songs]
    except UnicodeDecodeError:
        raise Error(f"{args.file} is not text") from None
    except ValueError as error:
        raise Error(f"{args.file}: {error}") from None
    if not pieces:
        raise Error(f"{args.file} holds no tokens")
    for i, piece in enumerate(pieces, 1):
        out = args.out if len(pieces) == 1 else args.out.with_stem(f"{args.out.stem}-{i}")
        atomic.write(out, encoding.medium.write(piece))
        print(out)
