"""The drum loop tools, on made scores and on the follow-up's own loops.

The follow-up's 500 generated files are known to the tick: from a kick, a snare and a hat loop of `trap/loops` each, by
a tool that lost time in three ways, which `generated` repeats. Nothing else sets them apart from what `combine` makes.
"""

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import mido
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipelines.loops import drum_loop
from pipelines.loops.drum_loop import CRASH, FLOOR_TOM, HAT, HIGH_TOM, KICK, LOW_TOM, OPEN_HAT, RIDE, SNARE
from tests.corpora import corpus
from tests.tutti.made import scores
from tutti import midi
from tutti.encodings.drums import DRUMS, Drums
from tutti.errors import RejectedFile
from tutti.score import Notes, Score, Track

PARTS = ("kick", "snare", "hat")
FOLDERS = {"Kick": KICK, "Snare": SNARE, "HH": HAT}


@pytest.mark.parametrize(
    ("name", "drum"),
    [
        ("01_Kick.mid", KICK),
        ("trippy_Snare.mid", SNARE),
        ("09_Trap_Hat.mid", HAT),
        ("01_Hi_Hat.mid", HAT),
        ("HH/x.mid", HAT),
        ("packs/Kick/12/loop.MID", KICK),
        ("Kick/Snare/03.mid", SNARE),
        ("Snares/big kick 2.midi", KICK),
        ("TrapHats2.mid", HAT),
        ("OpenHat.mid", OPEN_HAT),
        ("open hi-hat.mid", OPEN_HAT),
        ("OH_03.mid", OPEN_HAT),
        ("CH_03.mid", HAT),
        ("BD1.mid", KICK),
        ("bass drum.mid", KICK),
        ("sd-2.mid", SNARE),
        ("Claps/4.mid", SNARE),
        ("rim shot.mid", SNARE),
        ("floor_tom.mid", FLOOR_TOM),
        ("Toms/low.mid", LOW_TOM),
        ("HiTom.mid", HIGH_TOM),
        ("Ride_1.mid", RIDE),
        ("crashes.mid", CRASH),
        ("808.mid", KICK),
        ("808 hat.mid", HAT),
        ("808 kit/4.mid", None),
        ("kick and snare.mid", None),
        ("Kick/drums.mid", None),
        ("rider/thats_kicking.mid", None),
        ("beat 7.mid", None),
    ],
)
def test_the_nearest_part_of_a_path_names_the_drum(name: str, drum: int | None) -> None:
    assert drum_loop.drum_named(name) == drum


def test_an_instrument_beyond_the_nine_drums_is_rejected_by_name() -> None:
    with pytest.raises(RejectedFile, match="cowbell"):
        drum_loop.drum_named("Kick/cowbell.mid")


@settings(max_examples=60, deadline=None)
@given(scores())
def test_a_loop_of_one_drum_keeps_the_time_and_force_of_its_hits(score: Score) -> None:
    standard = drum_loop.standardise(score, "Kick/1.mid")
    (track,) = standard.score.tracks
    assert track.is_drum
    assert set(track.notes.pitch.tolist()) == {KICK}
    onset = np.concatenate([track.notes.onset for track in score.tracks])
    assert track.notes.onset.tolist() == sorted(set(onset.tolist()))
    assert standard.dropped == len(onset) - len(track.notes)
    assert standard.score.division == score.division


@settings(max_examples=60, deadline=None)
@given(scores(pitches=(36, 36)), st.sampled_from([0, 12, 24, -12, -24]))
def test_a_kit_comes_back_from_any_octave(score: Score, octaves: int) -> None:
    kit = with_pitches(score, np.asarray(DRUMS))
    # All of them are drums in one octave only.
    assume({KICK, SNARE, HAT} <= set(pitches(kit).tolist()))
    standard = drum_loop.standardise(shifted(kit, octaves), "beat.mid")
    assert standard.shift == -octaves
    assert hits(standard.score) == hits(kit)


