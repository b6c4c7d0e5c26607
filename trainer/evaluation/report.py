"""What to evaluate, and what is found: figures of a run's model, beside those of a baseline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from trainer.data.reader import Corpus
from trainer.evaluation.form import Form
from trainer.evaluation.table import Column, Table
from trainer.run.directory import Run
from tutti.dataset.manifest import SPLITS
from tutti.errors import Error

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
      form: how some pieces hold together; None where none were given.
      notes: what else the user may want to know.
    """

    subject: Subject
    summary: str
    about: Mapping[str, int | str]
    figures: Mapping[str, float]
    columns: tuple[Column, ...]
    corner: str = ""
    baseline: Baseline | None = None
    form: Form | None = None
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        """Returns all figures; those of the baseline and of the form under keys of their own."""
        stored: dict[str, object] = {**vars(self.subject), **self.about, **self.figures}
        if self.baseline:
            stored[self.baseline.key] = {**self.baseline.about, **self.baseline.figures}
        if self.form:
            stored["form"] = self.form.to_json()
        return stored | ({"notes": list(self.notes)} if self.notes else {})

    def table(self) -> str:
        """Returns a line about the split and a row of figures for each model; another table for the form of pieces."""
        return "\n".join([*(table.text() for table in self._tables()), *(f"note: {note}" for note in self.notes)])

    def _repr_html_(self) -> str:
        """Shows the tables in a notebook."""
        return "".join(table.html() for table in self._tables())

    def _tables(self) -> list[Table]:
        rows: list[tuple[str, Mapping[str, float]]] = [(self.subject.preset, self.figures)]
        if self.baseline:
            rows.append((self.baseline.name, self.baseline.figures))
        caption = f"{self.subject.dataset}, {self.subject.split} split: {self.summary}"
        table = Table(caption, self.corner, self.columns, rows)
        return [table, self.form.table()] if self.form else [table]
