"""What an ingestion did, as figures and as text."""

from dataclasses import dataclass
from typing import Any

from pipelines import filesystem, report
from tutti.dataset.manifest import MANIFEST


@dataclass(frozen=True)
class IngestReport:
    """What an ingestion did. It is a path, that of the dataset.

    Attributes:
      dataset: the dataset's folder.
      snapshot: the number of its current snapshot.
      files: files of the corpus.
      changed: whether the dataset has changed.
      rejected: files that could not be used.
      reasons: why, the commonest first: each with `reason`, the number of `files`, and the `first` of them.
      duplicates: files whose songs are all in another file of the corpus or the dataset.
      known: files whose content the dataset had already.
      split_conflicts: contents that lie in the folders of several splits; each is in one of them.
      label_conflicts: contents that have several labels; each keeps one of them.
      chosen_by: in how many new files the tracks were chosen by what: channel 10, their names, how they play.
      songs: new songs, in all their keys.
      transposed: how many of them are in another key than their file.
      words: tokens of the new songs, without BOS and EOS, or frames.
      windows: new records.
      shards: new files of records.
      bytes: their size.
      seconds: how long the pipeline ran.
      files_per_second: of the corpus.
      rejected_list: the file that lists the rejected files of all runs that changed the dataset.
      splits: songs, windows, tokens, shards and bytes of each split of the whole dataset.
      warnings: what may not be as the user thinks.
      notes: what else the user may want to know.
    """

    dataset: str
    snapshot: int
    files: int
    changed: bool
    rejected: int
    reasons: list[dict[str, Any]]
    duplicates: int
    known: int
    split_conflicts: int
    label_conflicts: int
    chosen_by: dict[str, int]
    songs: int
    transposed: int
    words: int
    windows: int
    shards: int
    bytes: int
    seconds: float
    files_per_second: float
    rejected_list: str
    splits: dict[str, dict[str, int]]
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __fspath__(self) -> str:
        return self.dataset

    def to_json(self) -> dict[str, Any]:
        """Returns the figures, as `tutti ingest --json` prints them."""
        names = {"split_conflicts": "astray", "label_conflicts": "contested"}
        return {names.get(name, name): value for name, value in vars(self).items() if name not in ("warnings", "notes")}

    def table(self) -> str:
        """Returns the figures as text, as `tutti ingest` prints them."""
        figures = "\n".join(f"{name:<12}{value}" for name, value in self._rows())
        return f"{figures}\n\n{report.split_table(self.splits)}\n\n{self._state()}"

    def _repr_html_(self) -> str:
        rows = [("dataset", self.dataset), *self._rows()]
        return report.html_table(rows) + report.html_table(report.split_rows(self.splits), header=True)

    def _state(self) -> str:
        if not self.changed:
            return f"nothing new: {self.dataset} stays at snapshot {self.snapshot}"
        before = sum(row["songs"] for row in self.splits.values()) - self.songs
        added = f"; {self.songs:,} songs added to {before:,} that were there" if self.snapshot > 1 else ""
        return f"{filesystem.join(self.dataset, MANIFEST)} is at snapshot {self.snapshot}{added}"

    def _rows(self) -> list[tuple[str, str]]:
        rows = [("files", f"{self.files:,}"), ("rejected", f"{self.rejected:,}")]
        for reason in self.reasons[: report.REASONS_SHOWN]:
            more = f", as {reason['files'] - 1:,} others" if reason["files"] > 1 else ""
            rows.append(("", f"{reason['first']}{more}: {reason['reason']}"))
        if len(self.reasons) > report.REASONS_SHOWN:
            # A run that changes nothing adds nothing to the list either.
            where = f": {self.rejected_list}" if self.changed else ""
            rows.append(("", f"and for {len(self.reasons) - report.REASONS_SHOWN:,} more reasons{where}"))
        rows.append(("duplicates", f"{self.duplicates:,}"))
        if self.known:
            rows.append(("known", f"{self.known:,} (in the dataset already)"))
        return [
            *rows,
            *((name, text) for name, text in report.choice_rows(self.chosen_by)),
            ("songs", f"{self.songs:,}" + (f", {self.transposed:,} of them transposed" if self.transposed else "")),
            ("words", f"{self.words:,}"),
            ("seconds", f"{self.seconds:,.1f} ({self.files_per_second:,.0f} files/s)"),
        ]
