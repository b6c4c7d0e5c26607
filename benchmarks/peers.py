"""What others do where Tutti has an encoder: a file becomes a sequence of tokens. For `benchmarks.encoders`.

    python benchmarks/peers.py PACKAGE FUNCTION

Runs in the Python that has the peer, and imports nothing of Tutti. Lines of JSON come in and go out: the files with
their notes, which are tried once; then the seconds of each turn, answered by the notes of the files done in them.
"""

import itertools
import json
import os
import sys
import time
import warnings
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

Encode = Callable[[str], list[Any]]
STEPS_A_QUARTER, STEPS_A_BAR = 4, 16
NINE = (36, 38, 42, 46, 41, 45, 48, 51, 49)
FOLDED = {35: 36, 37: 38, 40: 38, 43: 41, 47: 45, 50: 48, 44: 42, 57: 49, 52: 49, 59: 51, 53: 51, 55: 51}


def note_seq_drums() -> Encode:
    """A drum track from a quantized sequence, as the models of Magenta read it."""
    import note_seq  # type: ignore[import-not-found]
    from note_seq import sequences_lib

    def encode(path: str) -> list[Any]:
        sequence = sequences_lib.quantize_note_sequence(note_seq.midi_file_to_note_sequence(path), STEPS_A_QUARTER)
        track = note_seq.DrumTrack()
        track.from_quantized_sequence(sequence)
        return list(track)

    return encode


def note_seq_melody() -> Encode:
    """A melody from the highest instrument of a quantized sequence, section by section where the tempo changes."""
    import note_seq
    from note_seq import sequences_lib

    def encode(path: str) -> list[Any]:
        whole = note_seq.midi_file_to_note_sequence(path)
        events: list[Any] = []
        for section in sequences_lib.split_note_sequence_on_time_changes(whole):
            pitches: dict[int, list[int]] = {}
            for note in section.notes:
                if not note.is_drum:
                    pitches.setdefault(note.instrument, []).append(note.pitch)
            if pitches:
                highest = max(pitches, key=lambda instrument: sum(pitches[instrument]) / len(pitches[instrument]))
                melody = note_seq.Melody()
                quantized = sequences_lib.quantize_note_sequence(section, STEPS_A_QUARTER)
                melody.from_quantized_sequence(quantized, instrument=highest, ignore_polyphonic_notes=True)
                events += melody
        return events

    return encode


def pretty_midi_drums() -> Encode:
    import pretty_midi

    def encode(path: str) -> list[Any]:
        file = pretty_midi.PrettyMIDI(path)
        struck = [
            (file.time_to_tick(note.start), note.pitch)
            for instrument in file.instruments
            if instrument.is_drum
            for note in instrument.notes
        ]
        return drum_words(struck, file.resolution)

    return encode


def pretty_midi_melody() -> Encode:
    import pretty_midi

    def encode(path: str) -> list[Any]:
        file = pretty_midi.PrettyMIDI(path)
        pitched = [instrument for instrument in file.instruments if not instrument.is_drum and instrument.notes]
        voice = max(pitched, key=lambda instrument: sum(n.pitch for n in instrument.notes) / len(instrument.notes))
        step = file.resolution / STEPS_A_QUARTER
        heard: dict[int, tuple[int, int]] = {}
        for note in voice.notes:
            begin = round(file.time_to_tick(note.start) / step)
            end = round(file.time_to_tick(note.end) / step)
            heard[begin] = max(heard.get(begin, (0, 0)), (note.pitch, max(end, begin + 1)))
        tokens: list[Any] = []
        at = 0
        onsets = sorted(heard)
        for onset, following in zip(onsets, [*onsets[1:], 1 << 40], strict=True):
            pitch, end = heard[onset]
            if onset > at:
                tokens.append(("R", onset - at))
            at = min(end, following)
            tokens.append((pitch, at - onset))
        return tokens

    return encode


