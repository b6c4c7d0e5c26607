"""Shard, window and write: batches of songs -> TFRecord files."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from operator import attrgetter
from typing import Any

import apache_beam as beam
import google_crc32c
from apache_beam.pvalue import AsSingleton

from music.dataset import Shard, shard_path
from music.vocabulary import Vocabulary
from pipelines import records, songs, storage
from pipelines.elements import Batch, Job, Placement, Song, Songs
from pipelines.plan import split_of

# (split, number of the shard in it)
Key = tuple[str, int]

SONGS = beam.metrics.Metrics.counter("ingest", "songs")
TOKENS = beam.metrics.Metrics.counter("ingest", "tokens")


class Place(beam.PTransform):
    """Batches -> ((split, shard), songs), a key for every shard of the plan.

    Args:
      placement: one `Placement`.
    """

    def __init__(self, job: Job, placement: Any) -> None:
        super().__init__()
        self.job, self.placement = job, placement

    def expand(self, batches: Any) -> Any:
        placed = batches | beam.ParDo(PlaceSongs(self.job), AsSingleton(self.placement))
        every = self.placement | beam.FlatMap(empty)
        return (placed, every) | beam.Flatten() | beam.GroupByKey()


class Write(beam.PTransform):
    """((split, shard), songs) -> the `Shard`s written.

    Args:
      placement: one `Placement`.
    """

    def __init__(self, job: Job, placement: Any) -> None:
        super().__init__()
        self.job, self.placement = job, placement

    def expand(self, placed: Any) -> Any:
        return placed | beam.ParDo(WriteShard(self.job), AsSingleton(self.placement))


class PlaceSongs(beam.DoFn):
    """Sends each song that its source keeps to the source's split, and there by the song's id to a shard."""

    def __init__(self, job: Job) -> None:
        super().__init__()
        self.job = job

    def process(self, batch: Batch, placement: Placement) -> Iterator[tuple[tuple[str, int], Songs]]:
        placed: dict[Key, list[Song]] = defaultdict(list)
        for file in batch.files:
            split = split_of(file.id, self.job.fractions)
            for song in file.songs:
                if (file.id, song.id) not in placement.dropped:
                    placed[split, int(song.id, 16) % placement.shards[split]].append(song)
        for key, kept in placed.items():
            yield key, Songs(tuple(kept))


class WriteShard(beam.DoFn):
    """Writes a shard's windows in order of (song id, start), into the staging folder."""

    def __init__(self, job: Job) -> None:
        super().__init__()
        self.job = job

    def process(self, placed: tuple[tuple[str, int], Iterable[Songs]], placement: Placement) -> Iterator[Shard]:
        (split, index), placed_songs = placed
        # Exact copies of a file have each sent their songs.
        distinct = {song.id: song for some in placed_songs for song in some.songs}
        to_ids = songs.to_ids(self.job.encoding, Vocabulary(placement.tokens))
        path = shard_path(split, self.job.snapshot, index, placement.shards[split])
        records_written = tokens = size = crc = 0
        target = storage.join(self.job.staging, path)
        with storage.explained("write", storage.join(self.job.dataset, path)), storage.open_new(target) as file:
            for song in sorted(distinct.values(), key=attrgetter("id")):
                ids = records.stored(to_ids(song))
                SONGS.inc()
                TOKENS.inc(song.length)
                for length, example in records.windows(song.id, ids, self.job.window, self.job.stride):
                    record = records.frame(example)
                    file.write(record)
                    records_written += 1
                    tokens += length
                    size += len(record)
                    crc = google_crc32c.extend(crc, record)
        yield Shard(path, records_written, tokens, size, f"{crc:08x}")


def empty(placement: Placement) -> Iterator[tuple[tuple[str, int], Songs]]:
    """Each shard's key without songs, so that a shard to which no song hashes is there all the same."""
    for split, count in placement.shards.items():
        for index in range(count):
            yield (split, index), Songs(())
