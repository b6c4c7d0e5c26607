"""Piano rolls of any length from a Boltzmann machine, window after window, around what a prompt gives."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from serving import quiet  # noqa: F401  (before TensorFlow)

# isort: split
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from serving.saved_model import SavedModel
from tutti.encodings.pianoroll import PianoRoll
from tutti.errors import Error

Bits = NDArray[np.uint8]
# (frames uint8[n, window, bits], the bits to keep, likewise, seeds int64[n]) -> frames
Draw = Callable[[Bits, Bits, NDArray[np.int64]], Bits]

MAX_STEPS = 1 << 16
# Sampling begins in silence, and it takes some tens of steps until nothing is left of that.
GIBBS_STEPS = 100
# Distance between the seeds of a piece's windows, odd and without pattern: seeds of pieces follow each other.
WINDOW_SEEDS = 0x9E3779B97F4A7C15


@dataclass(frozen=True, eq=False)
class Wish:
    """What is given of a piece.

    Attributes:
      frames: uint8[steps, bits], 0 wherever it is not kept.
      keep: uint8[steps, bits], 1 for the bits that stay.
    """

    frames: Bits
    keep: Bits


def generate(
    engine: SavedModel,
    prompt: Sequence[str],
    seeds: Sequence[int],
    *,
    steps: int,
    gibbs_steps: int = GIBBS_STEPS,
    keep_steps: str = "",
    keep_pitches: str = "",
) -> list[list[str]]:
    """Whole pieces as tokens, the prompt's included, one for each seed.

    Args:
      engine: an export of a Boltzmann machine.
      prompt: tokens; empty for none.
      steps: frames behind the prompt.
      gibbs_steps: how often each window is drawn.
      keep_steps, keep_pitches: what to keep of the prompt, see `wish`.

    Raises:
      UserError: if a wish is out of bounds.
    """
    encoding, window = engine.encoding, int(engine.described["window"])
    assert isinstance(encoding, PianoRoll)
    most = int(engine.described["limits"]["gibbs_steps"])
    if not 0 <= gibbs_steps <= most:
        raise Error(f"--gibbs-steps is {gibbs_steps}; it must be from 0 to {most}")
    if not 0 <= steps <= MAX_STEPS:
        raise Error(f"--steps is {steps}; it must be from 0 to {MAX_STEPS}")
    signature = engine.signature("generate")

    def draw(frames: Bits, keep: Bits, seeds: NDArray[np.int64]) -> Bits:
        asked = {"frames": frames, "keep": keep, "gibbs_steps": np.full(len(seeds), gibbs_steps, np.int32)}
        answer = signature(seed=tf.constant(seeds), **{name: tf.constant(value) for name, value in asked.items()})
        drawn: Bits = answer["frames"].numpy()
        return drawn

    given = wish(encoding, prompt, steps, keep_steps, keep_pitches)
    return [encoding.words(piece) for piece in compose(draw, given, window, seeds)]


def wish(encoding: PianoRoll, prompt: Sequence[str], new: int, keep_steps: str = "", keep_pitches: str = "") -> Wish:
    """The prompt's frames and `new` ones behind them. The prompt is kept but for what lies outside the ranges.

    Args:
      keep_steps, keep_pitches: ranges such as 0-7, both ends included; empty for all.

    Raises:
      UserError: if the prompt is none, a range is none or holds nothing of it, or there are no frames at all.
    """
    try:
        given = encoding.frames(prompt)
    except ValueError as error:
        raise Error(f"--prompt: {error}") from None
    for flag, value in (("--keep-steps", keep_steps), ("--keep-pitches", keep_pitches)):
        if value and not len(given):
            raise Error(f"{flag} {value} keeps of a --prompt, but there is none")
    steps = len(given) + new
    if not steps:
        raise Error("--steps is 0 and there is no --prompt; a piece has one step at least")
    frames = np.zeros((steps, encoding.bits), np.uint8)
    frames[: len(given)] = given
    keep = np.zeros((steps, 2, encoding.pitches), np.uint8)
    first, last = _range("--keep-steps", keep_steps, 0, len(given) - 1) if len(given) else (0, -1)
    low, high = _range("--keep-pitches", keep_pitches, encoding.lowest, encoding.highest - 1)
    keep[first : last + 1, :, low - encoding.lowest : high + 1 - encoding.lowest] = 1
    kept = keep.reshape(steps, encoding.bits)
    return Wish(frames * kept, kept)


def compose(draw: Draw, given: Wish, window: int, seeds: Sequence[int]) -> Bits:
    """Whole pieces, uint8[len(seeds), steps, bits].

    Windows overlap by half, and each keeps what the one before it has drawn there. A piece depends on its own seed
    alone.
    """
    steps, bits = given.frames.shape
    length = max(steps, window)
    shape = (len(seeds), length, bits)
    pieces, keep = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    pieces[:, :steps], keep[:, :steps] = given.frames, given.keep
    for number, start in enumerate(_starts(length, window)):
        if keep[:, start : start + window].all():
            continue
        place = slice(start, start + window)
        pieces[:, place] = draw(pieces[:, place], keep[:, place], _window_seeds(seeds, number))
        keep[:, place] = 1
    return pieces[:, :steps]


def _starts(length: int, window: int) -> list[int]:
    """Where windows begin; the last one ends with the piece."""
    return [*range(0, length - window, window - window // 2), length - window]


def _window_seeds(seeds: Sequence[int], number: int) -> NDArray[np.int64]:
    """The seeds of window `number`; those of the first are the pieces' own."""
    mixed = [(seed + number * WINDOW_SEEDS) % (1 << 64) for seed in seeds]
    return np.array(mixed, np.uint64).view(np.int64)


def _range(flag: str, text: str, least: int, most: int) -> tuple[int, int]:
    """`text` as two numbers, cut to `least` and `most`; these where it is empty."""
    if not text:
        return least, most
    first, _, last = text.partition("-")
    if not (first.isdecimal() and last.isdecimal() and first.isascii() and last.isascii()):
        raise Error(f"{flag} is {text!r}; it must be a range such as {least}-{max(most, least)}")
    low, high = max(int(first), least), min(int(last), most)
    if low > high:
        raise Error(f"{flag} {text} keeps nothing: there are {least} to {most}")
    return low, high
