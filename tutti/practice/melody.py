"""Melodies in phrases: two motifs, repeated on other chords, and a cadence every four bars."""

from dataclasses import dataclass

from tutti.practice import harmony
from tutti.practice.harmony import Chord, Key
from tutti.practice.rng import Rng
from tutti.practice.textures import EIGHTHS, Note

# Rhythms of a bar: lengths in eighths; a negative one is a rest.
RHYTHMS = {
    (4, 4): ((2, 2, 2, 2), (3, 1, 2, 2), (2, 1, 1, 2, 2), (2, 1, 1, 4), (4, 2, 2), (1, 1, 2, 1, 1, 2), (3, 1, 4),
             (-1, 1, 1, 1, 2, 2), (2, 2, 1, 1, 2), (1, 1, 1, 1, 2, 2), (3, 3, 2), (2, 1, 1, 1, 1, 2)),
    (3, 4): ((2, 2, 2), (4, 2), (3, 1, 2), (2, 1, 1, 2), (1, 1, 1, 1, 2), (4, 1, 1), (2, 2, 1, 1)),
    (6, 8): ((3, 3), (2, 1, 2, 1), (1, 1, 1, 3), (2, 1, 3), (3, 2, 1), (2, 1, 1, 1, 1), (1, 1, 1, 2, 1)),
}  # fmt: skip
CADENCES = {
    (4, 4): ((4, -4), (6, -2), (2, 2, 4), (8,)),
    (3, 4): ((6,), (4, -2), (2, 4)),
    (6, 8): ((6,), (3, -3), (5, -1), (3, 3)),
}
STRONG = {(4, 4): (0, 4), (3, 4): (0,), (6, 8): (0, 3)}
# Which motif stands in the first three bars of each four; "c" is the second one, "d" is made for the bar.
SCHEMES = ("aab", "aba", "abb", "aad", "abd", "aac")

STEPS = (-1, -1, 1, 1, 1, -1, 2, -2)
LEAPS = (*STEPS, 3, -3, 4)
LOWEST, HIGHEST = -2, 10  # degrees
MELODY = 90


@dataclass(frozen=True)
class Motif:
    """A bar of melody that can begin on any degree.

    Attributes:
      rhythm: lengths in eighths; a negative one is a rest.
      steps: for each of them the interval from the note before, in degrees.
    """

    rhythm: tuple[int, ...]
    steps: tuple[int, ...]


Phrase = list[tuple[int, int, int]]
"""Onset and length in eighths, degree."""


def motif(meter: tuple[int, int], rng: Rng) -> Motif:
    """Returns a new motif for a bar of a meter."""
    rhythm = rng.pick(RHYTHMS[meter])
    steps = [rng.pick(LEAPS)] + [rng.pick(STEPS) for _ in rhythm[1:]]
    return Motif(rhythm, tuple(steps))


def period(bars: list[tuple[Chord, ...]], meter: tuple[int, int], rng: Rng) -> Phrase:
    """Returns a melody over the chords of eight bars, or any multiple of four.

    Every four bars end in a cadence, the last one on the tonic.
    """
    motifs = {name: motif(meter, rng) for name in "ab"}
    motifs["c"] = motifs["b"]
    scheme = rng.pick(SCHEMES)
    cadence = Motif(rng.pick(CADENCES[meter]), (-1, -1, -1))
    phrase: Phrase = []
    degree = opening = rng.pick((0, 2, 4, 4, 7))
    for i, chords in enumerate(bars):
        place = i % 4
        if place == 0:
            degree = opening
        last = i == len(bars) - 1
        new = cadence if place == 3 else motif(meter, rng) if scheme[place] == "d" else motifs[scheme[place]]
        phrase += _bar(new, chords, degree, i * EIGHTHS[meter], meter, first=place == 0, last=last)
        degree = phrase[-1][2]
    return phrase


def _bar(
    motif: Motif, chords: tuple[Chord, ...], degree: int, start: int, meter: tuple[int, int], first: bool, last: bool
) -> Phrase:
    """Returns the notes of a motif that goes on from a degree.

    Long notes and those on strong beats move to the nearest note of the chord.

    Args:
      motif: the motif.
      chords: those of the bar.
      degree: of the note before the bar; of its own first note where `first`.
      start: where the bar begins, in eighths.
      meter: the time signature.
      first: whether the bar begins a phrase of four bars.
      last: whether it is the last of the melody, which ends on the tonic.
    """
    phrase: Phrase = []
    at = 0
    for i, (length, step) in enumerate(zip(motif.rhythm, motif.steps, strict=False)):
        if length > 0:
            if not (first and i == 0):
                degree += step if LOWEST <= degree + step <= HIGHEST else -step
            if last and i == _last_note(motif.rhythm):
                degree = nearest(degree, (0,))
            elif at in STRONG[meter] or length >= 3:
                degree = nearest(degree, chords[at * len(chords) // EIGHTHS[meter]].degrees())
            phrase.append((start + at, length, degree))
        at += abs(length)
    return phrase


def _last_note(rhythm: tuple[int, ...]) -> int:
    return max(i for i, length in enumerate(rhythm) if length > 0)


def nearest(degree: int, targets: tuple[int, ...]) -> int:
    """Returns the degree nearest to `degree` that is one of `targets` (0 to 6) in any octave; of two the lower one."""
    return min(range(degree - 3, degree + 4), key=lambda d: (d % 7 not in targets, abs(d - degree), d))


def notes(
    phrase: Phrase, bars: list[tuple[Chord, ...]], meter: tuple[int, int], key: Key, octave: int, start: int = 0
) -> list[Note]:
    """Returns the notes of a phrase over the chords of bars, which may raise or lower a degree.

    Args:
      phrase: the melody.
      bars: chords of each bar.
      meter: the time signature.
      key: the key.
      octave: the MIDI pitch of the C below the tonic.
      start: where the first bar begins, in eighths.
    """
    line: list[Note] = []
    size = EIGHTHS[meter]
    for onset, length, degree in phrase:
        bar, at = divmod(onset, size)
        chords = bars[bar]
        pitch = harmony.degree_pitch(degree, chords[at * len(chords) // size], key, octave)
        line.append(Note(start + onset, length, pitch, MELODY + (4 if at in STRONG[meter] else 0)))
    return line
