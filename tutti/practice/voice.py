"""Tunes for one voice, with a form: phrases that come back, in 16 bars or 32, or a tune of the public domain."""

from tutti.practice import songs
from tutti.practice.piano import DIVISION, EVERY_TUNE, METERS, performed
from tutti.practice.rng import Rng
from tutti.practice.songs import Section, Song
from tutti.practice.tunes import TUNES
from tutti.score import Score, Track

FORMS = ("AABA", "AABA", "AABB", "ABAB", "AB", "AA")
LEAST_BARS = 16
TEMPOS = {(4, 4): (92, 144), (3, 4): (104, 160), (6, 8): (84, 132)}
# Name and General MIDI program of what plays.
VOICES = (
    ("Flute", 73),
    ("Violin", 40),
    ("Clarinet", 71),
    ("Oboe", 68),
    ("Recorder", 74),
    ("Trumpet", 56),
    ("Voice", 53),
)


def compose(seed: int, index: int) -> tuple[str, Score]:
    """Returns the name and score of tune `index` of a seed: one track of one note at a time, 480 ticks a quarter."""
    rng = Rng(seed, 3, index)
    if index % EVERY_TUNE == EVERY_TUNE - 1:
        times, number = divmod(index // EVERY_TUNE, len(TUNES))
        tune = TUNES[number]
        # Each time a fourth higher, so that no two are the same.
        song = songs.of_tune(tune, (tune.tonics[0] + 5 * times) % 12, LEAST_BARS)
        tempo = tune.tempo * rng.number(88, 112) // 100
    else:
        song = songs.original(rng.pick(METERS), rng.pick(FORMS), rng)
        tempo = rng.number(*TEMPOS[song.meter])
    name, program = rng.pick(VOICES)
    notes = performed(songs.line(_with_room(song), song.meter), song.meter, rng)
    track = Track(notes, name, program)
    return song.name, Score(DIVISION, (track,), ((0, float(tempo)),), ((0, *song.meter),))


def _with_room(song: Song) -> tuple[Section, ...]:
    """Returns the sections of a song, behind an empty bar where the first has a pickup."""
    return (Section("", [()], []), *song.sections) if song.sections[0].has_pickup else song.sections
