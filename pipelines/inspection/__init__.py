"""Inspection: a dataset checked against its manifest, without TensorFlow, and what is in it.

check.py         reads every record and compares it with the manifest
statistics.py    figures of a dataset, and their text
"""

import os
from dataclasses import dataclass
from typing import Any

from pipelines import filesystem, report
from pipelines.inspection import check, statistics


@dataclass(frozen=True)
class Inspection:
    """What is in a dataset, all of which is as its manifest says.

    Attributes:
      figures: by the names under which `tutti inspect --json` prints them.
    """

    figures: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Returns the figures, as `tutti inspect --json` prints them."""
        return self.figures

    def table(self) -> str:
        """Returns the figures as text, as `tutti inspect` prints them."""
        return statistics.text(self.figures)

    def _repr_html_(self) -> str:
        tables = [report.html_table(statistics.rows(self.figures))]
        tables.append(report.html_table(report.split_rows(self.figures["splits"]), header=True))
        if labels := self.figures["labels"]:
            tables.append(report.html_table(statistics.label_rows(labels), header=True))
        return "".join(tables)


def inspect(dataset: str | os.PathLike[str], songs: int = 3, progress: bool = False) -> Inspection:
    """Checks every checksum and count of a dataset against its manifest, and counts what is in it.

    Args:
      dataset: the dataset's folder, local or gs://.
      songs: of how many songs to show the beginning.
      progress: whether to show on stderr how many shards are read, if that is a terminal.

    Raises:
      Error: if there is no dataset, or it differs from its manifest; names the shard.
    """
    path = os.fspath(dataset)
    with filesystem.explained("inspect", path):
        manifest, snapshot = check.load(path)
        contents = check.check(path, manifest, snapshot, max(songs, 0), progress)
    return Inspection(statistics.figures(path, manifest, snapshot, contents))
