"""Folk melodies, end to end: does a preset beat n-grams on tunes it never saw, and have its own tunes form?

    python -m benchmarks.melody [PRESET ...] [--minutes 10] [--out out/melody]

The corpus is some 2,500 fiddle tunes that music21 carries, near-duplicates left out (`benchmarks.tunes`), in all keys
to train on. Each preset trains, is evaluated on the test tunes, exports, and writes 64 tunes in each way of sampling.
`tutti evaluate --pieces` sets their form beside that of the test tunes. Figures go to
results/melody.json.
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from benchmarks import measure, tunes
from benchmarks.metallica import tutti

PRESETS = ("melody-lstm-small", "melody-wavenet-small")
WINDOW = 128
PIECES, STEPS = 64, 250
SAMPLING = {
    "temperature-1": "--temperature 1",
    "top-p-0.95": "--top-p 0.95",
    "temperature-0.8-top-p-0.9": "--temperature 0.8 --top-p 0.9",
}

Figures = dict[str, object]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("presets", nargs="*", default=PRESETS, metavar="PRESET", help=f"({', '.join(PRESETS)})")
    parser.add_argument("--minutes", type=float, default=0, help="minutes of training each at most (0: any)")
    parser.add_argument("--out", type=Path, default=Path("out/melody"))
    args = parser.parse_args()
    corpus, data, counts = args.out / "corpus", args.out / "data", args.out / "corpus.json"
    if not counts.exists():
        made = tunes.make(corpus)
        counts.write_text(json.dumps(asdict(made)))
        tutti("ingest", corpus, "--dataset", data, "--encoding", "melody", "--window", WINDOW, "--transpose")
    stored = measure.RESULTS / "melody.json"
    results: dict[str, Figures] = json.loads(stored.read_text()) if stored.exists() else {}
    results["corpus"] = json.loads(counts.read_text())
    for preset in args.presets:
        results[preset] = measured(preset, data, args.out, args.minutes)
        stored.write_text(json.dumps(results, indent=1) + "\n")
        print(json.dumps(results[preset], indent=1))


def measured(preset: str, data: Path, out: Path, minutes: float) -> Figures:
    """Trains a preset, and returns what it reaches on the test tunes and the form of its own."""
    run, model, pieces = out / preset, out / "models" / preset, out / "pieces" / preset
    pieces.mkdir(parents=True, exist_ok=True)
    trained = tutti("train", "--dataset", data, "--preset", preset, "--run", run, "--time-limit", minutes)
    evaluated = tutti("evaluate", "--run", run)
    tutti("export", "--run", run, "--models", model)
    form = {}
    for name, flags in SAMPLING.items():
        written = pieces / f"{name}.mid"
        wishes = ["-n", PIECES, "--steps", STEPS, *flags.split(), "--no-picture"]
        tutti("generate", "--model", model, "--out", written, *wishes)
        texts = [written.with_name(f"{written.stem}-{number}.txt").read_text() for number in range(1, PIECES + 1)]
        together = written.with_suffix(".txt")
        together.write_text("".join(texts))
        form[name] = tutti("evaluate", "--run", run, "--no-ngram", "--pieces", together)["form"]
    return {"training": trained, "test": evaluated, "form": form}


if __name__ == "__main__":
    main()
