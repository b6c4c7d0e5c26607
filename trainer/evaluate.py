"""How well a run does on songs that it was not trained on, beside a simple model of the same data."""

import os
from collections.abc import Sequence
from dataclasses import replace

from trainer.data.reader import Corpus, in_words_of, open_corpus
from trainer.evaluation import form
from trainer.evaluation.pieces import Piece, read
from trainer.evaluation.report import Evaluation, EvaluationConfig
from trainer.objectives.base import objective_of
from trainer.run import directory
from trainer.run.directory import Run
from tutti.encodings.registry import encoding_to_flags
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
    nearest: bool = False,
    pieces: Sequence[Piece] = (),
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
      nearest: whether tokens that the model does not know become the nearest that it knows, as in a prompt; else a
        dataset of another vocabulary is refused.
      pieces: whose form is to be compared with that of the split: files, of music or of tokens as text, or the tokens
        of a piece.

    Raises:
      Error: if there is no such run or dataset, one does not go with the other, the split is empty, or a piece cannot
        be read or compared.
    """
    config = EvaluationConfig(split, weights, context, baseline)
    trained = directory.load(os.fspath(run))
    if pieces:
        form.with_beats(trained.config.encoding)
    written = read(pieces, trained.config.encoding, trained.config.vocabulary)
    corpus = open_corpus(os.fspath(dataset or trained.config.dataset), snapshot, trained.config.labels)
    notes = _compared(trained, corpus, nearest)
    corpus = in_words_of(corpus, trained.config.vocabulary)
    evaluation = objective_of(trained.config.model).evaluate(trained, corpus, config)
    return replace(evaluation, form=form.compare(written, corpus, split) if written else None, notes=notes)


def _compared(run: Run, corpus: Corpus, nearest: bool) -> tuple[str, ...]:
    """Returns what the user may want to know of how a dataset differs from the one that a run was trained on.

    Raises:
      Error: if the model cannot read it.
    """
    own, its = run.config.encoding, corpus.dataset.encoding
    flags = (
        f"run {run.path} was trained with {encoding_to_flags(own)}, "
        f"dataset {corpus.path} made with {encoding_to_flags(its)}"
    )
    known, found = run.config.vocabulary, corpus.dataset.vocabulary
    strangers = sum(token not in known for token in found.tokens)
    # In a closed vocabulary no token is near another.
    if not own.reads_songs_of(its) or (strangers and own.vocabulary() is not None):
        raise Error(flags)
    notes = [flags] if own != its else []
    if strangers:
        if not nearest:
            raise Error(
                f"run {run.path} does not know {strangers:,} of the {len(found):,} tokens of dataset {corpus.path}; "
                "--nearest takes the nearest that it knows"
            )
        notes.append(f"{strangers:,} of {len(found):,} tokens of {corpus.path} count as the nearest that the run knows")
    return tuple(notes)
