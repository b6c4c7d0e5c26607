"""How some pieces hold together, beside pieces that people wrote: what comes back, the beat, lengths, copies.

The longer a piece, the more of it comes back, and the longer a passage it may have copied. So these are counted in the
first tokens of each piece, equally many of all, and a piece with fewer is left out there. The lower of the two medians
decides how many, so that at least half of the pieces and half of the songs count.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.data.reader import Corpus, songs
from trainer.evaluation import copies
from trainer.evaluation.table import Column, Table
from tutti import midi
from tutti.encodings.base import Encoding, TokenEncoding
from tutti.encodings.vocabulary import SPECIALS
from tutti.errors import Error, RejectedFile
from tutti.score import Score

Ids = NDArray[np.int64]
GRAM = 4
COLUMNS = (
    Column("pieces", "pieces", 8, ",d"),
    Column("tokens", "tokens", 8, ",.0f"),
    Column("quarters", "quarters", 10, ",.0f"),
    Column("on_beat", "on a beat", 11, ".1%"),
    Column("returning", "returning", 11, ".1%"),
    Column("copied", "copied", 8, ",.0f"),
    Column("copied_share", "of piece", 10, ".0%"),
    Column("longest_copy", "longest", 9, ",d"),
)


@dataclass(frozen=True)
class Form:
    """Figures of pieces and of the songs of a split. `table()` shows them, `to_json()` has them all.

    Attributes:
      split: which songs stand beside the pieces.
      length: how many tokens from its beginning each counted piece has.
      any_key: whether a copy in another key is a copy.
      pieces, held: figures of the pieces and of the songs.
        pieces, counted: how many there are, and how many of them are long enough.
        tokens, quarters: medians of the lengths of whole pieces.
        on_beat: share of the notes of whole pieces that begin on a beat.
        returning: share of a counted piece's 4-grams of tokens that stand in it more than once, on average.
        copied, copied_share: the longest passage that a counted piece has from the train split, in tokens and as a
          share of the length; the median.
        longest_copy: the longest of these passages, which grows with the number of pieces.
    """

    split: str
    length: int
    any_key: bool
    pieces: Mapping[str, float]
    held: Mapping[str, float]

    def to_json(self) -> dict[str, object]:
        """Returns all figures."""
        return {"length": self.length, "any_key": self.any_key, "pieces": self.pieces, self.split: self.held}

    def table(self) -> Table:
        """Returns a row for the pieces and one for the songs of the split."""
        key = " in any key" if self.any_key else ""
        caption = f"form, in the first {self.length:,} tokens; copied: from the train split{key}, in tokens"
        return Table(caption, "", COLUMNS, [("pieces", self.pieces), (f"{self.split} split", self.held)])


def with_beats(encoding: Encoding) -> TokenEncoding:
    """Returns the encoding, whose tokens stand for notes.

    Raises:
      Error: if they do not.
    """
    if not isinstance(encoding, TokenEncoding) or encoding.medium.suffixes[0] not in midi.SCORE.suffixes:
        raise Error(f"--pieces does not apply to --encoding {encoding.name}: it looks at notes that tokens stand for")
    return encoding


def compare(pieces: Sequence[Sequence[str]], corpus: Corpus, split: str) -> Form:
    """Compares pieces with the songs of a split, and looks up both in the train split.

    Args:
      pieces: the tokens of each, known to the corpus' vocabulary.

    Raises:
      Error: if the encoding's tokens are no notes, or too few are to be compared.
    """
    encoding, vocabulary = with_beats(corpus.dataset.encoding), corpus.dataset.vocabulary
    own = [vocabulary.ids(words).astype(np.int64) for words in pieces]
    own, held = ([ids[ids >= len(SPECIALS)] for ids in group] for group in (own, _stored(corpus, split)))
    if not own or not held:
        raise Error("there is nothing to compare")
    length = min(_lower_median(group) for group in (own, held))
    if length < GRAM:
        raise Error(f"half of the pieces have {length} tokens or fewer; generate longer ones")
    any_key = encoding.pitched
    comparison = copies.in_any_key(encoding, vocabulary) if any_key else copies.as_they_are(vocabulary)
    counted = [[ids[:length] for ids in group if len(ids) >= length] for group in (own, held)]
    train = [song.tokens for song in songs(corpus, "train")]
    copied = copies.longest(counted[0] + counted[1], train, comparison)
    border = len(counted[0])
    figures = [
        _figures([_score(encoding, vocabulary.words(ids)) for ids in group], group, cut, found)
        for group, cut, found in zip((own, held), counted, (copied[:border], copied[border:]), strict=True)
    ]
    return Form(split, length, any_key, *figures)


def returning(ids: Ids) -> float:
    """Returns the share of the 4-grams of a piece that stand in it more than once, from 0 to 1."""
    grams = np.lib.stride_tricks.sliding_window_view(ids, GRAM)
    _, counts = np.unique(grams, axis=0, return_counts=True)
    return float(counts[counts > 1].sum() / counts.sum())


def beats(score: Score) -> tuple[int, int, float]:
    """Returns how many notes begin on a quarter, how many there are, and how many quarters the score lasts."""
    onset = np.concatenate([track.notes.onset for track in score.tracks] or [np.zeros(0, np.int64)])
    ends = [int((track.notes.onset + track.notes.duration).max()) for track in score.tracks]
    return int((onset % score.division == 0).sum()), len(onset), max(ends, default=0) / score.division


def _figures(scores: Sequence[Score], whole: Sequence[Ids], cut: Sequence[Ids], copied: Ids) -> dict[str, float]:
    on_beat, notes, quarters = zip(*map(beats, scores), strict=True)
    middle = float(np.median(copied))
    return {
        "pieces": len(whole),
        "counted": len(cut),
        "tokens": float(np.median([len(ids) for ids in whole])),
        "quarters": float(np.median(quarters)),
        "on_beat": round(sum(on_beat) / max(sum(notes), 1), 6),
        "returning": round(float(np.mean([returning(ids) for ids in cut])), 6),
        "copied": middle,
        "copied_share": round(middle / len(cut[0]), 6),
        "longest_copy": int(copied.max()),
    }


def _score(encoding: Encoding, words: Sequence[str]) -> Score:
    """Returns tokens as notes; none where they stand for messages that hold none."""
    piece = encoding.decode(words)
    if isinstance(piece, Score):
        return piece
    try:
        return midi.read(encoding.medium.write(piece))
    except RejectedFile:
        return Score(1, ())


def _stored(corpus: Corpus, split: str) -> list[Ids]:
    return [song.tokens.astype(np.int64) for song in songs(corpus, split)]


def _lower_median(pieces: Sequence[Ids]) -> int:
    return sorted(map(len, pieces))[(len(pieces) - 1) // 2]
