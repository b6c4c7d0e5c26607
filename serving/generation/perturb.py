"""Disturbs a piece on purpose while it is written, so that it gets sections instead of one long drift.

Every so often the model is made to believe that something else stood before: what it had written but in another key, a
passage of a corpus, or an earlier passage of the piece itself. It goes on from there; what it is shown is not part of
the piece. The author of the stacked LSTM of 2016 wished for such disturbances. What the model believes is its prompt,
so that any export that continues prompts can be disturbed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.generation.length import Length
from serving.generation.prediction import Prediction
from serving.generation.prompts import CorpusSong
from serving.options import OptionError
from tutti.encodings import durations
from tutti.encodings.base import TokenEncoding
from tutti.encodings.vocabulary import Vocabulary

# Tokens that end a bar, and tokens that begin one.
BAR_ENDS, BAR_BEGINS = "BAR", "Bar_None"
SEMITONES = tuple(step for step in range(-6, 7) if step)
# Keeps the random numbers of a disturbance apart from those of anything else with the same seed.
STREAM = 0x70657274

# (prompts of tokens, how long what is new shall be of each, seeds) -> what the model writes behind them
Predict = Callable[[Sequence[Sequence[str]], Sequence[Length], Sequence[int]], Sequence[Prediction]]


@dataclass(frozen=True)
class Perturbation:
    """How pieces are disturbed.

    Attributes:
      every: new tokens from one disturbance to the next, on average: from half to one and a half of it.
      by: one of `serving.generation.config.PERTURBATIONS`.
      context: how many tokens of what stood before the model is shown.
      corpus: the songs for `corpus`.
    """

    every: int
    by: str
    context: int
    corpus: tuple[CorpusSong, ...] = ()


@dataclass(frozen=True)
class Disturbance:
    """What was done to a piece at one place.

    Attributes:
      at: how many new tokens stood before it.
      by: one of `PERTURBATIONS`.
      semitones: how much higher the model believed the piece to be.
      released: how many notes were released because of that.
      token: how many tokens of a song the model believed to be before.
      file: that song; empty for the piece itself.
    """

    at: int
    by: str
    semitones: int = 0
    released: int = 0
    token: int = 0
    file: str = ""

    def to_json(self) -> dict[str, Any]:
        """Returns what there is to say, as a JSON object."""
        return {"at": self.at, **{name: value for name, value in vars(self).items() if name != "at" and value}}


@dataclass(eq=False)
class PerturbedPiece:
    """A piece while it is written.

    Attributes:
      seed: decides what is written, and where it is disturbed and how.
      tokens: the prompt and what was written.
      believed: what the model takes for that.
      rng: draws the disturbances.
      left: how much is still to be written.
      new_tokens: new tokens so far.
      log_prob: of the new tokens, each given what the model believed.
      ended: whether the model ended the piece.
      disturbances: what was done to it so far.
    """

    seed: int
    tokens: list[str]
    believed: list[str]
    rng: np.random.Generator
    left: Length
    new_tokens: int = 0
    log_prob: float = 0.0
    ended: bool = False
    disturbances: list[Disturbance] = field(default_factory=list)


@dataclass(frozen=True)
class Perturber:
    """Writes pieces with a model and disturbs them.

    Attributes:
      predict: continues prompts with the model.
      encoding, vocabulary: of the model's tokens.
      perturbation: how pieces are disturbed.

    Raises:
      OptionError: if tokens of this encoding cannot be disturbed so.
    """

    predict: Predict
    encoding: TokenEncoding
    vocabulary: Vocabulary
    perturbation: Perturbation

    def __post_init__(self) -> None:
        if self.perturbation.by == "key" and not self.encoding.pitched:
            raise OptionError(
                "{perturb_by} key needs tokens with pitches, and those of the encoding {encoding} have none; "
                "take {perturb_by} return or corpus",
                encoding=self.encoding.name,
            )

    def generate(self, prompt: Sequence[str], length: Length, seeds: Sequence[int]) -> list[PerturbedPiece]:
        """Writes a piece of `length` for each seed; its last token may pass the bar line.

        Up to its first disturbance a piece is the one that its seed gives without any. It does not depend on the
        others.

        Raises:
          Error: if the model refuses the steps.
        """
        rngs = [np.random.default_rng([seed % (1 << 64), STREAM]) for seed in seeds]
        pieces = [
            PerturbedPiece(seed, [*prompt], [*prompt], rng, length) for seed, rng in zip(seeds, rngs, strict=True)
        ]
        turn, active = 0, pieces
        while active:
            for piece in active if turn else ():
                self._disturb(piece)
            predictions = self.predict(
                [piece.believed for piece in active],
                [piece.left.first(_gap(piece.rng, self.perturbation.every)) for piece in active],
                [_turn_seed(piece.seed, turn) for piece in active],
            )
            for piece, prediction in zip(active, predictions, strict=True):
                piece.tokens += prediction.tokens
                piece.believed += prediction.tokens
                piece.new_tokens += len(prediction.tokens)
                piece.log_prob += prediction.log_prob
                piece.ended = prediction.ended
                piece.left = self._left(length, prompt, piece)
            active = [piece for piece in active if not piece.ended and not piece.left.reached]
            turn += 1
        return pieces

    def _left(self, length: Length, prompt: Sequence[str], piece: PerturbedPiece) -> Length:
        """Returns how much of the length that was wanted behind the prompt is left."""
        if length.quarters is None:
            return length.left(piece.new_tokens)
        begun, at = (durations.length(self.encoding, tokens) for tokens in (prompt, piece.tokens))
        return length.left(piece.new_tokens, at - begun)

    def _disturb(self, piece: PerturbedPiece) -> None:
        """Changes what the model believes, which is cut to what it will be shown, and notes how."""
        by, context = self.perturbation.by, self.perturbation.context
        piece.believed = _context(piece.believed, context)
        if by == "key":
            piece.believed, semitones = self._in_another_key(piece)
            # In another key the model would release other notes than those that sound.
            released = self.encoding.released(piece.tokens)
            piece.tokens += released
            piece.disturbances.append(Disturbance(piece.new_tokens, by, semitones=semitones, released=len(released)))
            return
        # What was written last is no earlier passage.
        own = CorpusSong("", piece.tokens[: len(piece.tokens) - self.perturbation.every // 2])
        passage = self._passage(piece, [own] if by == "return" else self.perturbation.corpus)
        if passage is None:
            return
        song, end = passage
        piece.believed = _context(song.tokens[:end], context)
        piece.disturbances.append(Disturbance(piece.new_tokens, by, token=end, file=song.name))

    def _in_another_key(self, piece: PerturbedPiece) -> tuple[list[str], int]:
        """Returns what the model believes some semitones higher or lower, in a key that it knows best."""
        keys = [int(step) for step in piece.rng.permutation(SEMITONES)]
        # A pitch that is beyond the instrument, or never occurred in the corpus, makes a key worse.
        moved = {step: [self.encoding.transposed(token, step) for token in piece.believed] for step in keys}
        unknown = {step: sum(token is None or token not in self.vocabulary for token in moved[step]) for step in keys}
        best = min(keys, key=unknown.__getitem__)
        return [token for token in moved[best] if token is not None], best

    def _passage(self, piece: PerturbedPiece, songs: Sequence[CorpusSong]) -> tuple[CorpusSong, int] | None:
        """Returns a song and where in it the passage ends; None where there is no such place."""
        since = int(_since_bar(piece.tokens)[-1])
        # In a bar of a length that no other has, the next best place is the beginning of a bar.
        for place in (since, 0):
            ends = [_ends(song.tokens, place, self.vocabulary) for song in songs]
            counts = np.cumsum([len(places) for places in ends])
            if counts[-1]:
                chosen = int(piece.rng.integers(counts[-1]))
                number = int(np.searchsorted(counts, chosen, side="right"))
                return songs[number], int(ends[number][chosen - counts[number]])
        return None


def _context(tokens: Sequence[str], most: int) -> list[str]:
    """Returns the last tokens, at most so many, from the beginning of a bar if there is one among them."""
    shown = [*tokens[-most:]]
    if len(shown) == len(tokens):
        return shown
    starts = [i + (token == BAR_ENDS) for i, token in enumerate(shown) if token in (BAR_ENDS, BAR_BEGINS)]
    return shown[starts[0] :] if starts and starts[0] < len(shown) else shown


def _ends(tokens: Sequence[str], since: int, vocabulary: Vocabulary) -> NDArray[np.int64]:
    """Returns where passages of a song can end so that bars stay whole.

    That is `since` tokens behind the end of a bar, or where a bar begins; anywhere, if these tokens have no bars.
    """
    if BAR_BEGINS in vocabulary:
        return np.array([i for i, token in enumerate(tokens) if i and token == BAR_BEGINS], np.int64)
    if BAR_ENDS in vocabulary:
        return np.flatnonzero(_since_bar(tokens)[1:-1] == since) + 1
    return np.arange(1, len(tokens))


def _since_bar(tokens: Sequence[str]) -> NDArray[np.int64]:
    """int64[n + 1]: tokens since the last end of a bar, before each token and behind the last one."""
    places = np.arange(len(tokens) + 1)
    began = np.zeros(len(tokens) + 1, np.int64)
    began[1:] = [i + 1 if token == BAR_ENDS else 0 for i, token in enumerate(tokens)]
    return places - np.maximum.accumulate(began)


def _gap(rng: np.random.Generator, every: int) -> int:
    """Draws how many tokens there are until the next disturbance."""
    return int(rng.integers(max(every // 2, 1), every + every // 2 + 1))


def _turn_seed(seed: int, turn: int) -> int:
    """Returns the seed of a piece's stretch number `turn`; that of the first is the piece's own."""
    if not turn:
        return seed
    return int(np.random.SeedSequence([seed % (1 << 64), turn]).generate_state(1, np.uint64).view(np.int64)[0])
