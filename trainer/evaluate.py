"""How well a run does on songs that it was not trained on, beside a simple model of the same data."""

import os

from trainer.data.reader import Corpus, open_corpus
from trainer.evaluation.report import Evaluation, EvaluationConfig
from trainer.objectives.base import objective_of
from trainer.run import directory
from trainer.run.directory import Run
from tutti.errors import Error


def evaluate(
    run: str | os.PathLike[str],
    dataset: str | os.PathLike[str] | None = None,
    *,
    split: str = "test",
    snapshot: int | None = None,
    weights: str = "best",
    context: str = "song",
    baseline: bool = True,
) -> Evaluation:
    """Evaluates the model of a run on a split of a dataset.

    A model of tokens predicts every token of every song, beside an n-gram model of the train split whose order does
    best on the validation split. A Boltzmann machine restores every bit of every window, beside bits that are
    independent of each other.

    Args:
      run: the run's folder, or what `trainer.train.train` returned.
      dataset: its folder; the one that the run trained on, if None.
      split: "train", "validation" or "test".
      snapshot: of the dataset; None for the current one.
      weights: those of the best validation ("best"), or of the last checkpoint ("last").
      context: "song" for a model that sees a song from its beginning, "window" for one that starts anew with each
        window, as in training without `carry`.
      baseline: whether to fit the simple model.

    Raises:
      Error: if there is no such run or dataset, one does not go with the other, or the split is empty.
    """
    config = EvaluationConfig(split, weights, context, baseline)
    trained = directory.load(os.fspath(run))
    corpus = open_corpus(os.fspath(dataset or trained.config.dataset), snapshot, trained.config.labels)
    _check_language(trained, corpus)
    return objective_of(trained.config.model).evaluate(trained, corpus, config)


def _check_language(run: Run, corpus: Corpus) -> None:
    config, dataset = run.config, corpus.dataset
    if config.encoding != dataset.encoding:
        raise Error(
            f"run {run.path} was trained on {config.encoding}, but dataset {corpus.path} holds {dataset.encoding}"
        )
    if config.vocabulary != dataset.vocabulary:
        raise Error(f"run {run.path} was trained on another vocabulary than that of dataset {corpus.path}")
