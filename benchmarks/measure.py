"""Interleaved timing: contestants take turns, so that a machine whose speed drifts is unfair to none of them."""

import json
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

RESULTS = Path(__file__).parent / "results"

Work = Callable[[], float]
"""Works once and returns the amount of work it did."""


@dataclass(frozen=True)
class Rate:
    """Work a second of one contestant: median, least and most of its runs."""

    median: float
    least: float
    most: float
    runs: int


def interleaved(contestants: Mapping[str, Work], runs: int) -> dict[str, list[float]]:
    """The rates of each contestant, run after run in turn.

    Args:
      contestants: by name.
      runs: how often each one is timed, after one turn that is not counted.

    Returns:
      name -> work a second, one number a run.
    """
    rates: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(runs + 1):
        for name, work in contestants.items():
            begun = time.perf_counter()
            amount = work()
            rate = amount / (time.perf_counter() - begun)
            if turn:
                rates[name].append(rate)
            print(f"  {'run ' + str(turn) if turn else 'warm-up'}  {name:<42} {rate:>12,.1f} /s", file=sys.stderr)
    return rates


def rate(values: list[float]) -> Rate:
    return Rate(statistics.median(values), min(values), max(values), len(values))


def ratio(ours: list[float], theirs: list[float]) -> float:
    """The median of the ratios run by run: neighbours in time shared the machine's mood."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


def report(claim: str, unit: str, rates: Mapping[str, list[float]], ratios: Mapping[str, float]) -> None:
    """Prints a Markdown table and stores it all as results/CLAIM.json."""
    table = {name: rate(values) for name, values in rates.items()}
    print(f"\n| {claim} | {unit} (median) | least | most |\n|---|---:|---:|---:|")
    for name, row in table.items():
        print(f"| {name} | {row.median:,.1f} | {row.least:,.1f} | {row.most:,.1f} |")
    print("\n| ratio of medians, run by run | |\n|---|---:|")
    for name, value in ratios.items():
        print(f"| {name} | {value:,.2f} |")
    RESULTS.mkdir(exist_ok=True)
    content = {
        "claim": claim,
        "unit": unit,
        "rates": {name: asdict(row) for name, row in table.items()},
        "ratios": dict(ratios),
        "machine": {"cores": _cores(), "processor": _processor(), "python": platform.python_version()},
        "packages": {name: version(name) for name in ("numpy", "tensorflow", "apache-beam", "symusic", "mido")},
    }
    (RESULTS / f"{claim}.json").write_text(json.dumps(content, indent=1) + "\n")


def _cores() -> int:
    import os

    return len(os.sched_getaffinity(0))


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())
