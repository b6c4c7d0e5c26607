"""Tunes in the public domain, written down by ear in degrees, so that they can be played in any key.

A note is a degree of the mode from 1 to 7, with ' for each octave up, a comma for each down, # and b before it to
raise and lower it by a semitone; r is a rest. A letter before a note sets the length for it and those that
follow: e eighth, q quarter, h half, w whole, a dot after it for half as much again. `pickups` come before the
first bar of their part. Every tune keeps to eighths: what is written in 16ths elsewhere (Für Elise) has its
lengths doubled here.
"""

import re
from dataclasses import dataclass, field
from functools import cache

LENGTHS = {"e": 1, "q": 2, "h": 4, "w": 8}
_NOTE = re.compile(r"([eqhw]\.?)?(r|([#b]?)([1-7])('*|,*))")


@dataclass(frozen=True)
class Tune:
    """A tune.

    Attributes:
      name: for the file's name.
      mode: the mode of `harmony.SCALES` whose degrees they are.
      meter: time signature.
      tempo: quarter notes a minute.
      parts: letter -> (melody, chords), bars between bars of "|"; "-" is a bar without chords.
      form: the letters in their order.
      tonics: pitch classes of keys in which it lies well.
      pickups: letter -> notes before the first bar of that part; they take their time from the bar before.
    """

    name: str
    mode: str
    meter: tuple[int, int]
    tempo: int
    parts: dict[str, tuple[str, str]]
    form: str
    tonics: tuple[int, ...] = (0, 2, 5, 7, 10)
    pickups: dict[str, str] = field(default_factory=dict)


Degrees = tuple[tuple[int, int, int, int], ...]
"""Onset and length in eighths, degree from 0, semitones by which it is altered."""


@cache
def parse(text: str) -> tuple[Degrees, tuple[int, ...]]:
    """Returns the notes of a melody, and the length of each of its bars in eighths.

    Raises:
      ValueError: if a word is no note.
    """
    notes: list[tuple[int, int, int, int]] = []
    bars: list[int] = []
    at, length = 0, 2
    for bar in text.split("|"):
        bar_start = at
        for word in bar.split():
            match = _NOTE.fullmatch(word)
            if not match:
                raise ValueError(f"{word!r} is no note: a length of e q h w, then r or a degree like 1 #4 5, 2'")
            if match[1]:
                length = LENGTHS[match[1][0]] * (3 if match[1].endswith(".") else 2) // 2
            if match[2] != "r":
                octave = match[5].count("'") - match[5].count(",")
                alter = {"": 0, "#": 1, "b": -1}[match[3]]
                notes.append((at, length, int(match[4]) - 1 + 7 * octave, alter))
            at += length
        bars.append(at - bar_start)
    return tuple(notes), tuple(bars)


_GREEN = "e3 2 1 #7, #6, #7, | q.1 1"
_SUSANNA = "q3 5 q.5 e6 | q5 3 q.1 e2"

