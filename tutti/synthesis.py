"""Notes as sound: a score, or messages -> Sound, played by a synthesizer on the instruments of a SoundFont.

The synthesizer is rustysynth, in midirenderer; the SoundFont, if none is given, the General MIDI one that pretty_midi
brings. Both come with the extra `sound`. Format: "SoundFont Technical Specification 2.04" (E-mu, 2006).
"""

import importlib.util
import io
import os
import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tutti import atomic, midi, quiet
from tutti.audio import MAX_SECONDS, Sound
from tutti.errors import Error, MissingPackage, needing
from tutti.midi import messages, smf
from tutti.midi.messages import Messages, MessageTrack
from tutti.score import Score, seconds_at

EXTRA, TASK = "sound", "sound of notes"
PACKAGE, SOUNDFONT = "pretty_midi", "TimGM6mb.sf2"
MAX_BYTES = 1 << 30
# How long the last note may fade, in seconds, and the loudest sample: 1 dB below full scale.
TAIL = 2.0
PEAK = 10 ** (-1 / 20)
# The synthesizer's samples have 16 bits. Controller 11, from 0 to 127, turns down what is too loud for them.
EXPRESSION, LOUDNESSES = 11, (127, 64, 32)
LOUDEST = (1 << 15) - 1


def soundfont(path: str | os.PathLike[str] | None = None) -> bytes:
    """Returns a SoundFont for `synthesised`.

    Args:
      path: a file in the format SoundFont 2 (`.sf2`); none for that of the extra `sound`.

    Raises:
      MissingPackage: if the extra is not installed.
      Error: if the file cannot be read, or is none that the synthesizer can play.
    """
    place = _own_soundfont() if path is None else Path(path)
    content = atomic.read(place, MAX_BYTES)
    if content[:4] != b"RIFF" or content[8:12] != b"sfbk":
        raise Error(f"{place} is no SoundFont; it must be a file in the format SoundFont 2 (.sf2)")
    with quiet.stderr_shut():
        try:
            _played(messages.write(_frame(1, 1)), content)
        except MissingPackage:
            raise
        except Error:
            raise Error(f"{place} cannot be played: it is damaged, or a compressed SoundFont (.sf3)") from None
    return content


def synthesised(piece: Score | Messages, soundfont: bytes) -> Sound:
    """Returns a piece as it sounds, in one channel; the same samples for the same piece.

    It begins where the piece does, ends two seconds after its last event, and is 1 dB below full scale where it is
    loudest, however loud its notes are. A piece without a note is silence.

    Args:
      piece: what to play. Of messages, controllers and pitch bends are heard, too.
      soundfont: what the function `soundfont` returns.

    Raises:
      MissingPackage: if the extra `sound` is not installed.
      Error: if the piece lasts longer than a recording may (`audio.MAX_SECONDS`), or the SoundFont cannot be played.
    """
    last = _last_tick(piece)
    (seconds,) = seconds_at(np.array([last]), piece.division, piece.tempos)
    if seconds > MAX_SECONDS:
        raise Error(f"a piece of {seconds / 60:,.0f} minutes is too long for sound: {MAX_SECONDS // 60} are the limit")
    end = last + int(np.ceil(TAIL / 60 * piece.tempos[-1][1] * piece.division))
    tracks = smf.chunks(midi.write(piece) if isinstance(piece, Score) else messages.write(piece))[3]
    for loudness in LOUDNESSES:
        frame = smf.chunks(messages.write(_frame(piece.division, end, loudness)))[3]
        rate, samples = _pcm(_played(smf.file(piece.division, frame + tracks), soundfont))
        if np.abs(samples, dtype=np.int32).max(initial=0) < LOUDEST:
            break
    mono = samples.mean(axis=1, dtype=np.float32)
    loudest = np.abs(mono).max(initial=0)
    return Sound(rate, mono * np.float32(PEAK / loudest) if loudest else mono)


def _own_soundfont() -> Path:
    # Found without an import of the package, which loads much that is not needed here.
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise MissingPackage(TASK, PACKAGE, EXTRA)
    return Path(found.origin).with_name(SOUNDFONT)


def _frame(division: int, end: int, loudness: int = LOUDNESSES[0]) -> Messages:
    """Returns messages that turn all channels to a loudness, and then do nothing up to the tick `end`."""
    volumes = [[0xB0 + channel, EXPRESSION, loudness] for channel in range(16)]
    tick = np.array([*[0] * 16, end], np.int64)
    return Messages(division, (MessageTrack(tick, np.array([*volumes, [messages.NOTE_OFF, 0, 0]], np.uint8)),), ())


def _last_tick(piece: Score | Messages) -> int:
    """Returns the tick of the last event: a note's end, a message or a tempo."""
    if isinstance(piece, Score):
        ends = [int((track.notes.onset + track.notes.duration).max()) for track in piece.tracks]
    else:
        ends = [int(track.tick[-1]) for track in piece.tracks if len(track)]
    return max([*ends, *(tick for tick, _ in piece.tempos)], default=0)


def _played(file: bytes, soundfont: bytes) -> bytes:
    """Returns a MIDI file as a WAV file."""
    with needing(EXTRA, TASK):
        import midirenderer
    try:
        return midirenderer.render_wave_from(soundfont, file)
    except BaseException as error:
        # On some damaged SoundFonts the library panics, which is no Exception.
        if isinstance(error, KeyboardInterrupt | SystemExit | MemoryError):
            raise
        raise Error("the SoundFont cannot be played: it is damaged") from None


def _pcm(content: bytes) -> tuple[int, NDArray[np.int16]]:
    """Returns the rate and the samples of a WAV file: int16[n, channels]."""
    with wave.open(io.BytesIO(content)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        return file.getframerate(), samples.reshape(-1, file.getnchannels())
