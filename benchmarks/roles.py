"""Roles of tracks: how often are drums, bass, melody and chords told right, with what files say of them hidden?

    python -m benchmarks.roles CORPORA

CORPORA is a folder of corpora: `metallica/midi` and `trap/by_hand` (drums), `jazz` (a band), `piano` (hands named for
left and right), `classic` (rolls of chorales, whose voices are taken apart by height, and of folk tunes, taken apart
into tune and chords); composed bands come with the project. The truth is what channel 10, programs and names say, or
how the tracks were made; it is hidden in turn. A left hand counts as right if it is anything but drums or melody.

The last figure is an attack: every pitched track is moved to every key in which it fits, and should not become a kit.
"""

import argparse
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import measure
from tutti import midi
from tutti.errors import RejectedFile
from tutti.practice import band
from tutti.roles import BASS, CHORDS, DRUMS, MELODY, OTHER, ROLES, roles
from tutti.roles.kit import is_kit
from tutti.score import Notes, Score, Track

HIDDEN = ("", "channel", "name", "program", "channel, name, program")
ACCOMPANIMENT = (BASS, CHORDS, OTHER)
LEFT, RIGHT = ("left", "lh"), ("right", "rh")
# What the tracks of a jazz band do that its names and programs do not say of themselves.
SOLO, COMPING = "Guitar", ("Piano", "Organ", "String", "Synth Brass")
# Of the rolls: a frame is an eighth, and bit 0 MIDI pitch 21.
DIVISION, FRAME, LOWEST, PITCHES = 480, 240, 21, 88
VOICES = (BASS, OTHER, OTHER, MELODY)
BANDS = 300
KEYS = range(-60, 25)
PITCH_RANGE = range(24, 101)


@dataclass(frozen=True)
class Labelled:
    """A score, and the roles that each of its tracks may have; none for a track that nobody knows."""

    score: Score
    truth: tuple[tuple[str, ...], ...]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpora", type=Path, metavar="CORPORA")
    args = parser.parse_args()
    corpora = {
        "metallica": [*drums(args.corpora / "metallica/midi")],
        "trap": [*drums(args.corpora / "trap/by_hand")],
        "jazz": [*jazz(args.corpora / "jazz")],
        "piano": [*hands(args.corpora / "piano")],
        "chorales": [*chorales(args.corpora / "classic/jsb.npz")],
        "folk tunes": [*tunes(args.corpora / "classic/nottingham.npz")],
        "composed bands": [*bands()],
    }
    results: dict[str, object] = {hidden or "nothing": figures(corpora, hidden) for hidden in HIDDEN}
    results["kits among transposed tracks"] = attack([score for found in corpora.values() for score in found])
    (measure.RESULTS / "roles.json").write_text(json.dumps(results, indent=1) + "\n")
    print(json.dumps(results, indent=1))


def figures(corpora: dict[str, list[Labelled]], hidden: str) -> dict[str, object]:
    """Returns precision and recall of each role over all corpora, and what became of what in each."""
    right, told, true = Counter[str](), Counter[str](), Counter[str]()
    confusion: dict[str, Counter[str]] = {}
    for name, scores in corpora.items():
        confusion[name] = Counter()
        for labelled in scores:
            for truth, role in zip(labelled.truth, roles(without(labelled.score, hidden)), strict=True):
                if not truth:
                    continue
                told[role.name] += 1
                true[truth[0] if len(truth) == 1 else role.name if role.name in truth else truth[-1]] += 1
                right[role.name] += role.name in truth
                confusion[name][f"{' or '.join(truth)} -> {role.name}"] += 1
    by_role = {
        role: {"tracks": true[role], "precision": right[role] / told[role], "recall": right[role] / true[role]}
        for role in ROLES
    }
    return {"roles": by_role, "corpora": {name: dict(sorted(counts.items())) for name, counts in confusion.items()}}


def without(score: Score, hidden: str) -> Score:
    """Returns a score whose tracks have lost channel, name or program, as `hidden` says."""
    values = {"channel": ("is_drum", False), "name": ("name", ""), "program": ("program", 0)}
    lost: dict[str, Any] = dict(values[what] for what in hidden.split(", ") if what)
    return replace(score, tracks=tuple(replace(track, **lost) for track in score.tracks))


def attack(scores: Sequence[Labelled]) -> dict[str, int]:
    """Returns in how many keys the pitched tracks fit, and in how many of these one was taken for a drum kit."""
    keys = kits = 0
    for labelled in scores:
        for track, truth in zip(labelled.score.tracks, labelled.truth, strict=True):
            for semitones in KEYS if DRUMS not in truth and not track.is_drum else ():
                pitch = track.notes.pitch + semitones
                if int(pitch.min()) in PITCH_RANGE and int(pitch.max()) in PITCH_RANGE:
                    keys += 1
                    kits += is_kit(replace(track.notes, pitch=pitch), labelled.score.division)
    return {"keys": keys, "kits": kits}


