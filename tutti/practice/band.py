"""Whole arrangements as one finds them: a band with drums, bass, chords and melody, in files of all habits.

What each track does is known here, and is not in the file: names may be missing, all programs a piano's, or the drums
on another channel than their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tutti import midi
from tutti.midi import messages
from tutti.practice import drums, harmony, songs
from tutti.practice.grooves import STYLES, Style
from tutti.practice.lineups import LINEUPS, Player
from tutti.practice.piano import DIVISION, EVERY_TUNE, louder, performed, thirds
from tutti.practice.rng import Rng
from tutti.practice.songs import Section, Song
from tutti.practice.textures import BAND, EIGHTHS, Note, Texture, accompany
from tutti.practice.tunes import TUNES, Tune
from tutti.score import Score, Track

# Letters of sections as in `drums.FORMS`; between an intro and an outro.
FORMS = ("VCVC", "VVCVC", "VCVCBC", "VCBC")
TUNE_LETTERS = dict(zip("ABCD", "VCBC", strict=True))
LEAST_BARS = 24
INTRO, OUTRO = 4, 2
LOUDER = {"bass": 22, "pad": -8, "melody": 8}
# What is held in each bar of the outro, as `textures` writes it.
HELD = {"bass": "b", "chords": "lmh", "pad": "lmh", "arpeggio": "u"}


@dataclass(frozen=True)
class Habit:
    """How a file is written.

    Attributes:
      name: for the file's name, empty for what is usual.
      named: whether its tracks have names that say something.
      programs: whether they have programs of their own, or all are a piano's.
      drum_channel: whether the drums are on channel 10.
      one_track: whether it is of type 0, all channels in one track, which has the song's name.
    """

    name: str = ""
    named: bool = True
    programs: bool = True
    drum_channel: bool = True
    one_track: bool = False


HABITS = (
    Habit(),
    Habit("untitled", named=False),
    Habit("all-piano", named=False, programs=False),
    Habit(),
    Habit("drums-elsewhere", drum_channel=False),
    Habit("one-track", one_track=True),
)


@dataclass(frozen=True)
class Arrangement:
    """A song as a band plays it.

    Attributes:
      score: its tracks in the order of the file.
      roles: what each of them does, as `lineups` says it.
      one_track: whether its file is of type 0.
    """

    score: Score
    roles: tuple[str, ...]
    one_track: bool = False


def compose(seed: int, index: int) -> tuple[str, Arrangement]:
    """Returns the name and the arrangement of band song `index` of a seed. File after file has the next habit."""
    rng = Rng(seed, 4, index)
    habit = HABITS[index % len(HABITS)]
    if index % EVERY_TUNE == EVERY_TUNE - 1:
        tune = TUNES[index // EVERY_TUNE % len(TUNES)]
        song, style, tempo = songs.of_tune(tune, rng.pick(tune.tonics), LEAST_BARS), _style(tune, rng), tune.tempo
        song = replace(song, sections=tuple(replace(s, letter=TUNE_LETTERS[s.letter]) for s in song.sections))
    else:
        style = rng.pick(STYLES)
        song, tempo = songs.original(style.meter, rng.pick(FORMS), rng), rng.number(*style.tempo)
        song = replace(song, name=f"{style.name}-{song.key.name}")
    if habit.one_track and song.meter != (4, 4):
        habit = HABITS[0]  # What is merged into one track loses its meter.
    players = rng.pick(LINEUPS)
    if habit.one_track:  # Readers take such a file apart by channels, of which the drums' comes last.
        players = tuple(sorted(players, key=lambda player: player.role == "drums"))
    sections = _complete(song)
    tracks = tuple(_track(player, sections, song, style, habit, rng) for player in players)
    score = Score(DIVISION, tracks, ((0, float(tempo)),), ((0, *song.meter),))
    name = f"{song.name}-{habit.name}".removesuffix("-")
    return name, Arrangement(score, tuple(player.role for player in players), habit.one_track)


def write(arrangement: Arrangement) -> bytes:
    """Returns an arrangement as a MIDI file, of type 0 where it is to have one track."""
    data = midi.write(arrangement.score)
    if not arrangement.one_track:
        return data
    piece = messages.read(data)
    return messages.write(replace(piece, tracks=(messages.merged(piece.tracks),)))


def _style(tune: Tune, rng: Rng) -> Style:
    """Returns a style of a tune's meter whose tempos include the tune's, or come near."""

    def off(style: Style) -> int:
        low, high = style.tempo
        return max(low - tune.tempo, tune.tempo - high, 0)

    styles = [style for style in STYLES if style.meter == tune.meter]
    nearest = min(map(off, styles))
    return rng.pick([style for style in styles if off(style) == nearest])


def _complete(song: Song) -> tuple[Section, ...]:
    """Returns the sections of a song with an intro, which has the chords of the first one, and an outro."""
    sounding = [bar for bar in song.sections[0].bars if bar]
    intro = Section("I", (sounding * INTRO)[:INTRO], [])
    outro = Section("O", [(harmony.tonic(song.key),)] * OUTRO, [])
    return (intro, *song.sections, outro)


def _track(player: Player, sections: Sequence[Section], song: Song, style: Style, habit: Habit, rng: Rng) -> Track:
    """Returns what a player plays, under the name and program that the habit gives it."""
    name = song.name if habit.one_track else player.name if habit.named else ""
    if player.part == "drums":
        form = " ".join(f"{section.letter}{len(section.bars)}" for section in sections)
        hits = np.concatenate(drums.arrange(style, rng, form))
        return Track(drums.play(hits, style, rng), name, is_drum=habit.drum_channel)
    notes = louder(_part(player.part, sections, song.meter, rng), LOUDER.get(player.part, 0))
    return Track(performed(notes, song.meter, rng), name, player.program if habit.programs else 0)


def _part(part: str, sections: Sequence[Section], meter: tuple[int, int], rng: Rng) -> list[Note]:
    """Returns the notes of a part other than the drums'."""
    line = songs.line(sections, meter)
    if part == "melody":
        return line
    if part == "second voice":
        return thirds([note for note in line if note.onset >= 0], songs.chords(sections), meter, 0)
    textures = {letter: rng.pick(BAND[part][meter]) for letter in "IVCB"}
    textures["O"] = Texture(" ".join([HELD[part], *"." * (EIGHTHS[meter] - 1)]))
    notes: list[Note] = []
    start = 0
    for section in sections:
        notes += accompany(section.bars, textures[section.letter], start)
        start += len(section.bars) * EIGHTHS[meter]
    return notes
