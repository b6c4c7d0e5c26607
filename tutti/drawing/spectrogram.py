"""A sound drawn into axes: its waveform, and a spectrogram, the loudness of each frequency over time."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tutti.audio import Sound
from tutti.drawing.roll import INK, PALE, SKINS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Length of a frame in seconds: long enough to separate low notes, short enough to show when they begin.
FRAME = 0.032
OVERLAP = 4
# Decibels below the loudest that are still shown.
DEPTH = 70.0
COLOURS = "magma"


def decibels(sound: Sound, columns: int) -> NDArray[np.float32]:
    """Returns loudness in decibels below the loudest, float32[frequencies, at most `columns`], from -DEPTH to 0.

    The frequencies go from 0 Hz to half the sampling rate. A column is the loudest of its frames, of which there are
    `OVERLAP`, however long the sound.
    """
    size = 1 << max(round(np.log2(sound.rate * FRAME)), 4)
    samples = np.pad(sound.samples, size // 2)
    count = min(columns, max(1, OVERLAP * len(sound.samples) // size))
    starts = np.linspace(0, len(samples) - size, count * OVERLAP).astype(np.int64)
    # Some frames at a time: they overlap, and together they are many times the sound.
    batches = [_power(samples, batch, size) for batch in np.array_split(starts, -(-len(starts) // 1024))]
    power = np.concatenate(batches).reshape(count, OVERLAP, -1).max(axis=1).T
    loudest = max(float(power.max()), 1e-12)
    return np.maximum(10 * np.log10(np.maximum(power / loudest, 1e-12)), -DEPTH).astype(np.float32)


def _power(samples: NDArray[np.float32], starts: NDArray[np.int64], size: int) -> NDArray[np.float32]:
    """Returns the power spectra of the frames at `starts`, float32[frames, size / 2 + 1]."""
    frames = samples[starts[:, None] + np.arange(size)] * np.hanning(size).astype(np.float32)
    return (np.abs(np.fft.rfft(frames)) ** 2).astype(np.float32)


def draw(wave: "Axes", spectrum: "Axes", sound: Sound, columns: int) -> None:
    """Draws a sound's waveform and its spectrogram into two axes, both over time in seconds."""
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


def _draw_wave(axes: "Axes", sound: Sound, columns: int) -> None:
    """Draws the band between the lowest and the highest sample of each column."""
    if len(sound.samples):
        starts = np.unique(np.linspace(0, len(sound.samples) - 1, min(columns, len(sound.samples))).astype(np.int64))
        low, high = (extreme.reduceat(sound.samples, starts) for extreme in (np.minimum, np.maximum))
        axes.fill_between(starts / sound.rate, low, high, color=SKINS, linewidth=0.6, edgecolor=SKINS)
    axes.axhline(0, color=PALE, linewidth=0.8, zorder=0)
    axes.set_ylim(-1.05, 1.05)
    axes.set_xticks([])
