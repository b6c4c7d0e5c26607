"""The roles, and what a role was taken from."""

from dataclasses import dataclass

DRUMS, BASS, MELODY, CHORDS, OTHER = ROLES = ("drums", "bass", "melody", "chords", "other")
CHANNEL, NAME, PROGRAM, PLAYING = "channel 10", "its name", "its program", "how it plays"


@dataclass(frozen=True)
class Role:
    """What a track is for.

    Attributes:
      name: one of `ROLES`.
      by: what says so: `CHANNEL`, `NAME`, `PROGRAM` or `PLAYING`.
    """

    name: str
    by: str
