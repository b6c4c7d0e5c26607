"""Piano pieces: songs, waltzes, barcarolles, preludes, and arrangements of public-domain tunes.

Pieces are written in eighths, and something is struck on most of them: the `notes` encoding keeps only the order of
what is struck, and plays it back in eighths.
"""

from dataclasses import dataclass

import numpy as np

from tutti.practice import harmony, melody
from tutti.practice.harmony import Chord, Key
from tutti.practice.rng import Rng
from tutti.practice.textures import EIGHTHS, PRELUDES, TEXTURES, Note, Texture, accompany
from tutti.practice.tunes import TUNES, Degrees, Tune, parse
from tutti.score import Notes, Score, Track

DIVISION = 480
EIGHTH = DIVISION // 2
EVERY_TUNE = 5  # one piece in so many is a tune
MIN_BARS, MAX_BARS = 32, 64

KEYS = tuple(
    Key(tonic, mode)
    for mode, tonics in (
        ("major", (0, 0, 7, 5, 2, 10)),
        ("minor", (9, 9, 2, 4, 7, 0)),
        ("dorian", (2,)),
        ("mixolydian", (7,)),
    )
    for tonic in tonics
)
METERS = ((4, 4), (4, 4), (4, 4), (4, 4), (3, 4), (3, 4), (6, 8))
NAMES = {(4, 4): "song", (3, 4): "waltz", (6, 8): "barcarolle"}
TEMPOS = {(4, 4): (84, 132), (3, 4): (104, 160), (6, 8): (72, 120)}
FORMS = ("AABA", "AABA", "ABAB", "AABB", "ABACA", "AABABA", "AABACA", "ABABCA")

QUIET, FULL = -8, 6
TOP = 88  # highest pitch a melody may reach


@dataclass(frozen=True)
class Piece:
    """A piece in eighths, before it is played.

    Attributes:
      name: for the file's name.
      meter: time signature.
      tempo: quarter notes a minute.
      bars: how many there are, the last chord's included.
      notes: in any order.
    """

    name: str
    meter: tuple[int, int]
    tempo: int
    bars: int
    notes: list[Note]


