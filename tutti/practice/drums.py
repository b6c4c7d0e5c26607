"""Drum songs: grooves of one style through verse, chorus and bridge, with fills between them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tutti.encodings.drums import DRUMS
from tutti.practice.fills import fill
from tutti.practice.grooves import STYLES, Style
from tutti.practice.rng import Rng
from tutti.score import Notes, Score, Track

DIVISION = 480
STEP = DIVISION // 8  # ticks of a 32nd, the grid of the bars below
LENGTH = STEP // 2  # of a note: short enough to end before the next 32nd when it is played late

# General MIDI notes, and each drum's place in them.
PITCHES = np.array(DRUMS, np.int16)
KICK, SNARE, CLOSED, OPEN, FLOOR_TOM, LOW_TOM, HIGH_TOM, RIDE, CRASH = range(9)

HIT, ACCENT, GHOST, CYMBAL = 96, 116, 44, 78
LIMB = {"x": HIT, "X": ACCENT, "g": GHOST}
CYMBALS = {"x": CLOSED, "o": OPEN, "r": RIDE, "c": CRASH, "d": CLOSED}
HANDS = {"s": SNARE, "h": HIGH_TOM, "m": LOW_TOM, "f": FLOOR_TOM, "g": SNARE, "r": SNARE, "t": FLOOR_TOM}

# Sections as letter and bars: Intro, Verse, Chorus, Bridge, Outro.
FORMS = (
    "V8 C8 V8 C8",
    "I4 V8 C8 V8 C8 O2",
    "V8 V8 C8 V8 C8",
    "I4 V8 C8 V8 C8 B4 C8 O4",
    "I2 V8 C4 V8 C4 B8 C8 O2",
    "I4 V8 C8 V8 C8 B8 C8 O4",
    "I4 V16 C8 V16 C8 O4",
    "V8 B8 V8 B8 V8",
    "I4 V16 C8 V8 C8 B8 C16 O4",
    "I8 V16 C8 V16 C8 B8 C8 O8",
)  # fmt: skip

Hits = NDArray[np.int64]
"""Velocities, int64[32nds, 9 drums]; 0 is no hit."""


@dataclass(frozen=True)
class Band:
    """One song's own version of its style: two bars each of intro, verse, chorus and bridge."""

    intro: tuple[Hits, Hits]
    verse: tuple[Hits, Hits]
    chorus: tuple[Hits, Hits]
    bridge: tuple[Hits, Hits]

    def section(self, letter: str) -> tuple[Hits, Hits]:
        """Returns the two bars that a section of `FORMS` repeats."""
        return {"I": self.intro, "V": self.verse, "C": self.chorus, "B": self.bridge, "O": self.chorus}[letter]


def compose(seed: int, index: int) -> tuple[str, Score]:
    """Returns the style and the score of drum song `index` of a seed. Song after song has the next style.

    The score is 32 to 80 bars on channel 10, at 480 ticks a quarter; every note lies within half a 32nd of a 32nd.
    """
    style = STYLES[index % len(STYLES)]
    rng = Rng(seed, 0, index)
    bars = arrange(style, rng)
    tempo = float(rng.number(*style.tempo))
    track = Track(play(np.concatenate(bars), style, rng), name="Drums", is_drum=True)
    return style.name, Score(DIVISION, (track,), ((0, tempo),), ((0, *style.meter),))


def arrange(style: Style, rng: Rng, form: str | None = None) -> list[Hits]:
    """Returns the bars of a song in order.

    Args:
      style: what it is made of.
      rng: what chooses.
      form: sections as in `FORMS`; one of them where none is given.
    """
    band = rehearse(style, rng)
    short, long = fill(rng.pick(style.fills), rng), fill(rng.pick(style.fills), rng)
    bars: list[Hits] = []
    for name in (form or rng.pick(FORMS)).split():
        letter, count = name[0], int(name[1:])
        groove = band.section(letter)
        section = [groove[i % 2].copy() for i in range(count)]
        if letter != "I" or rng.chance(0.5):
            crash(section[0])
        for end in range(3, count - 1, 4):
            overlay(section[end], short, steps=4)
        if letter == "O":
            section[-1][:] = 0
            section[-1][0, [KICK, SNARE]] = ACCENT
            crash(section[-1])
        else:
            overlay(section[-1], long if rng.chance(0.7) else short, steps=rng.pick((4, 8, 8, 16)))
        bars += section
    return bars


