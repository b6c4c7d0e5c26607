"""Standard MIDI files <-> Score, by MIDI libraries that nothing else but `messages` knows.

symusic reads and writes notes (C++); mido is the second opinion for files that symusic refuses.
"""

import io
from dataclasses import dataclass, replace
from itertools import pairwise

import mido
import numpy as np
import symusic
from numpy.typing import ArrayLike, NDArray

from music import smf
from music.errors import RejectedFile
from music.medium import MIDI_SUFFIXES, Medium

# What a song may be at most. A file can claim a note at tick 2^31 in a dozen bytes; whoever lays a grid over
# ticks relies on these bounds.
MAX_BYTES = 16 << 20
MAX_BEATS = 1 << 14
MAX_NOTES = 1 << 20
# mido needs some 500 bytes of memory for each byte it reads.
MAX_BYTES_MIDO = 1 << 20

DRUM_CHANNEL = 9
MICROSECONDS_A_MINUTE = 60_000_000


@dataclass(frozen=True, eq=False)
class Notes:
    """Notes in order of (onset, pitch), as arrays of one length.

    Attributes:
      onset: int64, ticks from the beginning.
      duration: int64, ticks.
      pitch: int16, 0 to 127; 60 is middle C.
      velocity: int16, 1 to 127.
    """

    onset: NDArray[np.int64]
    duration: NDArray[np.int64]
    pitch: NDArray[np.int16]
    velocity: NDArray[np.int16]

    def __len__(self) -> int:
        return len(self.onset)


@dataclass(frozen=True, eq=False)
class Track:
    """The notes of one instrument. `program` counts from 0; `is_drum` says that they are on MIDI channel 10."""

    notes: Notes
    name: str = ""
    program: int = 0
    is_drum: bool = False


@dataclass(frozen=True, eq=False)
class Score:
    """A piece of music in ticks.

    Attributes:
      division: ticks of a quarter note.
      tracks: tracks that hold at least one note.
      tempos: (tick, quarter notes a minute), in order.
      meters: (tick, numerator, denominator), in order.
    """

    division: int
    tracks: tuple[Track, ...]
    tempos: tuple[tuple[int, float], ...] = ((0, 120.0),)
    meters: tuple[tuple[int, int, int], ...] = ((0, 4, 4),)


def notes(onset: ArrayLike, duration: ArrayLike, pitch: ArrayLike, velocity: ArrayLike) -> Notes:
    """Notes from arrays or lists of one length, in any order."""
    onset, duration = np.asarray(onset, np.int64), np.asarray(duration, np.int64)
    pitch, velocity = np.asarray(pitch, np.int16), np.asarray(velocity, np.int16)
    place = (onset << 7) + pitch
    if (place[1:] >= place[:-1]).all():
        return Notes(onset, duration, pitch, velocity)
    order = np.argsort(place, kind="stable")
    return Notes(onset[order], duration[order], pitch[order], velocity[order])


def read(data: bytes) -> Score:
    """The score of a Standard MIDI File of type 0, 1 or 2, bare or in a RIFF (RMID) wrapper.

    SMPTE divisions become ticks at 120 quarter notes a minute, which keeps the time of every note. The
    patterns of a type 2 file follow one another, each from the beat after the one before it.

    Raises:
      RejectedFile: if the file is none, is damaged, holds no notes, or is beyond the bounds of this module.
    """
    if len(data) > MAX_BYTES:
        raise RejectedFile(f"{len(data):,} bytes are beyond the limit of {MAX_BYTES:,} for a song")
    kind, division, smpte, chunks = smf.chunks(smf.unwrapped(data))
    if kind == 2:
        return _bounded(_laid_end_to_end([_parsed(smf.file(division, [chunk]), smpte) for chunk in chunks]))
    return _bounded(_parsed(smf.file(division, chunks), smpte))


def write(score: Score) -> bytes:
    """A Standard MIDI File of type 1. Drum tracks are on channel 10, the others on the remaining fifteen in turn."""
    content: bytes = to_symusic(score).dumps_midi()
    return content


def to_symusic(score: Score) -> "symusic.core.ScoreTick":
    """The score as symusic has it, for libraries that build on symusic. A note is one tick long at least."""
    file = symusic.Score(score.division)
    for tick, bpm in score.tempos:
        file.tempos.append(symusic.Tempo(tick, qpm=bpm))
    for tick, numerator, denominator in score.meters:
        file.time_signatures.append(symusic.TimeSignature(tick, numerator, denominator))
    for track in score.tracks:
        written = symusic.Track(name=track.name, program=track.program, is_drum=track.is_drum)
        written.notes = symusic.Note.from_numpy(
            track.notes.onset.astype(np.int32),
            np.maximum(track.notes.duration, 1).astype(np.int32),
            track.notes.pitch.astype(np.int8),
            track.notes.velocity.astype(np.int8),
        )
        file.tracks.append(written)
    return file


SCORE = Medium("MIDI", MIDI_SUFFIXES, MAX_BYTES, read, write)


def _parsed(data: bytes, smpte: bool) -> Score:
    try:
        score = from_symusic(symusic.Score.from_midi(data))
        if not score.tracks:
            # symusic keeps no note that never ends, and some drum machines never end one.
            score = _from_mido(data, "no notes in it")
    except (RuntimeError, ValueError) as error:
        score = _from_mido(data, str(error))
    # In SMPTE time a tempo has no effect.
    return replace(score, tempos=((0, 120.0),)) if smpte else score


