"""Whether notes are those of a drum kit, by General MIDI's drum notes, wherever they are played."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tutti.roles.playing import TWELFTHS
from tutti.roles.playing import struck as struck_together
from tutti.score import Notes, joined

# The pitches of each drum of a kit. A drummer keeps to few of the pitches of one drum; a bass takes them as they come.
DRUMS = (
    (35, 36),
    (37, 38, 39, 40),
    (42, 44),
    (46,),
    (41, 43),
    (45, 47),
    (48, 50),
    (49, 52, 55, 57),
    (51, 53, 59),
    (54,),
    (69, 70, 82),
)
# Places in it; shakers are tambourine, cabasa, maracas and the shaker itself.
KICK, SNARE, HATS, TOMS, CYMBALS, SHAKERS = 0, 1, (2, 3), (4, 5, 6), (7, 8), (9, 10)
PLAIN = (KICK, SNARE, *HATS, *TOMS)
NONE = len(DRUMS)

# What is asked of a kit. Shares are of all notes.
LEAST_IN_KIT = 0.95
LEAST_KICK = 0.05
LEAST_SNARE = 0.03
LEAST_TIME = 0.05  # hats, cymbals and shakers
MOST_TOMS = 0.4
# The share of the notes of plain drums that play their drum by its commonest pitch; many have several crashes.
LEAST_SETTLED = 0.8
# Either drums strike together, some of them only, and not as seldom as chords change ...
LEAST_TOGETHER = 0.08
MOST_AT_ONCE = 3.0
LEAST_ONSETS_A_QUARTER = 0.8
# ... or there are few of them, and the hats go on through the piece.
FEW_PITCHES = 5
MOSTLY_HATS = 0.3
LEAST_NOTES = 8
# Of a track that is one drum of a kit spread over several tracks.
LEAST_ONE_DRUM = 0.85


def _drum_of_pitch() -> NDArray[np.int64]:
    """Returns, int64[128], the place in `DRUMS` of the drum that each pitch plays, or `NONE`."""
    drums = np.full(128, NONE)
    for drum, pitches in enumerate(DRUMS):
        drums[list(pitches)] = drum
    return drums


DRUM_OF_PITCH = _drum_of_pitch()


def drum_share(notes: Notes) -> float:
    """Returns the share of notes whose pitches are drums of a kit."""
    return float(np.mean(DRUM_OF_PITCH[notes.pitch] != NONE))


def is_kit(notes: Notes, division: int) -> bool:
    """Returns whether notes play kick, snare, and hats or cymbals as a kit does."""
    struck = np.bincount(notes.pitch, minlength=128)
    total = len(notes)
    shares = np.bincount(DRUM_OF_PITCH, struck, NONE + 1) / total
    settled = sum(int(struck[list(DRUMS[drum])].max()) for drum in PLAIN) / max(shares[list(PLAIN)].sum() * total, 1)
    hats, toms = shares[list(HATS)].sum(), shares[list(TOMS)].sum()
    time = hats + shares[list(CYMBALS + SHAKERS)].sum()
    if (
        total < LEAST_NOTES
        or shares[NONE] > 1 - LEAST_IN_KIT
        or shares[KICK] < LEAST_KICK
        or shares[SNARE] < LEAST_SNARE
        or time < LEAST_TIME
        or toms > MOST_TOMS
        or settled < LEAST_SETTLED
    ):
        return False
    if np.count_nonzero(struck) <= FEW_PITCHES and hats >= MOSTLY_HATS:
        return True
    onset, _, at_once = struck_together(notes, division)
    together = at_once[at_once > 1]
    quarters = (onset[-1] - onset[0]) / TWELFTHS
    return bool(
        len(together) >= LEAST_TOGETHER * len(at_once)
        and together.mean() <= MOST_AT_ONCE
        and len(at_once) >= LEAST_ONSETS_A_QUARTER * quarters
    )


def kit(parts: Sequence[Notes], division: int) -> list[int]:
    """Returns the places of the parts that are drum kits or, where none is, of those that make one together.

    Some programs write a track for each drum. Such a track plays one drum, or little else.
    """
    kits = [i for i, notes in enumerate(parts) if is_kit(notes, division)]
    if kits:
        return kits
    drums = [i for i, notes in enumerate(parts) if _is_one_drum(notes)]
    if len(drums) < 2:
        return []
    return drums if is_kit(joined([parts[i] for i in drums]), division) else []


def _is_one_drum(notes: Notes) -> bool:
    """Returns whether notes strike one drum of a kit, or little else."""
    struck = np.bincount(notes.pitch, minlength=128)
    shares = np.bincount(DRUM_OF_PITCH, struck, NONE + 1) / len(notes)
    groups = [shares[list(group)].sum() for group in ((KICK,), (SNARE,), HATS, TOMS, CYMBALS)]
    return bool(max(groups) >= LEAST_ONE_DRUM)
