"""Standardise: drum loops on any notes -> the same loops on General MIDI notes and channel 10."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import apache_beam as beam

from pipelines.failures import blamed_on
from pipelines.ingest.types import Content, Contents
from pipelines.loops import drum_loop
from tutti import midi
from tutti.dataset.manifest import content_id
from tutti.errors import RejectedFile


class Loop(NamedTuple):
    """One file of a loop pack, standardised. Label and split are the file's.

    `source` is the content id of the file as it was, empty where it could not be read. Where `data` is None,
    `reason` says why it is left out. `drum` is a MIDI note, None for a whole kit; `shift` is in semitones.
    """

    name: str
    source: str
    data: bytes | None
    reason: str = ""
    drum: int | None = None
    shift: int = 0
    dropped: int = 0
    label: str = ""
    split: str = ""


@dataclass(frozen=True)
class Loops:
    """The loops of a bundle of files."""

    files: tuple[Loop, ...]


class Standardise(beam.PTransform):
    """Contents of files -> contents of the same names on General MIDI notes; of other files, the reason."""

    def expand(self, contents: Any) -> Any:
        return contents | "To General MIDI" >> beam.Map(standardised) | "As files" >> beam.Map(as_contents)


def standardised(contents: Contents) -> Loops:
    """Standardises the loops of a bundle. What is wrong with a file leaves out that file, with the reason."""
    return Loops(tuple(map(loop, contents.files)))


def as_contents(found: Loops) -> Contents:
    """Returns loops as the contents of files of their names."""
    return Contents(tuple(Content(loop.name, loop.data, loop.reason, loop.label, loop.split) for loop in found.files))


def loop(content: Content) -> Loop:
    """Standardises one file; one that is no drum loop becomes a loop without data.

    Raises:
      Error, ProgramError: as `blamed_on` raises them.
    """
    source = "" if content.data is None else content_id(content.data)
    found = Loop(content.name, source, None, content.reason, label=content.label, split=content.split)
    if content.data is None:
        return found
    try:
        with blamed_on(content.name):
            standard = drum_loop.standardise(midi.read(content.data), content.name)
            data = midi.write(standard.score)
    except RejectedFile as reason:
        return found._replace(reason=str(reason))
    return found._replace(data=data, drum=standard.drum, shift=standard.shift, dropped=standard.dropped)
