from collections import Counter

import numpy as np
import pytest

from tests.tutti.practice.conftest import SEED
from tutti import midi
from tutti.encodings.drums import Drums
from tutti.practice import drums
from tutti.practice.grooves import FOUR, STYLES
from tutti.practice.rng import Rng

Corpus = dict[str, dict[str, bytes]]
TOMS = [drums.FLOOR_TOM, drums.LOW_TOM, drums.HIGH_TOM]
CYMBALS = [drums.CLOSED, drums.OPEN, drums.RIDE, drums.CRASH]


def test_every_style_is_written_for_its_meter() -> None:
    for style in STYLES:
        steps = 16 * style.meter[0] // style.meter[1]
        lines = [*style.kicks, *style.snares, *style.cymbals, *style.lift, *([style.foot] if style.foot else [])]
        assert {len(line) for line in lines} == {steps}, style.name
        assert set("".join(style.kicks + style.snares)) <= set(".xXg?"), style.name
        assert set("".join(style.cymbals + style.lift)) <= set(".xorcd"), style.name


def test_every_form_has_32_to_80_bars() -> None:
    for form in drums.FORMS:
        assert 32 <= sum(int(section[1:]) for section in form.split()) <= 80, form


def test_a_tenth_of_the_songs_is_not_in_four(songs: Corpus) -> None:
    meters = Counter(midi.read(content).meters for content in songs["drums"].values())
    assert meters == {((0, 4, 4),): 270, ((0, 3, 4),): 15, ((0, 6, 8),): 15}


@pytest.mark.parametrize("resolution", [16, 32])
def test_every_song_encodes_to_its_bars(resolution: int, songs: Corpus) -> None:
    words = set()
    for name, content in songs["drums"].items():
        (song,) = Drums(resolution=resolution, bars="meter").encode(midi.read(content))
        assert 32 <= song.count("BAR") <= 80, name
        words.update(song)
    assert 30 <= len(words) <= 512


def test_notes_lie_close_enough_to_the_grid_of_32nds() -> None:
    for index in range(60):
        _, score = drums.compose(SEED, index)
        onset = score.tracks[0].notes.onset
        nearest = (onset + drums.STEP // 2) // drums.STEP * drums.STEP
        assert np.abs(onset - nearest).max() < drums.STEP // 2
        assert np.abs(onset - nearest).max() > 0


def test_phrases_end_in_fills_and_sections_begin_with_a_crash() -> None:
    rock = STYLES[0]
    for index in range(40):
        bars = drums.arrange(rock, Rng(SEED, index))
        begins = [i for i, bar in enumerate(bars) if i and bar[0, drums.CRASH]][:-1]
        assert begins
        for i in begins:
            fill = bars[i - 1][-8:]
            assert fill[:, [drums.SNARE, *TOMS]].any()
            assert not fill[:, CYMBALS].any()


def test_songs_repeat_their_bars() -> None:
    for index in range(60):
        bars = drums.arrange(STYLES[index % len(STYLES)], Rng(SEED, 0, index))
        different = {bar.tobytes() for bar in bars}
        assert 5 <= len(different) <= len(bars) // 2


def test_a_hat_is_open_or_closed_and_a_limb_strikes_once() -> None:
    for index in range(100):
        style = STYLES[index % len(STYLES)]
        for bar in drums.arrange(style, Rng(SEED, 0, index)):
            assert len(bar) == 32 * style.meter[0] // style.meter[1]
            assert not ((bar[:, drums.OPEN] > 0) & (bar[:, drums.CLOSED] > 0)).any()
            assert ((bar[:, TOMS] > 0).sum(axis=1) <= 2).all()


def test_ghost_notes_are_quieter_than_the_back_beat() -> None:
    funk = STYLES[1]
    assert funk.name == "funk" and funk.meter == FOUR
    bar = drums.bar("x...............", "....X..g.g..X..g", "x.x.x.x.x.x.x.x.", "")
    notes = drums.play(bar, funk, Rng(1))
    snare = notes.velocity[notes.pitch == 38]
    assert snare.tolist() != sorted(snare.tolist())
    assert (snare[[0, 3]] > 100).all()
    assert (snare[[1, 2, 4]] < 60).all()
