"""What the user sees of an ingestion: progress while it runs, a table at its end."""

from collections.abc import Mapping, Sequence
from typing import Any

from tutti.dataset.manifest import SPLITS, Snapshot

REASONS_SHOWN = 8


def splits(snapshot: Snapshot) -> dict[str, dict[str, int]]:
    """Songs, windows, tokens in windows, shards and bytes of each split."""
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


def split_table(figures: Mapping[str, Mapping[str, int]]) -> str:
    """The splits of a dataset and their sum, a line each."""
    columns = list(next(iter(figures.values())))
    total = {column: sum(row[column] for row in figures.values()) for column in columns}
    rows = [(name, *(f"{row[column]:,}" for column in columns)) for name, row in [*figures.items(), ("total", total)]]
    return table([("split", *columns), *rows])


def run_table(run: Mapping[str, Any]) -> str:
    """What one run did, a figure a line."""
    reasons = run["reasons"]
    lines = [("files", f"{run['files']:,}"), ("rejected", f"{run['rejected']:,}")]
    for reason in reasons[:REASONS_SHOWN]:
        more = f", as {reason['files'] - 1:,} others" if reason["files"] > 1 else ""
        lines.append(("", f"{reason['first']}{more}: {reason['reason']}"))
    if len(reasons) > REASONS_SHOWN:
        lines.append(("", f"and for {len(reasons) - REASONS_SHOWN:,} more reasons: {run['rejected_list']}"))
    lines.append(("duplicates", f"{run['duplicates']:,}"))
    if run["known"]:
        lines.append(("known", f"{run['known']:,} (in the dataset already)"))
    lines += [
        ("songs", f"{run['songs']:,}" + (f", {run['transposed']:,} of them transposed" if run["transposed"] else "")),
        ("words", f"{run['words']:,}"),
        ("seconds", f"{run['seconds']:,.1f} ({run['files_per_second']:,.0f} files/s)"),
    ]
    return "\n".join(f"{name:<12}{value}" for name, value in lines)


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows as aligned text: the first column to the left, the others to the right."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *(cell.rjust(n) for cell, n in zip(row[1:], widths[1:], strict=True))])
        for row in rows
    )
