"""How pitches are written in a key: their letters, and the accidentals that a bar needs."""

from collections.abc import Sequence

from tutti.drawing.voices import Event

LETTERS = "FCGDAEB"  # in the circle of fifths


def spelled(pitch: int, fifths: int) -> tuple[str, int, int]:
    """Returns a MIDI pitch as (letter, semitones raised or lowered, octave), as it is named in a key.

    The twelve names of a key are those nearest to it in the circle of fifths.

    Args:
      pitch: the MIDI pitch.
      fifths: the key signature, sharps or, below 0, flats.
    """
    low = min(fifths - 3, 0)
    place = low + (pitch * 7 - low) % 12
    alter, letter = divmod(place + 1, 7)
    return LETTERS[letter], alter, (pitch - alter) // 12 - 1


def accidentals(voices: Sequence[Sequence[Event]], fifths: int) -> list[dict[tuple[int, int], int]]:
    """Returns the accidentals of a bar that neither the key nor an earlier note of the bar makes superfluous.

    Returns:
      For each voice (place in the bar, pitch) -> semitones by which the letter is raised or lowered.
    """
    in_key = {letter: int(i < fifths) - int(i >= 7 + fifths) for i, letter in enumerate(LETTERS)}
    in_bar: dict[tuple[str, int], int] = {}
    signs: list[dict[tuple[int, int], int]] = [{} for _ in voices]
    events = sorted(((event.at, v, event) for v, voice in enumerate(voices) for event in voice), key=lambda e: e[:2])
    for at, v, event in events:
        for pitch in event.pitches:
            letter, alter, octave = spelled(pitch, fifths)
            if in_bar.get((letter, octave), in_key[letter]) != alter and not event.tied_from:
                signs[v][at, pitch] = alter
                in_bar[letter, octave] = alter
    return signs
