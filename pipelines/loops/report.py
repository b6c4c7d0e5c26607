"""What was done to drum loops, as figures and as text."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from pipelines import filesystem, report
from pipelines.loops.output import SOURCES
from tutti.dataset.manifest import SPLITS


@dataclass(frozen=True)
class LoopsReport:
    """What was done to drum loops. It is a path, that of the folder written.

    Attributes:
      out: the folder written.
      figures: by the names under which `tutti loops --json` prints them.
    """

    out: str
    figures: dict[str, Any]

    def __fspath__(self) -> str:
        return self.out

    @property
    def warnings(self) -> tuple[str, ...]:
        """What of the request could not be met."""
        empty = [
            f"some drum has too few loops for the {split} split: it is empty"
            for split in self.figures.get("starved", ())
        ]
        repeated = [
            f"the {split} split has {row['files']:,} files, and its loops {row['different']:,} different "
            "combinations; some are the same. Give more loops, or another --count or --split"
            for split, row in self.figures.get("splits", {}).items()
            if row["files"] > row["different"]
        ]
        return (*empty, *repeated)

    def to_json(self) -> dict[str, Any]:
        """Returns the figures, as `tutti loops --json` prints them."""
        return self.figures

    def table(self) -> str:
        """Returns the figures as text, as `tutti loops` prints them."""
        parts = ["\n".join(f"{name:<14}{value}" for name, value in self._rows())]
        if "splits" in self.figures:
            parts.append(report.split_table(self.figures["splits"]))
        return "\n\n".join([*parts, f"{self.figures['sources']} says what each file was made of"])

    def _repr_html_(self) -> str:
        html = report.html_table(self._rows())
        if "splits" in self.figures:
            html += report.html_table(report.split_rows(self.figures["splits"]), header=True)
        return html

    def _rows(self) -> list[tuple[str, str]]:
        found = self.figures
        rows = [("files", f"{found['found']:,}"), ("written", f"{found['written']:,}")]
        if "drums" in found:
            rows.append(("", ", ".join(f"{count:,} {drum}" for drum, count in found["drums"].items())))
            moved = [f"{count:,} by {shift}" for shift, count in found["shifts"].items() if int(shift)]
            rows += [("moved", ", ".join(moved) + " semitones")] if moved else []
            rows.append(("hits dropped", f"{found['dropped']:,}"))
        rows.append(("left out", f"{len(found['left_out']):,}"))
        rows += [("", f"{one['name']}: {one['reason']}") for one in found["left_out"][: report.REASONS_SHOWN]]
        return [*rows, ("seconds", f"{found['seconds']:,.1f}")]


def figures(out: str, listed: dict[str, Any], found: int, seconds: float) -> dict[str, Any]:
    """Returns what was done, from the list of sources that the run wrote."""
    made = listed["files"].values()
    counts: dict[str, Any] = {"out": out, "found": found, "written": len(made), "left_out": listed["left_out"]}
    if listed["command"] == "standardise":
        counts["drums"] = dict(Counter(file["drum"] for file in made).most_common())
        counts["shifts"] = {f"{shift:+d}": n for shift, n in sorted(Counter(file["shift"] for file in made).items())}
        counts["dropped"] = sum(file["dropped"] for file in made)
    else:
        counts["starved"] = listed["starved"]
        counts["splits"] = {
            split: {
                "files": sum(file["split"] == split for file in made),
                "different": listed["different"].get(split, 0),
                **{
                    drum: sum(one["split"] == split and one["drum"] == drum for one in listed["originals"].values())
                    for drum in listed["drums"]
                },
            }
            for split in SPLITS
        }
    return {**counts, "sources": filesystem.join(out, SOURCES), "seconds": round(seconds, 3)}
