"""Parse and encode: contents of files -> songs, each under its content id."""

from collections.abc import Iterator
from typing import Any

import apache_beam as beam

from pipelines import progress
from pipelines.failures import blamed_on
from pipelines.ingest.codec import SEMITONES, SongCodec, codec_of
from pipelines.ingest.split import split_of
from pipelines.ingest.types import Batch, Content, Contents, EncodedFile, EncodedSong, IngestJob, Rejected
from tutti.dataset.manifest import content_id
from tutti.encodings.base import Encoding
from tutti.errors import RejectedFile

FILES = beam.metrics.Metrics.counter("ingest", "files")
REJECTED = beam.metrics.Metrics.counter("ingest", "rejected")


class Encode(beam.PTransform):
    """Contents of files -> batches of encoded songs.

    Args:
      job: says how pieces become songs.
      known: source ids that the dataset has already, as a set or a side input.
      progress: local file that takes a line with the number of files, bundle by bundle; empty for none.
    """

    def __init__(self, job: IngestJob, known: Any = frozenset(), progress: str = "") -> None:
        super().__init__()
        self.job, self.known, self.progress = job, known, progress

    def expand(self, contents: Any) -> Any:
        return contents | beam.ParDo(EncodeFiles(self.job, self.progress), self.known)


class EncodeFiles(beam.DoFn):
    """Parses and encodes a bundle. What is wrong with a file rejects that file, with the reason."""

    def __init__(self, job: IngestJob, progress: str = "") -> None:
        super().__init__()
        self.job, self.progress = job, progress

    def process(self, contents: Contents, known: Any = frozenset()) -> Iterator[Batch]:
        encoded, rejected, seen = [], [], 0
        for content in contents.files:
            source = "" if content.data is None else content_id(content.data)
            if source in known:
                seen += 1
                continue
            split = content.split or (split_of(source, self.job.fractions) if self.job.fractions else "")
            try:
                made, choice = songs(content, self.job.encoding, keys=self.job.transpose and split == "train")
                encoded.append(EncodedFile(source, content.name, made, content.label, split, *choice))
            except RejectedFile as reason:
                rejected.append(Rejected(content.name, source, str(reason)))
        FILES.inc(len(contents.files))
        REJECTED.inc(len(rejected))
        progress.count(self.progress, len(contents.files))
        yield Batch(tuple(encoded), tuple(rejected), seen)


def songs(
    content: Content, encoding: Encoding, keys: bool = False
) -> tuple[tuple[EncodedSong, ...], tuple[str, str] | tuple[()]]:
    """Makes the songs of a file; with `keys` they come in the other eleven keys as well.

    Returns:
      The songs; and the tracks that they are made of and by what these were chosen, or nothing where all are taken.

    Raises:
      RejectedFile: if it gives none.
      Error: if memory ran out.
      ProgramError: if a reader or an encoding fails in any other way; names the file.
    """
    if content.data is None:
        raise RejectedFile(content.reason)
    codec = codec_of(encoding)
    with blamed_on(content.name):
        piece = encoding.read(content.data)
        made = tuple(
            EncodedSong(content_id(tokens), length, tokens, content.label, other_keys(tokens, codec) if keys else ())
            for length, tokens in codec.encode(piece)
        )
        choice = encoding.choice(piece)
        return made, (choice.text(), choice.by) if choice else ()


def other_keys(tokens: bytes, codec: SongCodec) -> tuple[tuple[int, str], ...]:
    """Returns (semitones, content id) of a song in each key that it can be moved to."""
    keys = ((semitones, codec.transposed(tokens, semitones)) for semitones in SEMITONES)
    return tuple((semitones, content_id(tokens)) for semitones, tokens in keys if tokens is not None)