TUNES = (
    Tune(
        "ah-vous-dirai-je", "major", (4, 4), 112,
        {
            "A": ("q1 1 5 5 | 6 6 h5 | q4 4 3 3 | 2 2 h1", "I | IV I | IV I | V I"),
            "B": ("q5 5 4 4 | 3 3 h2 | q5 5 4 4 | 3 3 h2", "I IV | I V | I IV | I V"),
        },
        "ABA",
    ),
    Tune(
        "ode-to-joy", "major", (4, 4), 120,
        {
            "A": ("q3 3 4 5 | 5 4 3 2 | 1 1 2 3 | q.3 e2 h2 | q3 3 4 5 | 5 4 3 2 | 1 1 2 3 | q.2 e1 h1",
                  "I | V | I | I V | I | V | I | V I"),
            "B": ("q2 2 3 1 | 2 e3 4 q3 1 | 2 e3 4 q3 2 | 1 2 h5, | q3 3 4 5 | 5 4 3 2 | 1 1 2 3 | q.2 e1 h1",
                  "V I | V I | V I | vi V | I | V | I | V I"),
        },
        "ABB",
    ),
    Tune(
        "frere-jacques", "major", (4, 4), 116,
        {
            "A": ("q1 2 3 1 | 1 2 3 1 | 3 4 h5 | q3 4 h5", "I | I | I | I"),
            "B": ("e5 6 5 4 q3 1 | e5 6 5 4 q3 1 | q1 5, h1 | q1 5, h1", "I | I | I | I"),
        },
        "ABAB",
    ),
    Tune(
        "greensleeves", "minor", (6, 8), 132,
        {
            "A": (f"q3 e4 5 #6 5 | q4 e2 7, 1 2 | q3 e1 1 #7, 1 | q2 e#7, q5, e1 | "
                  f"q3 e4 5 #6 5 | q4 e2 7, 1 2 | {_GREEN}", "i | VII | i | V | i | VII | V | i"),
            "B": (f"q.7 e7 #6 5 | q4 e2 7, 1 2 | q3 e1 1 #7, 1 | q2 e#7, q.5, | "
                  f"q.7 e7 #6 5 | q4 e2 7, 1 2 | {_GREEN}", "III | VII | i | V | III | VII | V | i"),
        },
        "AABB", (9, 2, 4), {"A": "e1"},
    ),
    Tune(
        "minuet-petzold", "major", (3, 4), 126,
        {
            "A": ("q5 e1 2 3 4 | q5 1 1 | q6 e4 5 6 7 | q1' 1 1 | q4 e5 4 3 2 | q3 e4 3 2 1 | q7, e1 2 3 1 | h.2",
                  "I | I | IV | I | ii | I | V | V"),
            "C": ("q5 e1 2 3 4 | q5 1 1 | q6 e4 5 6 7 | q1' 1 1 | q4 e5 4 3 2 | q3 e4 3 2 1 | q2 e3 2 1 7, | h.1",
                  "I | I | IV | I | ii | I | V | I"),
            "B": ("q3' e1' 2' 3' 1' | q2' e5 6 7 5 | q1' e6 7 1' 5 | q#4 e3 #4 q2 | e2 3 #4 5 6 7 | q1' 7 6 | "
                  "q7 2 #4 | h.5", "I | V | IV | II | II | II | V | V"),
            "D": ("q5 e1 7, q1 | q6 e1 7, q1 | q5 4 3 | e2 1 7, 1 q2 | e5, 6, 7, 1 2 3 | q4 3 2 | e3 5 q1 7, | h.1",
                  "I | IV | I | V | V | ii | I V | I"),
        },
        "ACBD", (7, 5, 0),
    ),
    Tune(
        "amazing-grace", "major", (3, 4), 92,
        {
            "A": ("h1 e3 1 | h3 q2 | h1 q6, | h5, q5, | h1 e3 1 | h3 q2 | h.5 | h5 q3 | "
                  "h5 e3 1 | h3 q2 | h1 q6, | h5, q5, | h1 e3 1 | h3 q2 | h.1 | h1 qr",
                  "I | I | IV | I | I | vi | V | V | I | I | IV | I | vi | V | I | I"),
        },
        "A", (7, 5, 10), {"A": "q5,"},
    ),
    Tune(
        "auld-lang-syne", "major", (4, 4), 100,
        {
            "A": ("q.1 e1 q1 3 | q.2 e1 q2 3 | q.1 e1 q3 5 | h.6 q6 | q.5 e3 q3 1 | q.2 e1 q2 3 | q.1 e6, q6, 5, | "
                  "h.1 qr", "I | V | I | IV | I | V | IV V | I"),
            "B": ("q.5 e3 q3 1 | q.2 e1 q2 6 | q.5 e3 q3 5 | h.6 q6 | q.5 e3 q3 1 | q.2 e1 q2 3 | q.1 e6, q6, 5, | "
                  "h.1 qr", "I | V | I | IV | I | V | IV V | I"),
        },
        "ABAB", (5, 7, 0), {"A": "q5,", "B": "q6"},
    ),
    Tune(
        "scarborough-fair", "dorian", (3, 4), 120,
        {
            "A": ("h1 q1 | q.5 e5 q5 | q.2 e3 q2 | h.1 | h5 q7 | h1' q7 | q5 6 4 | h.5 | "
                  "h1' q1' | 1' 7 5 | 5 4 3 | h2 q7, | h1 q5 | 4 3 2 | h1 q7, | h.1",
                  "i | i | VII | i | i | III | IV | i | i | III | III | VII | i | VII | VII | i"),
        },
        "A", (2, 9, 4),
    ),
    Tune(
        "when-the-saints", "major", (4, 4), 132,
        {
            "A": ("w5 | qr 1 3 4 | w5 | qr 1 3 4 | h5 3 | 1 3 | w2 | qr 3 3 2 | "
                  "h.1 q1 | h3 5 | q5 h.4 | hr q3 4 | h5 3 | 1 2 | w1 | wr",
                  "I | I | I | I | I | I | V | V | I | I7 | IV | IV | I | V | I | I"),
        },
        "A", (5, 7, 10), {"A": "q1 3 4"},
    ),
    Tune(
        "fuer-elise", "minor", (3, 4), 132,
        {
            "A": ("e5 #4 5 2 4 3 | q1 er e3, 5, 1 | q2 er e5, #7, 2 | q3 er e5, 5 #4 | "
                  "e5 #4 5 2 4 3 | q1 er e3, 5, 1 | q2 er e5, 3 2 | h1 qr", "- | i | V | i | - | i | V | i"),
            "B": ("e5 #4 5 2 4 3 | q1 er e3, 5, 1 | q2 er e5, 3 2 | q1 er e2 3 4 | q.5 e7, 6 5 | q.4 e6, 5 4 | "
                  "q.3 e5, 4 3 | q2 e5, 5 5, 5", "- | i | V | i | III | VII | i | V"),
        },
        "AABA", (9, 2, 4), {"A": "e5 #4", "B": "e5 #4"},
    ),
    Tune(
        "canon", "major", (4, 4), 100,
        {
            "A": ("h3' 2' | 1' 7 | 6 5 | 6 7", "I V | vi iii | IV I | IV V"),
            "B": ("h1' 7 | 6 5 | 4 3 | 4 2", "I V | vi iii | IV I | IV V"),
            "C": ("q1 3 5 4 | 3 1 3 2 | 1 6, 1 5 | 4 6 5 4", "I V | vi iii | IV I | IV V"),
            "D": ("e1' 7 1' 1 7, 5 2 3 | e1 1' 7 6 7 3' 5' 6' | e4' 3' 2' 4' 3' 2' 1' 7 | e6 5 4 3 2 4 3 2",
                  "I V | vi iii | IV I | IV V"),
        },
        "ABCDAB", (2, 0, 5),
    ),
    Tune(
        "au-clair-de-la-lune", "major", (4, 4), 104,
        {
            "A": ("q1 1 1 2 | h3 2 | q1 3 2 2 | w1", "I | I V | I V | I"),
            "B": ("q2 2 2 2 | h6, 6, | q2 1 7, 6, | w5,", "V | ii | V II | V"),
        },
        "AABA",
    ),
    Tune(
        "jingle-bells", "major", (4, 4), 152,
        {
            "A": ("q3 3 h3 | q3 3 h3 | q3 5 q.1 e2 | w3 | q4 4 q.4 e4 | q4 3 3 e3 3 | q3 2 2 3 | h2 5",
                  "I | I | I | I | IV | I | II | V"),
            "B": ("q3 3 h3 | q3 3 h3 | q3 5 q.1 e2 | w3 | q4 4 q.4 e4 | q4 3 3 e3 3 | q5 5 4 2 | w1",
                  "I | I | I | I | IV | I | V | I"),
        },
        "ABAB",
    ),
    Tune(
        "silent-night", "major", (3, 4), 96,
        {
            "A": ("q.5 e6 q5 | h.3 | q.5 e6 q5 | h.3 | h2' q2' | h.7 | h1' q1' | h.5 | "
                  "h6 q6 | q.1' e7 q6 | q.5 e6 q5 | h.3 | h6 q6 | q.1' e7 q6 | q.5 e6 q5 | h.3 | "
                  "h2' q2' | q.4' e2' q7 | h.1' | h.3' | q1' 5 3 | q.5 e4 q2 | h.1 | h.1",
                  "I | I | I | I | V | V | I | I | IV | IV | I | I | IV | IV | I | I | "
                  "V | V | I | I | I | V | I | I"),
        },
        "A", (0, 10, 7),
    ),
    Tune(
        "drunken-sailor", "dorian", (4, 4), 144,
        {
            "A": ("q5 e5 5 q5 e5 5 | q5 1 3 5 | q4 e4 4 q4 e4 4 | q4 7, 2 4 | "
                  "q5 e5 5 q5 e5 5 | q5 6 7 1' | q7 5 4 2 | h1 1", "i | i | VII | VII | i | i | VII | i"),
            "B": ("h5 q.5 e5 | q5 1 3 5 | h4 q.4 e4 | q4 7, 2 4 | h5 q.5 e5 | q5 6 7 1' | q7 5 4 2 | h1 1",
                  "i | i | VII | VII | i | i | VII | i"),
        },
        "ABAB", (2, 4, 9),
    ),
    Tune(
        "oh-susanna", "major", (4, 4), 132,
        {
            "A": (f"{_SUSANNA} | q3 3 2 1 | h.2 e1 2 | {_SUSANNA} | q3 3 2 2 | h.1 qr",
                  "I | I | I | V | I | I | V | I"),
            "B": (f"h4 4 | q6 h6 q6 | q5 5 3 1 | h.2 e1 2 | {_SUSANNA} | q3 3 2 2 | h.1 qr",
                  "IV | IV | I | V | I | I | V | I"),
        },
        "AABA", (2, 5, 7, 0), {"A": "e1 2"},
    ),
    Tune(
        "brahms-lullaby", "major", (3, 4), 88,
        {
            "A": ("h5 e3 3 | h5 e3 5 | q1' q.7 e6 | q6 5 e2 3 | q4 2 e2 3 | h4 e2 4 | e7 6 q5 7 | h1' e1 1 | "
                  "h1' e6 4 | h5 e3 1 | q4 5 6 | h5 e1 1 | h1' e6 4 | h5 e3 1 | q4 3 2 | h1 qr",
                  "I | I | I | V | V | V | V | I | IV | I | V | I | IV | I | V | I"),
        },
        "A", (3, 5, 0), {"A": "e3 3"},
    ),
)  # fmt: skip
