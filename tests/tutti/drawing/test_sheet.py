"""Written music: what is on the page is what is in the score, and any MusicXML reader finds it there."""

import builtins
import os
import re
import stat
import time
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.corpora import corpus
from tests.pixels import pixels, stretches
from tests.tutti.made import scores
from tutti import midi
from tutti.drawing import sheet
from tutti.drawing.instruments import GENERAL_MIDI
from tutti.drawing.measure import KIT, OTHER_DRUM, TYPES
from tutti.drawing.musicxml import musicxml
from tutti.drawing.notation import Sheet, written
from tutti.drawing.spelling import spelled
from tutti.encodings.notes import NotesAndChords
from tutti.errors import Error
from tutti.score import Notes, Score, Track

Piece = tuple[Fraction, Fraction, object, bool, bool]
SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


def melody(notes: list[tuple[int, int, int]], division: int = 480, program: int = 73, **more: Any) -> Score:
    """A score of one track of (onset, duration, pitch)."""
    onset, duration, pitch = zip(*notes, strict=True)
    return Score(division, (Track(Notes.of(onset, duration, pitch, [90] * len(notes)), "", program),), **more)


def heads(document: bytes, kind: str = "pitch") -> list[Element]:
    """The notes of a document that have a pitch, or are `unpitched`."""
    return [note for note in ElementTree.fromstring(document).iter("note") if note.find(kind) is not None]


def pieces(page: Sheet) -> Counter[Piece]:
    """All heads of notes on a page: (onset, duration, pitch or drum's place, tied from, tied on), in quarters."""
    found: Counter[Piece] = Counter()
    for part in page.parts:
        for staff in part.staves:
            for bar, voices in zip(page.bars, staff.bars, strict=True):
                for event in (event for voice in voices for event in voice):
                    what = {KIT.get(pitch, OTHER_DRUM)[:2] if part.is_drum else pitch for pitch in event.pitches}
                    at, length = Fraction(bar.start + event.at, 12), Fraction(event.length, 12)
                    found.update((at, length, one, event.tied_from, event.tied_on) for one in what)
    return found


def sounding(page: Sheet) -> list[tuple[Fraction, Fraction, object]]:
    """(onset, duration, pitch) of the notes on a page, ties taken together."""
    notes: list[list[Any]] = []
    for at, length, pitch, tied_from, _ in sorted(pieces(page).elements(), key=lambda piece: (str(piece[2]), piece[0])):
        if tied_from:
            notes[-1][1] += length
        else:
            notes.append([at, length, pitch])
    return sorted((at, length, pitch) for at, length, pitch in notes)


def read_by_music21(document: bytes) -> Counter[Piece]:
    from music21 import chord, converter, note, stream

    found: Counter[Piece] = Counter()
    for measure in (
        converter.parseData(document.decode(), format="musicxml").recurse().getElementsByClass(stream.Measure)
    ):
        for element in measure.recurse().notes:
            at = Fraction(measure.offset + element.getOffsetInHierarchy(measure)).limit_denominator(12)
            length = Fraction(element.duration.quarterLength).limit_denominator(12)
            what = set()
            for head in element.notes if isinstance(element, chord.ChordBase) else [element]:
                tie = head.tie.type if head.tie else ""
                tied = (tie in ("stop", "continue"), tie in ("start", "continue"))
                drum = isinstance(head, note.Unpitched)
                what.add(((head.displayStep, head.displayOctave) if drum else head.pitch.midi, *tied))
            found.update((at, length, *one) for one in what)
    return found


@pytest.mark.parametrize("name", ["piano/waltz_de_choco.mid", "piano/sera_.mid"])
def test_music21_reads_the_same_notes_of_a_piano_piece(name: str) -> None:
    page = written(midi.read((corpus("piano").parent / name).read_bytes()), 16)
    assert len(page.parts) == 1
    assert read_by_music21(musicxml(page, name)) == pieces(page)


def test_music21_reads_the_same_hits_of_a_drum_track() -> None:
    path = sorted(corpus("metallica/midi").glob("*.mid"))[3]
    page = written(midi.read(path.read_bytes()), 16)
    assert page.parts[0].is_drum
    assert read_by_music21(musicxml(page, path.stem)) == pieces(page)


@settings(max_examples=12, deadline=None)
@given(scores(pitches=(12, 127)))
def test_music21_reads_the_same_notes_of_any_score(score: Score) -> None:
    page = written(score, 200)
    assert read_by_music21(musicxml(page, "")) == pieces(page)


