"""A piano roll: for each step of the grid one frame of bits, for models of vectors such as a Boltzmann machine.

A frame has two bits for each pitch of the range: whether it sounds in this step, and whether it is struck in it. First
come all the sounding bits from the lowest pitch up, then all the struck ones; 78 pitches make 156 bits. Source:
D. Shiebler, "Music generation with restricted Boltzmann machines in TensorFlow", 2016, whose piano roll is that of
D. Johnson, "Composing music with recurrent neural networks", 2015.

As text a frame is one token: the pitches that sound, joined by dots, an `s` after those that are struck, such as
`36s.60.64s`; `-` is silence.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tutti import midi
from tutti.encodings import grid, tracks
from tutti.encodings.base import FrameEncoding
from tutti.encodings.tracks import FromTracks
from tutti.encodings.vocabulary import SPECIALS
from tutti.errors import RejectedFile
from tutti.medium import Medium
from tutti.score import MAX_BEATS, Notes, Score, Track, joined

DIVISION = 480
VELOCITY = 80
SILENCE = "-"
STRUCK = "s"
RESOLUTIONS = (8, 12, 16, 24, 32, 48)


@dataclass(frozen=True)
class PianoRoll(FromTracks, FrameEncoding):
    """All pitched tracks of a score as one roll. Drums and pitches outside the range are left out.

    Args:
      resolution: steps in a whole note.
      lowest: the lowest MIDI pitch of the range.
      highest: the first MIDI pitch above the range.
      track: the tracks to take: see `tutti.encodings.tracks`. Empty takes all that are pitched.
    """

    name: ClassVar[str] = "pianoroll"
    medium: ClassVar[Medium] = midi.SCORE
    pitched: ClassVar[bool] = True

    resolution: int = field(default=16, metadata={"choices": RESOLUTIONS, "help": "steps in a whole note"})
    lowest: int = field(default=24, metadata={"help": "the lowest pitch of the roll, 0 to 127"})
    highest: int = field(default=102, metadata={"help": "the pitch behind the highest, up to 128"})
    track: str = field(default="", metadata={"help": tracks.HELP})

    def __post_init__(self) -> None:
        if self.track:
            tracks.check(self.track)
        if self.resolution not in RESOLUTIONS:
            raise ValueError(f"resolution is {self.resolution}; it can be {', '.join(map(str, RESOLUTIONS))}")
        if not 0 <= self.lowest <= 127:
            raise ValueError(f"lowest is {self.lowest}; it can be 0 to 127")
        if not self.lowest < self.highest <= 128:
            raise ValueError(f"highest is {self.highest}; it can be {self.lowest + 1} to 128, being behind the last")

    @property
    def pitches(self) -> int:
        """How many pitches the range has."""
        return self.highest - self.lowest

    @property
    def bits(self) -> int:
        """Bits in a frame: one of sounding and one of being struck for each pitch."""
        return 2 * self.pitches

    @property
    def frame_duration(self) -> Fraction:
        return Fraction(4, self.resolution)

    def encode_frames(self, score: Score) -> list[NDArray[np.uint8]]:
        """Returns one song, uint8[steps, ceil(bits / 8)], from the score's beginning to the last step that sounds.

        A note sounds from the step nearest to its onset to the one nearest to its end, but for one step at least.

        Raises:
          RejectedFile: if no pitched note is in the range.
        """
        pitched = [track.notes for track in self.taken(score) if not track.is_drum]
        if not pitched:
            raise RejectedFile("no pitched part: every note is on channel 10")
        notes = joined(pitched)
        pitch = notes.pitch.astype(np.int64) - self.lowest
        within = (pitch >= 0) & (pitch < self.pitches)
        if not within.any():
            raise RejectedFile(f"no note has a pitch from {self.lowest} to {self.highest - 1}")
        pitch = pitch[within]
        onset, duration = notes.onset[within], notes.duration[within]
        # Onsets are bounded by the reader, what a note's length claims is not.
        last = MAX_BEATS * self.resolution // 4 + 1
        begin = grid.nearest_step(onset, score.division, self.resolution)
        end = grid.nearest_step(onset + duration, score.division, self.resolution)
        end = np.clip(end, begin + 1, np.maximum(last, begin + 1))
        steps = int(end.max())
        # Notes that begin less notes that end, summed over time, are the notes that sound.
        change = np.zeros((steps + 1, self.pitches), np.int32)
        np.add.at(change, (begin, pitch), 1)
        np.add.at(change, (end, pitch), -1)
        frames = np.zeros((steps, self.bits), bool)
        frames[:, : self.pitches] = np.cumsum(change, axis=0, out=change)[:-1] > 0
        frames[begin, self.pitches + pitch] = True
        return [np.packbits(frames, axis=1)]

    def decode_frames(self, frames: NDArray[np.uint8]) -> Score:
        """Returns the score of frames, uint8[steps, bits] of 0 and 1; any bits will do.

        A struck pitch begins a note, whether its sounding bit is set or not. A pitch that sounds and is not struck goes
        on or, if it did not sound in the step before, begins a note too.
        """
        struck = self._by_pitch(frames[:, self.pitches :])
        sounds = self._by_pitch(frames[:, : self.pitches]) | struck
        before = np.roll(sounds, 1)  # the step of silence after each pitch comes before the next pitch's first step
        begins = np.flatnonzero(struck | (sounds & ~before))
        stops = np.flatnonzero(struck | ~sounds)
        ends = stops[np.searchsorted(stops, begins, side="right")]
        pitch, onset = np.divmod(begins, len(frames) + 1)
        ticks = 4 * DIVISION // self.resolution
        count = len(begins)
        notes = Notes.of(onset * ticks, (ends - begins) * ticks, pitch + self.lowest, [VELOCITY] * count)
        return Score(DIVISION, (Track(notes, "Piano"),) if count else ())

    def transposed_frames(self, frames: NDArray[np.uint8], semitones: int) -> NDArray[np.uint8] | None:
        """Returns packed frames some semitones higher; None where a note would leave the range."""
        halves = self.unpacked(frames).reshape(-1, 2, self.pitches)
        interval = int(np.clip(semitones, -self.pitches, self.pitches))
        moved = np.zeros_like(halves)
        if interval < 0:
            moved[:, :, :interval] = halves[:, :, -interval:]
        else:
            moved[:, :, interval:] = halves[:, :, : self.pitches - interval]
        if np.count_nonzero(moved) < np.count_nonzero(halves):
            return None
        return np.packbits(moved.reshape(-1, self.bits), axis=1)

    def bit_pitches(self) -> NDArray[np.int64]:
        return np.tile(np.arange(self.lowest, self.highest), 2)

    def words(self, frames: NDArray[np.uint8]) -> list[str]:
        """Returns the token of each frame of uint8[steps, bits]. A struck pitch sounds, whatever its sounding bit."""
        struck = frames[:, self.pitches :] > 0
        sounds = (frames[:, : self.pitches] > 0) | struck
        names = [str(pitch) for pitch in range(self.lowest, self.highest)]
        names += [name + STRUCK for name in names]
        sounding: list[list[str]] = [[] for _ in frames]
        steps, pitches = np.nonzero(sounds)
        places = pitches + self.pitches * struck[steps, pitches]
        for step, place in zip(steps.tolist(), places.tolist(), strict=True):
            sounding[step].append(names[place])
        return [".".join(pitches) or SILENCE for pitches in sounding]

    def frames(self, tokens: Iterable[str]) -> NDArray[np.uint8]:
        """Returns the frames of tokens, uint8[steps, bits] of 0 and 1; the specials are left out.

        Raises:
          ValueError: if a token is no frame of this range; the text names it.
        """
        words = [token for token in tokens if token not in SPECIALS]
        frames = np.zeros((len(words), self.bits), np.uint8)
        for frame, word in zip(frames, words, strict=True):
            if word == SILENCE:
                continue
            for name in word.split("."):
                digits = name.removesuffix(STRUCK)
                pitch = int(digits) if digits.isascii() and digits.isdecimal() and len(digits) <= 3 else -1
                if not self.lowest <= pitch < self.highest:
                    raise ValueError(
                        f"{word!r} is no frame: {SILENCE}, or pitches from {self.lowest} to {self.highest - 1} joined "
                        f"by dots, those struck with {STRUCK} behind, such as 60s.64"
                    )
                frame[pitch - self.lowest] = 1
                frame[pitch - self.lowest + self.pitches] |= name.endswith(STRUCK)
        return frames

    def _by_pitch(self, half: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Returns uint8[steps, pitches] pitch by pitch, a step of silence after each: bool[pitches * (steps + 1)]."""
        return np.pad(half.T > 0, ((0, 0), (0, 1))).ravel()
