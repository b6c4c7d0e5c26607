import pytest

from tests.corpora import corpus
from tutti import midi
from tutti.errors import RejectedFile
from tutti.roles.kit import DRUM_OF_PITCH, NONE, is_kit, kit
from tutti.score import Notes

DIVISION = 480


def beat(*bar: tuple[int, int], bars: int = 8) -> Notes:
    """A bar of (eighth, pitch), over and over."""
    starts = range(0, bars * 4 * DIVISION, 4 * DIVISION)
    struck = [(start + DIVISION // 2 * eighth, pitch) for start in starts for eighth, pitch in bar]
    onset, pitch = zip(*struck, strict=True)
    return Notes.of(onset, [60] * len(onset), pitch, [90] * len(onset))


ROCK = [(0, 36), (4, 38), (7, 36), *((eighth, 42) for eighth in range(8))]
# Every pitch of it is one of a drum, in D major.
WALKING_BASS = [(0, 38), (1, 42), (2, 45), (3, 47), (4, 43), (5, 42), (6, 40), (7, 36)]
TRIADS = [(0, 36), (0, 40), (0, 43), (4, 38), (4, 42), (4, 45)]


def test_kick_snare_and_hats_are_a_kit() -> None:
    assert is_kit(beat(*ROCK), DIVISION)


def test_a_kit_may_strike_one_drum_at_a_time() -> None:
    assert is_kit(beat((0, 36), (1, 42), (2, 42), (3, 42), (4, 38), (5, 42), (6, 42), (7, 42)), DIVISION)


@pytest.mark.parametrize("bar", [WALKING_BASS, TRIADS, [(0, 41), (2, 43), (4, 45), (6, 48)], [(0, 36), (4, 36)]])
def test_a_bass_and_chords_are_no_kit_though_all_their_pitches_are_drums(bar: list[tuple[int, int]]) -> None:
    notes = beat(*bar)
    assert (DRUM_OF_PITCH[notes.pitch] != NONE).all()
    assert not is_kit(notes, DIVISION)


def test_few_notes_are_no_kit() -> None:
    assert not is_kit(beat((0, 36), (0, 42), (2, 38), (4, 42), bars=1), DIVISION)


def test_a_kit_may_have_a_track_for_each_drum() -> None:
    tracks = [beat(*((at, pitch) for at, pitch in ROCK if pitch == drum)) for drum in (36, 38, 42)]
    assert kit([beat(*WALKING_BASS), *tracks], DIVISION) == [1, 2, 3]
    assert kit(tracks[:1], DIVISION) == []
    assert kit([tracks[0], beat(*WALKING_BASS)], DIVISION) == []


def test_all_loops_made_by_hand_are_kits_and_no_piano_piece_is_in_any_key() -> None:
    loops = [midi.read(path.read_bytes()) for path in sorted(corpus("trap/by_hand").rglob("*.mid"))]
    assert [is_kit(loop.tracks[0].notes, loop.division) for loop in loops] == [True] * 31
    for path in sorted(corpus("piano").glob("*.mid")):
        try:
            score = midi.read(path.read_bytes())
        except RejectedFile:
            continue
        for track in score.tracks:
            if not track.is_drum:
                assert not is_kit(track.notes, score.division), path.name


@pytest.mark.parametrize("octaves", [-2, -1, 1])
def test_the_jazz_bass_is_no_kit_in_any_key(octaves: int) -> None:
    score = midi.read((corpus("jazz") / "original_metheny.mid").read_bytes())
    (bass,) = (track.notes for track in score.tracks if track.name == "Bass")
    for semitones in range(12):
        pitch = bass.pitch + 12 * octaves + semitones
        kept = (pitch >= 0) & (pitch < 128)
        notes = Notes(bass.onset[kept], bass.duration[kept], pitch[kept], bass.velocity[kept])
        assert not is_kit(notes, score.division)
