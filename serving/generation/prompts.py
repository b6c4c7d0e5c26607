"""What a piece begins with, or is disturbed with: MIDI files, recordings and text as tokens of a model's encoding."""

from collections.abc import Sequence
from pathlib import Path

from serving.generation.perturb import CorpusSong
from serving.saved_model import SavedModel
from tutti import atomic
from tutti.encodings.base import Encoding, FrameEncoding
from tutti.errors import Error, RejectedFile


def prompt(text: str, limit: int, engine: SavedModel) -> list[str]:
    """The tokens of a prompt, its first `limit` where that is not 0, each the nearest one that the model knows.

    Raises:
      UserError: if it cannot be read, holds nothing, or holds what is no token of the model's encoding.
    """
    tokens = read(text, engine.encoding)
    tokens = tokens[:limit] if limit else tokens
    if not tokens:
        raise Error(f"--prompt {text!r} holds no tokens; leave it out to begin with nothing")
    if isinstance(engine.encoding, FrameEncoding):
        return tokens
    try:
        return engine.vocabulary.words(engine.ids(tokens), specials=True)
    except (KeyError, ValueError) as error:
        raise Error(f"--prompt: {error}") from None


def read(text: str, encoding: Encoding) -> list[str]:
    """The tokens of a prompt: of a file's first song, of a text file, or of the text itself.

    Raises:
      UserError: if it is a file that cannot be read.
    """
    path = Path(text)
    if path.suffix.lower() in encoding.medium.suffixes:
        return songs("--prompt", path, encoding)[0]
    if path.suffix.lower() == ".txt":
        try:
            return atomic.read(path).decode().split()
        except UnicodeDecodeError:
            raise Error(f"--prompt {text} is not text") from None
    return text.split()


def corpus(paths: Sequence[Path], engine: SavedModel) -> tuple[CorpusSong, ...]:
    """All songs of some files.

    Raises:
      UserError: if one cannot be read.
    """
    found = []
    for path in paths:
        for number, song in enumerate(read_songs := songs("--corpus", path, engine.encoding), 1):
            found.append(CorpusSong(f"{path}#{number}" if len(read_songs) > 1 else str(path), song))
    return tuple(found)


def songs(flag: str, path: Path, encoding: Encoding) -> list[list[str]]:
    """The songs of a file of the encoding's medium; `flag` is for the error message.

    Raises:
      UserError: if it cannot be read.
    """
    try:
        return encoding.encode(encoding.medium.read(atomic.read(path, encoding.medium.most_bytes)))
    except RejectedFile as reason:
        raise Error(f"{flag} {path}: {reason}") from None
