"""Scores by themselves: order, bar lines, meters."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tutti.score import Notes, Score, Track, simplest_meter


def test_bar_lines_follow_the_meters() -> None:
    score = Score(4, (Track(Notes.of([0], [1], [60], [90])),), meters=((0, 3, 4), (24, 6, 8), (30, 4, 4)))
    assert score.bar_lines(40) == [0, 12, 24, 30, 46]


def test_a_meter_that_makes_no_sense_counts_as_4_4() -> None:
    score = Score(480, (Track(Notes.of([0], [1], [60], [90])),), meters=((0, 1, 1 << 30),))
    assert score.bar_lines(1920) == [0, 1920]


def test_notes_come_in_order_of_onset_and_pitch() -> None:
    notes = Notes.of([5, 0, 5], [1, 1, 1], [60, 72, 48], [90, 91, 92])
    assert np.stack([notes.onset, notes.pitch, notes.velocity]).tolist() == [[0, 5, 5], [72, 48, 60], [91, 92, 90]]


@given(st.integers(1, 200), st.sampled_from([16, 32]))
def test_the_simplest_meter_is_as_long_as_the_bar_and_cannot_be_halved(length: int, resolution: int) -> None:
    numerator, denominator = simplest_meter(length, resolution)
    assert numerator * resolution == length * denominator
    assert denominator == 4 or numerator % 2
