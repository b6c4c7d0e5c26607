"""What is drawn on a PNG."""

import io

import numpy as np
from numpy.typing import NDArray


def pixels(png: bytes) -> NDArray[np.int64]:
    """int64[height, width, 3]: red, green and blue, from 0 to 255."""
    from matplotlib import image

    return (image.imread(io.BytesIO(png), format="png")[..., :3] * 255).round().astype(np.int64)


def coloured(png: bytes) -> NDArray[np.bool_]:
    """bool[height, width]: notes, waves and curves, which have a colour; paper, lines and letters are grey."""
    return np.ptp(pixels(png), axis=2) > 60


def stretches(marked: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Where each run of True in bool[n] begins, and where it has ended."""
    edges = np.flatnonzero(np.diff(marked, prepend=False, append=False)).tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))
