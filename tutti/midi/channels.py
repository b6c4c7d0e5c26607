"""The MIDI channel of each track of a score, which symusic does not keep."""

from dataclasses import replace
from typing import NamedTuple

from tutti.midi import smf
from tutti.midi.messages import NOTE_ON, PROGRAM_CHANGE
from tutti.midi.smf import DRUM_CHANNEL
from tutti.score import Score, Track


class Part(NamedTuple):
    """The notes that a track of a file plays on one channel with one program.

    Attributes:
      channel: 0 to 15.
      program: 0 to 127.
      first: the lowest pitch of those that it strikes first.
    """

    channel: int
    program: int
    first: int


def with_channels(score: Score, chunks: list[bytes]) -> Score:
    """Returns a score whose tracks have the channels that their notes have in a file.

    Args:
      score: what was read from the file.
      chunks: its track chunks, with their headers.
    """
    parts = {number: _parts(chunks[number]) for number in {track.number for track in score.tracks}}
    tracks = []
    for track in score.tracks:
        part = _part_of(track, parts[track.number])
        if part:
            parts[track.number].remove(part)
        tracks.append(replace(track, channel=part.channel + 1) if part else track)
    return replace(score, tracks=tuple(tracks))


def _part_of(track: Track, parts: list[Part]) -> Part | None:
    """Returns the part that is a track: its first note tells two apart that have one program."""
    kind = track.program, track.is_drum
    alike = [part for part in parts if (part.program, part.channel == DRUM_CHANNEL) == kind]
    first = [part for part in alike if part.first == track.notes.pitch[0]]
    return next(iter(first or alike), None)


def _parts(chunk: bytes) -> list[Part]:
    """Returns the parts of a track chunk in the order of their channels."""
    tick = 0
    programs = [0] * 16
    first: dict[tuple[int, int], tuple[int, int]] = {}
    for event in smf.events(chunk):
        tick += event.delta
        channel, data = event.status & 15, chunk[event.data : event.data + 2]
        if event.status & 0xF0 == PROGRAM_CHANGE:
            programs[channel] = data[0]
        elif event.status & 0xF0 == NOTE_ON and data[1]:
            part = channel, programs[channel]
            first[part] = min(first.get(part, (tick, data[0])), (tick, data[0]))
    return [Part(channel, program, pitch) for (channel, program), (_, pitch) in sorted(first.items())]