def music21_notes() -> Encode:
    """The first part's notes by name, and its chords in normal order, as the original piano network read them."""
    from music21 import chord, converter, instrument, note

    def encode(path: str) -> list[Any]:
        # forceSource: not what music21 has kept of an earlier parse.
        parts = instrument.partitionByInstrument(converter.parse(path, forceSource=True))
        tokens = []
        for element in parts.parts[0].recurse():
            if isinstance(element, note.Note):
                tokens.append(str(element.pitch))
            elif isinstance(element, chord.Chord):
                tokens.append(".".join(map(str, element.normalOrder)))
        return tokens

    return encode


def miditok_tokens() -> Encode:
    """MidiTok by itself: time-shift tokens of all instruments, straight from the file."""
    import miditok

    tokenizer = miditok.TSD(
        miditok.TokenizerConfig(
            use_programs=True, one_token_stream_for_programs=True, num_velocities=8, beat_res={(0, 8): 12}
        )
    )

    def encode(path: str) -> list[Any]:
        tokens: list[Any] = tokenizer(path).tokens
        return tokens

    return encode


def mido_drums() -> Encode:
    import mido

    def encode(path: str) -> list[Any]:
        file = mido.MidiFile(path)
        struck = []
        for track in file.tracks:
            tick = 0
            for message in track:
                tick += message.time
                if message.type == "note_on" and message.velocity and message.channel == 9:
                    struck.append((tick, message.note))
        return drum_words(struck, file.ticks_per_beat)

    return encode


def mido_events() -> Encode:
    """Words of events, message by message, of all tracks in order of time."""
    import mido

    def encode(path: str) -> list[Any]:
        events = []
        for track in mido.MidiFile(path).tracks:
            tick = 0
            for message in track:
                tick += message.time
                if not message.is_meta and message.type != "sysex":
                    events.append((tick, message.bytes()))
        events.sort(key=lambda event: event[0])
        words, before = [], 0
        for tick, content in events:
            words.append("_".join([str(tick - before), *(f"{byte:02x}" for byte in content)]))
            before = tick
        return words

    return encode


def mido_alone() -> Encode:
    """The parsing that ours begins with, and nothing else: the limit of `events`."""
    import mido

    return lambda path: mido.MidiFile(path).tracks


def symusic_alone() -> Encode:
    """The parsing that ours begins with, and nothing else: the limit of what reads scores."""
    import symusic

    return lambda path: list(symusic.Score(path).tracks)


def drum_words(struck: list[tuple[int, int]], division: int) -> list[str]:
    """The paper's words of (tick, pitch)."""
    step = division / STEPS_A_QUARTER
    hits: dict[int, set[int]] = {}
    for tick, pitch in struck:
        drum = FOLDED.get(pitch, pitch)
        if drum in NINE:
            hits.setdefault(int((tick + step / 2) // step), set()).add(drum)
    words = []
    for at in range(-(-(max(hits) + 1) // STEPS_A_BAR) * STEPS_A_BAR):
        words.append("0b" + "".join("1" if drum in hits.get(at, ()) else "0" for drum in NINE))
        if at % STEPS_A_BAR == STEPS_A_BAR - 1:
            words.append("BAR")
    return words


def turn(encode: Encode, files: list[tuple[str, int]], seconds: float) -> int:
    """The notes of the files that are encoded, one after another and again from the first, in some seconds."""
    notes, until = 0, time.perf_counter() + seconds
    for path, count in itertools.cycle(files):
        encode(path)
        notes += count
        if time.perf_counter() >= until:
            break
    return notes


def main() -> None:
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    # Some peers print.
    os.dup2(2, 1)
    warnings.simplefilter("ignore")
    package, encode = sys.argv[1], globals()[sys.argv[2]]()
    print(json.dumps({"version": version(package)}), file=answers)
    files, tried, refusals = [], [], []
    for path, count in json.loads(sys.stdin.readline()):
        try:
            tokens = len(encode(path))
        except Exception as error:
            tokens = 0
            refusals.append(f"{type(error).__name__}: {error}"[:160])
        tried.append(tokens)
        if tokens:
            files.append((path, count))
    print(json.dumps({"tokens": tried, "refusals": refusals}), file=answers)
    for line in sys.stdin:
        print(json.dumps(turn(encode, files, json.loads(line))), file=answers)


if __name__ == "__main__":
    main()
