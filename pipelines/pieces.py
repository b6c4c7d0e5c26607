"""The pieces of music in files, folders and datasets, one after another."""

import dataclasses
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np

from pipelines import filesystem
from pipelines.ingest import match
from pipelines.ingest.content import content
from tutti import audio, midi
from tutti.dataset.manifest import MANIFEST, Dataset
from tutti.encodings.base import Encoding
from tutti.errors import Error, RejectedFile

SCORES, SOUNDS = midi.SCORE, audio.SOUND
# Of a dataset's song: long pieces have millions of tokens, and a picture shows their beginning.
MOST_TOKENS = 1 << 16


class Piece(NamedTuple):
    """A score or a sound, and its title."""

    title: str
    content: Any


@dataclasses.dataclass(frozen=True)
class Pieces:
    """What was found in some paths.

    Attributes:
      pieces: the first of them.
      complete: whether these are all.
      notes: which files were left out, and why.
    """

    pieces: tuple[Piece, ...]
    complete: bool
    notes: tuple[str, ...] = ()


def gather(paths: Sequence[str], encoding: Encoding | None, split: str, most: int) -> Pieces:
    """Returns the first `most` pieces in some files, folders, globs or datasets.

    Args:
      paths: local or gs://.
      encoding: to show what it keeps of a file, encoded and decoded again; None to show files as they are.
      split: which songs of a dataset.
      most: how many pieces at most.

    Raises:
      Error: if a path holds nothing to show, or none of the files can be read; says why.
    """
    if not paths:
        raise Error("nothing to show: name a file, a folder or a dataset")
    found: list[Piece] = []
    rejected: list[str] = []
    for path in paths:
        with filesystem.explained("show", path):
            if is_dataset(path):
                if encoding:
                    raise Error(f"{path} is a dataset and has an encoding of its own; leave out --encoding")
                pieces = songs(path, split)
            else:
                pieces = pieces_of_files(path, encoding, rejected)
            for piece in pieces:
                if len(found) == most:
                    return Pieces(tuple(found), complete=False, notes=left_out(rejected))
                found.append(piece)
    if not found:
        raise Error(rejected[0] if len(rejected) == 1 else f"nothing to show in {' '.join(paths)}: {rejected[0]}")
    return Pieces(tuple(found), complete=True, notes=left_out(rejected))


def left_out(rejected: list[str]) -> tuple[str, ...]:
    """Returns a note for each file that cannot be shown."""
    return tuple(f"left out {reason}" for reason in rejected)


def is_dataset(path: str) -> bool:
    """Returns whether a folder holds a dataset."""
    return filesystem.exists(filesystem.join(path, MANIFEST))


def pieces_of_files(path: str, encoding: Encoding | None, rejected: list[str]) -> Iterator[Piece]:
    """Yields the pieces of a file, or of all files of a folder or glob; adds to `rejected` why one was left out."""
    either = dataclasses.replace(SCORES, noun="MIDI, WAV or FLAC", suffixes=SCORES.suffixes + SOUNDS.suffixes)
    for file in match.find([path], encoding.medium if encoding else either):
        medium = encoding.medium if encoding else SOUNDS if SOUNDS.named(file.path) else SCORES
        name = file.name.rpartition("/")[2]
        try:
            pieces = shown_as(name, (encoding or medium).read(content(file, medium.most_bytes)), encoding)
        except RejectedFile as reason:
            rejected.append(f"{file.name}: {reason}")
            continue
        yield from pieces


def shown_as(name: str, content: Any, encoding: Encoding | None) -> list[Piece]:
    """Returns a score or a sound as a piece, or the pieces that an encoding makes of it.

    Raises:
      RejectedFile: if the encoding finds nothing in it.
    """
    if encoding is None:
        return [Piece(name, content)]
    decoded = [encoding.decode(song) for song in encoding.encode(content)]
    return [
        Piece(f"{name}{f', part {number}' if len(decoded) > 1 else ''} as {encoding.name}".lstrip(), piece)
        for number, piece in enumerate(decoded, 1)
    ]


def songs(path: str, split: str) -> Iterator[Piece]:
    """Yields the songs of a split of a dataset, decoded, each as far as `MOST_TOKENS` go.

    Raises:
      Error: if there is no such dataset, or a shard is damaged.
    """
    # Reading checksums takes what comes with the extra; pictures of files do without.
    from pipelines import records
    from pipelines.inspection import check

    dataset, snapshot = check.load(path)
    names = {song: source.name for source in snapshot.sources for song in source.songs}
    if not snapshot.shards[split]:
        raise Error(f"{path} has no songs in its {split} split; another --split may have some")
    for shard in snapshot.shards[split]:
        target = filesystem.join(path, shard.path)
        try:
            with filesystem.open_old(target) as file:
                for song, piece in _decoded(check.windows(file, dataset), dataset):
                    yield Piece(names.get(song, song).rpartition("/")[2], piece)
        except (records.CorruptRecord, ValueError) as error:
            raise Error(f"{target}: {error}; tutti inspect says more") from None


def _decoded(windows: Iterator[Any], dataset: Dataset) -> Iterator[tuple[str, Any]]:
    """Yields each song's id and its piece."""
    from pipelines.ingest.codec import codec_of

    codec = codec_of(dataset.encoding)
    for song, several in groupby(windows, key=lambda window: window.song):
        parts, length = [], 0
        for window in several:
            # Windows may overlap; where they leave gaps, a song is shown up to the first one.
            if window.start <= length < MOST_TOKENS:
                parts.append(window.content[length - window.start :])
                length = max(length, window.start + len(window.content))
        yield song, codec.piece(np.concatenate(parts), dataset.vocabulary)
