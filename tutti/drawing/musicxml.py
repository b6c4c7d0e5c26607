"""Written music as MusicXML 4.0 (W3C Music Notation Community Group, 2021), which every notation program reads.

The same sheet gives the same bytes: no dates, no names of machines.
"""

import re
from xml.sax.saxutils import escape

from tutti.drawing.instruments import GENERAL_MIDI
from tutti.drawing.measure import measure
from tutti.drawing.notation import Part, Sheet, Staff
from tutti.drawing.voices import QUARTER, Event

HEAD = """<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN" "http://www.musicxml.org/dtds/partwise.dtd">
"""
CLEFS = {
    "treble": ("G", 2, 0),
    "bass": ("F", 4, 0),
    "treble 8": ("G", 2, -1),
    "bass 8": ("F", 4, -1),
    "percussion": ("percussion", 0, 0),
}
NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def musicxml(sheet: Sheet, title: str) -> bytes:
    """Returns a MusicXML document of the sheet."""
    lines = [
        HEAD + '<score-partwise version="4.0">',
        f"<work><work-title>{_text(title)}</work-title></work>",
        "<part-list>",
        *(_score_part(number, part) for number, part in enumerate(_parts(sheet), 1)),
        "</part-list>",
    ]
    for number, part in enumerate(_parts(sheet), 1):
        lines.append(f'<part id="P{number}">')
        for i, bar in enumerate(sheet.bars):
            lines.append(f'<measure number="{i + 1}">')
            lines += _attributes(sheet, part, i)
            if number == 1:
                lines += [_tempo(bpm) for at, bpm in sheet.tempos if at == i]
            lines += measure(part, f"P{number}", i, bar, sheet.fifths)
            if i + 1 == len(sheet.bars):
                lines.append('<barline location="right"><bar-style>light-heavy</bar-style></barline>')
            lines.append("</measure>")
        lines.append("</part>")
    lines.append("</score-partwise>\n")
    return "\n".join(lines).encode()


def _parts(sheet: Sheet) -> tuple[Part, ...]:
    """Returns the parts of a sheet; where nothing plays, a staff of rests."""
    if sheet.parts:
        return sheet.parts
    return (Part(0, False, (Staff("treble", tuple(((Event(0, bar.length),),) for bar in sheet.bars)),)),)


def _text(text: str) -> str:
    return escape(" ".join(NOT_IN_XML.sub(" ", text).split()))


def _score_part(number: int, part: Part) -> str:
    name = "Drums" if part.is_drum else GENERAL_MIDI[part.program]
    # Each drum is an instrument of its own.
    drums = sorted(_pitches(part)) if part.is_drum else [None]
    ids = [f"P{number}-I{pitch + 1 if pitch is not None else 1}" for pitch in drums]
    instruments = "".join(
        f'<score-instrument id="{id_}"><instrument-name>{name}</instrument-name></score-instrument>' for id_ in ids
    )
    midi = "".join(
        f'<midi-instrument id="{id_}"><midi-channel>{10 if part.is_drum else _channel(number)}</midi-channel>'
        f"<midi-program>{part.program + 1}</midi-program>"
        + (f"<midi-unpitched>{pitch + 1}</midi-unpitched>" if pitch is not None else "")
        + "</midi-instrument>"
        for id_, pitch in zip(ids, drums, strict=True)
    )
    return f'<score-part id="P{number}"><part-name>{name}</part-name>{instruments}{midi}</score-part>'


def _channel(number: int) -> int:
    """Returns the MIDI channel of a part: one after the other, but for the tenth, which is for drums."""
    channel = (number - 1) % 15 + 1
    return channel + (channel >= 10)


def _pitches(part: Part) -> set[int]:
    return {
        pitch
        for staff in part.staves
        for voices in staff.bars
        for events in voices
        for event in events
        for pitch in event.pitches
    }


def _attributes(sheet: Sheet, part: Part, i: int) -> list[str]:
    """Returns what changes with bar `i`: the meter, and in the first bar the key and the clefs."""
    bar = sheet.bars[i]
    if i > 0 and sheet.bars[i - 1].meter == bar.meter:
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
            attribute = f' number="{number}"' if len(part.staves) > 1 else ""
            lines.append(
                f"<clef{attribute}><sign>{sign}</sign>"
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