def files(folder: Path) -> Iterator[Score]:
    """Yields the scores of a folder's MIDI files that can be read."""
    for path in sorted(folder.rglob("*.mid")):
        with suppress(RejectedFile):
            yield midi.read(path.read_bytes())


def drums(folder: Path) -> Iterator[Labelled]:
    """Yields files that are drums alone."""
    for score in files(folder):
        yield Labelled(score, ((DRUMS,),) * len(score.tracks))


def jazz(folder: Path) -> Iterator[Labelled]:
    """Yields a band's files."""
    for score in files(folder):
        yield Labelled(score, tuple(_in_the_band(track) for track in score.tracks))


def _in_the_band(track: Track) -> tuple[str, ...]:
    name = track.name.strip()
    if track.is_drum:
        # A shaker by itself, with all that says so hidden, is no kit.
        return (DRUMS,) if name in ("Ride", "Cymbales", "Snare", "Kick") else (DRUMS, OTHER)
    known = {SOLO: MELODY, "Bass": BASS, **dict.fromkeys(COMPING, CHORDS)}
    return (known.get(name, OTHER),)


def hands(folder: Path) -> Iterator[Labelled]:
    """Yields piano pieces whose hands are named."""
    for score in files(folder):
        yield Labelled(score, tuple(_hand(track) for track in score.tracks))


def _hand(track: Track) -> tuple[str, ...]:
    words = track.name.lower().split()
    if any(word in words for word in LEFT):
        return ACCOMPANIMENT
    return (MELODY,) if any(word in words for word in RIGHT) else ()


def chorales(path: Path) -> Iterator[Labelled]:
    """Yields chorales in four voices, taken apart by height."""
    for frames in rolls(path):
        full = [pitches if len(pitches) == len(VOICES) else [-1] * len(VOICES) for pitches in sounding(frames)]
        yield labelled([(role, voice([pitches[place] for pitches in full])) for place, role in enumerate(VOICES)])


def tunes(path: Path) -> Iterator[Labelled]:
    """Yields folk tunes, and what sounds below them as chords."""
    for frames in rolls(path):
        highest = [pitches[-1] if pitches else -1 for pitches in sounding(frames)]
        below = frames.copy()
        below[[i for i, pitch in enumerate(highest) if pitch >= 0], [p - LOWEST for p in highest if p >= 0]] = 0
        yield labelled([(MELODY, voice(highest)), (CHORDS, chords(below))])


def bands() -> Iterator[Labelled]:
    """Yields composed bands."""
    for index in range(BANDS):
        _, arrangement = band.compose(1, index)
        yield Labelled(arrangement.score, tuple((role,) for role in arrangement.roles))


def labelled(parts: Sequence[tuple[str, Notes]]) -> Labelled:
    """Returns a score of some parts that are not empty, with their roles."""
    sounded = [(role, notes) for role, notes in parts if len(notes)]
    tracks = tuple(Track(notes) for _, notes in sounded)
    return Labelled(Score(DIVISION, tracks), tuple((role,) for role, _ in sounded))


def rolls(path: Path) -> Iterator[NDArray[np.uint8]]:
    """Yields the training pieces of a file of rolls, uint8[frames, 88] each."""
    stored = np.load(path)
    frames = np.unpackbits(stored["train"], axis=1)[:, :PITCHES]
    yield from np.split(frames, np.cumsum(stored["train_lengths"])[:-1])


def sounding(frames: NDArray[np.uint8]) -> list[list[int]]:
    """Returns the pitches of each frame, the lowest first."""
    return [(np.flatnonzero(frame) + LOWEST).tolist() for frame in frames]


def voice(pitches: Sequence[int]) -> Notes:
    """Returns one voice of the pitch of each frame, -1 for none; a pitch that stays is one note."""
    line = np.array([-1, *pitches, -1])
    changes = np.flatnonzero(np.diff(line))
    begin, pitch = changes[:-1], line[changes[:-1] + 1]
    return _notes(begin[pitch >= 0], np.diff(changes)[pitch >= 0], pitch[pitch >= 0])


def chords(frames: NDArray[np.uint8]) -> Notes:
    """Returns the notes of a roll; a pitch that stays is one note."""
    change = np.diff(np.pad(frames, ((1, 1), (0, 0))).astype(np.int8), axis=0)
    pitch, begin = np.nonzero(change.T == 1)
    _, end = np.nonzero(change.T == -1)
    return _notes(begin, end - begin, pitch + LOWEST)


def _notes(begin: NDArray[np.int64], frames: NDArray[np.int64], pitch: NDArray[np.int64]) -> Notes:
    return Notes.of(begin * FRAME, frames * FRAME, pitch, np.full(len(begin), 80))


if __name__ == "__main__":
    main()
