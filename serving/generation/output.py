"""Pieces as files: music, its picture, its sheet, and text."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from serving.options import OptionError
from tutti import atomic, midi
from tutti.errors import Error
from tutti.medium import Medium
from tutti.score import Score

SLOWEST, FASTEST = 4, 1000


def check_place(path: Path, bpm: float | None = None) -> None:
    """Makes sure, as far as can be known before there is a piece, that one can be written.

    Raises:
      Error: if there is no such folder, it cannot be written to, or the tempo is out of bounds.
    """
    _check_tempo(bpm)
    if not path.parent.is_dir():
        raise Error(f"cannot write {path}: there is no folder {path.parent}")
    atomic.check_writable(path)


def check(path: Path, medium: Medium, *, bpm: float | None = None, sheet: bool = False) -> None:
    """Makes sure that a piece of this medium can be written so.

    Raises:
      OptionError: if the path ends in another suffix, or an option does not apply or is out of bounds.
    """
    _check_tempo(bpm)
    own = medium.suffixes[0]
    # `.midi` is another way to write `.mid`; what else can be read is of another format.
    if not (path.suffix.lower().startswith(own) and path.suffix.lower() in medium.suffixes):
        raise OptionError(
            "{path} is {value}; it must end in {own}, as this model writes {noun} files",
            value=path,
            own=own,
            noun=medium.noun,
        )
    sound = own not in midi.SCORE.suffixes
    for option, given in (("bpm", bpm is not None), ("sheet", sheet)):
        if given and sound:
            raise OptionError(f"{{{option}}} does not apply to a model that writes {{noun}} files", noun=medium.noun)


def rendered(
    path: Path,
    tokens: Sequence[str],
    piece: Any,
    medium: Medium,
    *,
    bpm: float | None = None,
    picture: bool = False,
    sheet: bool = False,
) -> dict[Path, bytes]:
    """Returns what to write for a piece: path -> content, the music first and then its tokens as text."""
    if bpm is not None:
        piece = replace(piece, tempos=((0, bpm),))
    contents = {path: medium.write(piece), path.with_suffix(".txt"): (" ".join(tokens) + "\n").encode()}
    if picture:
        from tutti.drawing import picture as drawing

        contents[path.with_suffix(".png")] = drawing.png(piece, path.stem)
    if sheet:
        for suffix, content in _sheet(piece, contents[path], path.stem).items():
            page = path.with_suffix(suffix)
            # The picture has OUT.png already.
            contents[page if page not in contents else path.with_suffix(f".sheet{suffix}")] = content
    return contents


def _sheet(piece: Any, content: bytes, title: str) -> dict[str, bytes]:
    from tutti.drawing import sheet

    score = piece if isinstance(piece, Score) else midi.read(content)
    return sheet.render(score, title)


def _check_tempo(bpm: float | None) -> None:
    if bpm is not None and not SLOWEST <= bpm <= FASTEST:
        raise OptionError(f"{{bpm}} is {bpm:g}; it must be from {SLOWEST} to {FASTEST}")
