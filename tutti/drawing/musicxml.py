"""Written music as MusicXML 4.0 (W3C Music Notation Community Group, 2021), which every notation program reads.

The same sheet gives the same bytes: no dates, no names of machines.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from xml.sax.saxutils import escape

from tutti.drawing.instruments import GENERAL_MIDI
from tutti.drawing.notation import Part, Sheet, Staff
from tutti.drawing.voices import QUARTER, Bar, Event

HEAD = """<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN" "http://www.musicxml.org/dtds/partwise.dtd">
"""
# Length in twelfths of a quarter -> (type, dots); triplets are written as half as long again.
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
CLEFS = {
    "treble": ("G", 2, 0),
    "bass": ("F", 4, 0),
    "treble 8": ("G", 2, -1),
    "bass 8": ("F", 4, -1),
    "percussion": ("percussion", 0, 0),
}
SIGNS = {-2: "flat-flat", -1: "flat", 0: "natural", 1: "sharp", 2: "double-sharp"}
# Where drums stand on a staff of five lines in the treble's names, and their heads.
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
FIFTHS = "FCGDAEB"  # letters by fifths
NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def musicxml(sheet: Sheet, title: str) -> bytes:
    """A MusicXML document of the sheet."""
    lines = [
        HEAD + '<score-partwise version="4.0">',
        f"<work><work-title>{_text(title)}</work-title></work>",
        "<part-list>",
        *(_listed(number, part) for number, part in enumerate(_parts(sheet), 1)),
        "</part-list>",
    ]
    for number, part in enumerate(_parts(sheet), 1):
        lines.append(f'<part id="P{number}">')
        for i, bar in enumerate(sheet.bars):
            lines.append(f'<measure number="{i + 1}">')
            lines += _attributes(sheet, part, i)
            if number == 1:
                lines += [_tempo(bpm) for at, bpm in sheet.tempos if at == i]
            lines += _staves(part, i, bar, sheet.fifths, f"P{number}")
            if i + 1 == len(sheet.bars):
                lines.append('<barline location="right"><bar-style>light-heavy</bar-style></barline>')
            lines.append("</measure>")
        lines.append("</part>")
    lines.append("</score-partwise>\n")
    return "\n".join(lines).encode()


def _parts(sheet: Sheet) -> tuple[Part, ...]:
    """The parts; where nothing plays, a staff of rests."""
    if sheet.parts:
        return sheet.parts
    return (Part(0, False, (Staff("treble", tuple(((Event(0, bar.length),),) for bar in sheet.bars)),)),)


def _text(text: str) -> str:
    return escape(" ".join(NO_XML.sub(" ", text).split()))


def _listed(number: int, part: Part) -> str:
    name = "Drums" if part.is_drum else GENERAL_MIDI[part.program]
    players = sorted(_struck(part)) if part.is_drum else [None]
    ids = [f"P{number}-I{pitch + 1 if pitch is not None else 1}" for pitch in players]
    instruments = "".join(
        f'<score-instrument id="{id_}"><instrument-name>{name}</instrument-name></score-instrument>' for id_ in ids
    )
    midi = "".join(
        f'<midi-instrument id="{id_}"><midi-channel>{10 if part.is_drum else _channel(number)}</midi-channel>'
        f"<midi-program>{part.program + 1}</midi-program>"
        + (f"<midi-unpitched>{pitch + 1}</midi-unpitched>" if pitch is not None else "")
        + "</midi-instrument>"
        for id_, pitch in zip(ids, players, strict=True)
    )
    return f'<score-part id="P{number}"><part-name>{name}</part-name>{instruments}{midi}</score-part>'


def _channel(number: int) -> int:
    """A channel for each part in turn, the tenth left to the drums."""
    channel = (number - 1) % 15 + 1
    return channel + (channel >= 10)


def _struck(part: Part) -> set[int]:
    return {
        pitch
        for staff in part.staves
        for voices in staff.bars
        for events in voices
        for event in events
        for pitch in event.pitches
    }


def _attributes(sheet: Sheet, part: Part, i: int) -> list[str]:
    bar = sheet.bars[i]
    new_meter = i == 0 or sheet.bars[i - 1].meter != bar.meter
    if not new_meter:
        return []
    lines = ["<attributes>"]
    if i == 0:
        lines.append(f"<divisions>{QUARTER}</divisions>")
        if not part.is_drum:
            lines.append(f"<key><fifths>{sheet.fifths}</fifths></key>")
    lines.append(f"<time><beats>{bar.meter[0]}</beats><beat-type>{bar.meter[1]}</beat-type></time>")
    if i == 0:
        if len(part.staves) > 1:
            lines.append(f"<staves>{len(part.staves)}</staves>")
        for number, staff in enumerate(part.staves, 1):
            sign, line, octave = CLEFS[staff.clef]
            which = f' number="{number}"' if len(part.staves) > 1 else ""
            lines.append(
                f"<clef{which}><sign>{sign}</sign>"
                + (f"<line>{line}</line>" if line else "")
                + (f"<clef-octave-change>{octave}</clef-octave-change>" if octave else "")
                + "</clef>"
            )
    return [*lines, "</attributes>"]


def _tempo(bpm: int) -> str:
    return (
        '<direction placement="above"><direction-type><metronome><beat-unit>quarter</beat-unit>'
        f"<per-minute>{bpm}</per-minute></metronome></direction-type>"
        f'<voice>1</voice><staff>1</staff><sound tempo="{bpm}"/></direction>'
    )


def _staves(part: Part, i: int, bar: Bar, fifths: int, id_: str) -> Iterator[str]:
    """The notes of one bar: voice after voice, staff after staff, the time set back in between."""
    first = True
    for number, staff in enumerate(part.staves, 1):
        voices = staff.bars[i]
        signs = {} if part.is_drum else _accidentals(voices, fifths)
        for v, events in enumerate(voices):
            if not first:
                yield f"<backup><duration>{bar.length}</duration></backup>"
            first = False
            stem = "up" if part.is_drum else "" if len(voices) == 1 else ("up", "down")[v]
            common = f"<voice>{4 * (number - 1) + v + 1}</voice>"
            where = f"<staff>{number}</staff>" if len(part.staves) > 1 else ""
            beams = _beams(events, bar)
            for place, event in enumerate(events):
                if event.hidden and not event.pitches and not event.triplet:
                    yield f"<forward><duration>{event.length}</duration>{common}{where}</forward>"
                    continue
                yield from _notes(event, bar, common, where, stem, beams.get(place, ""), signs, v, fifths, part, id_)


def _notes(
    event: Event,
    bar: Bar,
    voice: str,
    staff: str,
    stem: str,
    beams: str,
    signs: dict[tuple[int, int, int], str],
    v: int,
    fifths: int,
    part: Part,
    id_: str,
) -> Iterator[str]:
    """A rest, a note, or the notes of a chord."""
    whole_bar = not event.pitches and event.length == bar.length
    kind, dots = TYPES.get(event.length, ("", 0))
    sign = f"<type>{kind}</type>{'<dot/>' * dots}" if not whole_bar else ""
    ties = '<tie type="stop"/>' * event.tied_from + '<tie type="start"/>' * event.tied_on
    tied = '<tied type="stop"/>' * event.tied_from + '<tied type="start"/>' * event.tied_on
    ratio = ""
    tuplet = ""
    if event.triplet:
        ratio = "<time-modification><actual-notes>3</actual-notes><normal-notes>2</normal-notes></time-modification>"
        tuplet = {"begin": '<tuplet type="start" bracket="yes"/>', "end": '<tuplet type="stop"/>'}.get(
            event.triplet, ""
        )
    duration = f"<duration>{event.length}</duration>"
    if not event.pitches:
        rest = '<rest measure="yes"/>' if whole_bar else "<rest/>"
        head = '<note print-object="no">' if event.hidden else "<note>"
        notations = f"<notations>{tuplet}</notations>" if tuplet else ""
        yield f"{head}{rest}{duration}{voice}{sign}{ratio}{staff}{notations}</note>"
        return
    heads: set[tuple[str, int, str]] = set()
    for number, pitch in enumerate(event.pitches):
        chord = "<chord/>" if number else ""
        # Tuplets and beams belong to the first note of a chord.
        notations = tied + ("" if number else tuplet)
        notations = f"<notations>{notations}</notations>" if notations else ""
        accidental, instrument, notehead = "", "", ""
        if part.is_drum:
            head_ = KIT.get(pitch, OTHER_DRUM)
            if head_ in heads:
                continue
            heads.add(head_)
            step, octave, shape = head_
            what = (
                f"<unpitched><display-step>{step}</display-step><display-octave>{octave}</display-octave></unpitched>"
            )
            instrument = f'<instrument id="{id_}-I{pitch + 1}"/>'
            notehead = f"<notehead>{shape}</notehead>" if shape else ""
        else:
            step, alter, octave = spelled(pitch, fifths)
            altered = f"<alter>{alter}</alter>" if alter else ""
            what = f"<pitch><step>{step}</step>{altered}<octave>{max(octave, 0)}</octave></pitch>"
            accidental = signs.get((v, event.at, pitch), "")
        yield (
            f"<note>{chord}{what}{duration}{ties}{instrument}{voice}{sign}{accidental}{ratio}"
            + (f"<stem>{stem}</stem>" if stem else "")
            + f"{notehead}{staff}{'' if number else beams}{notations}</note>"
        )


def spelled(pitch: int, fifths: int) -> tuple[str, int, int]:
    """A MIDI pitch as (letter, sharps or flats, octave), of the twelve names around a key in the circle of fifths."""
    low = min(fifths - 3, 0)
    place = low + (pitch * 7 - low) % 12
    alter, letter = divmod(place + 1, 7)
    return FIFTHS[letter], alter, (pitch - alter) // 12 - 1


def _accidentals(voices: Sequence[Sequence[Event]], fifths: int) -> dict[tuple[int, int, int], str]:
    """(voice, place in the bar, pitch) -> the accidental, where the key and the bar so far do not say it."""
    known = {letter: int(i < fifths) - int(i >= 7 + fifths) for i, letter in enumerate(FIFTHS)}
    in_bar: dict[tuple[str, int], int] = {}
    signs: dict[tuple[int, int, int], str] = {}
    events = sorted(((event.at, v, event) for v, voice in enumerate(voices) for event in voice), key=lambda e: e[:2])
    for at, v, event in events:
        for pitch in event.pitches:
            letter, alter, octave = spelled(pitch, fifths)
            if in_bar.get((letter, octave), known[letter]) != alter and not event.tied_from:
                signs[v, at, pitch] = f"<accidental>{SIGNS[alter]}</accidental>"
                in_bar[letter, octave] = alter
    return signs


def _beams(events: Sequence[Event], bar: Bar) -> dict[int, str]:
    """Place of an event -> its beams: notes shorter than a quarter are joined within a beat."""
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
                behind = rank < len(joined) - 1 and TYPES[joined[rank + 1][1].length][0] == "16th"
                if before or behind:
                    state = "continue" if before and behind else "end" if before else "begin"
                else:
                    state = "backward hook" if rank else "forward hook"
                beams[i] += f'<beam number="2">{state}</beam>'
    return beams
