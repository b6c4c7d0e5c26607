"""Songs before anybody plays them: sections of melody over chords, new or of a tune. Times are in eighths."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from tutti.practice import harmony, melody
from tutti.practice.harmony import Chord, Key
from tutti.practice.piano import KEYS, sing
from tutti.practice.rng import Rng
from tutti.practice.textures import EIGHTHS, Note
from tutti.practice.tunes import Tune

NAMES = {(4, 4): "song", (3, 4): "waltz", (6, 8): "jig"}


@dataclass(frozen=True)
class Section:
    """A part of a song.

    Attributes:
      letter: its name; sections of one name are alike.
      bars: chords of each bar.
      line: its melody, from the beginning of the section; a pickup begins before it, below 0.
    """

    letter: str
    bars: list[tuple[Chord, ...]]
    line: list[Note]

    @property
    def has_pickup(self) -> bool:
        """Whether the melody begins before the section."""
        return bool(self.line) and self.line[0].onset < 0


@dataclass(frozen=True)
class Song:
    """A song.

    Attributes:
      name: for the file's name.
      meter: time signature.
      key: the key.
      sections: in order.
    """

    name: str
    meter: tuple[int, int]
    key: Key
    sections: tuple[Section, ...]


def original(meter: tuple[int, int], form: str, rng: Rng) -> Song:
    """Returns a new song in sections of eight bars, such as AABA. Each letter has its own melody and chords."""
    key = rng.pick(KEYS)
    octave = 60 if key.tonic < 8 else 48
    made: dict[str, Section] = {}
    for letter in dict.fromkeys(form):
        bars = harmony.period(harmony.MIDDLE if made else harmony.OPEN, key, rng)
        line = melody.notes(melody.period(bars, meter, rng), bars, meter, key, octave)
        made[letter] = Section(letter, bars, line)
    return Song(f"{NAMES[meter]}-{key.name}", meter, key, tuple(made[letter] for letter in form))


def of_tune(tune: Tune, tonic: int, least: int) -> Song:
    """Returns a tune in the key of a tonic, as often as it takes to have `least` bars."""
    key = Key(tonic, tune.mode)
    made = {
        letter: Section(letter, harmony.progression(chords, key), sing(tune, letter, key))
        for letter, (_, chords) in tune.parts.items()
    }
    once = tuple(made[letter] for letter in tune.form)
    times = -(-least // sum(len(section.bars) for section in once))
    return Song(f"{tune.name}-{key.name}", tune.meter, key, once * times)


def chords(sections: Sequence[Section]) -> list[tuple[Chord, ...]]:
    """Returns the chords of all bars of some sections."""
    return list(chain.from_iterable(section.bars for section in sections))


def line(sections: Sequence[Section], meter: tuple[int, int]) -> list[Note]:
    """Returns the melody of sections one after another. A pickup takes its time from the bar before."""
    joined: list[Note] = []
    start = 0
    for section in sections:
        begin = start + section.line[0].onset if section.has_pickup else start
        joined = [note._replace(length=min(note.length, begin - note.onset)) for note in joined if note.onset < begin]
        joined += [note._replace(onset=start + note.onset) for note in section.line]
        start += len(section.bars) * EIGHTHS[meter]
    return joined
