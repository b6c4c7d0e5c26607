"""Notes as sound. Where the packages of the extra `sound` are missing, these tests are skipped."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.tutti.made import file_of, note
from tutti import midi, synthesis
from tutti.audio import MAX_SECONDS, Sound
from tutti.errors import Error
from tutti.midi import messages
from tutti.score import Notes, Score, Track

pytest.importorskip("midirenderer")
SOUNDFONT = synthesis.soundfont()
QUARTER = 480  # half a second at 120 a minute


def score(*tracks: Track, tempos: tuple[tuple[int, float], ...] = ((0, 120.0),)) -> Score:
    return Score(QUARTER, tracks, tempos)


def played(
    onsets: list[int], pitch: int = 60, velocity: int = 100, program: int = 0, drum: bool = False, length: int = QUARTER
) -> Track:
    count = len(onsets)
    return Track(Notes.of(onsets, [length] * count, [pitch] * count, [velocity] * count), "", program, drum)


def sound(piece: Score) -> Sound:
    return synthesis.synthesised(piece, SOUNDFONT)


def energy(sound: Sound, begin: float, end: float) -> float:
    """The mean square of the samples from one second to another."""
    part = sound.samples[round(begin * sound.rate) : round(end * sound.rate)]
    return float(np.square(part, dtype=np.float64).mean())


def spectrum(samples: NDArray[np.float32], rate: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Frequencies in hertz, and the energy at each."""
    power: NDArray[np.float64] = np.square(np.abs(np.fft.rfft(samples.astype(np.float64))))
    return np.fft.rfftfreq(len(samples), 1 / rate).astype(np.float64), power


def centre(sound: Sound) -> float:
    """The mean frequency of a sound, weighted by energy."""
    frequency, power = spectrum(sound.samples, sound.rate)
    return float((frequency * power).sum() / power.sum())


def test_a_sound_is_silent_up_to_the_first_note_and_ends_with_its_decay() -> None:
    heard = sound(score(played([2 * QUARTER], length=2 * QUARTER)))
    assert heard.seconds == pytest.approx(2 + synthesis.TAIL, abs=0.01)
    assert energy(heard, 0, 0.99) == 0
    assert energy(heard, 1.02, 1.5) > 1e-3
    assert energy(heard, 3.9, 4) < 1e-4 * energy(heard, 1.02, 1.5)


def test_notes_are_heard_where_they_begin_through_changes_of_tempo() -> None:
    # The second quarter takes half a second, the third and fourth take one each.
    hits = score(played([0, 960, 1440], 42, drum=True, length=60), tempos=((0, 120.0), (960, 60.0)))
    heard = sound(hits)
    for begin in (0, 1, 2):
        before = energy(heard, begin - 0.1, begin - 0.01) if begin else 0
        assert energy(heard, begin, begin + 0.05) > 50 * before


@pytest.mark.parametrize("kind", ["score", "messages"])
def test_the_loudest_sample_is_1_db_below_full_scale_however_loud_the_notes(kind: str) -> None:
    soft = score(played([0], velocity=15))
    chord = [played([0], pitch, 127, program) for pitch in range(30, 100, 2) for program in (0, 30, 56)]
    for piece in (soft, score(*chord)):
        heard = synthesis.synthesised(piece if kind == "score" else messages.read(midi.write(piece)), SOUNDFONT)
        assert np.abs(heard.samples).max() == pytest.approx(10 ** (-1 / 20), rel=1e-4)
        # Nothing is cut off: few samples are as loud as the loudest.
        assert (np.abs(heard.samples) > 0.999 * synthesis.PEAK).sum() < 20


def test_velocities_are_heard() -> None:
    heard = sound(score(played([0], velocity=110), played([4 * QUARTER], velocity=50)))
    assert energy(heard, 0, 0.5) > 4 * energy(heard, 2, 2.5)


def test_a_pitch_is_heard_at_its_frequency_and_an_octave_at_twice_that() -> None:
    peaks = []
    for pitch in (57, 69):
        heard = sound(score(played([0], pitch, program=73, length=4 * QUARTER)))
        frequency, power = spectrum(heard.samples, heard.rate)
        peaks.append(frequency[power.argmax()])
    assert peaks == pytest.approx([220, 440], rel=0.02)


def test_programs_sound_differently_and_drums_are_drums() -> None:
    piano, flute = sound(score(played([0]))), sound(score(played([0], program=73)))
    assert np.abs(piano.samples - flute.samples).max() > 0.1
    kick, hat = (sound(score(played([0], pitch, drum=True))) for pitch in (36, 42))
    assert 4 * centre(kick) < centre(hat)
    frequency, power = spectrum(kick.samples, kick.rate)
    low = power[frequency < 200].sum() / power.sum()
    frequency, power = spectrum(hat.samples, hat.rate)
    assert low > 0.5 > 100 * power[frequency < 200].sum() / power.sum()


def test_the_controllers_of_messages_are_heard() -> None:
    piece = messages.read(midi.write(score(played([0], program=73, length=4 * QUARTER))))
    (track,) = (track for track in piece.tracks if len(track))
    channel = int(track.message[0, 0]) & 15
    muted = messages.MessageTrack(np.array([960]), np.array([[0xB0 | channel, 7, 0]], np.uint8))
    heard = synthesis.synthesised(replace(piece, tracks=(*piece.tracks, muted)), SOUNDFONT)
    assert energy(heard, 0.5, 0.9) > 20 * energy(heard, 1.5, 1.9)


def test_the_same_piece_gives_the_same_samples() -> None:
    piece = score(played([0, 480, 720], program=40), played([240], 36, drum=True))
    assert np.array_equal(sound(piece).samples, sound(piece).samples)


def test_a_piece_without_notes_is_silence() -> None:
    heard = sound(score())
    assert heard.seconds == pytest.approx(synthesis.TAIL, abs=0.01)
    assert not heard.samples.any()


@pytest.mark.parametrize(
    "piece",
    [
        score(played([16_000 * QUARTER])),
        score(played([100 * QUARTER]), tempos=((0, 4.0),)),
        score(played([0], length=1 << 30)),
        score(played([0]), tempos=((0, 120.0), (1 << 30, 60.0))),
        messages.read(file_of([note(wait=9000 * QUARTER)])),
    ],
)
def test_a_piece_longer_than_a_recording_may_be_is_refused(piece: Score) -> None:
    with pytest.raises(Error, match=f"minutes is too long for sound: {MAX_SECONDS // 60} are the limit"):
        sound(piece)


def test_a_file_that_is_no_soundfont_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    whole = bytearray(SOUNDFONT)
    for at in range(whole.rindex(b"pdta") + 1000, len(whole), 500):
        whole[at] ^= 0xFF
    for content, reason in (
        (b"", "is no SoundFont"),
        (b"MThd" * 9, "is no SoundFont"),
        (SOUNDFONT[: len(SOUNDFONT) // 2], "cannot be played: it is damaged"),
        (bytes(whole), "cannot be played: it is damaged"),
    ):
        path = tmp_path / "own.sf2"
        path.write_bytes(content)
        with pytest.raises(Error, match=rf"own\.sf2 {reason}"):
            synthesis.soundfont(path)
    with pytest.raises(Error, match=r"cannot read .*missing\.sf2"):
        synthesis.soundfont(tmp_path / "missing.sf2")
    assert not capfd.readouterr().err


def test_a_soundfont_of_ones_own_is_played(tmp_path: Path) -> None:
    (tmp_path / "own.sf2").write_bytes(SOUNDFONT)
    assert synthesis.soundfont(tmp_path / "own.sf2") == SOUNDFONT
