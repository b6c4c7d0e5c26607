"""A split of a dataset as global batches, in an order that the seed and the epoch decide.

A batch is the same whatever the number of workers and devices: each worker takes its own rows of it. The last batch
of an epoch is filled up with rows of PAD, which count for nothing in the loss.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from music.errors import UserError
from music.vocabulary import PAD
from trainer.records import Corpus, damaged, parse, read

OPEN_SHARDS = 16
PREFETCHED = 8


class Batches:
    """The global batches of a split, of which this worker sees its rows.

    A split that fits into `cache_bytes` is held in memory as small integers and shuffled as a whole. A larger one is
    read anew in every epoch: shards in shuffled order, some at a time, through a buffer of `cache_bytes`.

    Attributes:
      steps: batches in an epoch.
      targets: real targets in an epoch.
    """

    def __init__(
        self,
        corpus: Corpus,
        split: str,
        *,
        batch_size: int,
        worker: int = 0,
        workers: int = 1,
        cache_bytes: int = 1 << 30,
        seed: int | None = None,
    ) -> None:
        """Reads the split if it fits into memory.

        Args:
          batch_size: rows of a global batch; a multiple of `workers`.
          seed: None leaves the records in the dataset's order.

        Raises:
          UserError: if the split is empty or unreadable.
        """
        self.corpus, self.split, self.batch_size = corpus, split, batch_size
        self.worker, self.rows, self.seed = worker, batch_size // workers, seed
        self.records = corpus.records(split)
        if not self.records:
            raise UserError(f"dataset {corpus.path} has no windows in its {split} split; ingest more songs")
        self.steps = -(-self.records // batch_size)
        small = len(corpus.dataset.vocabulary) <= 1 << 16
        self._dtype = np.dtype(np.uint16 if small else np.int32)
        self._buffer = max(batch_size, cache_bytes // ((corpus.dataset.window + 1) * 8))
        fits = (self.records + 1) * (corpus.dataset.window + 1) * self._dtype.itemsize <= cache_bytes
        self._cached = self._load() if fits else None

    def epoch(self, number: int, skip: int = 0) -> Any:
        """This worker's rows, int32[rows, window + 1], of each batch of epoch `number` but the first `skip`."""
        with tf.device("CPU:0"):
            rows = self._from_memory(number, skip) if self._cached is not None else self._from_files(number, skip)
            return rows.prefetch(PREFETCHED)

    def chunks(self, size: int, step: int | None = None, stops: Sequence[int] = ()) -> Iterator[tuple[Any, int]]:
        """This worker's rows of some batches at once: int32[size, rows, window + 1], and how many of the `size` count.

        The rest is filled up, because TensorFlow builds a graph for every shape.

        Args:
          step: go on from this step of an endless row of epochs; None for epoch 0 once.
          stops: no chunk reaches beyond a step that one of these divides.
        """
        number, skip = divmod(step or 0, self.steps)
        while True:
            batches = iter(self.epoch(number, skip))
            while skip < self.steps:
                at = number * self.steps + skip
                count = min(size, self.steps - skip, *(stop - at % stop for stop in stops))
                with damaged(self.corpus):
                    chunk = [next(batches) for _ in range(count)]
                with tf.device("CPU:0"):
                    yield tf.stack(chunk + chunk[-1:] * (size - count)), count
                skip += count
            if step is None:
                return
            number, skip = number + 1, 0

    def _load(self) -> Any:
        """All records and, behind them, one row of PAD: integers[records + 1, window + 1] on the host."""
        tokens = np.full((self.records + 1, self.corpus.dataset.window + 1), PAD, self._dtype)
        filled = 0
        for batch in read(self.corpus, self.split):
            new = batch["tokens"][: self.records - filled]
            tokens[filled : filled + len(new)] = new
            filled += len(batch["tokens"])
        if filled != self.records:
            raise UserError(
                f"dataset {self.corpus.path} is damaged: its {self.split} split has {filled} records instead of "
                f"{self.records}; tutti inspect says more"
            )
        with tf.device("CPU:0"):
            return tf.constant(tokens)

    def _from_memory(self, number: int, skip: int) -> Any:
        order = np.full(self.steps * self.batch_size, self.records, np.int32)
        order[: self.records] = (
            self._generator(number).permutation(self.records) if self._shuffled else np.arange(self.records)
        )
        mine = order.reshape(self.steps, -1, self.rows)[skip:, self.worker]
        tokens = self._cached
        return tf.data.Dataset.from_tensor_slices(mine).map(lambda rows: tf.cast(tf.gather(tokens, rows), tf.int32))

    def _from_files(self, number: int, skip: int) -> Any:
        paths: NDArray[Any] = np.array(self.corpus.shards(self.split))
        if self._shuffled:
            paths = self._generator(number).permutation(paths)
        records = tf.data.Dataset.from_tensor_slices(paths).interleave(
            tf.data.TFRecordDataset, cycle_length=OPEN_SHARDS, num_parallel_calls=2, deterministic=True
        )
        if self._shuffled:
            seed = int(self._generator(number).integers(1 << 62))
            records = records.shuffle(self._buffer, seed=seed, reshuffle_each_iteration=False)
        first, window = self.worker * self.rows, self.corpus.dataset.window

        def own_rows(batch: Any) -> Any:
            # Only these are parsed: reading costs every worker the same, parsing is shared out.
            tokens = tf.cast(parse(batch[first : first + self.rows], window)["tokens"], tf.int32)
            return tf.pad(tokens, [[0, self.rows - tf.shape(tokens)[0]], [0, 0]], constant_values=PAD)

        rows = records.batch(self.batch_size).skip(skip).map(own_rows, num_parallel_calls=2, deterministic=True)
        return rows.map(lambda tokens: tf.ensure_shape(tokens, [self.rows, window + 1]))

    @property
    def _shuffled(self) -> bool:
        return self.seed is not None

    def _generator(self, number: int) -> np.random.Generator:
        return np.random.default_rng([self.seed or 0, number])
