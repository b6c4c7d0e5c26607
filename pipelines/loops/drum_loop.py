"""Drum loops: which drum a file's name says, loops on General MIDI notes, and new loops combined from them.

Loop packs name the drum in the name of the file or of its folder and play it on any note; whole kits come from
programs that disagree about octaves by one or two. `standardise` puts both on channel 10, on the nine notes of
`tutti.encodings.drums`; `combine` lays standard loops over one another.
"""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tutti.encodings import drums, grid
from tutti.encodings.drums import BITS, DRUMS, FOLDED
from tutti.errors import RejectedFile
from tutti.medium import MIDI_SUFFIXES
from tutti.score import MAX_BEATS, MAX_NOTES, Notes, Score, Track

KICK, SNARE, HAT, OPEN_HAT, FLOOR_TOM, LOW_TOM, HIGH_TOM, RIDE, CRASH = DRUMS
NAMES = {
    KICK: "kick",
    SNARE: "snare",
    HAT: "hat",
    OPEN_HAT: "open-hat",
    FLOOR_TOM: "floor-tom",
    LOW_TOM: "low-tom",
    HIGH_TOM: "high-tom",
    RIDE: "ride",
    CRASH: "crash",
}

# What the words of a name say. A clap has no place among the nine drums; in a loop it plays the snare's part.
WORDS = {
    **dict.fromkeys(("kick", "kik", "bd", "bassdrum"), KICK),
    **dict.fromkeys(("snare", "snr", "sd", "clap", "rim", "rimshot", "sidestick", "snap"), SNARE),
    **dict.fromkeys(("hat", "hihat", "hh", "ch", "chh", "closedhat"), HAT),
    **dict.fromkeys(("oh", "ohh", "openhat"), OPEN_HAT),
    **dict.fromkeys(("tom", "tomtom"), LOW_TOM),
    **dict.fromkeys(("ride",), RIDE),
    **dict.fromkeys(("crash", "crashes", "cymbal", "splash", "china"), CRASH),
}
TOMS = {"floor": FLOOR_TOM, "low": LOW_TOM, "lo": LOW_TOM, "mid": LOW_TOM, "high": HIGH_TOM, "hi": HIGH_TOM}
# The machine's number stands for its kick, unless something else is named: "808 hat", "808 kit".
KICK_OF_A_MACHINE = "808"
WHOLE_KIT = {"kit", "kits", "drumkit", "drumkits", "drums"}
OTHER_DRUMS = {"shaker", "cowbell", "conga", "congas", "bongo", "bongos", "tambourine", "maracas", "triangle"}
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

# A loop on arbitrary pitches fits where this share of its notes are General MIDI drums.
DRUM_SHARE = 0.9
# In this order, so that of equally good ones the first is taken: as it is, one octave, two octaves.
SHIFTS = (0, -12, 12, -24, 24)
# Ticks a quarter note where the loops' own have no common multiple that a file can name. Every grid from triplets
# of 64ths to 1920 ticks divides it.
FINEST = 30720
MOST_TICKS = 32767
BEATS_IN_A_BAR = 4
MOST_BARS = MAX_BEATS // BEATS_IN_A_BAR
# Quarter notes a minute. A file writes a tempo as three bytes of microseconds a quarter note.
SLOWEST, FASTEST = 4, 1000


@dataclass(frozen=True, eq=False)
class Standard:
    """A loop on General MIDI notes, and what it took to get there.

    Attributes:
      score: one drum track on channel 10; at most one hit of a drum at a tick.
      drum: the one drum that it plays, as its MIDI note; None for a whole kit.
      shift: semitones by which a whole kit was moved.
      dropped: hits left out: of no drum among the nine, or struck twice at one tick.
    """

    score: Score
    drum: int | None
    shift: int
    dropped: int


def drum_named(name: str) -> int | None:
    """Returns the MIDI note of the drum that a path names, None where it names none, or several, or a whole kit.

    The nearest part decides: the file's own name, then its folder's, and so on.

    Raises:
      RejectedFile: if that part names an instrument that none of the nine drums stands for.
    """
    for part in reversed(_without_suffix(name).split("/")):
        words = {word.lower() for word in WORD.findall(part)}
        words |= {word[:-1] for word in words if word.endswith("s")}
        named = _named(words)
        if len(named) == 1:
            return named.pop()
        if named or words & WHOLE_KIT:
            return None
        if strange := sorted(words & OTHER_DRUMS):
            raise RejectedFile(f"its name says {strange[0]}, which is none of the nine drums")
    return None


