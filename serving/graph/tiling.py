"""Computes rows a tile at a time, so that a row's result depends on it alone; why, `serving.graph.sampler` says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from trainer.types import Tensor

MAX_TILE = 64
# Kernels take vectors of at most so many numbers at a time.
VECTOR = 16


def check_tile(tile: int) -> None:
    """Raises ValueError unless `tile` can be the rows of a tile, or 0 for what fits the batch."""
    if tile and not 2 <= tile <= MAX_TILE:
        raise ValueError(f"tile must be 0 or from 2 to {MAX_TILE}, got {tile}")


def by_row_tiles(
    work: Callable[..., tuple[Tensor, ...]], inputs: Sequence[Tensor], results: Sequence[tf.TensorSpec], tile: int = 0
) -> tuple[Tensor, ...]:
    """Does `work` on a tile of rows at a time; the last row again fills up the last tile, and is cut off.

    Args:
      work: takes the inputs' rows of a tile and returns as many rows of each result.
      inputs: tensors with one leading dimension.
      results: the TensorSpecs of what `work` returns.
      tile: rows in a tile; 0 for a number that fits the batch.
    """
    batch = tf.shape(inputs[0])[0]
    rows = tf.constant(tile) if tile else _rows_per_tile(batch)
    tile_count = tf.maximum(-(-batch // rows), 1)
    # A row of zeros, where there is none.
    filled = tf.minimum(tf.range(tile_count * rows), tf.maximum(batch - 1, 0))
    padded = [tf.gather(tf.pad(x, [[0, 1]] + [[0, 0]] * (x.shape.rank - 1)), filled) for x in inputs]

    def body(number: Tensor, *arrays: Any) -> tuple[Any, ...]:
        outputs = work(*(x[number * rows : (number + 1) * rows] for x in padded))
        return number + 1, *(array.write(number, x) for array, x in zip(arrays, outputs, strict=True))

    arrays = [tf.TensorArray(result.dtype, tile_count, infer_shape=False) for result in results]
    _, *arrays = tf.while_loop(lambda number, *_: number < tile_count, body, (0, *arrays), parallel_iterations=1)
    stacks = [array.stack() for array in arrays]
    joined = [tf.reshape(x, tf.concat([[-1], tf.shape(x)[2:]], 0))[:batch] for x in stacks]
    return tuple(tf.ensure_shape(x, result.shape) for x, result in zip(joined, results, strict=True))


def _rows_per_tile(batch: Tensor) -> Tensor:
    """Returns a multiple of 6, or 4 more; where it takes several tiles, all have the same number of rows."""
    tile_count = tf.maximum(-(-batch // MAX_TILE), 1)
    rows = tf.maximum(-(-batch // tile_count), 1)
    return rows + tf.gather([0, 3, 2, 1, 0, 1], rows % 6)
