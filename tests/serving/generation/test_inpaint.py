import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from serving.cli.generate import main
from serving.export import export
from serving.generation.inpaint import Bits, compose, masked
from serving.saved_model import load
from tests.serving.conftest import made
from trainer.models.rbm.settings import Rbm
from tutti import midi
from tutti.encodings.pianoroll import PianoRoll
from tutti.errors import Error

ROLL = PianoRoll(lowest=60, highest=64)
PROMPT = ["60s.63s", "60.63", "61s", "-", "62s.63s"]


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export of a machine with random weights."""
    path = tmp_path_factory.mktemp("models") / "rolls"
    export(made(tmp_path_factory.mktemp("runs") / "rolls", Rbm(hidden=12), encoding=ROLL), path)
    return path


def test_an_export_knows_its_kind_and_limits(machine: Path) -> None:
    model = load(machine)
    assert (model.kind, model.encoding) == ("rbm", ROLL)
    assert model.description["limits"] == {"gibbs_steps": 65536}
    assert (machine / "1" / "assets.extra" / "tf_serving_warmup_requests").stat().st_size > 0


def test_pieces_are_written_one_for_each_seed(machine: Path, tmp_path: Path) -> None:
    common = ["--model", str(machine), "--no-picture", "--gibbs-steps", "3"]
    main([*common, "--out", str(tmp_path / "many.mid"), "--seed", "5", "-n", "3", "--steps", "100"])
    main([*common, "--out", str(tmp_path / "one.mid"), "--seed", "6", "--steps", "100"])
    main([*common, "--out", str(tmp_path / "window.mid")])
    assert (tmp_path / "many-2.txt").read_text() == (tmp_path / "one.txt").read_text()
    assert (tmp_path / "many-1.txt").read_text() != (tmp_path / "many-2.txt").read_text()
    assert len((tmp_path / "one.txt").read_text().split()) == 100
    assert len((tmp_path / "window.txt").read_text().split()) == 64
    assert midi.read((tmp_path / "one.mid").read_bytes()).tracks


def test_a_voice_of_a_file_stays_while_the_rest_is_filled_in(
    machine: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["60s.63s", "60.63", "60s", "63s", "61s.62s"] * 20
    (tmp_path / "given.mid").write_bytes(midi.write(ROLL.decode(words)))
    prompt = ["--prompt", str(tmp_path / "given.mid"), "--keep-pitches", "63-63"]
    main(["--model", str(machine), "--out", str(tmp_path / "out.mid"), *prompt, "--gibbs-steps", "4", "--json"])
    assert json.loads(capsys.readouterr().out)["prompt"] == 100
    found = ROLL.frames((tmp_path / "out.txt").read_text().split()).reshape(100, 2, 4)
    given = ROLL.frames(words).reshape(100, 2, 4)
    np.testing.assert_array_equal(found[:, :, 3], given[:, :, 3])
    assert (found[:, :, :3] != given[:, :, :3]).mean() > 0.1


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (
            ["--temperature", "0.5", "--label", "x"],
            "--label, --temperature does not apply to .*, which is of the kind rbm",
        ),
        (["--gibbs-steps", "-1"], "--gibbs-steps is -1; it must be from 0 to 65536"),
        (["--steps", "-1"], "--steps is -1"),
        (["--prompt", "E5"], "--prompt: 'E5' is no frame"),
    ],
)
def test_a_flag_that_does_not_apply_is_refused(machine: Path, tmp_path: Path, flags: list[str], named: str) -> None:
    with pytest.raises(Error, match=named):
        main(["--model", str(machine), "--out", str(tmp_path / "out.mid"), *flags])


def test_a_model_of_tokens_refuses_what_is_for_machines(models: Path, tmp_path: Path) -> None:
    with pytest.raises(Error, match=r"--keep-steps does not apply to .*, which is of the kind lstm"):
        main(["--model", str(models), "--out", str(tmp_path / "out.mid"), "--keep-steps", "0-7"])


def noise(frames: Bits, keep: Bits, seeds: NDArray[np.int64]) -> Bits:
    """Stands for the machine: fresh bits for each row by its seed, which leaves the bits to keep."""
    assert frames.shape[1] == 4
    fresh = [np.random.default_rng(abs(int(seed))).integers(0, 2, frames.shape[1:], np.uint8) for seed in seeds]
    return np.where(keep > 0, frames, np.array(fresh))


def test_without_a_prompt_everything_is_drawn() -> None:
    given = masked(ROLL, [], 9)
    assert given.frames.shape == (9, 8)
    assert not given.keep.any()
    assert compose(noise, given, 4, [1, 2, 3]).shape == (3, 9, 8)


@pytest.mark.parametrize("steps", [1, 3, 4, 5, 6, 7, 8, 23])
def test_a_piece_has_the_steps_asked_for_and_no_window_changes_what_another_has_drawn(steps: int) -> None:
    seen: list[tuple[Bits, Bits]] = []

    def watched(frames: Bits, keep: Bits, seeds: NDArray[np.int64]) -> Bits:
        after = noise(frames, keep, seeds)
        seen.append((keep.copy(), after))
        return after

    (piece,) = compose(watched, masked(ROLL, [], steps), 4, [7])
    assert piece.shape == (steps, 8)
    assert len(seen) == max(1, 1 + -(-(steps - 4) // 2))
    for (_, before), (keep, after) in pairwise(seen):
        overlap = int(keep[0].all(axis=1).sum())
        assert 2 <= overlap < 4
        np.testing.assert_array_equal(after[0, :overlap], before[0, 4 - overlap :])


def test_a_piece_does_not_depend_on_the_pieces_beside_it() -> None:
    given = masked(ROLL, PROMPT, 8)
    together = compose(noise, given, 4, [5, 6, 7])
    np.testing.assert_array_equal(compose(noise, given, 4, [6])[0], together[1])
    assert (together[0] != together[1]).any()


def test_each_window_of_each_piece_has_a_seed_of_its_own() -> None:
    seen: list[list[int]] = []

    def watched(frames: Bits, keep: Bits, seeds: NDArray[np.int64]) -> Bits:
        seen.append(seeds.tolist())
        return noise(frames, keep, seeds)

    compose(watched, masked(ROLL, [], 40), 4, [5, 6, 7])
    assert seen[0] == [5, 6, 7]
    assert len(seen) == 19
    assert len({seed for seeds in seen for seed in seeds}) == 3 * 19


def test_a_prompt_is_kept_and_continued() -> None:
    piece = compose(noise, masked(ROLL, PROMPT, 6), 4, [1])[0]
    assert len(piece) == 11
    np.testing.assert_array_equal(piece[:5], ROLL.frames(PROMPT))
    assert piece[5:].any()


def test_kept_steps_and_voices_stay_and_the_rest_is_drawn_anew() -> None:
    frames = ROLL.frames(PROMPT)
    voice = compose(noise, masked(ROLL, PROMPT, 0, keep_pitches="63-99"), 4, [1, 2])
    for piece in voice:
        np.testing.assert_array_equal(piece.reshape(5, 2, 4)[:, :, 3], frames.reshape(5, 2, 4)[:, :, 3])
        assert (piece != frames).any()
    start = compose(noise, masked(ROLL, PROMPT, 0, keep_steps="0-1"), 4, [1])[0]
    np.testing.assert_array_equal(start[:2], frames[:2])
    assert (start[2:] != frames[2:]).any()
    both = masked(ROLL, PROMPT, 2, keep_steps="1-2", keep_pitches="60-61")
    assert both.keep.sum() == 2 * 2 * 2
    assert not (both.frames & ~both.keep & 1).any()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"prompt": ["E5"]}, "prompt: 'E5' is no frame"),
        ({"prompt": [], "keep_steps": "0-7"}, "keep_steps 0-7 keeps of a prompt"),
        ({"prompt": [], "new": 0}, "steps is 0"),
        ({"keep_steps": "7"}, "keep_steps is '7'; it must be a range such as 0-4"),
        ({"keep_steps": "5-9"}, "keep_steps 5-9 keeps nothing: there are 0 to 4"),
        ({"keep_pitches": "C4-C5"}, "keep_pitches is 'C4-C5'; it must be a range such as 60-63"),
        ({"keep_pitches": "24-59"}, "keep_pitches 24-59 keeps nothing: there are 60 to 63"),
    ],
)
def test_what_cannot_be_kept_is_said(options: dict[str, object], named: str) -> None:
    with pytest.raises(Error, match=named):
        masked(ROLL, **{"prompt": PROMPT, "new": 4, **options})  # type: ignore[arg-type]
