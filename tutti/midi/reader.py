"""Standard MIDI files <-> Score.

symusic, in C++, reads and writes notes; files that it refuses are read by mido.
"""

from dataclasses import replace
from operator import itemgetter

import numpy as np
import symusic

from tutti.errors import RejectedFile
from tutti.medium import MIDI_SUFFIXES, Medium
from tutti.midi import parser, refusals, smf
from tutti.midi.channels import with_channels
from tutti.midi.smf import DRUM_CHANNEL, MAX_BYTES_MIDO, MICROSECONDS_A_MINUTE
from tutti.score import MAX_BEATS, MAX_NOTES, Notes, Score, Track

MAX_BYTES = 16 << 20
# Of a meter, in parts of a whole note. A damaged file can say up to 2^255; symusic holds what fits into a byte.
SHORTEST_BEAT = 128
# symusic counts ticks in 32 bits, and mido without bound.
MAX_TICK = (1 << 31) - 1
TOO_FAR = f"a note lies beyond the limit of {MAX_BEATS:,} beats for a song"


def read(data: bytes, channels: bool = False) -> Score:
    """Returns the score of a Standard MIDI File of type 0, 1 or 2, bare or in a RIFF (RMID) wrapper.

    SMPTE divisions become ticks at 120 quarter notes a minute, which keeps the time of every note. The
    patterns of a type 2 file follow one another, each from the beat after the one before it.

    Args:
      data: the file's bytes.
      channels: whether to find the channel of each track as well, which takes several times as long.

    Raises:
      RejectedFile: if it is no MIDI file, is damaged, holds no notes, or is beyond the bounds of `tutti.score`.
    """
    if len(data) > MAX_BYTES:
        raise RejectedFile(f"{len(data):,} bytes are beyond the limit of {MAX_BYTES:,} for a song")
    kind, division, smpte, chunks = smf.chunks(smf.unwrapped(data))
    if kind == 2:
        score = _bounded(_concatenated([_parsed(division, [chunk], smpte) for chunk in chunks]))
    else:
        score = _bounded(_parsed(division, chunks, smpte))
    return with_channels(score, chunks) if channels else score


def write(score: Score) -> bytes:
    """Returns a Standard MIDI File of type 1: drum tracks on channel 10, the others on the other fifteen in turn."""
    content: bytes = to_symusic(score).dumps_midi()
    return content


def to_symusic(score: Score) -> "symusic.core.ScoreTick":
    """Returns the score as one of symusic's, for libraries that build on it. A note is one tick long at least."""
    file = symusic.Score(score.division)
    for tick, bpm in score.tempos:
        file.tempos.append(symusic.Tempo(tick, qpm=bpm))
    for tick, numerator, denominator in score.meters:
        file.time_signatures.append(symusic.TimeSignature(tick, numerator, denominator))
    for track in score.tracks:
        symusic_track = symusic.Track(name=track.name, program=track.program, is_drum=track.is_drum)
        symusic_track.notes = symusic.Note.from_numpy(
            track.notes.onset.astype(np.int32),
            np.maximum(track.notes.duration, 1).astype(np.int32),
            track.notes.pitch.astype(np.int8),
            track.notes.velocity.astype(np.int8),
        )
        file.tracks.append(symusic_track)
    return file


SCORE = Medium("MIDI", MIDI_SUFFIXES, MAX_BYTES, read, write)


def _parsed(division: int, chunks: list[bytes], smpte: bool) -> Score:
    """Returns the score of track chunks that sound together."""
    size = sum(map(len, chunks))
    try:
        # symusic does not say which of a file's tracks a note was in, so it is given them one by one.
        score = from_symusic(*(symusic.Score.from_midi(smf.file(division, [chunk])) for chunk in chunks))
        if not score.tracks and size <= MAX_BYTES_MIDO:
            # symusic drops notes that never end, and some drum machines never end one.
            score = _from_mido(division, chunks)
    except (RuntimeError, ValueError, LookupError, OverflowError) as error:
        if size > MAX_BYTES_MIDO:
            raise refusals.rejected(error) from None
        score = _from_mido(division, chunks)
    # In SMPTE time a tempo has no effect.
    return replace(score, tempos=((0, 120.0),)) if smpte else score


def from_symusic(*parsed: "symusic.core.ScoreTick") -> Score:
    """Returns the score of some of symusic's that sound together; its tracks have the numbers of these.

    Raises:
      RejectedFile: if a time does not fit into symusic's 32 bits.
    """
    tracks = []
    for number, part in enumerate(parsed):
        for track in part.tracks:
            if not len(track.notes):
                continue
            columns = track.notes.numpy()
            if columns["time"].min() < 0 or columns["duration"].min() < 0:
                raise RejectedFile(TOO_FAR)
            notes = Notes.of(columns["time"], columns["duration"], columns["pitch"], columns["velocity"])
            tracks.append(Track(notes, track.name, track.program, track.is_drum, number))
    tempos = [(tempo.time, tempo.qpm) for part in parsed for tempo in part.tempos]
    meters = [(meter.time, meter.numerator, meter.denominator) for part in parsed for meter in part.time_signatures]
    tempos.sort(key=itemgetter(0))
    meters.sort(key=itemgetter(0))
    division = parsed[0].ticks_per_quarter
    return Score(division, tuple(tracks), tuple(tempos) or ((0, 120.0),), tuple(meters) or ((0, 4, 4),))


def _from_mido(division: int, chunks: list[bytes]) -> Score:
    """Returns the score of track chunks that sound together, as mido reads them.

    Raises:
      RejectedFile: if mido refuses it, or a track lasts longer than symusic can count.
    """
    file = parser.parse(division, chunks, clip=True)
    tempos: list[tuple[int, float]] = []
    meters: list[tuple[int, int, int]] = []
    tracks = []
    for number, messages in enumerate(file.tracks):
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
            elif message.type == "time_signature" and message.denominator <= SHORTEST_BEAT:
                meters.append((tick, message.numerator, message.denominator))
            elif message.type == "program_change":
                programs[message.channel] = message.program
            elif message.type == "note_on" and message.velocity:
                start = (tick, message.velocity, programs[message.channel])
                sounding.setdefault((message.channel, message.note), []).append(start)
            elif message.type in ("note_on", "note_off") and (queue := sounding.get((message.channel, message.note))):
                onset, velocity, program = queue.pop(0)
                parts.setdefault((message.channel, program), []).append((onset, tick - onset, message.note, velocity))
        if tick > MAX_TICK:
            raise RejectedFile(TOO_FAR)
        for (channel, pitch), queue in sounding.items():
            for onset, velocity, program in queue:
                parts.setdefault((channel, program), []).append((onset, tick - onset, pitch, velocity))
        for (channel, program), part in parts.items():
            tracks.append(Track(Notes.of(*zip(*part, strict=True)), name, program, channel == DRUM_CHANNEL, number))
    tempos, meters = sorted(tempos) or [(0, 120.0)], sorted(meters) or [(0, 4, 4)]
    return Score(file.ticks_per_beat, tuple(tracks), tuple(tempos), tuple(meters))


def _concatenated(patterns: list[Score]) -> Score:
    """Returns one score of several of one division, each beginning on the beat after the one before it."""
    division, offset = patterns[0].division, 0
    tracks: list[Track] = []
    tempos, meters = [], []
    for number, score in enumerate(patterns):
        tracks += (
            replace(track, notes=replace(track.notes, onset=track.notes.onset + offset), number=number)
            for track in score.tracks
        )
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
        raise RejectedFile(TOO_FAR)
    return score
