"""Tracks of a score chosen as users name them, in the same words for every encoding.

A selector is the number of a track in its file, `channel:N`, `program:N`, `role:NAME`, or a track's name.
`tutti inspect FILE` shows all of them.
"""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tutti import midi, roles
from tutti.errors import RejectedFile
from tutti.score import Score, Track

HELP = "a track's number, channel:N, program:N, role:NAME or name: see tutti inspect FILE"
# Who chose, beside what a role was taken from (`tutti.roles`).
ASKED = "--track"
# How many tracks, and how much of a name, a text lists: a hostile file has a hundred thousand.
MOST_LISTED, MOST_OF_A_NAME = 32, 40
KINDS = ("channel:", "program:", "role:")
_RANGES = {"channel": range(1, 17), "program": range(128)}
_NUMBERED = re.compile(r"(channel|program):([0-9]{1,3})")


class FromTracks:
    """What encodings of scores have in common that can be told which tracks to take.

    Attributes:
      track: a selector; empty, or a word of the encoding's own, to let the encoding choose.
    """

    track: str

    def read(self, data: bytes, /) -> Score:
        """Returns the score in a MIDI file's bytes, with channels if they are asked for.

        Raises:
          RejectedFile: if they hold none, or are beyond the bounds of `tutti.score`.
        """
        return midi.read(data, channels=self.track.startswith("channel:"))

    def choice(self, score: Score, /) -> "Choice | None":
        """Returns the tracks that were asked for; None where none were.

        Raises:
          RejectedFile: if the score has no such tracks.
        """
        return chosen(score, self.track) if self.track else None

    def taken(self, score: Score) -> tuple[Track, ...]:
        """Returns the tracks that songs are made of.

        Raises:
          RejectedFile: if the score has no such tracks.
        """
        choice = self.choice(score)
        return choice.tracks if choice else score.tracks


class Choice(NamedTuple):
    """The tracks of a score that songs are made of.

    Attributes:
      tracks: at least one.
      by: what they were chosen by: `ASKED`, one of `tutti.roles`, or the encoding's own words.
    """

    tracks: tuple[Track, ...]
    by: str

    def text(self) -> str:
        """Returns the numbers and names of the tracks, as manifests have them."""
        return listed(self.tracks, described=False)


def check(selector: str) -> None:
    """Makes sure that a selector is one.

    Raises:
      ValueError: if it is empty, or a channel, a program or a role is none.
    """
    if not isinstance(selector, str) or not selector.strip():
        raise ValueError(f"track is {selector!r}; it can be {HELP}")
    kind, _, value = selector.partition(":")
    if kind in _RANGES and not (_NUMBERED.fullmatch(selector) and int(value) in _RANGES[kind]):
        raise ValueError(f"track is {selector!r}; a {kind} is from {_RANGES[kind][0]} to {_RANGES[kind][-1]}")
    if kind == "role" and value not in roles.ROLES:
        raise ValueError(f"track is {selector!r}; a role is one of {', '.join(roles.ROLES)}")


def chosen(score: Score, selector: str) -> Choice:
    """Returns the tracks that a selector stands for, in the order of the score. Names match whatever their case.

    Raises:
      RejectedFile: if the score has none; lists those that it has.
    """
    tracks = tuple(_matching(score, selector))
    if not tracks:
        raise RejectedFile(f"no track {selector!r} with notes: it has {listed(score.tracks)}")
    return Choice(tracks, ASKED)


def listed(tracks: Sequence[Track], described: bool = True) -> str:
    """Returns the numbers of some tracks with their names and, if `described`, programs, joined by commas."""
    texts = dict.fromkeys(_text(track, described) for track in tracks[:MOST_LISTED])
    return ", ".join(texts) + ", ..." * (len(tracks) > MOST_LISTED)


def same_name(name: str, other: str) -> bool:
    """Returns whether two names differ in nothing but case and the spaces around them."""
    return name.strip().lower() == other.strip().lower()


def _matching(score: Score, selector: str) -> Iterable[Track]:
    kind, _, value = selector.partition(":")
    if selector.isdecimal():
        return (track for track in score.tracks if track.number == int(selector))
    if kind == "channel":
        return (track for track in score.tracks if track.channel == int(value))
    if kind == "program":
        # That of a drum track names a kit, no instrument.
        return (track for track in score.tracks if track.program == int(value) and not track.is_drum)
    if kind == "role":
        found = zip(score.tracks, roles.roles(score), strict=True)
        return (track for track, role in found if role.name == value)
    return (track for track in score.tracks if same_name(track.name, selector))


def _text(track: Track, described: bool) -> str:
    name = " ".join(track.name.split())[:MOST_OF_A_NAME]
    program = "" if not described else "drums" if track.is_drum else f"program:{track.program}"
    about = ", ".join(text for text in (name, program) if text)
    return f"{track.number} ({about})" if about else str(track.number)