def rehearse(style: Style, rng: Rng) -> Band:
    """Returns one of each of a style's alternatives, picked once for the song, so that the song repeats itself."""
    kicks = [line(style.kicks, rng) for _ in range(3)]
    snares = [line(style.snares, rng) for _ in range(2)]
    cymbals, lift = rng.pick(style.cymbals), rng.pick(style.lift)
    verse = bar(kicks[0], snares[0], cymbals, style.foot), bar(kicks[1], snares[0], cymbals, style.foot)
    chorus = bar(kicks[0], snares[0], lift, style.foot), bar(kicks[2], snares[1], lift, style.foot)
    intro = tuple(part.copy() for part in verse)
    intro[0][:, rng.pick(([SNARE], [KICK], [KICK, SNARE], [CLOSED, OPEN, RIDE]))] = 0
    if not intro[0].any():
        intro = verse[1], verse[0]
    bridge = tuple(part.copy() for part in verse)
    if rng.chance(0.5):  # on the floor tom instead of the cymbals
        for part in bridge:
            part[:, FLOOR_TOM] = part[:, [CLOSED, OPEN, RIDE, CRASH]].max(axis=1)
            part[:, [CLOSED, OPEN, RIDE, CRASH]] = 0
    else:  # half time: one back beat, in the second half
        for part in bridge:
            half = len(part) // 2
            part[:, SNARE] = 0
            part[half, SNARE] = ACCENT
            part[half:, KICK] = np.where(np.arange(len(part) - half) % 8 == 4, part[half:, KICK], 0)
    return Band((intro[0], verse[1]), verse, chorus, (bridge[0], bridge[1]))


def line(lines: tuple[str, ...], rng: Rng) -> str:
    """Returns one of a limb's lines, its optional hits decided."""
    return rng.pick(lines).replace("?", "x" if rng.chance(0.5) else ".")


def bar(kick: str, snare: str, cymbals: str, foot: str) -> Hits:
    """Returns one bar from its lines; `grooves` explains their characters."""
    steps = np.zeros((2 * len(kick), 9), np.int64)
    for drum, hits in ((KICK, kick), (SNARE, snare), (CLOSED, foot)):
        for i, hit in enumerate(hits):
            if hit != ".":
                steps[2 * i, drum] = LIMB[hit]
    for i, cymbal in enumerate(cymbals):
        if cymbal != ".":
            velocity = CYMBAL + (14 if i % 4 == 0 else 0 if i % 2 == 0 else -14)
            steps[2 * i : 2 * i + (2 if cymbal == "d" else 1), CYMBALS[cymbal]] = velocity
    steps[steps[:, OPEN] > 0, CLOSED] = 0  # one pair of hats: open or closed
    return steps


def overlay(groove: Hits, lines: tuple[str, str], steps: int) -> None:
    """Replaces the end of a bar by the last `steps` 16ths of a fill, in place."""
    count = min(steps, len(groove) // 2)
    tail = groove[-2 * count :]
    tail[:] = 0
    hands, feet = (line[-count:] for line in lines)
    for i, (hand, foot) in enumerate(zip(hands, feet, strict=True)):
        rise = 20 * i // count  # a fill grows towards the bar it leads to
        if hand != ".":
            velocity = GHOST if hand == "g" else ACCENT if hand.isupper() else HIT - 10 + rise
            tail[2 * i : 2 * i + (2 if hand in "rt" else 1), HANDS[hand.lower()]] = velocity
        if foot == "k":
            tail[2 * i, KICK] = HIT


def crash(groove: Hits) -> None:
    """Puts a crash with the kick on the first beat of a bar, instead of other cymbals, in place."""
    groove[0, [CLOSED, OPEN, RIDE]] = 0
    groove[0, CRASH] = ACCENT
    groove[0, KICK] = max(groove[0, KICK], HIT)


def play(hits: Hits, style: Style, rng: Rng) -> Notes:
    """Returns hits as a person plays them: with swing, and never quite equally loud or quite on time."""
    step, drum = np.nonzero(hits)
    onset = step * STEP + np.array(style.swing)[(step // 2) % 4] * (step % 2 == 0) + rng.spread(5, len(step))
    velocity = hits[step, drum] + rng.spread(8, len(step))
    duration = np.full(len(step), LENGTH)
    return Notes.of(np.maximum(onset, 0), duration, PITCHES[drum], np.clip(velocity, 1, 127))
