"""The roles of a score's tracks.

Features and their directions are those of M. Tang, C. L. Yip, B. Kao, "Selection of melody lines for music databases",
COMPSAC 2000; D. Rizo, P. J. Ponce de León, C. Pérez-Sancho, A. Pertusa, J. M. Iñesta, "A pattern recognition approach
for melody track selection in MIDI files", ISMIR 2006; S. T. Madsen, G. Widmer, "A complexity-based approach to melody
track identification in MIDI files", IWAIM 2007; A. Friberg, S. Ahlbäck, "Recognition of the main melody in a polyphonic
symbolic score using perceptual knowledge", Journal of New Music Research 38, 2009. Their weights here are those of a
conditional logit fitted to chorales, folk tunes with chords (also moved above the tune, strummed and broken), string
quartets, the hands of piano pieces, a jazz band and composed bands, and rounded.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import numpy as np

from tutti.roles.declared import declared
from tutti.roles.kit import kit
from tutti.roles.playing import Playing, playing
from tutti.roles.role import BASS, CHORDS, DRUMS, MELODY, OTHER, PLAYING, Role
from tutti.score import Score

# A bass is one voice, and low by itself, or well below all others and not the melody.
MOST_BASS_OVERLAP = 0.15
LOW, LOW_ALONE, WELL_BELOW = 50, 45, 4
# A melody is no growl.
LEAST_MELODY_HEIGHT = 48
# Sounding at once on average, less one: what is no melody, and what is chords if it is no melody.
MOST_MELODY_OVERLAP, LEAST_CHORD_OVERLAP = 1.2, 0.8
# How far above or below the middle of all parts counts, in octaves.
FARTHEST = 1.5


@lru_cache(1)  # An encoding asks, and after it whoever says which track was taken.
def roles(score: Score) -> tuple[Role, ...]:
    """Returns the role of each track of a score."""
    found = [declared(track) for track in score.tracks]
    if not any(role and role.name == DRUMS for role in found):
        silent = [i for i, role in enumerate(found) if role is None]
        for place in kit([score.tracks[i].notes for i in silent], score.division):
            found[silent[place]] = Role(DRUMS, PLAYING)
    parts = _playing(score, [i for i, role in enumerate(found) if role is None or role.name != DRUMS])
    names = {role.name for role in found if role}
    # One pitch over and over is a cowbell, or a signal.
    unknown = {i: part for i, part in parts.items() if found[i] is None and part.pitches > 1}
    if BASS not in names and (bass := _bass({i: part for i, part in parts.items() if part.pitches > 1})) in unknown:
        found[bass] = Role(BASS, PLAYING)
        del unknown[bass]
    if MELODY not in names and unknown:
        melody = _most_melodic(unknown, parts)
        if unknown[melody].overlap <= MOST_MELODY_OVERLAP and unknown[melody].height >= LEAST_MELODY_HEIGHT:
            found[melody] = Role(MELODY, PLAYING)
            del unknown[melody]
    for i, part in unknown.items():
        found[i] = Role(CHORDS if part.overlap >= LEAST_CHORD_OVERLAP else OTHER, PLAYING)
    return tuple(role or Role(OTHER, PLAYING) for role in found)


def most_melodic(score: Score) -> int | None:
    """Returns the place of the track that is the melody or, where none is, most like one; None for drums alone."""
    found = roles(score)
    for wanted in ((MELODY,), (CHORDS, OTHER), (BASS,)):
        if places := [i for i, role in enumerate(found) if role.name in wanted]:
            pitched = [i for i, role in enumerate(found) if role.name != DRUMS]
            return places[0] if len(places) == 1 else _most_melodic(places, _playing(score, pitched))
    return None


def _playing(score: Score, places: Sequence[int]) -> dict[int, Playing]:
    """Returns how the tracks at some places play."""
    onsets = [onset for i in places for onset in score.tracks[i].notes.onset[[0, -1]].tolist()]
    quarters = (max(onsets, default=0) - min(onsets, default=0)) / score.division
    return {i: playing(score.tracks[i].notes, score.division, quarters) for i in places}


def _bass(parts: Mapping[int, Playing]) -> int | None:
    """Returns the place of the part that plays as a bass does, None for none."""
    if not parts:
        return None
    lowest, *others = sorted(parts, key=lambda i: parts[i].height)
    part = parts[lowest]
    if part.overlap > MOST_BASS_OVERLAP:
        return None
    if not others:
        return lowest if part.height < LOW_ALONE else None
    well_below = parts[others[0]].height - part.height >= WELL_BELOW
    return lowest if part.height < LOW or (well_below and lowest != _most_melodic(parts, parts)) else None


def _most_melodic(places: Iterable[int], parts: Mapping[int, Playing]) -> int:
    """Returns the place, out of some, of the part that is most like a melody among all parts."""
    middle = float(np.mean([part.height for part in parts.values()]))
    return max(places, key=lambda i: _melodic(parts[i], middle))


def _melodic(part: Playing, middle: float) -> float:
    """Returns how like a melody a part plays, for comparison with other parts of its piece.

    Args:
      part: how it plays.
      middle: the mean height of all parts.
    """
    above = min(max((part.height - middle) / 12, -FARTHEST), FARTHEST)
    return (
        2 * above
        + 4 * part.steps
        + 4 * part.present
        - 1.5 * min(part.overlap, 2)
        - part.repeated
        - 2 * part.even
        - min(part.pace, 4) / 2
    )