@settings(max_examples=50, deadline=None)
@given(scores(), st.integers(1, 30))
def test_every_voice_fills_its_bars_with_lengths_that_have_a_sign(score: Score, most: int) -> None:
    page = written(score, most)
    assert len(page.bars) == min(most, page.total)
    for staff in (staff for part in page.parts for staff in part.staves):
        for bar, voices in zip(page.bars, staff.bars, strict=True):
            for events in voices:
                at, brackets = 0, 0
                for event in events:
                    assert event.at == at
                    assert event.length in TYPES or (not event.pitches and event.length == bar.length)
                    brackets += (event.triplet == "begin") - (event.triplet == "end")
                    assert brackets == (event.triplet in ("begin", "within"))
                    at += event.length
                assert at == bar.length
        assert not any(
            event.tied_on for voice in staff.bars[-1] for event in voice[-1:] if page.total == len(page.bars)
        )


@settings(max_examples=50, deadline=None)
@given(scores())
def test_every_note_is_on_the_page_once_and_near_its_time(score: Score) -> None:
    page = written(score, 1 << 14)
    struck = [(float(at), pitch) for at, _, pitch in sounding(page)]
    for track in score.tracks:
        for onset, pitch in zip((track.notes.onset / score.division).tolist(), track.notes.pitch.tolist(), strict=True):
            # Half a triplet's eighth, or half a 16th where a bar begins off the beat.
            assert any(abs(at - onset) <= 0.25 and other == pitch for at, other in struck)
    assert len(struck) <= sum(len(track.notes) for track in score.tracks)


def test_a_triplet_melody_is_written_as_it_is() -> None:
    notes = [(0, 480, 60), (480, 160, 62), (640, 160, 64), (800, 160, 65), (960, 480, 67), (1440, 240, 70)]
    notes += [(1680, 240, 69), (1920, 320, 67), (2240, 320, 65), (2560, 320, 64), (2880, 960, 62)]
    expected = sorted((Fraction(at, 480), Fraction(length, 480), pitch) for at, length, pitch in notes)
    assert sounding(written(melody(notes), 99)) == expected


@given(st.lists(st.tuples(st.sampled_from([1, 2, 3, 4, 6, 8, 12, 16]), st.integers(21, 108)), min_size=1, max_size=30))
@settings(max_examples=40, deadline=None)
def test_a_melody_in_16ths_is_written_as_it_is(played: list[tuple[int, int]]) -> None:
    # The end of all is on a beat, which a last note a 16th short of it would be drawn out to.
    played = [*played, (-sum(length for length, _ in played) % 4 + 4, 60)]
    ends = np.cumsum([length for length, _ in played]).tolist()
    notes = [(end - length, length, pitch) for end, (length, pitch) in zip(ends, played, strict=True)]
    expected = [(Fraction(at, 4), Fraction(length, 4), pitch) for at, length, pitch in notes]
    assert sounding(written(melody(notes, division=4), 1 << 14)) == expected


def test_a_note_played_a_little_early_or_short_is_written_straight() -> None:
    page = written(melody([(3, 430, 60), (474, 400, 62), (955, 450, 64), (1437, 455, 65)]), 9)
    assert sounding(page) == [(Fraction(i), Fraction(1), pitch) for i, pitch in enumerate((60, 62, 64, 65))]


def test_a_note_that_sounds_on_under_others_has_a_voice_of_its_own() -> None:
    page = written(melody([(0, 1920, 48), *((i * 480, 480, 72 + i) for i in range(4))]), 9)
    ((upper, lower),) = page.parts[0].staves[0].bars
    assert [event.pitches for event in upper] == [(72,), (73,), (74,), (75,)]
    assert [(event.pitches, event.length) for event in lower] == [((48,), 48)]


def test_a_keyboard_has_two_staves_where_its_range_asks_for_them() -> None:
    def clefs(*pitches: int) -> list[str]:
        notes = [(i * 480, 480, pitch) for i, pitch in enumerate(pitches)]
        return [staff.clef for staff in written(melody(notes, program=0), 9).parts[0].staves]

    assert clefs(60, 72) == ["treble"]
    assert clefs(40, 55) == ["bass"]
    assert clefs(40, 72) == ["treble", "bass"]


def test_two_piano_tracks_are_two_hands() -> None:
    right, left = (Track(Notes.of([0, 480], [480] * 2, pitches, [90] * 2)) for pitches in ([58, 76], [45, 62]))
    (part,) = written(Score(480, (left, right)), 9).parts
    assert [staff.clef for staff in part.staves] == ["treble", "bass"]
    assert [voices[0][0].pitches for staff in part.staves for voices in staff.bars] == [(58,), (45,)]