def compose(seed: int, index: int) -> tuple[str, Score]:
    """Returns the name and score of piano piece `index` of a seed: one track, 32 bars or more, 480 ticks a quarter."""
    rng = Rng(seed, 1, index)
    if index % EVERY_TUNE == EVERY_TUNE - 1:
        piece = arrangement(TUNES[index // EVERY_TUNE % len(TUNES)], rng)
    else:
        piece = original(rng)
    return piece.name, play(piece, rng)


def original(rng: Rng) -> Piece:
    """Returns a piece of new melodies: periods of eight bars in a form like AABA."""
    key, meter, form = rng.pick(KEYS), rng.pick(METERS), rng.pick(FORMS)
    is_prelude = rng.chance(0.15)
    octave = 60 if key.tonic < 8 else 48
    harmonies = {
        letter: harmony.period(harmony.OPEN if letter == "A" else harmony.MIDDLE, key, rng) for letter in "ABC"
    }
    textures = {letter: rng.pick(list(TEXTURES[meter].values())) for letter in "ABC"}
    if is_prelude:
        textures = dict.fromkeys("ABC", rng.pick(PRELUDES[meter]))
    phrases = {letter: melody.period(harmonies[letter], meter, rng) for letter in "ABC"}
    at, notes = introduction(harmonies["A"], textures["A"], rng)
    thick = rng.chance(0.35)
    for i, letter in enumerate(form):
        bars = harmonies[letter]
        start = at * EIGHTHS[meter]
        last = i == len(form) - 1
        level = FULL if last else QUIET if letter != "A" else 0
        notes += accompany(bars, textures[letter], start, level)
        if not is_prelude:
            line = louder(melody.notes(phrases[letter], bars, meter, key, octave, start), level)
            notes += line + (thirds(line, bars, meter, start) if thick and last else [])
        at += len(bars)
    notes += ending(key, at * EIGHTHS[meter], EIGHTHS[meter])
    name = "prelude" if is_prelude else NAMES[meter]
    return Piece(f"{name}-{key.name}", meter, rng.number(*TEMPOS[meter]), at + 1, notes)


def arrangement(tune: Tune, rng: Rng) -> Piece:
    """Returns a piece of one tune, repeated until it is long enough, each time over another left hand."""
    key = Key(rng.pick(tune.tonics), tune.mode)
    size = EIGHTHS[tune.meter]
    once = sum(len(parse(tune.parts[letter][0])[1]) for letter in tune.form)
    times = rng.number(-(-MIN_BARS // once), max(MAX_BARS // once, -(-MIN_BARS // once)))
    first = harmony.progression(tune.parts[tune.form[0]][1], key)
    textures = list(TEXTURES[tune.meter].values())
    at, notes = introduction([bar for bar in first if bar], rng.pick(textures), rng, least=bool(tune.pickups))
    line: list[Note] = []
    for i in range(times):
        up = 12 if i and rng.chance(0.3) and highest(tune, key) + 12 <= TOP else 0
        thick, ornate = i and rng.chance(0.4), rng.chance(0.4 if i else 0.2)
        left = {letter: rng.pick(textures) for letter in "AB"}
        level = FULL if i == times - 1 else 0
        for letter in tune.form:
            start = at * size
            bars = harmony.progression(tune.parts[letter][1], key)
            notes += accompany(bars, left["A" if letter in "AC" else "B"], start, level)
            part = louder(sing(tune, letter, key, start, up, ornate), level)
            # A pickup takes its time from the bar before.
            begin = min(part[0].onset, start)
            line = [note._replace(length=min(note.length, begin - note.onset)) for note in line if note.onset < begin]
            line += part
            notes += thirds([note for note in part if note.onset >= start], bars, tune.meter, start) if thick else []
            at += len(bars)
    notes += line + ending(key, at * size, size)
    tempo = tune.tempo * rng.number(88, 112) // 100
    return Piece(f"{tune.name}-{key.name}", tune.meter, tempo, at + 1, notes)


def sing(tune: Tune, letter: str, key: Key, start: int = 0, up: int = 0, ornate: bool = False) -> list[Note]:
    """Returns the melody of one part of a tune.

    Args:
      tune: the tune.
      letter: which part of it.
      key: the key.
      start: where the first bar begins, in eighths; a pickup comes before.
      up: semitones to move it up.
      ornate: whether to fill each third between quarters with a passing note.
    """
    degrees, _ = parse(tune.parts[letter][0])
    if ornate:
        degrees = with_passing_notes(degrees)
    if letter in tune.pickups:
        before, (length,) = parse(tune.pickups[letter])
        degrees = (*((onset - length, beats, degree, alter) for onset, beats, degree, alter in before), *degrees)
    scale = harmony.SCALES[key.mode]
    return [
        Note(start + onset, length, 60 + up + key.tonic + scale[degree % 7] + 12 * (degree // 7) + alter, melody.MELODY)
        for onset, length, degree, alter in degrees
    ]


def with_passing_notes(degrees: Degrees) -> Degrees:
    """Returns a melody with a passing note in each third that begins with a quarter and has no altered note."""
    filled: list[tuple[int, int, int, int]] = []
    for note, after in zip(degrees, (*degrees[1:], (-1, 0, 0, 0)), strict=True):
        onset, length, degree, alter = note
        if length == 2 and after[0] == onset + 2 and abs(after[2] - degree) == 2 and not alter and not after[3]:
            filled += [(onset, 1, degree, 0), (onset + 1, 1, (degree + after[2]) // 2, 0)]
        else:
            filled.append(note)
    return tuple(filled)


def highest(tune: Tune, key: Key) -> int:
    """Returns the highest MIDI pitch of a tune in a key."""
    return max(note.pitch for letter in tune.parts for note in sing(tune, letter, key))


def introduction(bars: list[tuple[Chord, ...]], texture: Texture, rng: Rng, least: int = 0) -> tuple[int, list[Note]]:
    """Returns how many bars, `least` or more, the left hand plays alone, and its notes."""
    count = max(least, rng.pick((0, 0, 1, 2, 4)))
    return count, accompany((bars * 4)[:count], texture, louder=QUIET)


def ending(key: Key, start: int, size: int) -> list[Note]:
    """Returns the last bar, which begins at `start` and has `size` eighths: the tonic chord, held."""
    tonic = harmony.tonic(key)
    low = harmony.bass(tonic)
    return [Note(start, size, pitch, 80) for pitch in (low, *harmony.voiced(tonic, None), low + 36)]


def thirds(line: list[Note], bars: list[tuple[Chord, ...]], meter: tuple[int, int], start: int) -> list[Note]:
    """Returns a second voice: under each longer note of a melody the next chord tone, a third or more below."""
    size = EIGHTHS[meter]
    voice: list[Note] = []
    for onset, length, pitch, velocity in line:
        bar, at = divmod(onset - start, size)
        chords = bars[bar]
        if length >= 2 and at % 2 == 0 and chords:
            classes = chords[at * len(chords) // size].classes
            chord_tone = next(p for p in range(pitch - 3, 0, -1) if p % 12 in classes)
            voice.append(Note(onset, length, chord_tone, velocity - 14))
    return voice


def louder(notes: list[Note], by: int) -> list[Note]:
    """Returns notes with `by` added to their velocities."""
    return [note._replace(velocity=note.velocity + by) for note in notes]


def play(piece: Piece, rng: Rng) -> Score:
    """Returns a piece as a person plays it. The end slows down."""
    notes = performed(piece.notes, piece.meter, rng)
    bar = EIGHTHS[piece.meter] * EIGHTH
    slowing = [((2 * piece.bars - 4 + i) * bar // 2, piece.tempo * share / 100) for i, share in enumerate((94, 86, 76))]
    tempos = ((0, float(piece.tempo)), *slowing)
    return Score(DIVISION, (Track(notes, name="Piano"),), tempos, ((0, *piece.meter),))


def performed(written: list[Note], meter: tuple[int, int], rng: Rng) -> Notes:
    """Returns notes as a person plays them, 480 ticks a quarter.

    Every four bars grow louder and softer again, and chords are not quite together.
    """
    eighth, length, pitch, velocity = np.array(written, np.int64).T
    phrase = 4 * EIGHTHS[meter]
    swell = np.rint(6 * np.sin(np.pi * (eighth % phrase) / phrase)).astype(np.int64)
    velocity = np.clip(velocity + swell + rng.spread(5, len(pitch)), 1, 127)
    # Where two hands meet on one key, the louder note stays.
    order = np.lexsort((-velocity, eighth, pitch))
    eighth, length, pitch, velocity = eighth[order], length[order], pitch[order], velocity[order]
    again = np.flatnonzero((np.diff(eighth) == 0) & (np.diff(pitch) == 0)) + 1
    eighth, length, pitch, velocity = (np.delete(column, again) for column in (eighth, length, pitch, velocity))
    onset = np.maximum(eighth * EIGHTH + rng.spread(5, len(eighth)), 0)
    duration = length * EIGHTH * 15 // 16
    gap = np.where(np.diff(pitch, append=-1) == 0, np.diff(onset, append=0), duration + 1)
    return Notes.of(onset, np.minimum(duration, gap - 1), pitch, velocity)
