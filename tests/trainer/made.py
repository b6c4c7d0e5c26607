"""Small datasets, written as `pipelines` writes them but without Beam."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tutti.dataset.manifest import MANIFEST, SPLITS, Dataset, Shard, Snapshot, content_id, shard_path, snapshot_path
from tutti.encodings.base import Encoding
from tutti.encodings.notes import NotesAndChords
from tutti.encodings.pianoroll import PianoRoll
from tutti.encodings.vocabulary import BOS, EOS, PAD, SPECIALS, Vocabulary

Song = NDArray[np.int32]
Label = Callable[[Song], str]


@dataclass(frozen=True)
class Made:
    """Where the dataset is, and its songs as stored, by split, in the order of their ids."""

    path: str
    songs: dict[str, list[Song]]


def phrases(count: int, words: int, seed: int = 0, length: tuple[int, int] = (20, 60)) -> list[Song]:
    """Songs of `words` different ordinary words in which the next word mostly follows from the two before it."""
    rng = np.random.default_rng(seed)
    likely = np.random.default_rng(99).integers(3, 3 + words, size=(words + 3, words + 3))
    songs = []
    for _ in range(count):
        song = [BOS, int(rng.integers(3, 3 + words))]
        for _ in range(int(rng.integers(*length))):
            random = rng.random() < 0.2
            song.append(int(rng.integers(3, 3 + words) if random else likely[song[-2], song[-1]]))
        songs.append(np.array([*song, EOS], np.int32))
    return songs


def dataset(
    folder: Path,
    songs: dict[str, list[Song]] | None = None,
    *,
    window: int = 16,
    stride: int | None = None,
    words: int = 12,
    shards: int = 2,
    encoding: Encoding | None = None,
    vocabulary: Vocabulary | None = None,
    label: Label | None = None,
) -> Made:
    """Writes a dataset of one snapshot; by default 24 songs of `phrases` to train on, 6 and 6 beside.

    Args:
      label: what each song is labelled with; without it there are no labels.
    """
    if songs is None:
        songs = {"train": phrases(24, words, 1), "validation": phrases(6, words, 2), "test": phrases(6, words, 3)}
    stride = stride or window
    encoding = encoding or NotesAndChords()
    vocabulary = vocabulary or encoding.vocabulary() or Vocabulary.of(_names(words))
    written: dict[str, tuple[Shard, ...]] = {}
    ordered: dict[str, list[Song]] = {}
    for split in SPLITS:
        (folder / split).mkdir(parents=True)
        named = [(content_id(split.encode() + song.tobytes()), song) for song in songs[split]]
        named.sort(key=lambda pair: pair[0])
        ordered[split] = [song for _, song in named]
        written[split] = tuple(
            _shard(folder, shard_path(split, 1, i, shards), named[i::shards], window, stride, label or (lambda _: ""))
            for i in range(shards)
        )
    (folder / "snapshots").mkdir()
    snapshot = Snapshot(number=1, shards=written, sources=(), rejected=0)
    (folder / snapshot_path(1)).write_text(snapshot.to_json())
    labels = sorted({label(song) for split in SPLITS for song in songs[split]}) if label else []
    manifest = Dataset(encoding, window, stride, vocabulary, (0.8, 0.1, 0.1), 1, tuple(filter(None, labels)))
    (folder / MANIFEST).write_text(manifest.to_json())
    return Made(str(folder), ordered)


def framed(
    folder: Path, songs: list[NDArray[np.uint8]], *, window: int, labels: tuple[str, ...] = (), shards: int = 2
) -> str:
    """Writes a dataset of piano rolls, uint8[steps, bits] each, all to train on; returns its path.

    Args:
      labels: of the songs, one each; without them there are none.
    """
    bits = songs[0].shape[1]
    encoding = PianoRoll(lowest=60, highest=60 + bits // 2)
    records = [
        (number, start, song[start : start + window], labels[number] if labels else "")
        for number, song in enumerate(songs)
        for start in range(0, len(song), window)
    ]
    written: dict[str, tuple[Shard, ...]] = dict.fromkeys(SPLITS, ())
    (folder / "train").mkdir(parents=True)
    for i in range(shards):
        path = shard_path("train", 1, i, shards)
        with tf.io.TFRecordWriter(str(folder / path)) as writer:
            for number, start, frames, label in records[i::shards]:
                whole = np.pad(frames, ((0, window - len(frames)), (0, 0)))
                features = {
                    "frames": _text(np.packbits(whole, axis=1).tobytes()),
                    "length": _numbers(len(frames)),
                    "song": _text(str(number).encode()),
                    "start": _numbers(start),
                    "label": _text(label.encode()),
                }
                writer.write(_serialised(features))
        content = (folder / path).read_bytes()
        shard = Shard(path, len(records[i::shards]), 0, len(content), content_id(content)[:8])
        written["train"] += (shard,)
    (folder / "snapshots").mkdir()
    (folder / snapshot_path(1)).write_text(Snapshot(number=1, shards=written, sources=(), rejected=0).to_json())
    known = tuple(dict.fromkeys(filter(None, labels)))
    manifest = Dataset(encoding, window, window, Vocabulary(SPECIALS), (0.8, 0.1, 0.1), 1, known)
    (folder / MANIFEST).write_text(manifest.to_json())
    return str(folder)


def _names(words: int) -> list[str]:
    pitches = [f"{name}{octave}" for octave in range(2, 7) for name in ("C", "D", "E", "F", "G", "A", "B")]
    return pitches[:words]


def _shard(folder: Path, path: str, named: list[tuple[str, Song]], window: int, stride: int, label: Label) -> Shard:
    records = tokens = 0
    with tf.io.TFRecordWriter(str(folder / path)) as writer:
        for song, ids in named:
            for start in _starts(len(ids), window, stride):
                piece = ids[start : start + window + 1]
                writer.write(_example(song, start, piece, window, label(ids)))
                records, tokens = records + 1, tokens + len(piece)
    content = (folder / path).read_bytes()
    # Readers of TFRecords check the records' own checksums; the shard's is for `tutti inspect`.
    return Shard(path, records, tokens, len(content), content_id(content)[:8])


def _starts(length: int, window: int, stride: int) -> list[int]:
    """Of windows with at least one target, up to the first that holds the song's end."""
    last = max(0, -(-(length - 1 - window) // stride))
    return [i * stride for i in range(last + 1) if i * stride <= length - 2]


def _example(song: str, start: int, piece: Song, window: int, label: str) -> bytes:
    padded = np.full(window + 1, PAD, np.int64)
    padded[: len(piece)] = piece

    return _serialised(
        {
            "tokens": _numbers(*padded.tolist()),
            "length": _numbers(len(piece)),
            "song": _text(song.encode()),
            "start": _numbers(start),
            "label": _text(label.encode()),
        }
    )


def _numbers(*values: int) -> tf.train.Feature:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def _text(value: bytes) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))


def _serialised(features: dict[str, tf.train.Feature]) -> bytes:
    serialised: bytes = tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()
    return serialised
