"""A published corpus, end to end: does the network learn the bar, and does it beat n-grams on songs it never saw?

    python -m benchmarks.metallica CORPUS --model lstm [--minutes 20] [--out out/metallica]

CORPUS is the folder of 57 drum tracks of arXiv 1604.05358. The paper's mark of success is that BAR comes after every 16
words. Ingests, trains, evaluates on the test songs, exports, and generates 128 pieces at temperature 1. The bars of
the first 64 that have 512 words are counted, and those of all, as the network ends some pieces before.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from benchmarks import measure

WORDS_A_BAR = 16
PIECES, STEPS = 64, 512
# Fifteen bars with their BARs: so every window begins at a bar line, and where a bar ends is never a guess.
WINDOW = 15 * (WORDS_A_BAR + 1)
# Found on the validation songs. One epoch is some 40 steps of 16 windows.
SIZES = {
    "lstm": "--preset drums-lstm --units 256 --dropout 0.5",
    "wavenet": "--preset drums-wavenet --residual 96 --skip 192 --dropout 0.2 --stacks 1 --dilations 1,2,4,8,16,32,64",
}
TRAINING = "--learning-rate 0.003 --batch-size 16 --warmup 50 --decay cosine"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, metavar="CORPUS")
    parser.add_argument("--model", choices=SIZES, default="lstm")
    parser.add_argument("--minutes", type=float, default=20, help="minutes of training at most (20)")
    parser.add_argument("--steps", type=int, default=1000, help="training steps (1000)")
    parser.add_argument("--out", type=Path, default=Path("out/metallica"))
    args = parser.parse_args()
    data, run, model = args.out / "data", args.out / args.model, args.out / "models" / args.model
    tutti("ingest", args.corpus, "--dataset", data, "--encoding", "drums", "--window", WINDOW)
    limits = ["--steps", args.steps, "--time-limit", args.minutes]
    trained = tutti("train", "--dataset", data, "--run", run, *SIZES[args.model].split(), *TRAINING.split(), *limits)
    evaluated = tutti("evaluate", "--run", run, "--dataset", data)
    tutti("export", "--run", run, "--models", model)
    pieces = args.out / "pieces" / f"{args.model}.mid"
    pieces.parent.mkdir(parents=True, exist_ok=True)
    wishes = ["-n", 2 * PIECES, "--steps", STEPS, "--temperature", 1.0, "--no-picture"]
    tutti("generate", "--model", model, "--out", pieces, *wishes)
    written = [pieces.with_name(f"{args.model}-{i}.txt") for i in range(1, 2 * PIECES + 1)]
    drawn = [path.read_text().split() for path in written]
    whole = [words for words in drawn if len(words) == STEPS][:PIECES]
    result = {
        "model": args.model,
        "training": trained,
        "test": evaluated,
        "pieces of 512 words": len(whole),
        "bars": sum(len(bars(words)) for words in whole),
        "bars of 16 words": share_of_whole_bars(whole),
        "pieces drawn": len(drawn),
        "pieces that end before": sum(len(words) < STEPS for words in drawn),
        "bars of 16 words in all pieces drawn": share_of_whole_bars(drawn),
    }
    measure.RESULTS.mkdir(exist_ok=True)
    (measure.RESULTS / f"metallica-{args.model}.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


def tutti(command: str, *arguments: object) -> dict[str, object]:
    """Runs a command of Tutti's and returns what it prints with --json."""
    words = [sys.executable, "-m", "tutti", command, *map(str, arguments), "--json"]
    print("$ tutti " + " ".join(words[3:]), file=sys.stderr)
    out: dict[str, object] = json.loads(subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout)
    return out


def share_of_whole_bars(pieces: list[list[str]]) -> float:
    """How many of the bars of some pieces have 16 words, from 0 to 1."""
    lengths = [length for words in pieces for length in bars(words)]
    return sum(length == WORDS_A_BAR for length in lengths) / len(lengths)


def bars(words: list[str]) -> list[int]:
    """The number of words before each BAR of a piece; what follows its last BAR is no whole bar."""
    lengths, count = [], 0
    for word in words:
        if word == "BAR":
            lengths.append(count)
            count = 0
        else:
            count += 1
    return lengths


if __name__ == "__main__":
    main()