def with_pitches(score: Score, drums: NDArray[np.int64]) -> Score:
    """The score with the drums in turn."""
    played = [
        replace(track, notes=Notes.of(n.onset, n.duration, drums[np.arange(len(n)) % len(drums)], n.velocity))
        for track in score.tracks
        for n in [track.notes]
    ]
    return replace(score, tracks=tuple(played))


def shifted(score: Score, semitones: int) -> Score:
    return replace(
        score,
        tracks=tuple(
            replace(track, notes=replace(track.notes, pitch=track.notes.pitch + np.int16(semitones)), is_drum=False)
            for track in score.tracks
        ),
    )


def pitches(score: Score) -> NDArray[np.int16]:
    return np.concatenate([track.notes.pitch for track in score.tracks])


def hits(score: Score) -> set[tuple[int, int]]:
    return {hit for track in score.tracks for hit in pairs(track)}


def pairs(track: Track) -> Iterator[tuple[int, int]]:
    return zip(track.notes.onset.tolist(), track.notes.pitch.tolist(), strict=True)


def of_pitches(*pitch: int, is_drum: bool = False) -> Score:
    played = Notes.of(np.arange(len(pitch)) * 240, [120] * len(pitch), pitch, [90] * len(pitch))
    return Score(480, (Track(played, is_drum=is_drum),))


def test_what_names_no_drum_and_plays_none_is_rejected() -> None:
    with pytest.raises(RejectedFile, match="no drum loop"):
        drum_loop.standardise(of_pitches(60, 72, 84, 95, 100, 20), "song.mid")
    with pytest.raises(RejectedFile, match="note 60 alone"):
        drum_loop.standardise(of_pitches(60, 60, 60), "x.mid")


def test_a_kit_on_channel_10_is_one_whatever_its_title() -> None:
    assert drum_loop.standardise(of_pitches(36, 38, 42, is_drum=True), "Ride on.mid").drum is None
    assert drum_loop.standardise(of_pitches(36, 36, 36, is_drum=True), "Ride on.mid").drum == RIDE


def test_channel_10_stays_where_it_is_unless_nearly_all_fits_another_octave() -> None:
    percussion = of_pitches(36, 38, 60, 61, 62, 63, 64, 60, is_drum=True)
    assert drum_loop.standardise(percussion, "x.mid").shift == 0
    assert drum_loop.standardise(of_pitches(60, 62, 66, 70, is_drum=True), "x.mid").shift == -24


@settings(max_examples=60, deadline=None)
@given(st.lists(scores(), min_size=1, max_size=3), st.integers(1, 40))
def test_each_loop_fills_exactly_the_bars_in_its_whole_bars(parts: list[Score], bars: int) -> None:
    standard = [drum_loop.standardise(part, name).score for part, name in zip(parts, PARTS, strict=False)]
    made = drum_loop.combine(standard, bars, 85)
    assume(made.tracks)
    again = midi.read(midi.write(made))
    (track,) = again.tracks
    assert track.is_drum
    bar = 4 * made.division
    for part in standard:
        onset = part.tracks[0].notes.onset
        length = drum_loop.bars_of(part)
        assert (length - 1) * 4 * part.division <= onset[-1] < length * 4 * part.division
        played = track.notes.onset[track.notes.pitch == part.tracks[0].notes.pitch[0]]
        # Every time begins on its bar line: no drift, however long it goes on.
        starts = np.arange(0, bars, length)[:, None] * bar
        wanted = (starts + onset * made.division / part.division).ravel()
        wanted = wanted[wanted < bars * bar - 0.5]
        # Of two ticks that fall on one of a coarser division one is left, and none rounds beyond its loop.
        assert len(played) <= len(wanted)
        if not len(played):
            assert not len(wanted)
            continue
        place = np.searchsorted(played, wanted) + np.array([[-1], [0]])
        nearest = played[np.clip(place, 0, len(played) - 1)]
        assert np.abs(nearest - wanted).min(axis=0).max() <= (1 if made.division < part.division else 0.5)
    assert (track.notes.onset + track.notes.duration).max() <= bars * bar
    assert again.tempos[0][1] == pytest.approx(85, rel=1e-6)


