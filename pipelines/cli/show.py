"""`tutti show`: files, folders or a dataset -> a picture of the music in them."""

import argparse
import dataclasses
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines import filesystem
from pipelines.ingest import match
from pipelines.ingest.types import File
from tutti import atomic as local
from tutti import audio, midi
from tutti.audio import Sound
from tutti.cli.encoding_flags import add_arguments, from_arguments
from tutti.cli.flags import Parser
from tutti.dataset.manifest import MANIFEST, SPLITS, Dataset
from tutti.drawing import picture
from tutti.encodings.base import Encoding, FrameEncoding
from tutti.encodings.registry import encodings
from tutti.errors import Error, RejectedFile
from tutti.medium import Medium

EXAMPLES = """examples:
  tutti show groove.mid --out groove.png
  tutti show groove.mid --out words.png --encoding drums    what the drum words keep of it
  tutti show corpus/piano --out piano.png --most 12         a contact sheet
  tutti show data/drums --out drums.png --split test        the first songs of a dataset
  tutti show sonata.mid --out sonata.pdf --sheet            music notation
"""
SCORES, SOUNDS = midi.SCORE, audio.SOUND
MOST, MOST_BARS = 24, 1024
# Of a dataset's song: long pieces have millions of tokens, and a picture shows their beginning.
MOST_TOKENS = 1 << 16


class Piece(NamedTuple):
    """What is shown under a title."""

    title: str
    content: Any


def main(argv: list[str]) -> None:
    """Runs the command.

    Raises:
      UserError: if there is nothing to show, or it cannot be written.
    """
    args = parse(argv)
    encoding = from_arguments(args) if args.encoding else None
    shown, left_out = gather(args.paths, encoding, args.split, args.most)
    if args.sheet:
        content = notation(shown, left_out, args.out.suffix)
    elif len(shown) == 1:
        ((title, piece),) = shown
        content = picture.png(piece, title, args.most_bars or picture.BARS)
    else:
        title = heading(args.paths, args.split) + (f"   the first {len(shown)}" if left_out else "")
        content = picture.contact_sheet(shown, title, args.most_bars or picture.BARS_A_PANEL)
    local.write(args.out, content)
    if left_out:
        print(f"note: there is more; --most {args.most} are shown", file=sys.stderr)
    if args.json:
        print(json.dumps({"out": str(args.out), "shown": [title for title, _ in shown], "all": not left_out}, indent=1))
    else:
        print(args.out)


class Undecided(Parser):
    """A parser for which no encoding is a choice too, and the default one."""

    def add_argument(self, *names: Any, **options: Any) -> argparse.Action:
        if "--encoding" in names:
            options |= {"default": None, "help": "show what this encoding keeps of a file: encoded and decoded again"}
        return super().add_argument(*names, **options)


def parse(argv: list[str]) -> argparse.Namespace:
    about = (
        "Draws music: one piece as a page, several as a contact sheet. Scores become piano rolls and drum grids,\n"
        "recordings a waveform over a spectrogram. Without --encoding a file is shown as it is."
    )
    parser = Undecided("tutti show", about, EXAMPLES)
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
    add_arguments(parser)
    args = parser.parse_args(argv)
    if args.most < 1:
        raise Error(f"--most is {args.most}; it must be at least 1")
    if not 0 <= args.most_bars <= MOST_BARS:
        raise Error(
            f"--most-bars is {args.most_bars}; it can be 1 to {MOST_BARS:,}, or 0 for as many as there is room for"
        )
    if not args.sheet and args.out.suffix != ".png":
        raise Error(f"--out is {args.out}; it must end in .png")
    if not args.out.parent.is_dir():
        raise Error(f"cannot write {args.out}: there is no folder {args.out.parent}")
    if args.encoding is None:
        refuse_parameters(args)
    return args


def refuse_parameters(args: argparse.Namespace) -> None:
    """Raises UserError where a parameter of an encoding is given, but no encoding."""
    for encoding in encodings().values():
        for parameter in dataclasses.fields(encoding):
            if getattr(args, parameter.name) is not None:
                flag = parameter.name.replace("_", "-")
                raise Error(f"--{flag} belongs to an encoding; name one with --encoding")


def gather(paths: list[str], encoding: Encoding | None, split: str, most: int) -> tuple[list[Piece], bool]:
    """The first `most` pieces of what is named, and whether there are more.

    Raises:
      UserError: if a path holds nothing to show, or none of the files can be read; says why.
    """
    found: list[Piece] = []
    refused: list[str] = []
    for path in paths:
        with filesystem.explained("show", path):
            if is_dataset(path):
                if encoding:
                    raise Error(f"{path} is a dataset and has an encoding of its own; leave out --encoding")
                pieces = songs(path, split)
            else:
                pieces = pieces_of_files(path, encoding, refused)
            for piece in pieces:
                if len(found) == most:
                    return found, True
                found.append(piece)
    if not found:
        raise Error(refused[0] if len(refused) == 1 else f"nothing to show in {' '.join(paths)}: {refused[0]}")
    for reason in refused:
        print(f"note: left out {reason}", file=sys.stderr)
    return found, False


def heading(paths: list[str], split: str) -> str:
    """What a contact sheet is of; nothing where that would be a long list, for every piece has a title."""
    return "   ".join(f"{path} ({split})" if is_dataset(path) else path for path in paths) if len(paths) < 3 else ""


def is_dataset(path: str) -> bool:
    return filesystem.exists(filesystem.join(path, MANIFEST))