def from_symusic(parsed: "symusic.core.ScoreTick") -> Score:
    """The score that symusic holds.

    Raises:
      RejectedFile: if a time does not fit into symusic's 32 bits.
    """
    tracks = []
    for track in parsed.tracks:
        if not len(track.notes):
            continue
        columns = track.notes.numpy()
        if columns["time"].min() < 0 or columns["duration"].min() < 0:
            raise RejectedFile(f"a note lies beyond tick 2^31, the limit is {MAX_BEATS:,} beats")
        tracks.append(
            Track(
                notes(columns["time"], columns["duration"], columns["pitch"], columns["velocity"]),
                track.name,
                track.program,
                track.is_drum,
            )
        )
    return Score(
        parsed.ticks_per_quarter,
        tuple(tracks),
        tuple((tempo.time, tempo.qpm) for tempo in parsed.tempos) or ((0, 120.0),),
        tuple((meter.time, meter.numerator, meter.denominator) for meter in parsed.time_signatures) or ((0, 4, 4),),
    )


def _from_mido(data: bytes, refusal: str) -> Score:
    if len(data) > MAX_BYTES_MIDO:
        raise RejectedFile(f"cannot be parsed: {refusal}")
    smf.refuse_endless_times(data)
    try:
        file = mido.MidiFile(file=io.BytesIO(data), clip=True)
    except Exception as error:
        raise RejectedFile(f"cannot be parsed: {refusal}; {error or type(error).__name__}") from None
    tempos: list[tuple[int, float]] = []
    meters: list[tuple[int, int, int]] = []
    tracks = []
    for messages in file.tracks:
        tick, name = 0, ""
        programs = [0] * 16
        sounding: dict[tuple[int, int], list[tuple[int, int, int]]] = {}
        parts: dict[tuple[int, int], list[tuple[int, int, int, int]]] = {}
        for message in messages:
            tick += message.time
            if message.type == "track_name":
                name = message.name
            elif message.type == "set_tempo" and message.tempo:
                tempos.append((tick, MICROSECONDS_A_MINUTE / message.tempo))
            elif message.type == "time_signature":
                meters.append((tick, message.numerator, message.denominator))
            elif message.type == "program_change":
                programs[message.channel] = message.program
            elif message.type == "note_on" and message.velocity:
                begun = (tick, message.velocity, programs[message.channel])
                sounding.setdefault((message.channel, message.note), []).append(begun)
            elif message.type in ("note_on", "note_off") and (queue := sounding.get((message.channel, message.note))):
                onset, velocity, program = queue.pop(0)
                parts.setdefault((message.channel, program), []).append((onset, tick - onset, message.note, velocity))
        for (channel, pitch), queue in sounding.items():
            for onset, velocity, program in queue:
                parts.setdefault((channel, program), []).append((onset, tick - onset, pitch, velocity))
        for (channel, program), part in parts.items():
            tracks.append(Track(notes(*zip(*part, strict=True)), name, program, channel == DRUM_CHANNEL))
    tempos, meters = sorted(tempos) or [(0, 120.0)], sorted(meters) or [(0, 4, 4)]
    return Score(file.ticks_per_beat, tuple(tracks), tuple(tempos), tuple(meters))


def _laid_end_to_end(patterns: list[Score]) -> Score:
    division, offset = patterns[0].division, 0
    tracks, tempos, meters = [], [], []
    for score in patterns:
        for track in score.tracks:
            moved = replace(track.notes, onset=track.notes.onset + offset)
            tracks.append(replace(track, notes=moved))
        tempos += [(tick + offset, bpm) for tick, bpm in score.tempos]
        meters += [(tick + offset, numerator, denominator) for tick, numerator, denominator in score.meters]
        offset += -(-_end(score) // division) * division
    return Score(division, tuple(tracks), tuple(tempos), tuple(meters))


def _end(score: Score) -> int:
    return max((int((track.notes.onset + track.notes.duration).max()) for track in score.tracks), default=0)


def _bounded(score: Score) -> Score:
    if not score.tracks:
        raise RejectedFile("no notes in it")
    count = sum(len(track.notes) for track in score.tracks)
    if count > MAX_NOTES:
        raise RejectedFile(f"{count:,} notes are beyond the limit of {MAX_NOTES:,} for a song")
    last = max(int(track.notes.onset[-1]) for track in score.tracks)
    if last > MAX_BEATS * score.division:
        beat = last // score.division
        raise RejectedFile(f"a note at beat {beat:,} is beyond the limit of {MAX_BEATS:,} beats for a song")
    return score


def bar_lines(score: Score, end: int) -> list[int]:
    """The ticks at which bars begin, by the score's meters: all before `end`, and the first one behind it.

    A change of meter begins a new bar wherever it stands. A meter with bars shorter than a 32nd counts as 4/4.
    """
    changes = [(tick, _bar_ticks(score.division, *meter)) for tick, *meter in score.meters if tick < end]
    if not changes or changes[0][0] > 0:
        changes.insert(0, (0, 4 * score.division))
    lines: list[int] = []
    for (tick, bar), (until, _) in pairwise([*changes, (end, 0)]):
        lines += range(tick, until, bar)
    lines = lines or [0]
    return [*lines, lines[-1] + changes[-1][1]]


def _bar_ticks(division: int, numerator: int, denominator: int) -> int:
    bar = 4 * division * numerator // max(denominator, 1)
    return bar if 8 * bar >= division else 4 * division
