"""What each track of a score is for: drums, bass, melody, chords, or something else.

A track's channel, name or program says it (`declared`); where they say nothing, drums are told by the notes of a kit
(`kit`), and the others by how they play (`playing`), beside each other (`judge`).
"""

from tutti.roles.judge import most_melodic, roles
from tutti.roles.role import BASS, CHANNEL, CHORDS, DRUMS, MELODY, NAME, OTHER, PLAYING, PROGRAM, ROLES, Role

__all__ = [
    "BASS",
    "CHANNEL",
    "CHORDS",
    "DRUMS",
    "MELODY",
    "NAME",
    "OTHER",
    "PLAYING",
    "PROGRAM",
    "ROLES",
    "Role",
    "most_melodic",
    "roles",
]
