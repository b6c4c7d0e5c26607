"""Match and read: bundles of files, then what is in them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import apache_beam as beam

from pipelines import filesystem
from pipelines.ingest.content import content
from pipelines.ingest.match import bundles
from pipelines.ingest.types import Bundle, Content, Contents, File
from tutti.errors import RejectedFile

# A remote read waits for the network, so many wait together.
REMOTE_READS = 32


class Match(beam.PTransform):
    """Nothing -> bundles of files, `spread` over the workers where there are several."""

    def __init__(self, found: list[File], spread: bool = True) -> None:
        super().__init__()
        self.found, self.spread = found, spread

    def expand(self, pipeline: Any) -> Any:
        return pipeline | beam.Create([Bundle(files) for files in bundles(self.found)], reshuffle=self.spread)


class Read(beam.PTransform):
    """Bundles of files -> their contents; of files larger than `most_bytes`, the reason why not."""

    def __init__(self, most_bytes: int) -> None:
        super().__init__()
        self.most_bytes = most_bytes

    def expand(self, matched: Any) -> Any:
        return matched | beam.ParDo(ReadFiles(self.most_bytes))


class ReadFiles(beam.DoFn):
    """Reads a bundle. A file that is too large or cannot be read becomes a content without data."""

    def __init__(self, most_bytes: int) -> None:
        super().__init__()
        self.most_bytes = most_bytes

    def process(self, bundle: Bundle) -> Iterator[Contents]:
        if any(filesystem.is_remote(file.path) for file in bundle.files):
            with ThreadPoolExecutor(REMOTE_READS) as threads:
                yield Contents(tuple(threads.map(self._content, bundle.files)))
        else:
            yield Contents(tuple(map(self._content, bundle.files)))

    def _content(self, file: File) -> Content:
        return read(file, self.most_bytes)


def read(file: File, most_bytes: int) -> Content:
    """Reads a file; one that is too large or cannot be read becomes a content without data."""
    try:
        return Content(file.name, content(file, most_bytes), "", file.label, file.split)
    except RejectedFile as reason:
        return Content(file.name, None, str(reason), file.label, file.split)