def test_common_divisions_are_exact_where_a_file_can_name_them() -> None:
    assert drum_loop.common_division([480, 960, 384]) == 1920
    assert drum_loop.common_division([32767]) == 32767
    assert drum_loop.common_division([32767, 960]) == drum_loop.FINEST
    assert drum_loop.FINEST % 960 == 0


@pytest.mark.parametrize(("bars", "bpm"), [(0, 85), (5000, 85), (4, 1), (4, 2000)])
def test_what_no_file_can_hold_is_refused(bars: int, bpm: float) -> None:
    with pytest.raises(ValueError, match="it can be"):
        drum_loop.combine([of_pitches(36, is_drum=True)], bars, bpm)


def test_the_paper_s_own_songs_stay_as_they_are() -> None:
    for path in sorted(corpus("metallica/midi").glob("*.mid")):
        score = midi.read(path.read_bytes())
        standard = drum_loop.standardise(score, path.name)
        assert standard.shift == 0
        assert Drums(resolution=32).encode(standard.score) == Drums(resolution=32).encode(score)


def test_whole_loops_made_by_hand_become_drum_words_in_any_octave() -> None:
    channel_10 = Drums(resolution=32, drum_source="channel10")
    paths = sorted(corpus("trap/by_hand").glob("*.mid"))
    assert len(paths) == 31
    for path in paths:
        score = midi.read(path.read_bytes())
        with pytest.raises(RejectedFile, match="nothing on channel 10"):
            channel_10.encode(score)
        standard = drum_loop.standardise(score, path.name)
        assert (standard.drum, standard.shift) == (None, 0)
        words = channel_10.encode(standard.score)
        assert words == Drums(resolution=32, drum_source="all").encode(score)
        for octaves in (-24, -12, 12, 24):
            again = drum_loop.standardise(shifted(score, octaves), path.name)
            assert again.shift == -octaves
            assert channel_10.encode(again.score) == words


@dataclass(frozen=True, eq=False)
class Original:
    """A loop as the follow-up's tool read it: the messages of its notes, with what waits before other ones left out.

    `onset` and `off` are in 960ths of a quarter note, `velocity` is that of the onsets.
    """

    name: str
    onset: NDArray[np.int64]
    velocity: NDArray[np.int64]
    off: NDArray[np.int64]
    standard: Score


def original(path: Path) -> Original:
    tick, onset, off = 0, [], []
    for message in mido.merge_tracks(mido.MidiFile(path).tracks):
        if message.is_meta:
            continue
        tick += message.time
        if message.type == "note_on" and message.velocity:
            onset.append((tick, message.velocity))
        elif message.type in ("note_on", "note_off"):
            off.append(tick)
    ticks, velocity = zip(*onset, strict=True)
    standard = drum_loop.standardise(midi.read(path.read_bytes()), f"{path.parent.name}/{path.name}").score
    return Original(path.stem, np.asarray(ticks), np.asarray(velocity), np.asarray(off), standard)


@cache
def originals() -> dict[int, list[Original]]:
    home = corpus("trap/loops")
    return {
        drum: [original(path) for path in sorted((home / folder).glob("*.mid"))] for folder, drum in FOLDERS.items()
    }


# The end of the snare loops in the follow-up: four bars less one tick of 480.
SNARE_END = 16 * 960 - 2


