"""A sound drawn into axes: its waveform, and a spectrogram, the loudness of each frequency over time."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tutti.audio import Sound
from tutti.drawing.roll import INK, PALE, SKINS

# Length of a frame in seconds: long enough to tell low notes apart, short enough to show when they begin.
FRAME = 0.032
OVERLAP = 4
# Decibels below the loudest that are still shown.
DEPTH = 70.0
COLOURS = "magma"


def decibels(sound: Sound, columns: int) -> NDArray[np.float32]:
    """float32[frequencies, at most columns]: loudness, at most 0, from 0 Hz up to half the sampling rate.

    A column is the loudest of the frames that it stands for; of a long sound, at most `OVERLAP` of them are computed.
    """
    size = 1 << max(round(np.log2(sound.rate * FRAME)), 4)
    samples = np.pad(sound.samples, size // 2)
    count = min(columns, max(1, OVERLAP * len(sound.samples) // size))
    starts = np.linspace(0, len(samples) - size, count * OVERLAP).astype(np.int64)
    # A sheet of columns at a time: frames overlap, and together they are many times the sound.
    found = [_power(samples, group, size) for group in np.array_split(starts, -(-len(starts) // 1024))]
    power = np.concatenate(found).reshape(count, OVERLAP, -1).max(axis=1).T
    loudest = max(float(power.max()), 1e-12)
    return np.maximum(10 * np.log10(np.maximum(power / loudest, 1e-12)), -DEPTH).astype(np.float32)


def _power(samples: NDArray[np.float32], starts: NDArray[np.int64], size: int) -> NDArray[np.float32]:
    frames = samples[starts[:, None] + np.arange(size)] * np.hanning(size).astype(np.float32)
    return (np.abs(np.fft.rfft(frames)) ** 2).astype(np.float32)


def draw(wave: Any, spectrum: Any, sound: Sound, columns: int) -> None:
    """Draws a sound into two axes of one time scale, in seconds."""
    _draw_wave(wave, sound, columns)
    end = max(sound.seconds, 1 / sound.rate)
    spectrum.imshow(
        decibels(sound, columns) if len(sound.samples) else np.full((2, 2), -DEPTH),
        origin="lower",
        aspect="auto",
        extent=(0, end, 0, sound.rate / 2000),
        cmap=COLOURS,
        vmin=-DEPTH,
        vmax=0,
        interpolation="nearest",
    )
    for axes in (wave, spectrum):
        axes.set_xlim(0, end)
        axes.tick_params(length=2, labelsize=7, colors=INK)
        for side in ("top", "right", "bottom", "left"):
            axes.spines[side].set_visible(False)


def _draw_wave(axes: Any, sound: Sound, columns: int) -> None:
    """The highest and the lowest sample of each column."""
    if len(sound.samples):
        starts = np.unique(np.linspace(0, len(sound.samples) - 1, min(columns, len(sound.samples))).astype(np.int64))
        low, high = (extreme.reduceat(sound.samples, starts) for extreme in (np.minimum, np.maximum))
        axes.fill_between(starts / sound.rate, low, high, color=SKINS, linewidth=0.6, edgecolor=SKINS)
    axes.axhline(0, color=PALE, linewidth=0.8, zorder=0)
    axes.set_ylim(-1.05, 1.05)
    axes.set_xticks([])
