import numpy as np

from pipelines.loops import drum_loop
from tests.tutti.practice.conftest import SEED
from tutti import midi
from tutti.practice import loops
from tutti.practice.drums import STEP

Corpus = dict[str, dict[str, bytes]]
NAMED = {"Kick": drum_loop.KICK, "Snare": drum_loop.SNARE, "HH": drum_loop.HAT}


def test_a_third_are_of_each_drum_and_the_name_tells_it(songs: Corpus) -> None:
    folders = [name.partition("/")[0] for name in songs["loops"]]
    assert {folder: folders.count(folder) for folder in NAMED} == dict.fromkeys(NAMED, len(folders) // 3)
    for name in songs["loops"]:
        folder, _, file = name.partition("/")
        assert drum_loop.drum_named(name) == drum_loop.drum_named(file) == NAMED[folder], name


def test_a_loop_plays_one_note_on_no_drum_channel(songs: Corpus) -> None:
    played = set()
    for name, content in songs["loops"].items():
        (track,) = midi.read(content).tracks
        assert not track.is_drum, name
        (pitch,) = np.unique(track.notes.pitch)
        played.add(int(pitch))
    assert played == set(loops.PITCHES)


def test_a_loop_is_two_or_four_bars_on_the_grid(songs: Corpus) -> None:
    for name, content in songs["loops"].items():
        score = midi.read(content)
        assert not (score.tracks[0].notes.onset % STEP).any(), name
        assert drum_loop.bars_of(score) in (2, 4), name


def test_loops_can_be_made_general_midi() -> None:
    for index in range(30):
        name, score = loops.compose(SEED, index)
        standard = drum_loop.standardise(score, f"{name}.mid")
        assert standard.drum == NAMED[name.partition("/")[0]]
        assert standard.dropped == 0