@pytest.mark.parametrize(("meter", "notes", "signs"), [
    ((4, 4), [(12, 8, 60)], "quarter~ ~quarter"),  # over a bar line
    ((3, 4), [(8, 8, 60)], "quarter~ ~quarter"),
    ((3, 4), [(0, 12, 60)], "half."),
    ((6, 8), [(0, 18, 60)], "half.~ ~quarter."),
    ((4, 4), [(12, 24, 60)], "quarter~ ~whole~ ~quarter"),
    ((4, 4), [(0, 5, 60)], "quarter~ ~16th"),  # no sign is five 16ths long
    ((4, 4), [(0, 10, 60)], "half~ ~eighth"),
    ((4, 4), [(0, 6, 60)], "quarter."),
    ((4, 4), [(0, 4, 60), (4, 4, 60)], "quarter quarter"),  # struck again
    ((4, 4), [(12, 8, 60), (12, 8, 64)], "quarter~ quarter~ ~quarter ~quarter"),
])  # fmt: skip
def test_a_note_that_no_sign_is_long_enough_for_is_tied(
    meter: tuple[int, int], notes: list[tuple[int, int, int]], signs: str
) -> None:
    def sign(note: Element, tie: str) -> str:
        begins, ends = (note.find(f"{tie}[@type='{kind}']") is not None for kind in ("start", "stop"))
        return "~" * ends + f"{note.findtext('type')}" + "." * len(note.findall("dot")) + "~" * begins

    written_notes = heads(musicxml(written(melody(notes, division=4, meters=((0, *meter),)), 9), ""))
    # MusicXML says it twice: how it sounds, and how it looks.
    for tie in ("tie", "notations/tied"):
        assert " ".join(sign(note, tie) for note in written_notes) == signs


def test_meters_and_tempos_are_marked() -> None:
    notes = [(i * 480, 480, 60) for i in range(10)]
    score = melody(
        notes, meters=((0, 3, 4), (1440, 6, 8), (2880, 4, 4)), tempos=((0, 90.0), (1440, 91.0), (2880, 140.0))
    )
    page = written(score, 9)
    assert [bar.meter for bar in page.bars] == [(3, 4), (6, 8), (4, 4)]
    assert page.tempos == ((0, 90), (2, 140))
    text = musicxml(page, "").decode()
    assert text.count("<beats>") == 3
    assert text.count("<per-minute>") == 2


def test_a_bar_that_a_change_of_meter_cuts_short_has_a_time_signature_of_its_own() -> None:
    page = written(melody([(i * 480, 480, 60) for i in range(8)], meters=((0, 4, 4), (1200, 3, 4))), 9)
    assert [bar.meter for bar in page.bars[:2]] == [(5, 8), (3, 4)]


@pytest.mark.parametrize(("fifths", "pitch", "name"), [
    (0, 61, ("C", 1, 4)), (0, 70, ("B", -1, 4)), (-4, 61, ("D", -1, 4)), (-5, 59, ("C", -1, 4)),
    (6, 65, ("E", 1, 4)), (3, 68, ("G", 1, 4)), (0, 60, ("C", 0, 4)),
])  # fmt: skip
def test_pitches_are_spelled_as_the_key_has_them(fifths: int, pitch: int, name: tuple[str, int, int]) -> None:
    assert spelled(pitch, fifths) == name


@given(st.integers(12, 127), st.integers(-5, 6))
def test_a_spelled_pitch_is_that_pitch(pitch: int, fifths: int) -> None:
    letter, alter, octave = spelled(pitch, fifths)
    assert 12 * (octave + 1) + SEMITONES[letter] + alter == pitch
    assert abs(alter) <= 1


QUARTERS_WITH_SIGNS = [
    (0, [66, 67, 66, 66], ["sharp", "", "", ""]),
    (0, [66, 65, 66, 65], ["sharp", "natural", "sharp", "natural"]),
    (0, [66, 67, 69, 71, 66], ["sharp", "", "", "", "sharp"]),  # the next bar
    (0, [66, 78, 66, 78], ["sharp", "sharp", "", ""]),  # each octave has its own
    (0, [70, 71, 71, 70], ["flat", "natural", "", "flat"]),
    (1, [66, 65, 65, 66], ["", "natural", "", "sharp"]),
    (-1, [70, 71, 70, 70], ["", "natural", "flat", ""]),
]


