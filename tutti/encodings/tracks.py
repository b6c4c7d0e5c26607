"""Tracks of a score chosen as users name them: `program:N`, or a track's name."""

from collections.abc import Iterable

from tutti.score import Track


def matching(tracks: Iterable[Track], selector: str) -> list[Track]:
    """Returns the tracks that `program:N`, with a General MIDI program, or a name stands for.

    A program is never that of a drum track. Names match whatever their case.
    """
    if selector.startswith("program:"):
        return [track for track in tracks if f"program:{track.program}" == selector and not track.is_drum]
    return [track for track in tracks if same_name(track.name, selector)]


def same_name(name: str, other: str) -> bool:
    """Returns whether two names differ in nothing but case and the spaces around them."""
    return name.strip().lower() == other.strip().lower()
