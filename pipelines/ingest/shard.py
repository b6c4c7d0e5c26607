"""Shard, window and write: batches of songs -> TFRecord files.

A song travels once, and what it is in other keys is made where it is written: they all go to one shard.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, cast

import apache_beam as beam
import google_crc32c
from apache_beam.pvalue import AsSingleton

from pipelines import filesystem, records
from pipelines.ingest.codec import codec_of
from pipelines.ingest.types import Batch, EncodedSong, IngestJob, Placement, Songs
from tutti.dataset.manifest import Shard, shard_path
from tutti.encodings.vocabulary import Vocabulary

# (split, number of the shard in it)
Key = tuple[str, int]

SONGS = beam.metrics.Metrics.counter("ingest", "songs")
TOKENS = beam.metrics.Metrics.counter("ingest", "tokens")


class Place(beam.PTransform):
    """Batches -> ((split, shard), songs), with a key for every shard of the plan.

    Args:
      placement: one `Placement`.
    """

    def __init__(self, job: IngestJob, placement: Any) -> None:
        super().__init__()
        self.job, self.placement = job, placement

    def expand(self, batches: Any) -> Any:
        placed = batches | beam.ParDo(PlaceSongs(self.job), AsSingleton(self.placement))
        every = self.placement | beam.FlatMap(empty_shards)
        return (placed, every) | beam.Flatten() | beam.GroupByKey()


class Write(beam.PTransform):
    """((split, shard), songs) -> the `Shard`s written.

    Args:
      placement: one `Placement`.
    """

    def __init__(self, job: IngestJob, placement: Any) -> None:
        super().__init__()
        self.job, self.placement = job, placement

    def expand(self, placed: Any) -> Any:
        return placed | beam.ParDo(WriteShard(self.job), AsSingleton(self.placement))


class PlaceSongs(beam.DoFn):
    """Sends each song that is not skipped to its source's split, and there by the song's id to a shard."""

    def __init__(self, job: IngestJob) -> None:
        super().__init__()
        self.job = job

    def process(self, batch: Batch, placement: Placement) -> Iterator[tuple[Key, Songs]]:
        placed: dict[Key, list[EncodedSong]] = defaultdict(list)
        for file in batch.files:
            split, label = placement.resolved.get(file.id, (file.split, file.label))
            for song in file.songs:
                if (file.id, song.id, 0) in placement.skip:
                    continue
                if song.keys or song.label != label:
                    keys = [key for key in song.keys if (file.id, song.id, key[0]) not in placement.skip]
                    song = song._replace(label=label, keys=tuple(keys) if split == "train" else ())
                placed[split, int(song.id, 16) % placement.shards[split]].append(song)
        for key, songs in placed.items():
            yield key, Songs(tuple(songs))


class WriteShard(beam.DoFn):
    """Writes a shard's windows in order of (song id, start), into the staging folder."""

    def __init__(self, job: IngestJob) -> None:
        super().__init__()
        self.job = job

    def process(self, placed: tuple[Key, Iterable[Songs]], placement: Placement) -> Iterator[Shard]:
        (split, index), placed_songs = placed
        # Exact copies of a file have each sent their songs.
        distinct = {song.id: song for some in placed_songs for song in some.songs}
        # (content id, semitones, song), one for each song in each of its keys.
        listed = [(song.id, 0, song) for song in distinct.values()]
        listed += [(key, semitones, song) for song in distinct.values() for semitones, key in song.keys]
        codec = codec_of(self.job.encoding)
        windows = codec.windows(Vocabulary(placement.tokens), self.job.window, self.job.stride)
        path = shard_path(split, self.job.snapshot, index, placement.shards[split])
        records_written = tokens = size = crc = 0
        target = filesystem.join(self.job.staging, path)
        with (
            filesystem.explained("write", filesystem.join(self.job.dataset, path)),
            filesystem.open_new(target) as file,
        ):
            for name, semitones, song in sorted(listed):
                SONGS.inc()
                TOKENS.inc(song.length)
                content = codec.transposed(song.tokens, semitones) if semitones else song.tokens
                for length, example in windows(name, song.label, cast(bytes, content)):
                    record = records.frame(example)
                    file.write(record)
                    records_written += 1
                    tokens += length
                    size += len(record)
                    crc = google_crc32c.extend(crc, record)
        yield Shard(path, records_written, tokens, size, f"{crc:08x}")


def empty_shards(placement: Placement) -> Iterator[tuple[Key, Songs]]:
    """Yields each shard's key without songs, so that a shard to which no song hashes is there all the same."""
    for split, count in placement.shards.items():
        for index in range(count):
            yield (split, index), Songs(())
