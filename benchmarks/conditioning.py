"""Labels, end to end: does a network that was trained with the labels of styles write in the style it is asked for?

    python -m benchmarks.conditioning metal=CORPUS trap=CORPUS [--preset drums-lstm-small ...] [--out out/conditioning]

Ingests the corpora with a label each, trains, exports, and generates 32 pieces of each label, with the same seeds. The
judge is an n-gram model of each style's training songs: whichever finds a piece likelier says its style. How well the
judge does on songs that nobody trained on is printed beside it, as its limit; half is chance, for two styles.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import measure
from benchmarks.metallica import WINDOW, tutti
from trainer.data.reader import Corpus, open_corpus, songs
from trainer.evaluation import ngram
from trainer.evaluation.ngram import NGram
from tutti.encodings.vocabulary import BOS

PRESETS = ("drums-lstm-small", "drums-wavenet-small")
# Both see the corpora some ten times; the small LSTM takes longer than the WaveNet to learn where a bar ends.
TRAINING = "--steps 800 --learning-rate 0.004"
PIECES, STEPS = 32, 256
ORDER = 3

Ids = NDArray[np.int32]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("styles", nargs="+", metavar="NAME=CORPUS", help="a label, and the folder of its MIDI files")
    parser.add_argument("--preset", nargs="+", default=PRESETS, help=f"what to train ({' '.join(PRESETS)})")
    parser.add_argument("--minutes", type=float, default=5, help="minutes of training each at most (5)")
    parser.add_argument("--out", type=Path, default=Path("out/conditioning"))
    args = parser.parse_args()
    folders = {name: Path(folder).resolve() for name, _, folder in (style.partition("=") for style in args.styles)}
    data = args.out / "data"
    args.out.mkdir(parents=True, exist_ok=True)
    listed = args.out / "labels.json"
    listed.write_text(
        json.dumps({str(path): name for name in folders for path in sorted(folders[name].rglob("*.mid"))})
    )
    options = ["--encoding", "drums", "--window", WINDOW, "--labels", listed]
    tutti("ingest", *folders.values(), "--dataset", data, *options)
    corpus = open_corpus(str(data))
    judges = fitted(corpus)
    result: dict[str, Any] = {
        "styles": {name: count(corpus, name) for name in corpus.labels},
        "judged right of songs nobody trained on": on_unseen(judges, corpus),
        "pieces of each label": PIECES,
        "tokens of a piece": STEPS,
    }
    for preset in args.preset:
        run, model = args.out / preset, args.out / "models" / preset
        limits = [*TRAINING.split(), "--time-limit", args.minutes]
        trained = tutti("train", "--dataset", data, "--run", run, "--preset", preset, *limits)
        tutti("export", "--run", run, "--models", model)
        written = {name: pieces(model, name, args.out / preset / f"{name}.mid", corpus) for name in corpus.labels}
        result[preset] = {"training": trained, "judged right": rates(judges, written)}
    measure.RESULTS.mkdir(exist_ok=True)
    (measure.RESULTS / "conditioning.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


def fitted(corpus: Corpus) -> dict[str, NGram]:
    """An n-gram model of each label's songs in the train split."""
    by_label = labelled_songs(corpus, "train")
    return {name: ngram.fit(found, len(corpus.dataset.vocabulary), ORDER) for name, found in by_label.items()}


def judged(judges: dict[str, NGram], piece: Ids) -> str:
    """The label whose judge finds a piece, int32[n] with BOS before it, likeliest."""
    return max(judges, key=lambda name: float(np.log(ngram.score(judges[name], [piece], ORDER).target).sum()))


def rates(judges: dict[str, NGram], written: Mapping[str, Sequence[Ids]]) -> dict[str, float]:
    """The share of each label's pieces, and of all of them, that are judged to be of their label."""
    right = {name: [judged(judges, piece) == name for piece in made] for name, made in written.items()}
    right["all"] = [hit for found in right.values() for hit in found]
    return {name: float(np.mean(found)) for name, found in right.items()}


def on_unseen(judges: dict[str, NGram], corpus: Corpus) -> dict[str, float]:
    unseen = [labelled_songs(corpus, split) for split in ("validation", "test")]
    return rates(judges, {name: [song[:STEPS] for found in unseen for song in found[name]] for name in judges})


def labelled_songs(corpus: Corpus, split: str) -> dict[str, list[Ids]]:
    found = songs(corpus, split)
    return {name: [song.tokens for song in found if song.label == i] for i, name in enumerate(corpus.labels, 1)}


def pieces(model: Path, label: str, out: Path, corpus: Corpus) -> list[Ids]:
    """Pieces of a label that a model writes, those that it ends at once left out."""
    wishes = ["-n", PIECES, "--steps", STEPS, "--label", label, "--no-picture"]
    said: Any = tutti("generate", "--model", model, "--out", out, *wishes)
    words = [Path(piece["file"]).with_suffix(".txt").read_text().split() for piece in said["pieces"]]
    vocabulary = corpus.dataset.vocabulary
    return [np.concatenate([[BOS], vocabulary.ids(piece)]).astype(np.int32) for piece in words if piece]


def count(corpus: Corpus, label: str) -> dict[str, int]:
    return {split: len(labelled_songs(corpus, split)[label]) for split in ("train", "validation", "test")}


if __name__ == "__main__":
    main()