def accidentals(notes: list[tuple[int, int, int]], fifths: int) -> list[str]:
    document = musicxml(replace(written(melody(notes), 9), fifths=fifths), "")
    return [note.findtext("accidental", "") for note in heads(document)]


@pytest.mark.parametrize(("fifths", "pitches", "signs"), QUARTERS_WITH_SIGNS)
def test_an_accidental_holds_for_its_line_to_the_end_of_the_bar(
    fifths: int, pitches: list[int], signs: list[str]
) -> None:
    assert accidentals([(i * 480, 480, pitch) for i, pitch in enumerate(pitches)], fifths) == signs


def test_a_tie_carries_an_accidental_over_the_bar_line_and_no_further() -> None:
    notes = [(0, 1440, 60), (1440, 960, 66), (2400, 480, 66), (2880, 960, 66)]
    assert accidentals(notes, 0) == ["", "sharp", "", "sharp", ""]


def test_an_accidental_holds_for_both_voices_of_a_staff() -> None:
    # The upper voice comes first in the document, and the held F sharp in time.
    notes = [(0, 1920, 66), (0, 480, 72), (480, 480, 65), (960, 480, 65), (1440, 480, 72)]
    assert accidentals(notes, 0) == ["", "natural", "", "", "sharp"]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(48, 84), min_size=1, max_size=24), st.integers(-5, 6))
def test_whoever_reads_the_key_and_the_accidentals_plays_every_pitch(pitches: list[int], fifths: int) -> None:
    page = replace(written(melody([(i * 480, 480, pitch) for i, pitch in enumerate(pitches)]), 9), fifths=fifths)
    signed = {"flat": -1, "natural": 0, "sharp": 1}
    sharps, flats = "FCGDAEB"[: max(fifths, 0)], "BEADGCF"[: max(-fifths, 0)]
    played = []
    for measure in ElementTree.fromstring(musicxml(page, "")).iter("measure"):
        held: dict[tuple[str, int], int] = {}
        for note in measure.iter("note"):
            if note.find("pitch") is not None:
                step, octave = note.findtext("pitch/step", ""), int(note.findtext("pitch/octave", ""))
                alter = held.get((step, octave), (step in sharps) - (step in flats))
                if sign := note.findtext("accidental"):
                    assert signed[sign] != alter, "a sign that says nothing new"
                    alter = held[step, octave] = signed[sign]
                played.append(12 * (octave + 1) + SEMITONES[step] + alter)
    assert played == pitches


def test_every_drum_is_played_back_as_it_was_struck() -> None:
    struck = list(range(35, 82))
    played = Notes.of(np.arange(len(struck)) * 480, [480] * len(struck), struck, [90] * len(struck))
    document = musicxml(written(Score(480, (Track(played, is_drum=True),)), 99), "")
    # MusicXML counts MIDI's notes from 1 on.
    notes = {
        instrument.get("id"): int(instrument.findtext("midi-unpitched", "")) - 1
        for instrument in ElementTree.fromstring(document).iter("midi-instrument")
        if instrument.findtext("midi-channel") == "10"
    }
    assert [notes[note.find("instrument").get("id")] for note in heads(document, "unpitched")] == struck  # type: ignore[union-attr]


def test_every_part_is_played_back_by_its_instrument() -> None:
    programs = list(range(0, 128, 9))
    tracks = tuple(melody([(0, 480, 60)], program=program).tracks[0] for program in programs)
    document = ElementTree.fromstring(musicxml(written(Score(480, tracks), 9), ""))
    assert [int(found.text or "") - 1 for found in document.iter("midi-program")] == programs
    channels = [int(found.text or "") for found in document.iter("midi-channel")]
    assert channels == [channel for channel in range(1, 17) if channel != 10]


@pytest.mark.parametrize("tonic", range(12))
def test_a_major_scale_has_its_key_signature(tonic: int) -> None:
    scale = [0, 2, 4, 5, 7, 9, 11, 12, 7, 4, 0]
    page = written(melody([(i * 480, 480, 60 + tonic + pitch) for i, pitch in enumerate(scale)]), 9)
    assert page.fifths == (tonic * 7 + 5) % 12 - 5
    assert "<accidental>" not in musicxml(page, "").decode()


def test_general_midi_has_128_instruments() -> None:
    assert len(GENERAL_MIDI) == len(set(GENERAL_MIDI)) == 128


