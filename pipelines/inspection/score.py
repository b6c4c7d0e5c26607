"""What is in a MIDI file: its tracks, their roles, and what each encoding would take of it."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from pipelines import report
from pipelines.ingest.codec import codec_of
from tutti import roles
from tutti.encodings.base import Encoding, FrameEncoding
from tutti.encodings.chords import pitch_name
from tutti.encodings.registry import encodings
from tutti.errors import MissingPackage, RejectedFile
from tutti.medium import MIDI_SUFFIXES
from tutti.midi import read
from tutti.roles.playing import overlap
from tutti.score import Score, Track

# Of a track's name in a table.
LONGEST_NAME = 32
COLUMNS = ("track", "channel", "program", "name", "notes", "range", "voices", "role", "said by")


@dataclass(frozen=True)
class TrackFigures:
    """One track of a file.

    Attributes:
      number, channel, program, name: by which it can be chosen; a file's track has several lines where it plays on
        several channels or with several programs.
      notes: how many.
      lowest, highest: their pitches.
      voices: how many sound at once, on average, where any does.
      role, by: what it is for, and what says so; see `tutti.roles`.
    """

    number: int
    channel: int
    program: int
    name: str
    notes: int
    lowest: int
    highest: int
    voices: float
    role: str
    by: str

    @classmethod
    def of(cls, track: Track, role: roles.Role) -> "TrackFigures":
        """Returns the figures of a track in its role."""
        pitch = track.notes.pitch
        return cls(
            track.number,
            track.channel,
            track.program,
            " ".join(track.name.split()),
            len(pitch),
            int(pitch.min()),
            int(pitch.max()),
            round(overlap(track.notes) + 1, 1),
            role.name,
            role.by,
        )

    def row(self) -> tuple[str, ...]:
        """Returns the cells of its line in a table, as `COLUMNS` names them."""
        return (
            str(self.number),
            str(self.channel or ""),
            "" if self.channel == 10 else str(self.program),
            self.name[:LONGEST_NAME],
            f"{self.notes:,}",
            f"{pitch_name(self.lowest)} to {pitch_name(self.highest)}",
            f"{self.voices:.1f}",
            self.role,
            self.by,
        )


@dataclass(frozen=True)
class ScoreInspection:
    """What is in a MIDI file.

    Attributes:
      path: of the file.
      quarters: its length in quarter notes.
      bpm, meter: its first tempo, in quarter notes a minute, and its first meter.
      tracks: those that have notes.
      encodings: by an encoding's name, what it would take.
    """

    path: str
    quarters: int
    bpm: float
    meter: str
    tracks: tuple[TrackFigures, ...]
    encodings: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        """Returns the figures, as `tutti inspect --json` prints them."""
        return asdict(self)

    def table(self) -> str:
        """Returns the figures as text, as `tutti inspect` prints them."""
        return "\n".join(self._lines())

    def _repr_html_(self) -> str:
        rows = [COLUMNS, *(track.row() for track in self.tracks)]
        return report.html_table(rows, header=True) + report.html_table([*self.encodings.items()])

    def _lines(self) -> Iterator[str]:
        yield (
            f"{self.path}: {len(self.tracks):,} {'tracks' if len(self.tracks) != 1 else 'track'} with notes, "
            f"{self.quarters:,} quarter notes in {self.meter}, {self.bpm:g} a minute"
        )
        yield ""
        yield report.table([COLUMNS, *(track.row() for track in self.tracks)], left=(3, 5, 7, 8))
        yield ""
        yield "what each encoding takes, unless --track names a number, channel:N, program:N, role:NAME or name:"
        width = max(map(len, self.encodings))
        yield from (f"{name:<{width}}  {taken}" for name, taken in self.encodings.items())


def inspect_score(path: str, data: bytes) -> ScoreInspection:
    """Returns what is in a MIDI file.

    Args:
      path: what to call it.
      data: its bytes.

    Raises:
      RejectedFile: if they are no MIDI file with notes.
    """
    score = read(data, channels=True)
    _, numerator, denominator = score.meters[0]
    return ScoreInspection(
        path,
        quarters=-(-_end(score) // score.division),
        bpm=round(score.tempos[0][1], 2),
        meter=f"{numerator}/{denominator}",
        tracks=tuple(map(TrackFigures.of, score.tracks, roles.roles(score))),
        encodings={name: taken(encoding, data) for name, encoding in of_midi().items()},
    )


def of_midi() -> dict[str, Encoding]:
    """Returns the encodings of MIDI files by name, each with its default parameters."""
    return {name: kind() for name, kind in encodings().items() if kind.medium.suffixes == MIDI_SUFFIXES}


def taken(encoding: Encoding, data: bytes) -> str:
    """Says what an encoding would take of a MIDI file, or why nothing."""
    try:
        piece = encoding.read(data)
        lengths = [length for length, _ in codec_of(encoding).encode(piece)]
        choice = encoding.choice(piece)
    except (RejectedFile, MissingPackage) as reason:
        return f"nothing: {reason}"
    chosen = f"track {choice.text()}, by {choice.by}" if choice else "all that it can use"
    songs = f" in {len(lengths):,} songs" if len(lengths) > 1 else ""
    return f"{chosen}: {sum(lengths):,} {unit_of(encoding)}{songs}"


def unit_of(encoding: Encoding) -> str:
    """Returns what the songs of an encoding are made of."""
    return "frames" if isinstance(encoding, FrameEncoding) else "tokens"


def _end(score: Score) -> int:
    return max(int((track.notes.onset + track.notes.duration).max()) for track in score.tracks)