def _without_suffix(name: str) -> str:
    # "mid" is a word for toms, too.
    return name[: -len(suffix)] if (suffix := name[name.rfind(".") :].lower()) in MIDI_SUFFIXES else name


def _named(words: set[str]) -> set[int]:
    named = {WORDS[word] for word in words if word in WORDS}
    if {"bass", "drum"} <= words:
        named |= {KICK}
    if HAT in named and words & {"open", "opened"}:
        named = named - {HAT} | {OPEN_HAT}
    if LOW_TOM in named and (kinds := {TOMS[word] for word in words if word in TOMS}):
        named = named - {LOW_TOM} | kinds
    if not named and KICK_OF_A_MACHINE in words and not words & WHOLE_KIT:
        return {KICK}
    return named


def standardise(score: Score, name: str) -> Standard:
    """Moves a loop to General MIDI notes and channel 10.

    Where its name says one drum, every note becomes that drum. Otherwise it is a whole kit: folded to the nine
    drums, in the octave in which most of its notes are drums. What plays kick and snare on channel 10 already is
    a kit whatever its name, as songs are called "Ride on".

    Raises:
      RejectedFile: if neither its name nor its notes tell which drums it plays.
    """
    on_channel_10 = tuple(track for track in score.tracks if track.is_drum)
    drum = None if _is_kit(on_channel_10) else drum_named(name)
    shift = 0
    if drum is None:
        played = _together([track.notes for track in on_channel_10 or score.tracks])
        shift = _shift(played.pitch, bool(on_channel_10))
        pitch = _folded(played.pitch, shift)
    else:
        played = _together([track.notes for track in score.tracks])
        pitch = np.full(len(played), drum, np.int16)
    drum_hits = pitch > 0
    onset, duration, velocity = played.onset[drum_hits], played.duration[drum_hits], played.velocity[drum_hits]
    notes = _struck_once(Notes.of(onset, duration, pitch[drum_hits], velocity))
    standard = Score(score.division, (Track(notes, "Drums", is_drum=True),), score.tempos, score.meters)
    return Standard(standard, drum, shift, len(played) - len(notes))


def _is_kit(on_channel_10: Sequence[Track]) -> bool:
    """Returns whether these play kick and snare."""
    played = {drum for track in on_channel_10 for drum in _folded(np.unique(track.notes.pitch), 0).tolist()}
    return {KICK, SNARE} <= played


def _shift(pitch: NDArray[np.int16], on_channel_10: bool) -> int:
    """Returns the semitones that make most of the notes General MIDI drums.

    Raises:
      RejectedFile: if too few of them are under any.
    """
    drums_in = {shift: int((_folded(pitch, shift) > 0).sum()) for shift in SHIFTS}
    shift = max(SHIFTS, key=lambda shift: drums_in[shift])
    if shift and len(np.unique(pitch)) == 1:
        raise RejectedFile(f"it plays note {pitch[0]} alone, and neither file nor folder names the drum")
    if drums_in[shift] >= DRUM_SHARE * len(pitch):
        return shift
    # On channel 10 the rest are drums as well, beyond the nine; elsewhere this may be any instrument.
    if on_channel_10 and drums_in[0]:
        return 0
    share = drums_in[shift] / len(pitch)
    raise RejectedFile(
        f"no drum loop: neither file nor folder names a drum, and in no octave are more than {share:.0%} of its notes "
        "General MIDI drums"
    )


def _folded(pitch: NDArray[np.int16], shift: int) -> NDArray[np.int16]:
    """Returns int16[n]: the note among the nine drums that stands for each note moved by `shift`; 0 where none does."""
    moved = pitch.astype(np.int16) + shift
    inside = (moved >= 0) & (moved < len(BITS))
    return np.where(inside, FOLD[np.where(inside, moved, 0)], 0).astype(np.int16)


