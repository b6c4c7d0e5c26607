"""The notes and rests of one bar as elements of MusicXML."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from tutti.drawing.notation import Part
from tutti.drawing.spelling import accidentals, spelled
from tutti.drawing.voices import Bar, Event

# Length in twelfths of a quarter -> (type, dots). Of a triplet, the type is of a note half as long again.
TYPES = {
    48: ("whole", 0),
    36: ("half", 1),
    24: ("half", 0),
    18: ("quarter", 1),
    12: ("quarter", 0),
    9: ("eighth", 1),
    8: ("quarter", 0),
    6: ("eighth", 0),
    4: ("eighth", 0),
    3: ("16th", 0),
}
SIGNS = {-2: "flat-flat", -1: "flat", 0: "natural", 1: "sharp", 2: "double-sharp"}
# MIDI pitch of a drum -> its place on the staff, named as in the treble clef, and the shape of its head.
KIT = {
    35: ("F", 4, ""),
    36: ("F", 4, ""),
    37: ("C", 5, "x"),
    38: ("C", 5, ""),
    39: ("C", 5, "diamond"),
    40: ("C", 5, ""),
    41: ("G", 4, ""),
    42: ("G", 5, "x"),
    43: ("A", 4, ""),
    44: ("D", 4, "x"),
    45: ("B", 4, ""),
    46: ("G", 5, "circle-x"),
    47: ("D", 5, ""),
    48: ("D", 5, ""),
    49: ("A", 5, "x"),
    50: ("E", 5, ""),
    51: ("F", 5, "x"),
    52: ("A", 5, "diamond"),
    53: ("F", 5, "diamond"),
    55: ("B", 5, "x"),
    56: ("E", 5, "triangle"),
    57: ("A", 5, "x"),
    59: ("F", 5, "x"),
}
OTHER_DRUM = ("E", 5, "x")


@dataclass(frozen=True)
class _Voice:
    """What the notes of one voice in one bar have in common.

    Attributes:
      part, part_id: the instrument, and its id in the document.
      bar: the bar.
      fifths: the key signature.
      voice, staff: the elements that name the voice and the staff.
      stem: the direction of stems, empty for whatever looks best.
      accidentals: (place in the bar, pitch) -> semitones by which the letter is raised or lowered.
    """

    part: Part
    part_id: str
    bar: Bar
    fifths: int
    voice: str
    staff: str
    stem: str
    accidentals: Mapping[tuple[int, int], int]


def measure(part: Part, part_id: str, i: int, bar: Bar, fifths: int) -> Iterator[str]:
    """Yields the notes and rests of a bar: voice by voice, staff by staff, the time set back in between.

    Args:
      part, part_id: the instrument, and its id in the document.
      i: which of the part's bars it is, from 0.
      bar: that bar.
      fifths: the key signature, sharps or, below 0, flats.
    """
    first = True
    for number, staff in enumerate(part.staves, 1):
        voices = staff.bars[i]
        signs: list[dict[tuple[int, int], int]] = [{}] if part.is_drum else accidentals(voices, fifths)
        for v, (events, voice_signs) in enumerate(zip(voices, signs, strict=True)):
            if not first:
                yield f"<backup><duration>{bar.length}</duration></backup>"
            first = False
            voice = _Voice(
                part,
                part_id,
                bar,
                fifths,
                voice=f"<voice>{4 * (number - 1) + v + 1}</voice>",
                staff=f"<staff>{number}</staff>" if len(part.staves) > 1 else "",
                stem="up" if part.is_drum else "" if len(voices) == 1 else ("up", "down")[v],
                accidentals=voice_signs,
            )
            beams = _beams(events, bar)
            for place, event in enumerate(events):
                if event.pitches:
                    yield from _notes(event, voice, beams.get(place, ""))
                elif event.hidden and not event.triplet:
                    yield f"<forward><duration>{event.length}</duration>{voice.voice}{voice.staff}</forward>"
                else:
                    yield _rest(event, voice)


def _rest(event: Event, voice: _Voice) -> str:
    whole_bar = event.length == voice.bar.length
    rest = '<rest measure="yes"/>' if whole_bar else "<rest/>"
    note = '<note print-object="no">' if event.hidden else "<note>"
    ratio, bracket = _triplet(event)
    return (
        f"{note}{rest}<duration>{event.length}</duration>{voice.voice}"
        f"{'' if whole_bar else _note_type(event)}{ratio}{voice.staff}{_notations(bracket)}</note>"
    )


def _notes(event: Event, voice: _Voice, beams: str) -> Iterator[str]:
    """Yields a note, or the notes of a chord."""
    ties = '<tie type="stop"/>' * event.tied_from + '<tie type="start"/>' * event.tied_on
    tied = '<tied type="stop"/>' * event.tied_from + '<tied type="start"/>' * event.tied_on
    ratio, bracket = _triplet(event)
    stem = f"<stem>{voice.stem}</stem>" if voice.stem else ""
    heads: set[tuple[str, int, str]] = set()
    for number, pitch in enumerate(event.pitches):
        instrument = accidental = notehead = ""
        if voice.part.is_drum:
            head = KIT.get(pitch, OTHER_DRUM)
            if head in heads:
                continue
            heads.add(head)
            step, octave, shape = head
            what = (
                f"<unpitched><display-step>{step}</display-step><display-octave>{octave}</display-octave></unpitched>"
            )
            instrument = f'<instrument id="{voice.part_id}-I{pitch + 1}"/>'
            notehead = f"<notehead>{shape}</notehead>" if shape else ""
        else:
            step, alter, octave = spelled(pitch, voice.fifths)
            altered = f"<alter>{alter}</alter>" if alter else ""
            what = f"<pitch><step>{step}</step>{altered}<octave>{max(octave, 0)}</octave></pitch>"
            if (event.at, pitch) in voice.accidentals:
                accidental = f"<accidental>{SIGNS[voice.accidentals[event.at, pitch]]}</accidental>"
        # Tuplets and beams belong to the first note of a chord.
        yield (
            f"<note>{'<chord/>' if number else ''}{what}<duration>{event.length}</duration>{ties}{instrument}"
            f"{voice.voice}{_note_type(event)}{accidental}{ratio}{stem}{notehead}{voice.staff}"
            f"{'' if number else beams}{_notations(tied + ('' if number else bracket))}</note>"
        )


def _note_type(event: Event) -> str:
    name, dots = TYPES.get(event.length, ("", 0))
    return f"<type>{name}</type>{'<dot/>' * dots}"


def _triplet(event: Event) -> tuple[str, str]:
    """Returns the ratio of a triplet, and the bracket where it begins or ends; empty for other notes."""
    if not event.triplet:
        return "", ""
    brackets = {"begin": '<tuplet type="start" bracket="yes"/>', "end": '<tuplet type="stop"/>'}
    ratio = "<time-modification><actual-notes>3</actual-notes><normal-notes>2</normal-notes></time-modification>"
    return ratio, brackets.get(event.triplet, "")


def _notations(content: str) -> str:
    return f"<notations>{content}</notations>" if content else ""


def _beams(events: Sequence[Event], bar: Bar) -> dict[int, str]:
    """Returns place of an event -> its beams: notes shorter than a quarter are joined within a beat."""
    beams: dict[int, str] = {}
    short = [
        (i, event) for i, event in enumerate(events) if event.pitches and TYPES[event.length][0] in ("eighth", "16th")
    ]
    # Neighbours in one beat have the same difference of place and rank, and the same beat.
    for _, group in groupby(enumerate(short), key=lambda e: (e[1][0] - e[0], e[1][1].at // bar.beat)):
        joined = [entry for _, entry in group]
        if len(joined) < 2:
            continue
        for rank, (i, event) in enumerate(joined):
            state = "begin" if rank == 0 else "end" if rank == len(joined) - 1 else "continue"
            beams[i] = f'<beam number="1">{state}</beam>'
            if TYPES[event.length][0] == "16th":
                before = rank > 0 and TYPES[joined[rank - 1][1].length][0] == "16th"
                after = rank < len(joined) - 1 and TYPES[joined[rank + 1][1].length][0] == "16th"
                if before or after:
                    state = "continue" if before and after else "end" if before else "begin"
                else:
                    state = "backward hook" if rank else "forward hook"
                beams[i] += f'<beam number="2">{state}</beam>'
    return beams