def pieces_of_files(path: str, encoding: Encoding | None, refused: list[str]) -> Iterator[Piece]:
    """The pieces of a file, or of all files of a folder or glob; why one was left out goes to `refused`."""
    either = dataclasses.replace(SCORES, noun="MIDI, WAV or FLAC", suffixes=SCORES.suffixes + SOUNDS.suffixes)
    for file in match.find([path], encoding.medium if encoding else either):
        medium = encoding.medium if encoding else SOUNDS if SOUNDS.named(file.path) else SCORES
        name = file.name.rpartition("/")[2]
        try:
            piece = medium.read(content(file, medium))
            if encoding is None:
                yield Piece(name, piece)
                continue
            decoded = kept(piece, encoding)
        except RejectedFile as reason:
            refused.append(f"{file.name}: {reason}")
            continue
        for number, piece in enumerate(decoded, 1):
            yield Piece(f"{name}{f', part {number}' if len(decoded) > 1 else ''} as {encoding.name}", piece)


def content(file: File, medium: Medium) -> bytes:
    """What is in a file.

    Raises:
      RejectedFile: if it is larger than its medium allows, or no file.
    """
    if file.size == match.NO_FILE and not filesystem.is_remote(file.path):
        raise RejectedFile("cannot be read: not a regular file")
    if file.size > medium.most_bytes:
        raise RejectedFile(f"{file.size:,} bytes are beyond the limit of {medium.most_bytes:,}")
    return filesystem.read(file.path)


def kept(piece: Any, encoding: Encoding) -> list[Any]:
    """What an encoding keeps of a piece: its songs, encoded and decoded.

    Raises:
      RejectedFile: if the piece holds nothing for this encoding.
    """
    if isinstance(encoding, FrameEncoding):
        return [encoding.decode_frames(unpacked(song, encoding.bits)) for song in encoding.encode_frames(piece)]
    return [encoding.decode(song) for song in encoding.encode(piece)]


def songs(path: str, split: str) -> Iterator[Piece]:
    """The songs of a split of a dataset, decoded, each as far as `MOST_TOKENS` go.

    Raises:
      UserError: if there is no such dataset, or a shard is damaged.
    """
    # Reading checksums takes what comes with the extra; pictures of files do without.
    from pipelines import records
    from pipelines.cli import inspect

    dataset, snapshot = inspect.load(path)
    names = {song: source.name for source in snapshot.sources for song in source.songs}
    if not snapshot.shards[split]:
        raise Error(f"{path} has no songs in its {split} split; another --split may have some")
    for shard in snapshot.shards[split]:
        target = filesystem.join(path, shard.path)
        song, steps = "", np.zeros((0, 0), np.int64)
        try:
            with filesystem.open_old(target) as file:
                for payload in records.payloads(file):
                    feature = inspect.example(payload).features.feature
                    name, start, window = _window(feature, dataset)
                    if name != song and song:
                        yield Piece(_title(names, song), _decoded(steps, dataset))
                    # Windows may overlap; where they leave gaps, a song is shown up to the first one.
                    if name != song:
                        song, steps = name, window
                    elif start <= len(steps) < MOST_TOKENS:
                        steps = np.concatenate([steps[:start], window])
        except (records.CorruptRecord, ValueError, IndexError) as error:
            raise Error(f"{target}: {error}; tutti inspect says more") from None
        if song:
            yield Piece(_title(names, song), _decoded(steps, dataset))


def _window(feature: Any, dataset: Dataset) -> tuple[str, int, NDArray[Any]]:
    """The song and the start of a record, and its ids, int64[length], or its frames, uint8[length, bytes]."""
    (name,), (start,) = feature["song"].bytes_list.value, feature["start"].int64_list.value
    (length,) = feature["length"].int64_list.value
    if isinstance(dataset.encoding, FrameEncoding):
        (packed,) = feature["frames"].bytes_list.value
        frames = np.frombuffer(packed, np.uint8).reshape(-1, -(-dataset.encoding.bits // 8))
        return name.decode(), start, frames[:length]
    return name.decode(), start, np.asarray(feature["tokens"].int64_list.value, np.int64)[:length]


def _decoded(steps: NDArray[Any], dataset: Dataset) -> Any:
    encoding = dataset.encoding
    if isinstance(encoding, FrameEncoding):
        return encoding.decode_frames(unpacked(steps, encoding.bits))
    return encoding.decode(dataset.vocabulary.words(steps.tolist()))


def unpacked(frames: NDArray[np.uint8], bits: int) -> NDArray[np.uint8]:
    """uint8[steps, bits] of 0 and 1, from uint8[steps, ceil(bits / 8)]."""
    return np.unpackbits(frames, axis=1, count=bits)


def _title(names: dict[str, str], song: str) -> str:
    return names.get(song, song).rpartition("/")[2]


def notation(shown: list[Piece], left_out: bool, suffix: str) -> bytes:
    """Music notation of the only piece.

    Raises:
      UserError: if there are several, it is a recording, or there is no notation of this kind.
    """
    from tutti.drawing import sheet

    if len(shown) > 1 or left_out:
        raise Error("--sheet writes the notation of one piece; name a single file")
    ((title, piece),) = shown
    if isinstance(piece, Sound):
        raise Error(f"--sheet: {title} is a recording, which has no notation")
    written: dict[str, bytes] = sheet.render(picture.score_of(piece), title)
    if suffix not in written:
        raise Error(f"--sheet: --out can end in {', '.join(sorted(written))} here; {sheet.HOW_TO_SEE}")
    return written[suffix]


if __name__ == "__main__":
    from tutti import cli

    sys.exit(cli.run(main, sys.argv[1:]))
