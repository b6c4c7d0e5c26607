"""Disturbing a piece on purpose while it is written, so that it gets sections instead of one long drift.

Every so often the model is made to believe that something else stood before: what it had written but in another key, a
passage of a corpus, or an earlier passage of the piece itself. It goes on from there; what it is shown is not part of
the piece. The author of the stacked LSTM of 2016 wished for such disturbances. What the model believes is its prompt,
so that any export that continues prompts can be disturbed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.saved_model import SavedModel
from tutti.encodings.base import Encoding
from tutti.encodings.vocabulary import Vocabulary
from tutti.errors import Error

WAYS = ("return", "key", "corpus")
# Tokens that end a bar, and tokens that begin one.
BAR_ENDS, BAR_BEGINS = "BAR", "Bar_None"
SEMITONES = tuple(step for step in range(-6, 7) if step)
# Keeps the dice of a disturbance apart from those of anything else with the same seed.
STREAM = 0x70657274

Said = dict[str, Any]


@dataclass(frozen=True)
class CorpusSong:
    """A song of a corpus; `name` says where it is from."""

    name: str
    words: Sequence[str]


@dataclass(frozen=True)
class Disturbance:
    """How pieces are disturbed.

    Attributes:
      every: new tokens from one disturbance to the next, on average: from half to one and a half of it.
      by: one of `WAYS`.
      context: how many tokens of what stood before the model is shown.
      corpus: the songs for `corpus`.

    Raises:
      UserError: if a number is out of bounds.
    """

    every: int
    by: str
    context: int
    corpus: tuple[CorpusSong, ...] = ()

    def __post_init__(self) -> None:
        for flag, value in (("--perturb", self.every), ("--perturb-context", self.context)):
            if value < 1:
                raise Error(f"{flag} is {value}; it must be at least 1")

    def check(self, encoding: Encoding) -> None:
        """Raises UserError where tokens of this encoding cannot be disturbed so."""
        if self.by == "key" and not encoding.pitched:
            raise Error(
                f"--perturb-by key needs tokens with pitches, and those of the encoding {encoding.name} have none; "
                "take --perturb-by return or corpus"
            )


@dataclass(eq=False)
class PerturbedPiece:
    """A piece while it is written.

    Attributes:
      seed: decides what is written, and where it is disturbed and how.
      words: the prompt and what was written.
      believed: what the model takes for that.
      dice: for the disturbances.
      written: new tokens so far.
      log_prob: of the new tokens, each given what the model believed.
      ended: whether the model ended the piece.
      disturbed: for each disturbance `at`, how many new tokens stood before it, and what it was.
    """

    seed: int
    words: list[str]
    believed: list[str]
    rng: np.random.Generator
    written: int = 0
    log_prob: float = 0.0
    ended: bool = False
    disturbed: list[Said] = field(default_factory=list)


def generate(
    engine: SavedModel,
    prompt: Sequence[str],
    steps: int,
    seeds: Sequence[int],
    disturbance: Disturbance,
    **wishes: Any,
) -> list[PerturbedPiece]:
    """A piece for each seed. `wishes` are those of `engine.inputs`, one for all pieces.

    Up to its first disturbance a piece is the one that its seed gives without any. It does not depend on the others.

    Raises:
      UserError: if a wish is out of bounds, or tokens of this encoding cannot be disturbed so.
    """
    disturbance.check(engine.encoding)
    rng = [np.random.default_rng([seed % (1 << 64), STREAM]) for seed in seeds]
    pieces = [PerturbedPiece(seed, [*prompt], [*prompt], own) for seed, own in zip(seeds, rng, strict=True)]
    turn, active = 0, pieces
    while active:
        for piece in active if turn else ():
            _disturb(piece, disturbance, engine)
        answers = engine.generate(
            [engine.ids(piece.believed) for piece in active],
            steps=[min(_gap(piece.rng, disturbance.every), steps - piece.written) for piece in active],
            seeds=[_mixed(piece.seed, turn) for piece in active],
            **wishes,
        )
        for piece, answer in zip(active, answers, strict=True):
            piece.words += answer.tokens
            piece.believed += answer.tokens
            piece.written += len(answer.tokens)
            piece.log_prob += answer.log_prob
            piece.ended = answer.ended
        active = [piece for piece in active if not piece.ended and piece.written < steps]
        turn += 1
    return pieces


def _disturb(piece: PerturbedPiece, disturbance: Disturbance, engine: SavedModel) -> None:
    """Changes what the model believes, which is cut to what it will be shown, and notes how."""
    piece.believed = _context(piece.believed, disturbance.context)
    if disturbance.by == "key":
        piece.believed, said = _in_another_key(piece, engine)
        released = _released(engine.encoding, piece.words)
        piece.words += released
        said |= {"released": len(released)} if released else {}
    else:
        # What was written last is no earlier passage.
        own = CorpusSong("", piece.words[: len(piece.words) - disturbance.every // 2])
        passage = _passage(piece, [own] if disturbance.by == "return" else disturbance.corpus, engine.vocabulary)
        if passage is None:
            return
        song, end = passage
        piece.believed = _context(song.words[:end], disturbance.context)
        said = {"by": disturbance.by, "token": end} | ({"file": song.name} if song.name else {})
    piece.disturbed.append({"at": piece.written, **said})


def _context(words: Sequence[str], most: int) -> list[str]:
    """The last tokens, at most so many, from the beginning of a bar if there is one among them."""
    shown = [*words[-most:]]
    if len(shown) == len(words):
        return shown
    starts = [i + (word == BAR_ENDS) for i, word in enumerate(shown) if word in (BAR_ENDS, BAR_BEGINS)]
    return shown[starts[0] :] if starts and starts[0] < len(shown) else shown


def _in_another_key(piece: PerturbedPiece, engine: SavedModel) -> tuple[list[str], Said]:
    """What the model believes some semitones higher or lower, in a key that it knows best."""
    encoding: Any = engine.encoding
    keys = [int(step) for step in piece.rng.permutation(SEMITONES)]
    # A pitch that is beyond the instrument, or never occurred in the corpus, makes a key worse.
    moved = {step: [encoding.transposed(word, step) for word in piece.believed] for step in keys}
    unknown = {step: sum(word not in engine.vocabulary for word in moved[step]) for step in keys}
    best = min(keys, key=unknown.__getitem__)
    return [word for word in moved[best] if word is not None], {"by": "key", "semitones": best}


def _passage(
    piece: PerturbedPiece, songs: Sequence[CorpusSong], vocabulary: Vocabulary
) -> tuple[CorpusSong, int] | None:
    """A song, and where in it the passage ends; None where there is no such place."""
    since = int(_since_bar(piece.words)[-1])
    # In a bar of a length that no other has, the next best place is the beginning of a bar.
    for place in (since, 0):
        ends = [_ends(song.words, place, vocabulary) for song in songs]
        counts = np.cumsum([len(places) for places in ends])
        if counts[-1]:
            chosen = int(piece.rng.integers(counts[-1]))
            number = int(np.searchsorted(counts, chosen, side="right"))
            return songs[number], int(ends[number][chosen - counts[number]])
    return None


def _ends(words: Sequence[str], since: int, vocabulary: Vocabulary) -> NDArray[np.int64]:
    """Where passages of a song can end so that bars stay whole: `since` tokens behind the end of a bar, or where a bar
    begins; anywhere, if there are no bars in these tokens."""
    if BAR_BEGINS in vocabulary:
        return np.array([i for i, word in enumerate(words) if i and word == BAR_BEGINS], np.int64)
    if BAR_ENDS in vocabulary:
        return np.flatnonzero(_since_bar(words)[1:-1] == since) + 1
    return np.arange(1, len(words))


def _since_bar(words: Sequence[str]) -> NDArray[np.int64]:
    """int64[n + 1]: tokens since the last end of a bar, before each token and behind the last one."""
    places = np.arange(len(words) + 1)
    began = np.zeros(len(words) + 1, np.int64)
    began[1:] = [i + 1 if word == BAR_ENDS else 0 for i, word in enumerate(words)]
    return places - np.maximum.accumulate(began)


def _released(encoding: Encoding, words: Sequence[str]) -> list[str]:
    """Events that release the notes still sounding: in another key the model would release others."""
    if encoding.name != "events":
        return []
    sounding: dict[tuple[str, str], None] = {}
    for word in words:
        _, status, *data = word.split("_")
        if status[0] in "89" and len(data) == 2:
            sounding.pop((status[1], data[0]), None)
            if status[0] == "9" and data[1] != "00":
                sounding[status[1], data[0]] = None
    return [f"0_8{channel}_{pitch}_00" for channel, pitch in sounding]


def _gap(rng: np.random.Generator, every: int) -> int:
    return int(rng.integers(max(every // 2, 1), every + every // 2 + 1))


def _mixed(seed: int, turn: int) -> int:
    """The seed of a piece's next stretch; that of the first is the piece's own."""
    if not turn:
        return seed
    return int(np.random.SeedSequence([seed % (1 << 64), turn]).generate_state(1, np.uint64).view(np.int64)[0])
