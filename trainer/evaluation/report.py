"""What to evaluate, and what is found: figures of a run's model, beside those of a baseline."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass, field

from trainer.data.reader import Corpus
from trainer.run.directory import Run
from tutti.dataset.manifest import SPLITS
from tutti.errors import Error

FIRST = 24  # width of the column of names

CHOICES = {"split": SPLITS, "weights": ("best", "last"), "context": ("song", "window")}


@dataclass(frozen=True)
class EvaluationConfig:
    """What to evaluate.

    Attributes:
      split: which songs of the dataset.
      weights: those of the best validation ("best"), or of the last checkpoint ("last").
      context: what the model remembers: the song so far ("song"), or the window alone ("window").
      baseline: whether a simple model of the train split stands beside it.

    Raises:
      Error: if a field has a value that it cannot take.
    """

    split: str = "test"
    weights: str = "best"
    context: str = "song"
    baseline: bool = True

    def __post_init__(self) -> None:
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise Error(f"{name} must be one of {', '.join(choices)}, not {getattr(self, name)!r}")


@dataclass(frozen=True)
class Subject:
    """What is evaluated, on what.

    Attributes:
      run, preset: the run's folder, and the name that it was started under.
      dataset, snapshot, split: the songs.
    """

    run: str
    preset: str
    dataset: str
    snapshot: int
    split: str

    @classmethod
    def of(cls, run: Run, corpus: Corpus, split: str) -> Subject:
        """Returns what the model of a run is evaluated on."""
        return cls(run.path, run.config.preset, corpus.path, corpus.snapshot.number, split)


@dataclass(frozen=True)
class Column:
    """How a table shows a figure: under which title, how wide, and in which format."""

    figure: str
    title: str
    width: int
    format: str


@dataclass(frozen=True)
class Baseline:
    """A simple model of the train split.

    Attributes:
      key: what JSON calls it.
      name: what the table calls it.
      figures: by the names that the model's own have.
      about: what else JSON says of it.
    """

    key: str
    name: str
    figures: Mapping[str, float]
    about: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Evaluation:
    """How well the model of a run does on a split. `table()` is the text of it, `to_json()` all figures.

    Attributes:
      subject: what was evaluated, on what.
      summary: what the split holds, in words.
      about: how it was evaluated and what the split holds, as JSON has it.
      figures: what was found, by name.
      columns, corner: how the table shows them, and what stands above the names.
      baseline: what stands beside it; None for nothing.
      notes: what else the user may want to know.
    """

    subject: Subject
    summary: str
    about: Mapping[str, int | str]
    figures: Mapping[str, float]
    columns: tuple[Column, ...]
    corner: str = ""
    baseline: Baseline | None = None
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        """Returns all figures; those of the baseline under its own key."""
        stored: dict[str, object] = {**vars(self.subject), **self.about, **self.figures}
        if self.baseline:
            stored[self.baseline.key] = {**self.baseline.about, **self.baseline.figures}
        return stored | ({"notes": list(self.notes)} if self.notes else {})

    def table(self) -> str:
        """Returns a line about the split and a row of figures for each model."""
        lines = [
            self._summary(),
            f"{self.corner:<{FIRST}}" + "".join(f"{column.title:>{column.width}}" for column in self.columns),
        ]
        for name, figures in self._rows():
            cells = (f"{figures[column.figure]:>{column.width}{column.format}}" for column in self.columns)
            lines.append(f"{name:<{FIRST}}" + "".join(cells))
        lines += [f"note: {note}" for note in self.notes]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """Shows the table in a notebook."""
        titles = "".join(f"<th>{html.escape(title)}</th>" for title in (self.corner, *(c.title for c in self.columns)))
        rows = "".join(
            f"<tr><td>{html.escape(name)}</td>"
            + "".join(f"<td>{figures[column.figure]:{column.format}}</td>" for column in self.columns)
            + "</tr>"
            for name, figures in self._rows()
        )
        caption = html.escape(self._summary())
        return f"<table><caption>{caption}</caption><tr>{titles}</tr>{rows}</table>"

    def _summary(self) -> str:
        return f"{self.subject.dataset}, {self.subject.split} split: {self.summary}"

    def _rows(self) -> list[tuple[str, Mapping[str, float]]]:
        rows: list[tuple[str, Mapping[str, float]]] = [(self.subject.preset, self.figures)]
        return [*rows, (self.baseline.name, self.baseline.figures)] if self.baseline else rows
