"""Trained with the labels of two styles, a network writes in the style that it is asked for."""

from pathlib import Path

import numpy as np
import pytest

from serving.export import export
from serving.generation.prediction import predict
from serving.saved_model import load
from tests.trainer import made, running
from tests.trainer.made import Song
from trainer.evaluation import ngram
from tutti.encodings.vocabulary import BOS, EOS

WORDS = 6
MODELS = {
    "lstm": ("--preset", "piano-lstm-small", "--units", "48", "--layers", "1", "--embedding", "16"),
    "wavenet": ("--preset", "piano-wavenet-small", "--residual", "16", "--skip", "32", "--stacks", "1"),
}


def style(step: int, count: int, seed: int) -> list[Song]:
    """Songs that mostly go so many words up, round and round."""
    rng = np.random.default_rng([seed, step])
    steps = [np.where(rng.random(24) < 0.9, step, rng.integers(0, WORDS, 24)) for _ in range(count)]
    return [np.array([BOS, *(3 + np.cumsum(walk) % WORDS), EOS], np.int32) for walk in steps]


def by_step(song: Song) -> str:
    """Which of the styles a song is of, by what it mostly does."""
    steps = np.diff(song[1:-1]) % WORDS
    return "up" if (steps == 1).sum() > (steps == WORDS - 1).sum() else "down"


@pytest.mark.parametrize("model", MODELS)
def test_a_classifier_tells_the_label_that_was_asked_for(model: str, tmp_path: Path) -> None:
    splits = {"train": 40, "validation": 6, "test": 6}
    songs = {split: style(1, n, i) + style(WORDS - 1, n, i) for i, (split, n) in enumerate(splits.items())}
    made.dataset(tmp_path / "data", songs, words=WORDS, window=32, label=by_step)
    training = ("--batch-size", "16", "--steps", "80", "--learning-rate", "0.02", "--dropout", "0")
    running.train("--dataset", str(tmp_path / "data"), "--run", str(tmp_path / "run"), *MODELS[model], *training)
    export(tmp_path / "run", tmp_path / "model")

    exported = load(tmp_path / "model")
    assert exported.labels == ("down", "up")
    judges = {name: ngram.fit(style(step, 40, 0), 3 + WORDS, 2) for name, step in (("up", 1), ("down", WORDS - 1))}
    names = [name for name in exported.labels for _ in range(16)]
    numbers = [exported.label_number(name) for name in names]
    # The same seeds for either label: nothing else tells them apart.
    answers = predict(exported, [[]] * 32, steps=24, seeds=[*range(16)] * 2, label=numbers)
    right = 0
    for name, answer in zip(names, answers, strict=True):
        piece = np.array([BOS, *exported.ids(answer.tokens)], np.int32)
        bits = {judge: -np.log(ngram.score(fitted, [piece], 2).target).sum() for judge, fitted in judges.items()}
        right += min(bits, key=bits.__getitem__) == name
    assert right >= 0.9 * len(names)
