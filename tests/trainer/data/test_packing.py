import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from trainer.data.packing import EMPTY, group_by_song, pack

Lengths = st.lists(st.integers(1, 9), min_size=1, max_size=20)


def songs(lengths: list[int]) -> list[np.ndarray]:
    """Songs of these lengths, their windows numbered through."""
    return np.split(np.arange(sum(lengths), dtype=np.int32), np.cumsum(lengths)[:-1])


@given(Lengths, st.integers(1, 6), st.none() | st.integers(0, 99))
def test_every_window_comes_once_and_right_behind_the_one_before_it_in_its_song(
    lengths: list[int], rows: int, seed: int | None
) -> None:
    packed = pack(songs(lengths), rows, None if seed is None else np.random.default_rng(seed))
    assert sorted(packed[packed != EMPTY].tolist()) == list(range(sum(lengths)))
    for song in songs(lengths):
        step, row = np.argwhere(packed == song[0])[0]
        np.testing.assert_array_equal(packed[step : step + len(song), row], song)


@given(Lengths, st.integers(1, 6))
def test_the_number_of_steps_is_the_same_for_every_shuffle_and_near_the_least(lengths: list[int], rows: int) -> None:
    steps = {len(pack(songs(lengths), rows, np.random.default_rng(seed))) for seed in range(5)}
    assert len(steps) == 1
    least = max(max(lengths), -(-sum(lengths) // rows))
    assert least <= steps.pop() <= least + max(lengths)


@given(Lengths, st.integers(1, 6))
def test_a_row_has_no_gap_before_it_runs_out(lengths: list[int], rows: int) -> None:
    for row in pack(songs(lengths), rows, np.random.default_rng(1)).T:
        held = np.flatnonzero(row != EMPTY)
        assert held.tolist() == list(range(len(held)))


def test_the_order_follows_from_the_rng() -> None:
    orders = [pack(songs([2] * 12), 3, np.random.default_rng(seed)).tobytes() for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]


def test_records_come_together_as_songs_in_the_order_of_their_starts() -> None:
    found = group_by_song([b"b", b"a", b"b", b"c", b"a"], np.array([8, 0, 0, 0, 8]))
    assert [song.tolist() for song in found] == [[1, 4], [2, 0], [3]]


def test_a_song_that_is_there_twice_is_two_songs() -> None:
    found = group_by_song([b"a", b"a", b"b", b"a", b"a"], np.array([0, 8, 0, 8, 0]))
    assert [song.tolist() for song in found] == [[0, 1], [4, 3], [2]]
