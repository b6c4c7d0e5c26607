"""Every system of docs/systems.md, end to end, at a size that two CPU cores train in minutes.

    python -m benchmarks.systems DATA [NAME ...] [--out out/systems]

DATA holds the published corpora in folders named as in `SYSTEMS`. Each system ingests, trains, evaluates on songs that
it never saw, exports and generates, with the commands that are printed; figures go to results/systems.json.
"""

import argparse
import json
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import measure

Figures = dict[str, Any]


@dataclass(frozen=True)
class System:
    """Commands in which DATA, OUT, the dataset D, the run R, the model M and the music P stand for paths."""

    ingest: str
    train: str
    generate: str = ""
    evaluate: str = ""
    before: tuple[str, ...] = field(default=())


SYSTEMS = {
    "stacked-lstm": System(
        # As its author had it: one player's loops, learned by heart.
        "DATA/trap/by_hand --encoding events --division 96 --window 64 --split 1,0,0",
        "--preset stacked-lstm-small --input-dropout 0 --steps 1000 --evaluate-every 200",
        "--out P/events.mid -n 4 --steps 800 --top-p 0.95 --perturb 200 --perturb-by return",
        "--split train --no-ngram",
    ),
    "piano-lstm": System(
        "DATA/piano --encoding notes --window 100 --transpose",
        "--preset piano-lstm --units 256 --layers 2 --dropout 0.4 --optimizer adam --learning-rate 0.003 --warmup 50"
        " --decay cosine --steps 1200 --evaluate-every 150",
        "--out P/piano.mid -n 4 --steps 300 --temperature 0.9 --top-p 0.95 --sheet",
    ),
    "piano with lengths": System(
        "DATA/piano --encoding miditok --window 512 --transpose",
        "--preset miditok-lstm-small --units 256 --dropout 0.2 --steps 300 --evaluate-every 100",
        "--out P/lengths.mid -n 4 --steps 1000 --temperature 0.95 --top-p 0.95 --sheet",
    ),
    "drums-lstm": System(
        # Eight bars of 32nds with their BARs; every split has loops of its own.
        "DATA/trap/loops --encoding drums --resolution 32 --window 264 --split 0.5,0.25,0.25 --combine 500",
        "--preset drums-lstm-small --steps 200 --evaluate-every 25",
        "--out P/trap.mid -n 4 --steps 528 --bpm 85",
    ),
    "jazz-lstm": System(
        "DATA/jazz --encoding melody --track Guitar --window 30 --stride 1 --split 1,0,0",
        "--preset jazz-lstm",
        "--out P/solo.mid --steps 50 --temperature 0 --sheet",
        "--split train --context window --no-ngram",
    ),
    "rbm": System(
        "DATA/piano --encoding pianoroll --window 15",
        "--preset rbm --evaluate-every 500",
        "--out P/roll.mid -n 10 --gibbs-steps 10",
    ),
    "rbm-small": System(
        "DATA/piano --encoding pianoroll --window 15",
        "--preset rbm-small",
        "--out P/roll.mid -n 4 --steps 128",
    ),
    "wavenet": System(
        "DATA/metallica DATA/trap/by_hand --encoding drums --window 255 --labels folder",
        "--preset drums-wavenet-small --steps 500 --evaluate-every 50",
        "--out P/by_hand.mid -n 4 --steps 544 --label by_hand",
    ),
    "wavenet on sound": System(
        "OUT/corpus/sound --encoding mulaw --window 2048",
        "--preset audio-wavenet-small",
        "--out P/sound.wav -n 2 --steps 16000 --top-p 0.98",
        "--no-ngram",
        before=("compose OUT/corpus --kind sound --songs 900",),
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, metavar="DATA")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of {', '.join(SYSTEMS)} (all)")
    parser.add_argument("--out", type=Path, default=Path("out/systems"))
    args = parser.parse_args()
    stored = measure.RESULTS / "systems.json"
    for name in args.names or SYSTEMS:
        result = {name: run(SYSTEMS[name], args.data, args.out / name)}
        results = json.loads(stored.read_text()) if stored.exists() else {}
        stored.write_text(json.dumps(results | result, indent=1) + "\n")
        print(json.dumps(result, indent=1))


def run(system: System, data: Path, out: Path) -> Figures:
    """Runs a system; what its commands said."""
    (out / "music").mkdir(parents=True, exist_ok=True)
    places = {"DATA": data, "D": out / "data", "R": out / "run", "M": out / "model", "P": out / "music", "OUT": out}

    def tutti(command: str) -> Figures:
        words = [str(places.get(word, word)) for word in command.split()]
        for short, place in (("DATA/", data), ("OUT/", out), ("P/", out / "music")):
            words = [word.replace(short, f"{place}/") if word.startswith(short) else word for word in words]
        print("$ tutti " + " ".join(words), file=sys.stderr)
        begun = time.perf_counter()
        done = subprocess.run([sys.executable, "-m", "tutti", *words, "--json"], check=True, stdout=subprocess.PIPE)
        said: Figures = json.loads(done.stdout)
        return said | {"command": "tutti " + command, "wall_seconds": round(time.perf_counter() - begun, 1)}

    return {
        "before": [tutti(command) for command in system.before],
        "ingest": tutti(f"ingest {system.ingest} --dataset D"),
        "train": tutti(f"train --dataset D --run R {system.train}"),
        "evaluate": tutti(f"evaluate --run R --dataset D {system.evaluate}"),
        "export": tutti("export --run R --models M"),
        "generate": tutti(f"generate --model M {system.generate}"),
    }


if __name__ == "__main__":
    main()
