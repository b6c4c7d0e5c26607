"""Sound: a score as plucked strings and drums, and short recordings for networks that learn from samples.

The same score gives the same samples on any machine: all is computed in whole numbers but for the tables, which are
rounded, and for times, which need no more than multiplication.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from tutti.audio import MAX_SECONDS, Sound
from tutti.practice import harmony, melody
from tutti.practice.piano import KEYS
from tutti.practice.rng import Rng
from tutti.practice.textures import EIGHTHS
from tutti.score import Notes, Score, Track, seconds_at

RATE = 8000
BARS = 2
METER = (4, 4)
DIVISION = 480
EIGHTH = DIVISION // 2

Samples = NDArray[np.int64]

# Tables of numbers from 0 to ONE or from -ONE to ONE.
ONE_BITS = 14
ONE = 1 << ONE_BITS
TURN_BITS = 32
SINE = np.rint(np.sin(np.arange(4096) * (2 * np.pi / 4096)) * ONE).astype(np.int64)
FALL = np.rint(np.exp(-np.arange(8 * 512) / 512) * ONE).astype(np.int64)  # eight time constants
NOISE = (np.random.PCG64(np.random.SeedSequence(1604)).random_raw(1 << 14) >> np.uint64(50)).astype(np.int64) * 2 - ONE

# The loudness of a string's harmonics where it is plucked at a fifth of its length.
HARMONICS = tuple(round(abs(np.sin(np.pi * k / 5)) / k * ONE) for k in range(1, 8))
ATTACK, RELEASE, TAIL = 0.003, 0.04, 1.3  # seconds; a drum sounds no longer than the last
PEAK = 0.875

# Drums by their MIDI pitch: (hertz at first, hertz at last, seconds, share of noise, whether only its high part).
KICK, SNARE, TOM = (130, 45, 0.12, 0.0, False), (200, 170, 0.07, 0.7, False), (170, 90, 0.15, 0.1, False)
CLOSED, OPEN, METAL = (0, 0, 0.02, 1.0, True), (0, 0, 0.12, 1.0, True), (3100, 2900, 0.25, 0.8, True)
DRUMS = {35: KICK, 36: KICK, 38: SNARE, 40: SNARE, 41: TOM, 43: TOM, 45: TOM, 47: TOM, 48: TOM, 50: TOM}
DRUMS |= {42: CLOSED, 44: CLOSED, 46: OPEN, 49: METAL, 51: METAL, 57: METAL, 59: METAL}


def compose(seed: int, index: int) -> tuple[str, Sound]:
    """Returns the name and sound of recording `index` of a seed: two bars of melody alone, three to four seconds."""
    rng = Rng(seed, 2, index)
    key = rng.pick(KEYS)
    bars = harmony.period(harmony.OPEN, key, rng)
    size = EIGHTHS[METER]
    line = melody.notes(melody.period(bars, METER, rng), bars, METER, key, 60 if key.tonic < 8 else 48)
    first_bars = [note for note in line if note.onset < BARS * size]
    onset, length, pitch, velocity = np.array(first_bars, np.int64).T
    length = np.minimum(length, BARS * size - onset)
    track = Track(Notes.of(onset * EIGHTH, length * EIGHTH, pitch, velocity), "Strings")
    score = Score(DIVISION, (track,), ((0, float(rng.number(120, 150))),), ((0, *METER),))
    return f"strings-{key.name}", synthesised(score)


def synthesised(score: Score, rate: int = RATE) -> Sound:
    """Returns the sound of a score, its loudest sample a little below full scale, cut after `audio.MAX_SECONDS`.

    Pitched tracks are plucked strings, whatever their programs; drum tracks are drums.
    """
    tail = round(max(RELEASE, TAIL) * rate)
    ends = [_samples_at(score, track.notes.onset + track.notes.duration, rate).max() for track in score.tracks]
    mixed = np.zeros(min(max(ends, default=0), MAX_SECONDS * rate) + tail, np.int64)
    last = 0
    for track in score.tracks:
        notes = track.notes
        begin = _samples_at(score, notes.onset, rate)
        length = _samples_at(score, notes.onset + notes.duration, rate) - begin
        columns = (begin.tolist(), length.tolist(), notes.pitch.tolist(), notes.velocity.tolist())
        for at, samples, pitch, velocity in zip(*columns, strict=True):
            note = _drum(pitch, rate) if track.is_drum else _string(pitch, min(samples, len(mixed)), rate)
            place = mixed[at : at + len(note)]
            place += note[: len(place)] * velocity >> 7
            last = max(last, at + len(place))
    mixed = mixed[:last]
    loudest = max(int(np.abs(mixed).max(initial=0)), 1)
    return Sound(rate, (mixed * round(PEAK * 32_768) // loudest / 32_768).astype(np.float32))


@lru_cache(maxsize=256)
def _string(pitch: int, length: int, rate: int) -> Samples:
    """Returns the sound of a string of a MIDI pitch, plucked, and damped after `length` samples."""
    release = round(RELEASE * rate)
    hertz = 440 * 2 ** ((pitch - 69) / 12)
    time = np.arange(length + release)
    sound = np.zeros(len(time), np.int64)
    for k, loudness in enumerate(HARMONICS, 1):
        if 2 * k * hertz < 0.95 * rate:
            # The higher, the sooner it fades.
            fading = _fall(time, round(rate * 1.2 * 2 ** ((60 - pitch) / 24) / (0.6 + 0.4 * k)))
            sound += (_wave(time * round(k * hertz / rate * (1 << TURN_BITS))) * fading >> ONE_BITS) * loudness
    rising = np.minimum(time * ONE // max(round(ATTACK * rate), 1), ONE)
    damping = np.clip((len(time) - time) * ONE // release, 0, ONE)
    return ((sound >> ONE_BITS) * rising >> ONE_BITS) * damping >> ONE_BITS


@lru_cache(maxsize=128)
def _drum(pitch: int, rate: int) -> Samples:
    """Returns the sound of a drum; pitches that are not in `DRUMS` sound as a closed hat."""
    first, last, seconds, noise, high = DRUMS.get(pitch, CLOSED)
    time = np.arange(round(5 * seconds * rate))
    fading = _fall(time, round(seconds * rate))
    # From the first frequency to the last as the sound fades.
    turn = [round(hertz / rate * (1 << TURN_BITS)) for hertz in (first, last)]
    skin = _wave(np.cumsum(turn[1] + ((turn[0] - turn[1]) * fading >> ONE_BITS)))
    hiss = np.resize(NOISE, len(time) + 1)
    hiss = (hiss[1:] - hiss[:-1]) // 2 if high else hiss[1:]
    share = round(noise * ONE)
    return ((skin * (ONE - share) + hiss * share) >> ONE_BITS) * fading >> ONE_BITS


def _wave(phase: Samples) -> Samples:
    """Returns the sine, in parts of ONE, of phases in 2^-32 of a turn."""
    return SINE[(phase >> TURN_BITS - 12) & 4095]


def _fall(time: Samples, constant: int) -> Samples:
    """Returns exp(-time / constant) in parts of ONE."""
    return FALL[np.minimum(time * 512 // max(constant, 1), len(FALL) - 1)]


def _samples_at(score: Score, tick: NDArray[np.int64], rate: int) -> NDArray[np.int64]:
    """Returns the number of the sample at each tick, by the score's tempos: int64[n]."""
    return np.rint(seconds_at(tick, score.division, score.tempos) * rate).astype(np.int64)
