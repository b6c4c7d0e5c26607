"""Tokens as files: music, its picture, its sheet, and text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tutti import atomic, midi
from tutti.encodings.base import Encoding
from tutti.errors import Error
from tutti.score import Score


@dataclass(frozen=True)
class Look:
    """What is written beside a piece's music and text.

    Attributes:
      bpm: quarter notes a minute, instead of those that the tokens say or 120; None to leave them.
      picture: whether to draw it.
      sheet: whether to write it as sheet music.
    """

    bpm: float | None = None
    picture: bool = True
    sheet: bool = False

    def check(self, out: Path, encoding: Encoding) -> None:
        """Raises UserError where a piece of this encoding cannot be written so."""
        own = encoding.medium.suffixes[0]
        # `.midi` is another way to write `.mid`; what else can be read is of another format.
        if not (out.suffix.lower().startswith(own) and out.suffix.lower() in encoding.medium.suffixes):
            raise Error(f"--out is {out}; it must end in {own}, as this model writes {encoding.medium.noun} files")
        sound = own not in midi.SCORE.suffixes
        for flag, asked in (("--bpm", self.bpm is not None), ("--sheet", self.sheet)):
            if asked and sound:
                raise Error(f"{flag} does not apply to a model that writes {encoding.medium.noun} files")


def rendered(out: Path, tokens: Sequence[str], encoding: Encoding, look: Look) -> dict[Path, bytes]:
    """What to write for a piece: path -> content."""
    piece = encoding.decode(tokens)
    if look.bpm is not None:
        piece = replace(piece, tempos=((0, look.bpm),))
    contents = {out: encoding.medium.write(piece), out.with_suffix(".txt"): (" ".join(tokens) + "\n").encode()}
    if look.picture:
        from tutti.drawing import picture

        contents[out.with_suffix(".png")] = picture.png(piece, out.stem)
    if look.sheet:
        for suffix, content in _sheet(piece, contents[out], out.stem).items():
            path = out.with_suffix(suffix)
            # The picture has OUT.png already.
            contents[path if path not in contents else out.with_suffix(f".sheet{suffix}")] = content
    return contents


def _sheet(piece: Any, content: bytes, title: str) -> dict[str, bytes]:
    from tutti.drawing import sheet

    score = piece if isinstance(piece, Score) else midi.read(content)
    return sheet.render(score, title)


def write(contents: Mapping[Path, bytes]) -> None:
    """Writes all of the files or none.

    Raises:
      UserError: if one cannot be written.
    """
    written: list[Path] = []
    try:
        for path, content in contents.items():
            atomic.write(path, content)
            written.append(path)
    except Error:
        for path in written:
            path.unlink()
        raise