def test_what_a_model_wrote_as_notes_can_be_printed() -> None:
    made = sheet.render(NotesAndChords().decode(["E5", "9.0.4", "B-2", "C4"] * 8), "notes")
    assert made[".musicxml"].count(b"<pitch>") == 8 * 6


def test_a_piece_without_notes_is_a_page_with_a_rest() -> None:
    document = sheet.render(Score(480, ()), "Silence & <rest>")[".musicxml"]
    assert document.count(b"<rest ") == 1
    assert b"Silence &amp; &lt;rest&gt;" in document
    assert not read_by_music21(document)


def test_the_same_score_is_the_same_bytes() -> None:
    score = melody([(i * 160, 160, 60 + i % 12) for i in range(40)])
    first = sheet.render(score, "twice")
    time.sleep(1.1)  # a date in a file counts seconds
    assert sheet.render(score, "twice") == first


def test_pages_are_what_their_suffix_says(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("cairosvg")
    monkeypatch.setattr(sheet, "PAGE", {**sheet.PAGE, "pageHeight": 600})
    made, higher = (
        sheet.render(melody([(i * 480, 480, pitch) for i in range(80)]), "three systems") for pitch in (60, 72)
    )
    assert made[".pdf"].startswith(b"%PDF")
    assert int(re.search(rb"/Count (\d+)", made[".pdf"])[1]) > 1  # type: ignore[index]
    lines = stretches((pixels(made[".png"]).max(axis=2) < 128).mean(axis=1) > 0.5)
    assert len(lines) in (5, 10, 15), "staves of five lines"
    assert made[".png"] != higher[".png"]
    assert b"<svg" in made[".svg"][:500]


def test_without_a_renderer_the_musicxml_comes_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    imported = builtins.__import__

    def missing(name: str, *args: Any, **more: Any) -> Any:
        if name.split(".")[0] in ("verovio", "cairosvg", "music21"):
            raise ModuleNotFoundError(name=name)
        return imported(name, *args, **more)

    monkeypatch.setattr(builtins, "__import__", missing)
    monkeypatch.setenv("PATH", "")
    assert list(sheet.render(melody([(0, 480, 60)]), "alone")) == [".musicxml"]
    assert "pip install '.[sheets]'" in sheet.HOW_TO_SEE


def musescore(folder: Path, script: str) -> None:
    program = folder / "mscore"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


def test_musescore_makes_the_pdf_where_it_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    musescore(tmp_path, 'test "$QT_QPA_PLATFORM" = offscreen && test -s "$3" && printf "%%PDF by MuseScore" > "$2"')
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert sheet.render(melody([(0, 480, 60)]), "one")[".pdf"] == b"%PDF by MuseScore"


@pytest.mark.parametrize("script", ["exit 1", "exit 0", "exec sleep 60"])
def test_where_musescore_fails_or_hangs_verovio_serves(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    musescore(tmp_path, script)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(sheet, "SECONDS", 0.2)
    assert b"MuseScore" not in sheet.render(melody([(0, 480, 60)]), "one").get(".pdf", b"")


def test_a_long_score_is_cut_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet, "_by_verovio", lambda document: {})
    document = sheet.render(melody([(i * 4, 4, 60 + i % 12) for i in range(16_384)], division=4), "Long")[".musicxml"]
    assert b"Long (the first 128 of 4,096 bars)" in document
    assert document.count(b"<measure ") == 128


def test_a_dense_score_is_cut_or_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet, "_by_verovio", lambda document: {})
    count = 1 << 18
    every = np.arange(count)

    def dense(onset: Any) -> Score:
        played = Notes.of(onset, np.full(count, 1 << 30), every % 128, np.full(count, 90))
        meters = tuple((i, 255, 1 << 30) for i in range(1000))
        tracks = tuple(Track(played, "", program) for program in range(4))
        return Score(32767, tracks, ((0, 0.0), (1, float("inf")), (2, float("nan"))), meters)

    assert b"the first" in sheet.render(dense(every * 500), "dense")[".musicxml"]
    assert sheet.render(dense(np.zeros(count)), "one chord")[".musicxml"].count(b"<pitch>") <= sheet.MOST_SIGNS
    with pytest.raises(Error, match="too many to print"):
        sheet.render(dense(every // 128 % 16 * 8192), "one bar of clusters and then some")


def test_a_title_with_characters_that_xml_does_not_have_is_written() -> None:
    document = musicxml(written(Score(480, ()), 1), "bell\x07 \ud800 end")
    assert ElementTree.fromstring(document).findtext("work/work-title") == "bell end"