def eight_bars(kick: Original, snare: Original, hat: Original) -> dict[int, tuple[NDArray[np.int64], int]]:
    """The hits of each drum in eight bars, in ticks of 32767, and where the eight bars end: too early, three times.

    The loops have names of tracks between their notes, and the time that passes before these is lost; the hat loop
    comes again when its last note ends, not on the bar line; so do the eight bars. In the end the time from each
    message to the next one is rounded to 32767ths by itself.
    """
    snare_off = np.where(snare.off == snare.off.max(), SNARE_END, snare.off)
    onsets, offs = {KICK: kick.onset}, [kick.off]
    for drum, loop, off in ((SNARE, snare, snare_off), (HAT, hat, hat.off)):
        onsets[drum] = np.concatenate([loop.onset, loop.onset + off.max()])
        offs.append(np.concatenate([off, off + off.max()]))
    tick = np.unique(np.concatenate([[0], *onsets.values(), *offs]))
    moved = np.concatenate([[0], np.cumsum(np.rint(np.diff(tick) * 32767 / 960).astype(np.int64))])
    return {drum: (moved[np.searchsorted(tick, onset)], int(moved[-1])) for drum, onset in onsets.items()}


def of_drum(score: Score, drum: int) -> tuple[NDArray[np.int64], NDArray[np.int16]]:
    (track,) = score.tracks
    of = track.notes.pitch == drum
    return track.notes.onset[of], track.notes.velocity[of]


def maker(score: Score) -> tuple[Original, Original, Original]:
    """The loops that a file of the follow-up was made of: every hit of it at its tick."""
    candidates = [
        [
            loop
            for loop in originals()[drum]
            if len(of_drum(score, drum)[0]) == len(loop.onset) * (5 if drum == KICK else 10)
        ]
        for drum in (KICK, SNARE, HAT)
    ]
    for kick in candidates[0]:
        for snare in candidates[1]:
            for hat in candidates[2]:
                made = eight_bars(kick, snare, hat)
                if all(
                    np.array_equal(of_drum(score, drum)[0], (np.arange(5)[:, None] * end + onset).ravel())
                    for drum, (onset, end) in made.items()
                ):
                    return kick, snare, hat
    raise AssertionError("no loops give this file")


def generated() -> list[Score]:
    with zipfile.ZipFile(io.BytesIO(corpus("trap/generated.zip").read_bytes())) as archive:
        return [midi.read(archive.read(name)) for name in sorted(archive.namelist()) if name.endswith(".mid")]


def with_time_restored(score: Score, like: Score) -> Score:
    """The score with each hit where the same hit of the same drum is in `like`, whose force it must have."""
    (track,) = score.tracks
    onset = np.zeros(len(track.notes), np.int64)
    for drum in (KICK, SNARE, HAT):
        # Where loops strike a drum twice at once, one of both is left.
        once, force = of_drum(like, drum)
        of = np.flatnonzero(track.notes.pitch == drum)
        _, number = np.unique(track.notes.onset[of], return_inverse=True)
        assert number[-1] + 1 == len(once)
        onset[of] = once[number]
        loudest = np.zeros(len(once), np.int64)
        np.maximum.at(loudest, number, track.notes.velocity[of])
        assert np.array_equal(loudest, force)
    notes = Notes.of(onset, track.notes.duration, track.notes.pitch, track.notes.velocity)
    return replace(score, division=like.division, tracks=(replace(track, notes=notes),))


def test_the_follow_up_s_500_loops_are_these_combinations() -> None:
    found = generated()
    assert len(found) == 500
    triples, same = set(), {16: 0, 32: 0}
    for score in found:
        made_of = maker(score)
        triples.add(tuple(loop.name for loop in made_of))
        ours = drum_loop.combine([loop.standard for loop in made_of], 40, 85)
        assert score.tempos[0][1] == pytest.approx(ours.tempos[0][1], rel=1e-5)
        restored = with_time_restored(score, ours)
        for resolution in same:
            words = Drums(resolution=resolution, drum_source="all")
            assert words.encode(restored) == words.encode(ours)
            same[resolution] += words.encode(score) == words.encode(ours)
    # Drawn with replacement from the 440 combinations of 10 kicks, 4 snares and 11 different hats.
    assert len(triples) == 297
    # The lost time, up to 1.3 quarter notes, leaves the words of these alone.
    assert same == {16: 71, 32: 111}
