import subprocess
import sys
import textwrap
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from serving.graph.gibbs import Gibbs, GibbsRequests, GibbsSignatures
from tests.serving.conftest import made
from trainer.models.rbm.network import RbmModel
from trainer.models.rbm.settings import Rbm
from tutti.encodings.pianoroll import PianoRoll

WINDOW, BITS = 5, 20

# What a stranger's process does: TensorFlow, the folder, and nothing of ours.
STRANGER = """
import os, sys
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import tensorflow as tf

saved = tf.saved_model.load(sys.argv[1])
assert not {"tutti", "trainer", "serving"} & set(sys.modules)
rng = np.random.default_rng(0)
count = 70
rows = {
    "frames": (rng.random((count, 5, 20)) < 0.3).astype(np.uint8),
    "keep": (rng.random((count, 5, 20)) < 0.3).astype(np.uint8),
    "gibbs_steps": rng.integers(0, 9, count).astype(np.int32),
    "seed": rng.integers(-(2**62), 2**62, count),
}

def ask(chosen):
    drawn = saved.signatures["serving_default"](**{name: tf.constant(value[chosen]) for name, value in rows.items()})
    scored = saved.signatures["score"](frames=tf.constant(rows["frames"][chosen]))
    return {name: value.numpy() for name, value in {**drawn, **scored}.items()}

together = ask(np.arange(count))
assert set(together) == {"frames", "probability", "free_energy", "pseudo_log_likelihood"}
kept = rows["keep"] > 0
assert (together["frames"][kept] == rows["frames"][kept]).all()
assert (together["probability"][kept] == rows["frames"][kept]).all()
assert (together["frames"] != rows["frames"]).mean() > 0.1
for chosen in (*np.arange(12)[:, None], np.arange(count)[::-1], np.arange(7), np.array([5, 5, 5]), np.arange(3, 50)):
    for name, answer in ask(chosen).items():
        assert answer.tobytes() == together[name][chosen].tobytes(), (name, chosen)
print("each row equals the row alone")
"""


def machine(window: int = WINDOW, bits: int = BITS, hidden: int = 7, scale: float = 1.0) -> RbmModel:
    model, rng = RbmModel(Rbm(hidden=hidden), window * bits, seed=1), np.random.default_rng(2)
    for variable in model.trainable_variables:
        variable.assign(scale * rng.normal(size=variable.shape))
    return model


def requests(count: int, keep: float = 0.0, steps: int = 3, shape: tuple[int, int] = (WINDOW, BITS)) -> GibbsRequests:
    rng = np.random.default_rng(3)
    frames, kept = (rng.random((2, count, *shape)) < np.array([0.4, keep])[:, None, None, None]).astype(np.uint8)
    return GibbsRequests(*map(tf.constant, (frames, kept, np.full(count, steps, np.int32), np.arange(count))))


def test_a_rows_answer_does_not_depend_on_its_neighbours(tmp_path: Path) -> None:
    encoding = PianoRoll(lowest=60, highest=60 + BITS // 2)
    config = replace(made(tmp_path / "run", Rbm(hidden=7), encoding=encoding).config, window=WINDOW)
    exported = GibbsSignatures(machine(), config, 0)
    signatures = exported.signatures()
    tf.saved_model.save(exported, str(tmp_path / "1"), {"serving_default": signatures["generate"], **signatures})
    script = tmp_path / "stranger.py"
    script.write_text(textwrap.dedent(STRANGER))
    command = [sys.executable, str(script), str(tmp_path / "1")]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.stdout.strip() == "each row equals the row alone", ended.stderr


@pytest.mark.parametrize("steps", [0, 1, 7])
def test_bits_to_keep_come_back_untouched(steps: int) -> None:
    requested = requests(20, keep=0.5, steps=steps)
    frames, probability = (x.numpy() for x in Gibbs(machine(scale=5.0), WINDOW, BITS).generate(requested))
    given, kept = requested.frames.numpy(), requested.keep.numpy() > 0
    np.testing.assert_array_equal(frames[kept], given[kept])
    np.testing.assert_array_equal(probability[kept], given[kept])
    assert (frames != given).any() == (steps > 0)


def distribution(model: RbmModel, rows: NDArray[Any]) -> NDArray[Any]:
    """The probability of each of these rows of bits, among them, by the machine's free energies."""
    logs = -model.weights().free_energy(tf.constant(rows, tf.float32)).numpy().astype(float)
    powers: NDArray[Any] = np.exp(logs - logs.max())
    return powers / powers.sum()


@pytest.mark.parametrize("kept", [(), (1,)])
def test_what_is_drawn_has_the_machines_own_distribution_given_what_is_kept(kept: tuple[int, ...]) -> None:
    model, count = machine(2, 2, 3), 2048
    requested = requests(count, steps=12, shape=(2, 2))
    keep, frames = np.zeros((2, 4), np.uint8)
    keep[list(kept)] = frames[list(kept)] = 1
    tiled = requested._replace(
        frames=tf.tile(frames.reshape(1, 2, 2), [count, 1, 1]), keep=tf.tile(keep.reshape(1, 2, 2), [count, 1, 1])
    )
    generate = tf.function(Gibbs(model, 2, 2).generate)
    drawn = generate(tiled)[0].numpy().reshape(count, 4)
    rows = np.array([row for row in product((0, 1), repeat=4) if all(row[i] for i in kept)])
    expected = distribution(model, rows) * count
    seen = np.array([(drawn == row).all(axis=1).sum() for row in rows])
    assert seen.sum() == count
    # Beyond the 0.9999 quantile of chi-square with fifteen degrees of freedom.
    assert ((seen - expected) ** 2 / expected).sum() < 45


def test_scores_are_the_machines_own() -> None:
    model, requested = machine(), requests(9)
    energy, likelihood = Gibbs(model, WINDOW, BITS).score(requested.frames)
    rows = tf.reshape(tf.cast(requested.frames, tf.float32), [9, -1])
    np.testing.assert_allclose(energy, model.weights().free_energy(rows), rtol=1e-5)
    np.testing.assert_allclose(likelihood, tf.reduce_sum(model.weights().conditionals(rows), axis=1), rtol=1e-4)


def test_no_rows_are_answered() -> None:
    frames, probability = Gibbs(machine(), WINDOW, BITS).generate(requests(0))
    assert frames.shape == probability.shape == (0, WINDOW, BITS)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"frames": tf.fill([2, WINDOW, BITS], tf.constant(2, tf.uint8))}, "frames must be 0 or 1"),
        ({"keep": tf.fill([2, WINDOW, BITS], tf.constant(9, tf.uint8))}, "keep must be 0 or 1"),
        ({"gibbs_steps": tf.constant([1, -1])}, "gibbs_steps must be from 0"),
        ({"gibbs_steps": tf.constant([1, 1 << 17])}, "gibbs_steps must be from 0"),
        ({"seed": tf.constant([1], tf.int64)}, "differ in their number of rows"),
    ],
)
def test_a_request_out_of_bounds_is_refused(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match=reason):
        Gibbs(machine(), WINDOW, BITS).generate(requests(2)._replace(**change))
