"""A split of a dataset as global batches, in an order that the seed and the epoch decide.

A batch is the same whatever the number of workers and devices: each worker takes its own rows of it. The last batch
of an epoch is filled up with rows of PAD, which count for nothing in the loss. A row is the number of its song's label
and then its window: tokens, or the bits of its frames (`trainer.data.examples.rows`).
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from trainer.data.examples import framed, parse, row_width, rows
from trainer.data.packing import by_song, lay
from trainer.data.reader import Corpus, damaged, read
from tutti.encodings.vocabulary import PAD
from tutti.errors import Error

OPEN_SHARDS = 16
PREFETCHED = 8


class Batches:
    """The global batches of a split, of which this worker sees its rows.

    A split that fits into `cache_bytes` is held in memory as small integers and shuffled as a whole. A larger one is
    read anew in every epoch: shards in shuffled order, some at a time, through a buffer of `cache_bytes`.

    Attributes:
      steps: batches in an epoch.
      occupied: the greatest number of rows of a batch that hold a window.
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
        carry: bool = False,
    ) -> None:
        """Reads the split if it fits into memory.

        Args:
          batch_size: rows of a global batch; a multiple of `workers`.
          seed: None leaves the records in the dataset's order.
          carry: lay songs end to end in each row instead of shuffling windows (`trainer.data.packing`).

        Raises:
          UserError: if the split is empty, unreadable, or does not lend itself to `carry`.
        """
        self.corpus, self.split, self.batch_size = corpus, split, batch_size
        self.worker, self.rows, self.seed = worker, batch_size // workers, seed
        self.records = corpus.records(split)
        if not self.records:
            raise Error(f"dataset {corpus.path} has no windows in its {split} split; ingest more songs")
        self.width = row_width(corpus.dataset)
        small = max(len(corpus.dataset.vocabulary), len(corpus.labels) + 1) <= 1 << 16
        self._dtype = np.dtype(np.uint16 if small else np.int32)
        self._buffer = max(batch_size, cache_bytes // (self.width * 8))
        size = (self.records + 1) * self.width * self._dtype.itemsize
        self._songs: list[NDArray[np.int32]] | None = None
        if carry:
            check_carry(corpus, split, size, cache_bytes)
        self._cached = self._load(carry) if size <= cache_bytes else None
        if self._songs is None:
            self.steps, self.occupied = -(-self.records // batch_size), min(batch_size, self.records)
        else:
            laid = lay(self._songs, batch_size, None)
            self.steps, self.occupied = len(laid), int((laid[0] >= 0).sum())

    def epoch(self, number: int, skip: int = 0) -> Any:
        """This worker's rows, int32[rows, width], of each batch of epoch `number` but the first `skip`."""
        with tf.device("CPU:0"):
            batches = self._from_memory(number, skip) if self._cached is not None else self._from_files(number, skip)
            return batches.prefetch(PREFETCHED)

    def chunks(self, size: int, step: int | None = None, stops: Sequence[int] = ()) -> Iterator[tuple[Any, int]]:
        """This worker's rows of some batches at once: int32[size, rows, width], and how many of the `size` count.

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
                    stacked = tf.stack(chunk + chunk[-1:] * (size - count))
                yield stacked, count
                skip += count
            if step is None:
                return
            number, skip = number + 1, 0

    def _load(self, carry: bool) -> Any:
        """All records and, behind them, one row of PAD: integers[records + 1, width] on the host."""
        everything = np.full((self.records + 1, self.width), PAD, self._dtype)
        names: list[bytes] = []
        starts: list[NDArray[np.int64]] = []
        filled = 0
        for batch in read(self.corpus, self.split):
            new = rows(batch, self.corpus.dataset, self.corpus.labels).numpy()[: self.records - filled]
            everything[filled : filled + len(new)] = new
            filled += len(batch["song"])
            if carry:
                names += batch["song"].tolist()
                starts.append(batch["start"])
        if filled != self.records:
            raise Error(
                f"dataset {self.corpus.path} is damaged: its {self.split} split has {filled} records instead of "
                f"{self.records}; tutti inspect says more"
            )
        if carry:
            self._songs = by_song(names, np.concatenate(starts))
        with tf.device("CPU:0"):
            return tf.constant(everything)

    def _from_memory(self, number: int, skip: int) -> Any:
        rng = self._generator(number) if self._shuffled else None
        if self._songs is not None:
            order = lay(self._songs, self.batch_size, rng)
            order = np.where(order < 0, self.records, order)
        else:
            order = np.full(self.steps * self.batch_size, self.records, np.int32)
            order[: self.records] = rng.permutation(self.records) if rng else np.arange(self.records)
        mine = order.reshape(self.steps, -1, self.rows)[skip:, self.worker]
        cached = self._cached
        return tf.data.Dataset.from_tensor_slices(mine).map(lambda places: tf.cast(tf.gather(cached, places), tf.int32))

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
        first, dataset, labels = self.worker * self.rows, self.corpus.dataset, self.corpus.labels

        def own_rows(batch: Any) -> Any:
            # Only these are parsed: reading costs every worker the same, parsing is shared out.
            own = rows(parse(batch[first : first + self.rows], dataset), dataset, labels)
            return tf.pad(own, [[0, self.rows - tf.shape(own)[0]], [0, 0]], constant_values=PAD)

        batches = records.batch(self.batch_size).skip(skip).map(own_rows, num_parallel_calls=2, deterministic=True)
        return batches.map(lambda own: tf.ensure_shape(own, [self.rows, self.width]))

    @property
    def _shuffled(self) -> bool:
        return self.seed is not None

    def _generator(self, number: int) -> np.random.Generator:
        return np.random.default_rng([self.seed or 0, number])


def check_carry(corpus: Corpus, split: str, size: int, cache_bytes: int) -> None:
    """That a song's windows follow one another, and that all of them can be held.

    Raises:
      UserError: says what to do if not.
    """
    window, stride = corpus.dataset.window, corpus.dataset.stride
    if framed(corpus.dataset):
        raise Error(f"--carry is for tokens; dataset {corpus.path} holds frames of bits")
    if stride != window:
        raise Error(
            f"--carry needs windows that follow one another; those of dataset {corpus.path} are {window} long and "
            f"start every {stride} tokens: ingest it with --stride {window}, or train with --no-carry"
        )
    if size > cache_bytes:
        megabytes = -(-size >> 20)
        raise Error(
            f"--carry holds a split in memory, and the {split} split of dataset {corpus.path} takes "
            f"{megabytes} MB: give --cache-mb {megabytes} or --no-carry"
        )
