from dataclasses import replace

import pytest

from tests.corpora import corpus
from tests.tutti.roles.test_kit import DIVISION, ROCK, WALKING_BASS, beat
from tutti import midi
from tutti.roles import BASS, CHANNEL, CHORDS, DRUMS, MELODY, NAME, OTHER, PLAYING, PROGRAM, Role, most_melodic, roles
from tutti.score import Notes, Score, Track

TUNE = [(0, 64), (1, 65), (2, 67), (4, 69), (5, 67), (6, 65), (7, 64)]
STRUMMED = [(eighth, pitch) for eighth in range(8) for pitch in (79, 83, 86)]
BROKEN = [(eighth, pitch) for eighth, pitch in enumerate((72, 76, 79, 84) * 2)]


def played(bar: list[tuple[int, int]], length: int = 230, **more: object) -> Track:
    notes = beat(*bar)
    return Track(replace(notes, duration=0 * notes.duration + length), **more)  # type: ignore[arg-type]


def found(*tracks: Track) -> list[str]:
    return [role.name for role in roles(Score(DIVISION, tracks))]


def test_how_a_band_plays_tells_its_parts() -> None:
    band = played(TUNE), played(STRUMMED), played(WALKING_BASS), played(ROCK), played(BROKEN)
    assert found(*band) == [MELODY, CHORDS, BASS, DRUMS, OTHER]
    assert {role.by for role in roles(Score(DIVISION, band))} == {PLAYING}


def test_the_highest_track_is_no_melody_if_it_plays_chords() -> None:
    assert found(played(STRUMMED), played(TUNE)) == [CHORDS, MELODY]
    assert found(played(BROKEN), played(TUNE)) == [OTHER, MELODY]


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("Slap Bass", BASS),
        ("Kontrabass", BASS),
        ("MELODY", MELODY),
        ("Lead Vocals", MELODY),
        ("Pad 2", CHORDS),
        ("Brass", None),
        ("Leader", None),
        ("Bassoon", None),
        ("", None),
    ],
)
def test_a_name_says_the_role(name: str, role: str | None) -> None:
    (first, _) = roles(Score(DIVISION, (played(TUNE, name=name), played([(0, 60), (4, 62)]))))
    assert first == (Role(role, NAME) if role else Role(MELODY, PLAYING))


def test_what_is_named_for_drums_must_play_notes_of_drums() -> None:
    assert found(played([(0, 36), (4, 38)], name="Bass Drum and Snare")) == [DRUMS]
    assert found(played(BROKEN, name="Drum solo?")) != [DRUMS]
    assert found(played(TUNE, name="Steel Drums"), played([(0, 36)])) == [MELODY, OTHER]


def test_channel_and_program_say_the_role() -> None:
    tracks = played(TUNE, is_drum=True), played(TUNE, program=35), played(TUNE, program=121), played(TUNE)
    assert [(role.name, role.by) for role in roles(Score(DIVISION, tracks))] == [
        (DRUMS, CHANNEL),
        (BASS, PROGRAM),
        (OTHER, PROGRAM),
        (MELODY, PLAYING),
    ]


def test_where_there_is_no_melody_the_track_most_like_one_is_found() -> None:
    low, high = [(0, 60), (0, 64), (0, 67)], [(0, 72), (0, 76), (0, 79), (4, 74), (4, 77), (4, 81)]
    score = Score(DIVISION, (played(low), played(ROCK), played(high)))
    assert MELODY not in found(*score.tracks)
    assert most_melodic(score) == 2
    assert most_melodic(Score(DIVISION, (played(ROCK),))) is None


def test_a_signal_on_one_pitch_is_neither_bass_nor_melody() -> None:
    assert found(played([(0, 31), (4, 31)]), played(WALKING_BASS), played(TUNE)) == [OTHER, BASS, MELODY]


def test_a_note_of_no_length_has_a_role() -> None:
    (role,) = roles(Score(DIVISION, (Track(Notes.of([0], [0], [60], [90])),)))
    assert role.name == OTHER


def test_the_roles_of_the_jazz_band_hold_with_channels_names_and_programs_hidden() -> None:
    score = midi.read((corpus("jazz") / "original_metheny.mid").read_bytes())
    hidden = replace(score, tracks=tuple(replace(t, name="", program=0, is_drum=False) for t in score.tracks))
    told = {track.name: role.name for track, role in zip(score.tracks, roles(hidden), strict=True)}
    assert (told["Guitar"], told["Bass"]) == (MELODY, BASS)
    assert {told[name] for name in ("Piano", "Organ", "String", "Synth Brass")} == {CHORDS}
    assert {told[name] for name in ("Ride", "Cymbales", "Snare", "Kick")} == {DRUMS}
    assert DRUMS not in {told[track.name] for track in score.tracks if not track.is_drum}


def test_metallicas_drums_on_another_channel_are_drums_or_nothing() -> None:
    judged = []
    for path in sorted((corpus("metallica") / "midi").glob("*.mid")):
        score = midi.read(path.read_bytes())
        hidden = replace(score, tracks=tuple(replace(t, name="", program=0, is_drum=False) for t in score.tracks))
        judged += [role.name for role in roles(hidden)]
    assert set(judged) == {DRUMS, OTHER}
    assert judged.count(DRUMS) >= 55