def _fold() -> NDArray[np.int16]:
    fold = np.zeros(len(BITS), np.int16)
    fold[list(DRUMS)] = DRUMS
    fold[list(FOLDED)] = list(FOLDED.values())
    return fold


FOLD = _fold()


def combine(parts: Sequence[Score], bars: int, bpm: float) -> Score:
    """Lays loops over one another, each repeated to fill exactly `bars` bars of 4/4, at `bpm` quarter notes a minute.

    A loop lasts as long as its whole bars, up to the one in which its last hit falls, whenever that is let go.
    Onsets are laid on one division from the beginning of the piece, so that no rounding adds up.

    Raises:
      ValueError: if there are no parts, or bars or bpm are beyond what a file can hold.
    """
    if not parts:
        raise ValueError("there is nothing to combine")
    if not 1 <= bars <= MOST_BARS:
        raise ValueError(f"{bars} bars; it can be 1 to {MOST_BARS:,}")
    if not SLOWEST <= bpm <= FASTEST:
        raise ValueError(f"{bpm:g} quarter notes a minute; it can be {SLOWEST} to {FASTEST:,}")
    division = common_division(part.division for part in parts)
    laid = _together([_repeated(part, division, bars) for part in parts])
    played = _struck_once(laid)
    # None is left where the loops begin after so many bars.
    tracks = (Track(played, "Drums", is_drum=True),) if len(played) else ()
    return Score(division, tracks, tempos=((0, float(bpm)),))


def common_division(divisions: Iterable[int]) -> int:
    """Returns the ticks a quarter note in which all of these are whole; a fine grid where a file cannot name them."""
    common = math.lcm(*divisions)
    return common if common <= MOST_TICKS else FINEST


def bars_of(loop: Score) -> int:
    """Returns the whole bars of 4/4 that a loop lasts, at least one."""
    last = max(int(track.notes.onset[-1]) for track in loop.tracks)
    return last // (BEATS_IN_A_BAR * loop.division) + 1


def _repeated(loop: Score, division: int, bars: int) -> Notes:
    played = _together([track.notes for track in loop.tracks])
    length, end = BEATS_IN_A_BAR * division * np.asarray([bars_of(loop), bars])
    times = -(-end // length)
    if times * len(played) > MAX_NOTES:
        raise ValueError(f"{bars} bars would have more than {MAX_NOTES:,} notes")
    onset = np.minimum(grid.nearest_step(played.onset, loop.division, 4 * division), length - 1)
    # A note that rings on into the next time would end the note that is struck then.
    ends = np.minimum(grid.nearest_step(played.onset + played.duration, loop.division, 4 * division), length)
    at = (np.arange(times)[:, None] * length + onset).ravel()
    inside = at < end
    duration, pitch, velocity = (
        np.tile(column, times)[inside] for column in (ends - onset, played.pitch, played.velocity)
    )
    at = at[inside]
    return Notes.of(at, np.clip(duration, 1, end - at), pitch, velocity)


def _together(several: Sequence[Notes]) -> Notes:
    return Notes.of(
        *(np.concatenate([getattr(notes, name) for notes in several]) for name in Notes.__dataclass_fields__)
    )


def _struck_once(notes: Notes) -> Notes:
    """Keeps of hits of one drum at one tick the loudest; each ends, at the latest, when its drum is struck again."""
    order = np.lexsort((-notes.velocity, notes.onset, notes.pitch))
    onset, pitch = notes.onset[order], notes.pitch[order]
    first = np.ones(len(order), bool)
    first[1:] = (np.diff(onset) != 0) | (np.diff(pitch) != 0)
    order, onset, pitch = order[first], onset[first], pitch[first]
    until = np.full(len(order), np.iinfo(np.int64).max)
    again = pitch[1:] == pitch[:-1]
    until[:-1][again] = onset[1:][again]
    duration = np.minimum(notes.duration[order], until - onset)
    return Notes.of(onset, duration, pitch, notes.velocity[order])


def family(loop: Score) -> bytes:
    """Returns what loops share that differ only in the order of their bars: their distinct bars, on a 32nd grid."""
    (words,) = drums.Drums(resolution=32, drum_source="all").encode_ids(loop)
    bars = words.reshape(-1, 33)
    return np.unique(bars, axis=0).astype("<i4").tobytes()
