"""Textures, the ways to play chords with a left hand or in a band: patterns of one bar, a word for each eighth.

b  bass, the root      o  the root an octave above it      f  the fifth over the bass      t  the tenth
l m h  the close chord's low, middle and high note; lmh strikes them together
u v w  the same an octave higher
.  nothing new
"""

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from tutti.practice import harmony
from tutti.practice.harmony import Chord


class Note(NamedTuple):
    """Onset and length in eighths, MIDI pitch, velocity."""

    onset: int
    length: int
    pitch: int
    velocity: int


@dataclass(frozen=True)
class Texture:
    """A pattern for bars of one length.

    Attributes:
      pattern: a word for each eighth.
      short: whether chords are struck briefly instead of held.
    """

    pattern: str
    short: bool = False


COMMON = {
    "alberti": Texture("l h m h l h m h"),
    "broken": Texture("b l m h m l m h"),
    "rolling": Texture("b f o t o f o f"),
    "murky": Texture("b o b o b o b o"),
    "stride": Texture("b . lmh . f . lmh .", short=True),
    "block": Texture("b . lmh . lmh . lmh ."),
    "halves": Texture("blmh . . . lmh . . ."),
    "pulse": Texture("b lmh lmh lmh b lmh lmh lmh", short=True),
    "tresillo": Texture("b . . lmh . . lmh ."),
    "ballad": Texture("b f o mh o f lm h"),
}
WALTZ = {
    "waltz": Texture("b . lmh . lmh .", short=True),
    "alberti": Texture("l h m h m h"),
    "arch": Texture("b f o t o f"),
    "broken": Texture("b l m h m l"),
    "held": Texture("b . mh . l ."),
}
SIX = {
    "rolling": Texture("b l m h m l"),
    "barcarolle": Texture("b . mh f . lm"),
    "oompah": Texture("b lmh lmh f lmh lmh", short=True),
    "arch": Texture("b f o t o f"),
}
PRELUDES = {
    (4, 4): (Texture("b l m h u m h u"), Texture("b m h u v u h m"), Texture("b h l u m v h u")),
    (3, 4): (Texture("b l m h u h"), Texture("b h u v u h")),
    (6, 8): (Texture("b m u l h v"), Texture("b l m h u v")),
}
TEXTURES = {(4, 4): COMMON, (3, 4): WALTZ, (6, 8): SIX}
# What the parts of a band play, as `lineups` names them.
BAND: dict[str, dict[tuple[int, int], tuple[Texture, ...]]] = {
    "bass": {
        (4, 4): (Texture("b . b . b . b ."), Texture("b b b b b b b b"), Texture("b . . b b . f ."),
                 Texture("b . f . o . f ."), Texture("b . . . f . . ."), Texture("b . . o . . f b")),
        (3, 4): (Texture("b . . . . ."), Texture("b . . . f ."), Texture("b . f . f .")),
        (6, 8): (Texture("b . . b . ."), Texture("b . b f . b"), Texture("b . . f . .")),
    },
    "chords": {
        (4, 4): (Texture("lmh . lmh . lmh . lmh ."), Texture(". . lmh . . . lmh .", short=True),
                 Texture("lmh . . lmh . . lmh ."), Texture(". lmh . lmh . lmh . lmh", short=True),
                 Texture("lmh . lmh lmh . lmh lmh ."), Texture("lmh . . . lmh . . .")),
        (3, 4): (Texture(". . lmh . lmh .", short=True), Texture("lmh . lmh . lmh ."), Texture("lmh . . . lmh .")),
        (6, 8): (Texture(". . lmh . . lmh", short=True), Texture("lmh . . lmh . ."), Texture("lmh . lmh lmh . lmh")),
    },
    "pad": {
        (4, 4): (Texture("lmh . . . lmh . . ."),),
        (3, 4): (Texture("lmh . . . . ."),),
        (6, 8): (Texture("lmh . . lmh . ."),),
    },
    "arpeggio": {
        (4, 4): (Texture("l m h u v u h m"), Texture("u h m h u h m h"), Texture("u v w v u v w v")),
        (3, 4): (Texture("l m h u h m"), Texture("u v w v u h")),
        (6, 8): (Texture("l m h u h m"), Texture("w v u w v u")),
    },
}  # fmt: skip
EIGHTHS = {(4, 4): 8, (3, 4): 6, (6, 8): 6}

PULSE, BEAT = 62, 70


def accompany(bars: list[tuple[Chord, ...]], texture: Texture, start: int = 0, louder: int = 0) -> list[Note]:
    """Returns the notes of chords in a texture; a bar without chords is silent.

    Args:
      bars: chords of each bar.
      texture: the texture.
      start: where the first bar begins, in eighths.
      louder: what to add to velocities.
    """
    notes: list[Note] = []
    voices: tuple[int, ...] | None = None
    slots = texture.pattern.split()
    struck = [(slot, symbols, _length(slots, slot, texture)) for slot, symbols in enumerate(slots) if symbols != "."]
    for i, chords in enumerate(bars):
        at = start + i * len(slots)
        for slot, symbols, length in struck if chords else ():
            chord = chords[slot * len(chords) // len(slots)]
            voices = harmony.voiced(chord, voices)
            velocity = (BEAT if slot == 0 else PULSE) + louder
            notes += [Note(at + slot, length, pitch, velocity) for pitch in pitches(symbols, chord, voices)]
    return notes


@cache
def pitches(symbols: str, chord: Chord, voices: tuple[int, ...]) -> tuple[int, ...]:
    """Returns the MIDI pitches of a word of a pattern; `voices` are the close chord's, low to high."""
    root = harmony.bass(chord)
    third, fifth = ((chord.classes[i] - chord.classes[0]) % 12 for i in (1, 2))
    letters = {"b": root, "o": root + 12, "f": root + fifth, "t": root + 12 + third}
    letters |= dict(zip("lmh", voices, strict=True))
    letters |= {high: pitch + 12 for high, pitch in zip("uvw", voices, strict=True)}
    return tuple(letters[symbol] for symbol in symbols)


def _length(slots: list[str], slot: int, texture: Texture) -> int:
    """Returns how many eighths the notes of a slot last: until the next notes, or one where they are short."""
    if texture.short and "b" not in slots[slot]:
        return 1
    return next((i for i in range(1, len(slots) - slot) if slots[slot + i] != "."), len(slots) - slot)
