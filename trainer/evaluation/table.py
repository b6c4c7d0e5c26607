"""A table of figures, as text and for a notebook."""

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

FIRST = 24  # width of the column of names


@dataclass(frozen=True)
class Column:
    """How a table shows a figure: under which title, how wide, and in which format."""

    figure: str
    title: str
    width: int
    format: str


@dataclass(frozen=True)
class Table:
    """Figures by row and column.

    Attributes:
      caption: what stands above it.
      corner: what stands above the names of the rows.
      columns: the figures to show, in order.
      rows: name and figures of each row.
    """

    caption: str
    corner: str
    columns: tuple[Column, ...]
    rows: Sequence[tuple[str, Mapping[str, float]]]

    def text(self) -> str:
        """Returns the caption, a line of titles and a line for each row."""
        lines = [
            self.caption,
            f"{self.corner:<{FIRST}}" + "".join(f"{column.title:>{column.width}}" for column in self.columns),
        ]
        for name, figures in self.rows:
            cells = (f"{figures[column.figure]:>{column.width}{column.format}}" for column in self.columns)
            lines.append(f"{name:<{FIRST}}" + "".join(cells))
        return "\n".join(lines)

    def html(self) -> str:
        """Returns the same for a notebook."""
        titles = "".join(f"<th>{html.escape(title)}</th>" for title in (self.corner, *(c.title for c in self.columns)))
        rows = "".join(
            f"<tr><td>{html.escape(name)}</td>"
            + "".join(f"<td>{figures[column.figure]:{column.format}}</td>" for column in self.columns)
            + "</tr>"
            for name, figures in self.rows
        )
        return f"<table><caption>{html.escape(self.caption)}</caption><tr>{titles}</tr>{rows}</table>"
