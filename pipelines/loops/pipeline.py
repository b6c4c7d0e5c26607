"""The Beam pipelines of `tutti loops`: match, read, standardise, draw, combine, write, and list the sources."""

import json
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam.pvalue import AsList

from pipelines import filesystem, progress
from pipelines.ingest.read import REMOTE_READS, Match, Read
from pipelines.ingest.types import Content, Contents, File
from pipelines.loops import combine, drum_loop
from pipelines.loops.combine import Combinations
from pipelines.loops.config import CombineConfig
from pipelines.loops.output import SOURCES
from pipelines.loops.standardise import Loop, Loops, as_contents, standardised
from tutti.dataset.manifest import content_id
from tutti.midi import SCORE


class Written(NamedTuple):
    """A file written: its name and content id."""

    name: str
    id: str


@dataclass(frozen=True)
class WrittenFiles:
    """Files that were written together."""

    files: tuple[Written, ...]


@dataclass(frozen=True)
class Output:
    """Where a run writes.

    Attributes:
      folder: the folder that will be the result.
      request: what the user asked for, as it stands in the list of sources.
      progress: local file that takes a line with the number of files, bundle by bundle; empty for none.
    """

    folder: str
    request: dict[str, Any]
    progress: str = ""


def standardise_files(pipeline: Any, found: list[File], output: Output, spread: bool) -> None:
    """Adds the steps that write the loops of these files, standardised, under their names."""
    standard = read(pipeline, found, spread)
    written = standard | "As files" >> beam.Map(as_contents) | "Write" >> Write(output)
    together = standard | "Without content" >> beam.Map(without_content) | "Together" >> Together()
    _ = together | "Sources" >> beam.Map(standardised_sources, AsList(written), output)


def combine_files(pipeline: Any, found: list[File], config: CombineConfig, output: Output, spread: bool) -> None:
    """Adds the steps that write loops combined from these files."""
    plan = read(pipeline, found, spread) | "Draw" >> combine.Plan(config)
    written = plan | "Combine" >> combine.Make(config) | "Write" >> Write(output)
    _ = plan | "Sources" >> beam.Map(combined_sources, AsList(written), config, output)


def read(pipeline: Any, found: list[File], spread: bool) -> Any:
    """Adds the steps that read and standardise the loops of these files."""
    contents = pipeline | "Match" >> Match(found, spread) | "Read" >> Read(SCORE.most_bytes)
    return contents | "Standardise" >> beam.Map(standardised)


class Together(beam.PTransform):
    """Elements -> one iterable of all of them."""

    def expand(self, elements: Any) -> Any:
        keyed = elements | beam.Map(lambda element: (0, element)) | beam.GroupByKey()
        return keyed | "Without key" >> beam.Map(lambda pair: list(pair[1]))


class Write(beam.PTransform):
    """Contents -> files of their names in the folder, as `WrittenFiles`. Contents without data are passed over."""

    def __init__(self, output: Output) -> None:
        super().__init__()
        self.output = output

    def expand(self, contents: Any) -> Any:
        return contents | beam.ParDo(WriteFiles(self.output))


class WriteFiles(beam.DoFn):
    """Writes the files of a bundle."""

    def __init__(self, output: Output) -> None:
        super().__init__()
        self.output = output

    def process(self, contents: Contents) -> Iterator[WrittenFiles]:
        files = [content for content in contents.files if content.data is not None]
        if filesystem.is_remote(self.output.folder):
            with ThreadPoolExecutor(REMOTE_READS) as threads:
                yield WrittenFiles(tuple(threads.map(self._written, files)))
        else:
            yield WrittenFiles(tuple(map(self._written, files)))
        progress.count(self.output.progress, len(contents.files))

    def _written(self, content: Content) -> Written:
        data = content.data or b""
        filesystem.write(filesystem.join(self.output.folder, content.name), data)
        return Written(content.name, content_id(data))


def without_content(found: Loops) -> Loops:
    """Returns loops without their bytes, which nobody needs in the list of sources."""
    return Loops(tuple(loop if loop.data is None else loop._replace(data=b"") for loop in found.files))


def standardised_sources(loops: Iterable[Loops], written: list[WrittenFiles], output: Output) -> None:
    """Lists what each file was made of."""
    ids = {file.name: file.id for some in written for file in some.files}
    every = sorted(loop for some in loops for loop in some.files)
    files = {
        loop.name: {
            "id": ids[loop.name],
            "source": loop.source,
            "drum": "kit" if loop.drum is None else drum_loop.NAMES[loop.drum],
            "shift": loop.shift,
            "dropped": loop.dropped,
        }
        for loop in every
        if loop.data is not None
    }
    write_sources(output, files, [loop for loop in every if loop.data is None])


def combined_sources(plan: Combinations, written: list[WrittenFiles], config: CombineConfig, output: Output) -> None:
    """Lists what each file was made of."""
    ids = {file.name: file.id for some in written for file in some.files}

    def source(name: str) -> dict[str, str]:
        original = plan.originals[name]
        return {"name": original.name, "id": original.source}

    files = {
        draw.name: {
            "id": ids[draw.name],
            "split": draw.split,
            "bars": config.bars,
            "bpm": config.bpm,
            "seed": config.seed,
            "sources": {
                drum_loop.NAMES[drum]: source(name) for drum, name in zip(config.drums, draw.sources, strict=True)
            },
        }
        for draw in plan.draws
    }
    originals = {
        one.source: {"name": one.name, "drum": drum_loop.NAMES[one.drum], "split": one.split}
        for one in plan.originals.values()
    }
    more = {"originals": originals, "different": plan.different, "starved": list(plan.starved)}
    write_sources(output, files, plan.left_out, **more)


def write_sources(output: Output, files: dict[str, Any], left_out: Iterable[Loop], **more: Any) -> None:
    """Writes the list of sources: last, so that a folder that has one is whole."""
    content = {
        **output.request,
        "files": files,
        "left_out": [{"name": loop.name, "id": loop.source, "reason": loop.reason} for loop in left_out],
        **more,
    }
    text = json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    filesystem.write(filesystem.join(output.folder, SOURCES), text.encode())
