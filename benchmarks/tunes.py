"""Folk tunes that music21 carries as ABC, as MIDI files of one voice, each tune once.

The collections print many tunes several times, under other names, in other keys and with other ornaments. A tune is
left out where much of it stands in one that was taken before, in whatever key and note values.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tutti import midi
from tutti.errors import Error
from tutti.score import Notes, Score, Track

DIVISION, VELOCITY = 480, 90
# Ryan's Mammoth Collection, 1883, and O'Neill's Music of Ireland, 1903: fiddle tunes both.
COLLECTIONS = ("ryansMammoth", "oneills1850")
# Two tunes are alike where this share of the one's runs of intervals is in the other.
RUN, ALIKE = 8, 0.2
FEWEST_NOTES = 32


@dataclass(frozen=True)
class Taken:
    """How many tunes there are, and why some were left out."""

    printed: int
    unreadable: int
    short: int
    alike: int
    taken: int


def make(folder: Path) -> Taken:
    """Writes a MIDI file for each tune.

    Raises:
      Error: if music21 is not installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tunes = Tunes()
    printed = unreadable = short = alike = 0
    for name, text in _printed():
        printed += 1
        score = _read(text)
        if score is None:
            unreadable += 1
        elif len(score.tracks[0].notes) < FEWEST_NOTES:
            short += 1
        elif not tunes.take(score.tracks[0].notes.pitch.tolist()):
            alike += 1
        else:
            midi.write_file(folder / f"{name}.mid", score)
    return Taken(printed, unreadable, short, alike, printed - unreadable - short - alike)


class Tunes:
    """The tunes taken so far, by their runs of intervals."""

    def __init__(self) -> None:
        self.holders: dict[tuple[int, ...], list[int]] = {}
        self.count = 0

    def take(self, pitches: Sequence[int]) -> bool:
        """Takes a tune, unless it is like one that was taken before; returns whether it did."""
        steps = np.diff(pitches).tolist()
        runs = {tuple(steps[start : start + RUN]) for start in range(len(steps) - RUN + 1)}
        shared = Counter(holder for run in runs for holder in self.holders.get(run, ()))
        if shared and max(shared.values()) > ALIKE * len(runs):
            return False
        for run in runs:
            self.holders.setdefault(run, []).append(self.count)
        self.count += 1
        return True


def _printed() -> Iterator[tuple[str, str]]:
    """Yields each tune of the collections, in order: a name and its ABC."""
    try:
        import music21
    except ModuleNotFoundError:
        raise Error("the tunes come from music21; install it with: pip install music21") from None
    corpus = Path(music21.__file__).parent / "corpus"
    for collection in COLLECTIONS:
        for file in sorted((corpus / collection).glob("*.abc")):
            tunes = re.split(r"(?m)^(?=X:)", file.read_text(errors="replace"))
            for number, text in enumerate(tunes[1:], 1):
                yield f"{collection}-{file.stem}-{number}", text


def _read(text: str) -> Score | None:
    """Reads a tune as it is written, repeats played once; None where music21 cannot, or it holds no notes."""
    from music21 import converter, stream

    try:
        tune: Any = converter.parse(text, format="abc")
    except Exception:  # music21 has no one error for what it cannot read
        return None
    voice = tune.parts[0] if tune.parts else tune
    first = voice.getElementsByClass(stream.Measure).first()
    upbeat = float(first.paddingLeft) if first is not None else 0.0
    notes = [note for note in voice.flatten().notes if note.isNote and note.quarterLength > 0]
    if not notes:
        return None
    onset = np.array([float(note.offset) + upbeat for note in notes])
    length = np.array([float(note.quarterLength) for note in notes])
    onset, end = (np.rint(times * DIVISION).astype(np.int64) for times in (onset, onset + length))
    pitch = [note.pitch.midi for note in notes]
    return Score(DIVISION, (Track(Notes.of(onset, end - onset, pitch, [VELOCITY] * len(notes)), "Melody"),))
