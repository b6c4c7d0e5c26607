"""Keys, chords by Roman numeral, progressions, and voicings for the left hand.

Degrees count from 0, the tonic, on through the octaves: 7 is the tonic an octave higher, -1 the leading note below.
"""

import re
from dataclasses import dataclass
from functools import cache

from tutti.practice.rng import Rng

SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
}
NAMES = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
NUMERALS = ("i", "ii", "iii", "iv", "v", "vi", "vii")
_NUMERAL = re.compile(r"(b?)([IVX]+|[ivx]+)(o?)(7?)")

LOWEST_VOICE, HIGHEST_VOICE = 45, 62
LOWEST_BASS = 33

# Four bars each, a bar between bars of "|"; the first half of a period stays open, the second closes.
OPEN = {
    "major": ("I | vi | IV | V", "I | V | vi | V", "I | IV | ii | V", "I | I | IV | V", "I | iii | IV V | V",
              "I V | vi | IV | V", "I | IV | I | V", "I | vi | ii | V"),
    "minor": ("i | VI | iv | V", "i | iv | i | V", "i | VII | VI | V", "i | i | iv | V", "i | VI | III | V"),
    "dorian": ("i | IV | i | VII", "i | VII | i | IV", "i | III | IV | VII"),
    "mixolydian": ("I | VII | IV | VII", "I | VII | I | IV", "I | v | IV | VII"),
}  # fmt: skip
CLOSED = {
    "major": ("I | vi | IV V | I", "I | V | IV V | I", "vi | IV | I V | I", "I | IV | V7 | I", "I | vi | ii V7 | I",
              "IV | I | ii V7 | I"),
    "minor": ("i | VI | iv V | i", "i | iv | V | i", "VI | III | iv V | i", "i | VII | iv V7 | i"),
    "dorian": ("i | IV | VII | i", "i | III | VII | i", "III | VII | IV | i"),
    "mixolydian": ("I | VII | IV | I", "IV | I | VII | I", "I | v | VII | I"),
}  # fmt: skip
MIDDLE = {
    "major": ("vi | iii | IV | V", "IV | I | IV | V", "ii | V | I | V", "vi | IV | ii | V", "IV | V | iii vi | V"),
    "minor": ("III | VII | VI | V", "VI | III | VII | V", "iv | i | VI | V", "III | VII | i | V"),
    "dorian": ("III | IV | III | VII", "VII | IV | VII | VII", "IV | i | IV | VII"),
    "mixolydian": ("IV | I | IV | VII", "v | IV | v | VII", "VII | IV | VII | VII"),
}  # fmt: skip


@dataclass(frozen=True)
class Key:
    """A key.

    Attributes:
      tonic: the pitch class of the tonic.
      mode: one of `SCALES`.
    """

    tonic: int
    mode: str

    @property
    def name(self) -> str:
        """The key's name for file names, such as `Eb-minor`."""
        return f"{NAMES[self.tonic]}-{self.mode}"


@dataclass(frozen=True)
class Chord:
    """A chord in a key.

    Attributes:
      root: its degree, 0 to 6.
      classes: pitch classes from the root up: three, or four with the seventh.
      scale: pitch classes of the seven degrees while it sounds, altered where its own notes are.
    """

    root: int
    classes: tuple[int, ...]
    scale: tuple[int, ...]

    def degrees(self) -> tuple[int, ...]:
        """Returns the degrees, 0 to 6, of its triad."""
        return tuple((self.root + third) % 7 for third in (0, 2, 4))


@cache
def chord(numeral: str, key: Key) -> Chord:
    """Returns the chord of a Roman numeral in a key.

    Capitals are major, small letters minor, an o after them makes it diminished, 7 adds a minor seventh, and b before
    them lowers the root.

    Raises:
      ValueError: if it is no such numeral.
    """
    match = _NUMERAL.fullmatch(numeral)
    if not match or match[2].lower() not in NUMERALS:
        raise ValueError(f"{numeral!r} is no chord: a Roman numeral like IV, vi, V7, bVII or viio")
    flat, roman, diminished, seventh = match.groups()
    root = NUMERALS.index(roman.lower())
    scale = [(key.tonic + interval) % 12 for interval in SCALES[key.mode]]
    bottom = scale[root] - bool(flat)
    third, fifth = (3, 6) if diminished else (4, 7) if roman.isupper() else (3, 7)
    classes = [(bottom + interval) % 12 for interval in (0, third, fifth, 10)[: 4 if seventh else 3]]
    for interval, pitch_class in zip((0, 2, 4, 6), classes, strict=False):
        scale[(root + interval) % 7] = pitch_class
    if key.mode == "minor" and root == 4 and roman.isupper():  # melodic minor: no augmented second to the leading note
        scale[5] = (key.tonic + 9) % 12
    return Chord(root, tuple(classes), tuple(scale))


def tonic(key: Key) -> Chord:
    """Returns the chord of a key's first degree."""
    return chord("I" if key.mode in ("major", "mixolydian") else "i", key)


def progression(text: str, key: Key) -> list[tuple[Chord, ...]]:
    """Returns the chords of each bar, which share the bar evenly; "-" is a bar without chords."""
    return [tuple(chord(numeral, key) for numeral in bar.split() if numeral != "-") for bar in text.split("|")]


def period(table_open: dict[str, tuple[str, ...]], key: Key, rng: Rng) -> list[tuple[Chord, ...]]:
    """Returns eight bars of chords: four of `table_open`, which stay open, and four that close."""
    return progression(f"{rng.pick(table_open[key.mode])} | {rng.pick(CLOSED[key.mode])}", key)


@cache
def voiced(chord: Chord, before: tuple[int, ...] | None) -> tuple[int, ...]:
    """Returns three MIDI pitches in close position, low to high, as near as possible to those before them.

    A seventh chord leaves out its fifth.
    """
    classes = chord.classes if len(chord.classes) == 3 else (chord.classes[0], chord.classes[1], chord.classes[3])
    previous = before or (48, 52, 55)
    best: tuple[int, ...] = ()
    for low in range(LOWEST_VOICE, HIGHEST_VOICE - 6):
        if low % 12 in classes:
            others = sorted(low + (c - low) % 12 for c in classes if c != low % 12)
            pitches = (low, *others)
            if not best or _motion(pitches, previous) < _motion(best, previous):
                best = pitches
    return best


def _motion(pitches: tuple[int, ...], before: tuple[int, ...]) -> int:
    """Returns the semitones that three voices move together, an octave more where the top is too high."""
    return sum(abs(a - b) for a, b in zip(pitches, before, strict=True)) + (pitches[-1] > HIGHEST_VOICE) * 12


def bass(chord: Chord) -> int:
    """Returns the MIDI pitch of a chord's lowest root in the register of the bass."""
    return LOWEST_BASS + (chord.classes[0] - LOWEST_BASS) % 12


def degree_pitch(degree: int, chord: Chord, key: Key, octave: int) -> int:
    """Returns the MIDI pitch of a degree while a chord sounds; `octave` is the pitch of the C below the tonic."""
    octaves, step = divmod(degree, 7)
    return octave + key.tonic + 12 * octaves + (chord.scale[step] - key.tonic) % 12
