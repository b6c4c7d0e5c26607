from collections import Counter

import numpy as np
import pytest

from tests.tutti.practice.conftest import SEED
from tutti import midi
from tutti.encodings.drums import Drums
from tutti.encodings.melody import Melody
from tutti.practice import band
from tutti.practice.band import HABITS, Arrangement
from tutti.practice.lineups import LINEUPS, ROLES
from tutti.score import Score, Track

COUNT = 60


@pytest.fixture(scope="module")
def arranged() -> dict[str, tuple[Arrangement, Score]]:
    """name -> the arrangement, and what is read from its file."""
    made = [band.compose(SEED, index) for index in range(COUNT)]
    return {f"{i:02d}-{name}": (song, midi.read(band.write(song))) for i, (name, song) in enumerate(made)}


def track(song: Arrangement, role: str) -> Track:
    return song.score.tracks[song.roles.index(role)]


def test_a_files_tracks_are_in_the_order_of_their_roles(arranged: dict[str, tuple[Arrangement, Score]]) -> None:
    for name, (song, score) in arranged.items():
        assert len(score.tracks) == len(song.roles), name
        for made, found in zip(song.score.tracks, score.tracks, strict=True):
            assert (made.name, made.program, made.is_drum) == (found.name, found.program, found.is_drum), name
            assert np.array_equal(made.notes.pitch, found.notes.pitch), name
            assert np.array_equal(made.notes.onset, found.notes.onset), name


def test_every_band_has_drums_bass_chords_and_a_melody_and_some_have_more() -> None:
    for players in LINEUPS:
        roles = Counter(player.role for player in players)
        assert (roles["drums"], roles["bass"], roles["melody"]) == (1, 1, 1)
        assert roles["chords"] in (1, 2)
        assert all((player.program in range(32, 40)) == (player.role == "bass") for player in players)
    assert {player.part for players in LINEUPS for player in players} == set(ROLES)


def test_files_have_the_habits_that_their_names_tell(arranged: dict[str, tuple[Arrangement, Score]]) -> None:
    met: Counter[str] = Counter()
    for name, (song, score) in arranged.items():
        (habit,) = [habit for habit in HABITS[1:] if habit.name and name.endswith(habit.name)] or HABITS[:1]
        met[habit.name] += 1
        names, programs = {track.name for track in score.tracks}, {track.program for track in score.tracks}
        assert (names == {""}) == (not habit.named), name
        assert (programs == {0}) == (not habit.programs), name
        assert [track.is_drum for track in score.tracks] == [
            role == "drums" and habit.drum_channel for role in song.roles
        ], name
        assert (band.write(song)[8:10] == b"\0\0") == habit.one_track, name
    assert set(met) == {habit.name for habit in HABITS}


def test_a_melody_is_one_voice_above_the_bass(arranged: dict[str, tuple[Arrangement, Score]]) -> None:
    for name, (song, _) in arranged.items():
        melody, bass = track(song, "melody").notes, track(song, "bass").notes
        assert (melody.onset[1:] >= (melody.onset + melody.duration)[:-1]).all(), name
        assert melody.pitch.mean() > bass.pitch.mean() + 12, name
        assert bass.pitch.min() >= 28 and bass.pitch.max() <= 60, name


def test_chords_are_struck_together(arranged: dict[str, tuple[Arrangement, Score]]) -> None:
    for name, (song, _) in arranged.items():
        for made, role in zip(song.score.tracks, song.roles, strict=True):
            eighths = len(np.unique((made.notes.onset + 120) // 240))
            if role == "chords":
                assert len(made.notes) == 3 * eighths, name
            elif role != "drums":
                assert len(made.notes) == eighths, name


def test_all_parts_end_together(arranged: dict[str, tuple[Arrangement, Score]]) -> None:
    for name, (song, score) in arranged.items():
        (_, numerator, denominator) = song.score.meters[0]
        bar = 4 * score.division * numerator // denominator
        last = {role: int(made.notes.onset[-1]) for made, role in zip(song.score.tracks, song.roles, strict=True)}
        bars = {role: (onset + bar // 16) // bar for role, onset in last.items() if role in ("drums", "bass", "chords")}
        assert len(set(bars.values())) == 1, name
        assert last["melody"] < last["bass"], name


def test_a_band_plays_tunes_with_their_pickups(arranged: dict[str, tuple[Arrangement, Score]]) -> None:
    ((song, _),) = [found for name, found in arranged.items() if "when-the-saints" in name]
    first = track(song, "melody").notes.onset[0]
    bar = 4 * song.score.division
    assert 3 * bar < first < 4 * bar  # in the last bar of the intro


def test_drums_and_melody_of_a_band_encode(arranged: dict[str, tuple[Arrangement, Score]]) -> None:
    for name, (song, score) in arranged.items():
        if not track(song, "drums").is_drum:
            continue
        (words,) = Drums(resolution=32).encode(score)
        assert words == Drums(resolution=32).encode(Score(480, (track(song, "drums"),)))[0], name
        (tokens,) = Melody().encode(score)
        assert tokens == Melody().encode(Score(480, (track(song, "melody"),)))[0], name
