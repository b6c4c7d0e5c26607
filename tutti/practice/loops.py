"""A loop pack as producers sell it: one drum a file, on any note, named by the file and its folder alone."""

import numpy as np

from tutti.practice import drums
from tutti.practice.drums import DIVISION, HIT, STEP, Hits
from tutti.practice.grooves import FOUR, STYLES, Style
from tutti.practice.rng import Rng
from tutti.score import Notes, Score, Track

# Folder and drum, in turn.
DRUMS = (("Kick", "kick"), ("Snare", "snare"), ("HH", "hat"))
# What a drum is played on: in a pack every sampler has its own key.
PITCHES = (36, 48, 60, 60, 62, 72)
STEPS = 16
PLACES = (3, 6, 7, 9, 11, 13, 14, 15)  # 16ths off the beat, where a bar may differ from the one before
STYLES_IN_FOUR = tuple(style for style in STYLES if style.meter == FOUR)


def compose(seed: int, index: int) -> tuple[str, Score]:
    """Returns the name, with its folder, and the score of loop `index` of a seed.

    Kick, snare and hat take turns. A loop is two or four bars of 4/4, exactly on the grid of 32nds.
    """
    rng = Rng(seed, 5, index)
    folder, drum = DRUMS[index % len(DRUMS)]
    style = rng.pick(STYLES_IN_FOUR)
    first, other = _line(style, drum, rng), _line(style, drum, rng)
    second, last = _varied(first, rng), _varied(other, rng)
    lines = rng.pick(((second, last), (first, first, second, last), (first, second, first, last)))
    velocity = np.concatenate([_bar(line, drum) for line in lines])
    step = np.flatnonzero(velocity)
    pitch = np.full(len(step), rng.pick(PITCHES))
    notes = Notes.of(step * STEP, np.full(len(step), STEP), pitch, velocity[step])
    track = Track(notes, f"{style.name} {drum}".title())
    return f"{folder}/{style.name}-{drum}", Score(DIVISION, (track,), ((0, float(rng.number(*style.tempo))),))


def _line(style: Style, drum: str, rng: Rng) -> str:
    """Returns a bar of a drum as a line of `grooves` that strikes at least once."""
    lines = {"kick": style.kicks, "snare": style.snares, "hat": style.cymbals}[drum]
    line = drums.line(lines, rng)
    return line if line.strip(".") else f"x{line[1:]}"


def _varied(line: str, rng: Rng) -> str:
    """Returns a line with hits that come or go."""
    changed = {place for place in PLACES if rng.chance(0.4)}
    return "".join((".", "x")[hit == "."] if i in changed else hit for i, hit in enumerate(line))


def _bar(line: str, drum: str) -> Hits:
    """Returns the velocities of a line, int64[32nds]; 0 is no hit."""
    rest = "." * STEPS
    hits = drums.bar(rest, rest, line, rest) if drum == "hat" else drums.bar(line, rest, rest, rest)
    loudest = hits.max(axis=1)
    return np.where(loudest > 0, np.maximum(loudest, HIT // 2), 0)
