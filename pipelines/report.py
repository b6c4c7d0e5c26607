"""Tables of figures, as text and as HTML."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from tutti.dataset.manifest import SPLITS, Snapshot, Source

REASONS_SHOWN = 8

Rows = Sequence[Sequence[str]]


def splits(snapshot: Snapshot) -> dict[str, dict[str, int]]:
    """Returns songs, windows, tokens in windows, shards and bytes of each split."""
    return {
        split: {
            "songs": sum(len(source.all_songs) for source in snapshot.sources if source.split == split),
            "windows": sum(shard.records for shard in snapshot.shards[split]),
            "tokens": sum(shard.tokens for shard in snapshot.shards[split]),
            "shards": len(snapshot.shards[split]),
            "bytes": sum(shard.bytes for shard in snapshot.shards[split]),
        }
        for split in SPLITS
    }


def chosen_by(sources: Iterable[Source]) -> dict[str, int]:
    """Returns how many files' tracks each reason chose, the commonest first; nothing where all tracks are taken."""
    return dict(Counter(source.chosen_by for source in sources if source.chosen_by).most_common())


def choice_rows(counts: Mapping[str, int]) -> Rows:
    """Returns a row for each reason why tracks were chosen."""
    return [("tracks" if not i else "", f"{n:,} by {reason}") for i, (reason, n) in enumerate(counts.items())]


def split_rows(figures: Mapping[str, Mapping[str, int]]) -> Rows:
    """Returns a header, a row for each split, and their sum."""
    columns = list(next(iter(figures.values())))
    total = {column: sum(row[column] for row in figures.values()) for column in columns}
    rows = [(name, *(f"{row[column]:,}" for column in columns)) for name, row in [*figures.items(), ("total", total)]]
    return [("split", *columns), *rows]


def split_table(figures: Mapping[str, Mapping[str, int]]) -> str:
    """Returns the splits of a dataset and their sum as text, a line each."""
    return table(split_rows(figures))


def table(rows: Rows, left: Sequence[int] = (0,)) -> str:
    """Returns rows as aligned text: some columns, by their places, to the left, the others to the right."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]

    def aligned(column: int, cell: str) -> str:
        return cell.ljust(widths[column]) if column in left else cell.rjust(widths[column])

    return "\n".join("  ".join(aligned(i, cell) for i, cell in enumerate(row)).rstrip() for row in rows)


def html_table(rows: Rows, header: bool = False) -> str:
    """Returns rows as an HTML table; with `header` the first of them is one."""
    lines = []
    for i, row in enumerate(rows):
        tag = "th" if header and not i else "td"
        lines.append("<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in row) + "</tr>")
    return f"<table>{''.join(lines)}</table>"
