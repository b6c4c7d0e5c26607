"""Match and read: bundles of files, then what is in them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import apache_beam as beam

from pipelines import filesystem
from pipelines.ingest.match import NO_FILE, bundles
from pipelines.ingest.types import Bundle, Content, Contents, File

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
        return content(file, self.most_bytes)


def content(file: File, most_bytes: int) -> Content:
    """Reads a file; one that is too large or cannot be read becomes a content without data."""
    data, reason = _read(file, most_bytes)
    return Content(file.name, data, reason, file.label, file.split)


def _read(file: File, most_bytes: int) -> tuple[bytes | None, str]:
    """Returns a file's bytes, or None and why there are none."""
    if file.refused:
        return None, file.refused
    if file.size > most_bytes:
        return None, f"{file.size:,} bytes are beyond the limit of {most_bytes:,} for a song"
    try:
        if filesystem.is_remote(file.path):
            return filesystem.read(file.path), ""
        # A pipe or a device would be waited for.
        if file.size == NO_FILE and Path(file.path).exists():
            return None, "cannot be read: not a regular file"
        # A Path and a buffer each cost as much as the reading.
        with open(file.path, "rb", buffering=0) as opened:  # noqa: PTH123
            return opened.read(), ""
    except Exception as error:
        if why := filesystem.reason(error):
            return None, f"cannot be read: {why}"
        raise
