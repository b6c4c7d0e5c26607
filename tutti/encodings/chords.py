"""Pitch-class sets in normal order, and pitches by name.

The normal order is that of A. Forte, "The Structure of Atonal Music", 1973, and of music21: of all rotations the one
that spans least, and among those the one packed most tightly towards its first note; among equals the one that begins
lowest.
"""

import re
from collections.abc import Iterable
from functools import cache

# music21's spelling of the twelve pitch classes: sharps for C, F and G, flats for E and B.
NAMES = ("C", "C#", "D", "E-", "E", "F", "F#", "G", "G#", "A", "B-", "B")
_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_NAME = re.compile(r"([A-G])([#-]?)(\d|10|_1)")


@cache
def normal_order(pitch_classes: frozenset[int]) -> tuple[int, ...]:
    """Returns the normal order of a non-empty set of pitch classes (0 to 11)."""
    ordered = sorted(pitch_classes)
    rotations = [tuple(ordered[i:] + ordered[:i]) for i in range(len(ordered))]
    spans = {order: [(pitch - order[0]) % 12 for pitch in order] for order in rotations}
    return min(rotations, key=lambda order: (spans[order][-1], spans[order], order[0]))


def pitch_name(pitch: int) -> str:
    """Returns the name of a MIDI pitch with its octave: middle C is C4, the B flat above it B-4.

    The octave below 0 is written `_1`: `E-1` is E flat in octave 1.
    """
    octave = pitch // 12 - 1
    return NAMES[pitch % 12] + (str(octave) if octave >= 0 else "_1")


def named_pitch(name: str) -> int | None:
    """Returns the MIDI pitch of a name, spelled with a sharp, a flat or neither; None if it names no pitch."""
    match = _NAME.fullmatch(name)
    if not match:
        return None
    letter, accidental, octave = match.groups()
    pitch = 12 * (0 if octave == "_1" else int(octave) + 1)
    pitch += _STEPS[letter] + (accidental == "#") - (accidental == "-")
    return pitch if 0 <= pitch <= 127 else None


def chord_name(pitches: Iterable[int]) -> str:
    """Returns the normal order of some MIDI pitches, joined by dots: `9.0.4` for A minor."""
    return ".".join(map(str, normal_order(frozenset(pitch % 12 for pitch in pitches))))


def named_chord(name: str) -> tuple[int, ...] | None:
    """Returns the pitch classes that a chord's name lists, in its order; None if it names no chord."""
    parts = name.split(".")
    if not all(part.isdecimal() and len(part) <= 2 and int(part) < 12 for part in parts):
        return None
    return tuple(map(int, parts))
