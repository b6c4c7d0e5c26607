"""A split of a dataset as global batches, in an order that the seed and the epoch decide.

A batch is the same whatever the number of workers and devices: each worker takes its own rows of it. The last batch
of an epoch is filled up with rows of PAD, or of frames without a bit, which count for nothing in the loss.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from trainer.data.packing import group_by_song, pack
from trainer.data.reader import Corpus, Parser, damaged, read
from trainer.types import Batch, Tensor
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
          carry: pack songs end to end into each row instead of shuffling windows (`trainer.data.packing`).

        Raises:
          Error: if the split is empty, unreadable, or does not lend itself to `carry`.
        """
        self.corpus, self.split, self.batch_size = corpus, split, batch_size
        self.worker, self.rows, self.seed = worker, batch_size // workers, seed
        self.records = corpus.records(split)
        if not self.records:
            raise Error(f"dataset {corpus.path} has no windows in its {split} split; ingest more songs")
        schema = corpus.schema
        self._content = schema.content.name
        self._shapes = {"label": (), self._content: (schema.width,)}
        # Whether a split is held in memory decides its order. So the sum is that of the first version, which held a
        # label and a window of any kind in one row: runs of that version go on in their order.
        small = max(len(corpus.dataset.vocabulary), len(corpus.labels) + 1) <= 1 << 16
        tokens = np.dtype(np.uint16 if small else np.int32)
        width = 1 + schema.width
        size = (self.records + 1) * width * tokens.itemsize
        self._buffer = max(batch_size, cache_bytes // (width * 8))
        self._dtypes = {
            "label": np.dtype(np.int32),
            self._content: np.dtype(np.uint8) if schema.content.bits else tokens,
        }
        self._songs: list[NDArray[np.int32]] | None = None
        if carry:
            check_carry(corpus, split, size, cache_bytes)
        self._cached = self._load(carry) if size <= cache_bytes else None
        if self._songs is None:
            self.steps, self.occupied = -(-self.records // batch_size), min(batch_size, self.records)
        else:
            packed = pack(self._songs, batch_size, None)
            self.steps, self.occupied = len(packed), int((packed[0] >= 0).sum())

    def epoch(self, number: int, skip: int = 0) -> tf.data.Dataset:
        """Returns this worker's rows of each batch of epoch `number` but the first `skip`.

        Each is a dict of `label`, int32[rows], and `tokens`, int32[rows, window + 1], or `frames`, uint8[rows, window *
        bits] of 0 and 1.
        """
        with tf.device("CPU:0"):
            batches = self._from_memory(number, skip) if self._cached is not None else self._from_files(number, skip)
            return batches.prefetch(PREFETCHED)

    def chunks(self, size: int, step: int | None = None, stops: Sequence[int] = ()) -> Iterator[tuple[Batch, int]]:
        """Yields this worker's rows of some batches at once, [size, rows, ...] each, and how many of `size` count.

        The rest is filled up, because TensorFlow builds a graph for every shape.

        Args:
          step: go on from this step of an endless row of epochs; None for epoch 0 once.
          stops: no chunk reaches beyond a step that one of these divides.

        Raises:
          Error: if a shard is missing or damaged.
        """
        number, skip = divmod(step or 0, self.steps)
        while True:
            batches = iter(self.epoch(number, skip))
            while skip < self.steps:
                at = number * self.steps + skip
                count = min(size, self.steps - skip, *(stop - at % stop for stop in stops))
                with damaged(self.corpus):
                    chunk = [next(batches) for _ in range(count)]
                chunk += chunk[-1:] * (size - count)
                with tf.device("CPU:0"):
                    stacked = {name: tf.stack([batch[name] for batch in chunk]) for name in self._shapes}
                yield stacked, count
                skip += count
            if step is None:
                return
            number, skip = number + 1, 0

    def _load(self, carry: bool) -> Batch:
        """Returns all records and, behind them, one row that counts for nothing: [records + 1, ...] on the host."""
        cached = {
            name: np.full((self.records + 1, *shape), PAD, self._dtypes[name]) for name, shape in self._shapes.items()
        }
        names: list[bytes] = []
        starts: list[NDArray[np.int64]] = []
        filled = 0
        for batch in read(self.corpus, self.split):
            end = min(filled + len(batch["song"]), self.records)
            for name, rows in cached.items():
                rows[filled:end] = batch[name][: end - filled]
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
            self._songs = group_by_song(names, np.concatenate(starts))
        with tf.device("CPU:0"):
            return {name: tf.constant(rows) for name, rows in cached.items()}

    def _from_memory(self, number: int, skip: int) -> tf.data.Dataset:
        rng = self._generator(number) if self._shuffled else None
        if self._songs is not None:
            order = pack(self._songs, self.batch_size, rng)
            order = np.where(order < 0, self.records, order)
        else:
            order = np.full(self.steps * self.batch_size, self.records, np.int32)
            order[: self.records] = rng.permutation(self.records) if rng else np.arange(self.records)
        mine = order.reshape(self.steps, -1, self.rows)[skip:, self.worker]
        cached = self._cached or {}

        def rows(places: Tensor) -> Batch:
            batch = {name: tf.gather(values, places) for name, values in cached.items()}
            return {name: tf.cast(one, tf.int32) if one.dtype == tf.uint16 else one for name, one in batch.items()}

        return tf.data.Dataset.from_tensor_slices(mine).map(rows)

    def _from_files(self, number: int, skip: int) -> tf.data.Dataset:
        paths = np.array(self.corpus.shards(self.split))
        if self._shuffled:
            paths = self._generator(number).permutation(paths)
        records = tf.data.Dataset.from_tensor_slices(paths).interleave(
            tf.data.TFRecordDataset, cycle_length=OPEN_SHARDS, num_parallel_calls=2, deterministic=True
        )
        if self._shuffled:
            seed = int(self._generator(number).integers(1 << 62))
            records = records.shuffle(self._buffer, seed=seed, reshuffle_each_iteration=False)
        first, parser = self.worker * self.rows, self._parser

        def own_rows(batch: Tensor) -> Batch:
            # Only these are parsed: reading costs every worker the same, parsing is shared out.
            return {
                name: self._filled(name, own) for name, own in parser.batch(batch[first : first + self.rows]).items()
            }

        return records.batch(self.batch_size).skip(skip).map(own_rows, num_parallel_calls=2, deterministic=True)

    def _filled(self, name: str, rows: Tensor) -> Tensor:
        """Fills up the last batch of an epoch."""
        shape = self._shapes[name]
        padded = tf.pad(rows, [[0, self.rows - tf.shape(rows)[0]], *[[0, 0]] * len(shape)], constant_values=PAD)
        return tf.ensure_shape(padded, [self.rows, *shape])

    @cached_property
    def _parser(self) -> Parser:
        return Parser(self.corpus)

    @property
    def _shuffled(self) -> bool:
        return self.seed is not None

    def _generator(self, number: int) -> np.random.Generator:
        return np.random.default_rng([self.seed or 0, number])


def check_carry(corpus: Corpus, split: str, size: int, cache_bytes: int) -> None:
    """Checks that a song's windows follow one another, and that all of them can be held.

    Raises:
      Error: if not; says what to do.
    """
    window, stride = corpus.dataset.window, corpus.dataset.stride
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
