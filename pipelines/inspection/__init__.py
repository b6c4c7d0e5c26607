"""Inspection: what is in a dataset, which is checked against its manifest, or in a MIDI file. Without TensorFlow.

check.py         reads every record and compares it with the manifest
statistics.py    figures of a dataset, and their text
score.py         a file's tracks, their roles, and what each encoding would take
corpus.py        what each encoding would take of all files in a folder
"""

import os
from dataclasses import dataclass
from typing import Any

from pipelines import filesystem, report
from pipelines.ingest import match
from pipelines.ingest.content import content
from pipelines.inspection import check, statistics
from pipelines.inspection.corpus import CorpusInspection, inspect_corpus
from pipelines.inspection.score import ScoreInspection, inspect_score
from tutti import midi
from tutti.dataset.manifest import MANIFEST
from tutti.errors import Error, RejectedFile


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


def inspect(
    path: str | os.PathLike[str], songs: int = 3, progress: bool = False
) -> Inspection | ScoreInspection | CorpusInspection:
    """Inspects a dataset, a MIDI file, or a folder of MIDI files.

    Of a dataset every checksum and count is checked against its manifest, and what is in it is counted. Of a file the
    tracks are listed with their roles, and of a file or a folder, what each encoding would take.

    Args:
      path: local or gs://.
      songs: of how many songs of a dataset to show the beginning.
      progress: whether to show on stderr how far it is, if that is a terminal.

    Raises:
      Error: if there is no such thing, or a dataset differs from its manifest; names the shard.
    """
    path = os.fspath(path)
    with filesystem.explained("inspect", path):
        if filesystem.exists(filesystem.join(path, MANIFEST)):
            manifest, snapshot = check.load(path)
            contents = check.check(path, manifest, snapshot, max(songs, 0), progress)
            return Inspection(statistics.figures(path, manifest, snapshot, contents))
        try:
            found = match.find([path], midi.SCORE)
        except Error as error:
            raise Error(f"no dataset in {path}, and {error}") from None
        if found[0].path not in (path, os.path.abspath(path)):  # noqa: PTH100
            return inspect_corpus(path, found, progress)
        try:
            return inspect_score(path, content(found[0], midi.MAX_BYTES))
        except RejectedFile as reason:
            raise Error(f"{path}: {reason}") from None
