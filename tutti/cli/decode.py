"""`tutti decode`: tokens as music, a file for each line of them."""

import argparse
import sys
from pathlib import Path

from tutti import atomic, audio, midi, synthesis
from tutti.cli.encoding_flags import add_arguments, from_arguments
from tutti.cli.flags import Parser
from tutti.cli.sound_flags import add_sound_arguments
from tutti.encodings.base import Encoding
from tutti.errors import Error

EXAMPLES = """examples:
  tutti decode groove.txt --encoding drums --out groove.mid --sound
  tutti encode sonata.mid --encoding notes | tutti decode - --encoding notes --out again.mid
"""


def main(argv: list[str]) -> None:
    """Runs the command."""
    parser = Parser("tutti decode", "Writes tokens as music; of several songs, one file each.", EXAMPLES)
    parser.add_argument("file", type=Path, metavar="FILE.txt", help="tokens, one song a line; - is standard input")
    parser.add_argument("--out", type=Path, required=True, help="the file to write; OUT-1.mid ... for several")
    add_sound_arguments(parser)
    add_arguments(parser)
    args = parser.parse_args(argv)
    encoding = from_arguments(args)
    soundfont = _soundfont(args, encoding) if args.sound or args.soundfont else None
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
    contents = {path: encoding.medium.write(piece) for path, piece in zip(paths, pieces, strict=True)}
    if soundfont is not None:
        sounds = [audio.write(synthesis.synthesised(piece, soundfont)) for piece in pieces]
        contents |= {path.with_suffix(".wav"): sound for path, sound in zip(paths, sounds, strict=True)}
    atomic.write_all(contents)
    for path, note in zip(paths, notes, strict=True):
        if note:
            print(f"note: {path}: {note}", file=sys.stderr)
        print(path)


def _soundfont(args: argparse.Namespace, encoding: Encoding) -> bytes:
    """Returns the SoundFont for --sound.

    Raises:
      Error: if it cannot be had, or --sound does not go with the other flags.
    """
    if encoding.medium.suffixes != midi.SCORE.suffixes:
        raise Error(f"--sound does not apply to the encoding {encoding.name}, which is of {encoding.medium.noun} files")
    if args.out.suffix.lower() == ".wav":
        raise Error(f"--out is {args.out}; with --sound it must be a MIDI file, such as {args.out.with_suffix('.mid')}")
    return synthesis.soundfont(args.soundfont)
