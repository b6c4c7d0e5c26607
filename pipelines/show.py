"""Show: files, folders or a dataset -> a picture of the music in them."""

import os
import pathlib
from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.pieces import Pieces, gather, is_dataset, shown_as
from tutti import atomic
from tutti.audio import Sound
from tutti.dataset.manifest import SPLITS
from tutti.drawing import picture
from tutti.encodings.base import Encoding
from tutti.encodings.registry import encoding_from_json
from tutti.errors import Error, RejectedFile
from tutti.score import Score

MOST, MOST_BARS = 24, 1024

Path = str | os.PathLike[str]


@dataclass(frozen=True)
class Picture:
    """A picture of some pieces.

    Attributes:
      content: the bytes of the image, or of the notation.
      suffix: what the name of a file with it ends in, such as ".png".
      titles: of the pieces in it.
      complete: whether these are all.
      notes: what the user may want to know of those that are not in it.
    """

    content: bytes
    suffix: str
    titles: tuple[str, ...]
    complete: bool
    notes: tuple[str, ...]

    def write(self, path: Path) -> None:
        """Writes the picture into a local file, whole or not at all.

        Raises:
          Error: if it cannot be written.
        """
        atomic.write(pathlib.Path(path), self.content)

    def _repr_png_(self) -> bytes | None:
        return self.content if self.suffix == ".png" else None

    def _repr_svg_(self) -> str | None:
        return self.content.decode() if self.suffix == ".svg" else None


def show(
    music: Score | Path | Sequence[Path],
    *,
    encoding: str | Encoding | None = None,
    split: str = "train",
    most: int = MOST,
    most_bars: int = 0,
    sheet: str = "",
) -> Picture:
    """Draws music: one piece as a page, several as a contact sheet, or the notation of one.

    Scores become piano rolls and drum grids, recordings a waveform over a spectrogram.

    Args:
      music: a score; or MIDI, WAV or FLAC files, folders, globs or datasets, local or gs://.
      encoding: to show what it keeps of a file, encoded and decoded again; None to show files as they are.
      split: which songs of a dataset: "train", "validation" or "test".
      most: how many pieces at most.
      most_bars: how many bars of each at most; 0 for as many as there is room for.
      sheet: the kind of music notation to write instead of a picture, such as ".pdf"; empty for a picture.

    Raises:
      Error: if there is nothing to show, a setting is out of its bounds, or a package is missing.
    """
    if most < 1:
        raise Error(f"--most is {most}; it must be at least 1")
    if not 0 <= most_bars <= MOST_BARS:
        raise Error(f"--most-bars is {most_bars}; it can be 1 to {MOST_BARS:,}, or 0 for as many as there is room for")
    if split not in SPLITS:
        raise Error(f"--split is {split}; it can be {', '.join(SPLITS)}")
    encoding = encoding_from_json({"name": encoding}) if isinstance(encoding, str) else encoding
    if isinstance(music, Score):
        named = []
        try:
            found = Pieces(tuple(shown_as("", music, encoding)), complete=True)
        except RejectedFile as reason:
            raise Error(f"the score: {reason}") from None
    else:
        named = [os.fspath(path) for path in ([music] if isinstance(music, str | os.PathLike) else music)]
        found = gather(named, encoding, split, most)
    titles = tuple(piece.title for piece in found.pieces)
    if sheet:
        content = notation(found, sheet)
    elif len(found.pieces) == 1:
        content = picture.png(found.pieces[0].content, titles[0], most_bars or picture.BARS)
    else:
        title = heading(named, split) + ("" if found.complete else f"   the first {len(titles)}")
        content = picture.contact_sheet(found.pieces, title, most_bars or picture.BARS_A_PANEL)
    notes = found.notes if found.complete else (*found.notes, f"there is more; --most {most} are shown")
    return Picture(content, sheet or ".png", titles, found.complete, notes)


def heading(paths: list[str], split: str) -> str:
    """Returns what a contact sheet is of; nothing where that would be a long list, for every piece has a title."""
    return "   ".join(f"{path} ({split})" if is_dataset(path) else path for path in paths) if len(paths) < 3 else ""


def notation(found: Pieces, suffix: str) -> bytes:
    """Writes the only piece as music notation.

    Raises:
      Error: if there are several, it is a recording, or there is no notation of this kind.
    """
    from tutti.drawing import sheet

    if len(found.pieces) > 1 or not found.complete:
        raise Error("--sheet writes the notation of one piece; name a single file")
    ((title, piece),) = found.pieces
    if isinstance(piece, Sound):
        raise Error(f"--sheet: {title} is a recording, which has no notation")
    written: dict[str, bytes] = sheet.render(picture.score_of(piece), title)
    if suffix not in written:
        raise Error(f"--sheet: --out can end in {', '.join(sorted(written))} here; {sheet.HOW_TO_SEE}")
    return written[suffix]
