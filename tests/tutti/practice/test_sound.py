import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tutti import audio, cli
from tutti.audio import Sound
from tutti.practice import drums, piano, sound
from tutti.practice.compose import KINDS
from tutti.practice.rng import Rng
from tutti.score import Notes, Score, Track

COUNT = 20


def strings(*notes: tuple[int, int, int], bpm: float = 120.0, is_drum: bool = False) -> Score:
    """A score of notes of (onset, duration, pitch), 480 ticks a quarter."""
    onset, duration, pitch = zip(*notes, strict=True)
    return Score(480, (Track(Notes.of(onset, duration, pitch, [100] * len(onset)), is_drum=is_drum),), ((0, bpm),))


def loudest_hertz(played: Sound) -> float:
    power = np.abs(np.fft.rfft(played.samples * np.hanning(len(played.samples))))
    return float(power.argmax() * played.rate / len(played.samples))


@pytest.mark.parametrize("pitch", [45, 57, 69, 76])
@pytest.mark.parametrize("rate", [8000, 22_050])
def test_a_string_sounds_at_its_pitch(pitch: int, rate: int) -> None:
    played = sound.synthesised(strings((0, 960, pitch)), rate)
    assert played.rate == rate
    wanted = 440 * 2 ** ((pitch - 69) / 12)
    # A harmonic may be the loudest, but no other tone.
    times = loudest_hertz(played) / wanted
    assert round(times) in (1, 2, 3)
    assert times == pytest.approx(round(times), abs=0.03)


def test_a_note_begins_where_the_tempos_put_it() -> None:
    piece = strings((960, 480, 60))
    slower = Score(480, piece.tracks, ((0, 120.0), (480, 60.0)))
    for score, seconds in ((piece, 1.0), (slower, 1.5)):
        first = int(np.flatnonzero(sound.synthesised(score).samples)[0])
        assert first / sound.RATE == pytest.approx(seconds, abs=0.002)


@pytest.mark.parametrize("pitch", [36, 38, 42, 46, 41, 49, 51, 75])
def test_every_drum_sounds_and_fades(pitch: int) -> None:
    samples = np.abs(sound.synthesised(strings((0, 10, pitch), is_drum=True)).samples)
    assert samples.max() == pytest.approx(sound.PEAK, abs=1e-3)
    assert samples[-80:].max() < 0.1 * samples[:800].max()


def test_a_score_without_notes_is_silence() -> None:
    assert len(sound.synthesised(Score(480, ())).samples) == 0


def test_a_long_score_is_cut_at_the_limit_of_a_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound, "MAX_SECONDS", 2)
    played = sound.synthesised(strings((0, 480 * 100, 60), (480 * 100, 480, 60), (480 * 1000, 480, 60)))
    assert played.seconds <= 2 + sound.TAIL


@pytest.mark.parametrize("compose", [drums.compose, piano.compose])
def test_composed_scores_can_be_heard(compose: object) -> None:
    _, score = compose(1, 0)  # type: ignore[operator]
    played = sound.synthesised(score)
    assert played.seconds > 30
    assert np.abs(played.samples).max() == pytest.approx(sound.PEAK, abs=1e-3)


def test_recordings_are_short_and_loud_and_none_is_another_one() -> None:
    recordings = [sound.compose(1, index)[1] for index in range(COUNT)]
    assert all(3 < played.seconds < 5 and played.rate == 8000 for played in recordings)
    assert all(np.abs(played.samples).max() <= 1 for played in recordings)
    assert len({played.samples.tobytes() for played in recordings}) == COUNT


def test_what_is_written_is_what_was_made() -> None:
    pytest.importorskip("soundfile")
    name, made = sound.compose(1, 3)
    assert name.startswith("strings-")
    content = KINDS["sound"].write(made)
    assert np.array_equal(audio.read(content).samples, made.samples)


def test_samples_are_whole_numbers_and_the_same_in_another_process() -> None:
    program = (
        "import hashlib; from tutti.practice import sound; "
        "print(hashlib.sha256(sound.compose(5, 2)[1].samples).hexdigest())"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(cli.__file__).parent,
        check=True,
        capture_output=True,
        text=True,
    )
    samples = sound.compose(5, 2)[1].samples
    assert ended.stdout.strip() == hashlib.sha256(samples.tobytes()).hexdigest()
    assert np.array_equal(samples * 32_768, np.rint(samples * 32_768))


def test_another_choice_is_another_recording() -> None:
    assert Rng(1, 2, 0).number(0, 10**9) != Rng(1, 1, 0).number(0, 10**9)
    assert sound.compose(1, 0)[1].samples.tobytes() != sound.compose(2, 0)[1].samples.tobytes()
