"""Windows of a song as TFRecords of `tf.train.Example`s, byte for byte as TensorFlow and protobuf write them.

Examples are put together by hand: a song's ids become varints once, and each window is a slice of them. That
is some ten times faster than filling protobuf messages, and with a stride of 1 each token is in `window + 1`
of them. Formats: tensorflow/core/lib/io/record_writer.h, tensorflow/core/example/feature.proto, and the
protocol buffers encoding guide (map entries in order of their keys, as deterministic serialisation has it).
"""

import struct
from collections.abc import Callable, Hashable, Iterator
from functools import lru_cache
from typing import Any, Protocol, cast

import google_crc32c
import numpy as np
from numpy.typing import NDArray

from tutti.dataset.schema import LABEL, LENGTH, SONG, START, Schema, fields
from tutti.encodings.vocabulary import BOS, EOS

# Tags: field 1, 2 or 3 of a message, holding bytes.
FIELD_1, FIELD_2, FIELD_3 = b"\x0a", b"\x12", b"\x1a"


class Readable(Protocol):
    """What TFRecords are read from."""

    def read(self, size: int, /) -> bytes: ...


class CorruptRecord(Exception):
    """A record that is damaged, or no window of its dataset. Its text says what is wrong."""


def stored(ids: NDArray[np.int32]) -> NDArray[np.int32]:
    """Returns a song as the dataset has it: int32[n + 2], BOS, ids, EOS."""
    return np.concatenate([[BOS], ids, [EOS]]).astype(np.int32)


def starts(length: int, stride: int) -> range:
    """Returns where the windows of a stored song of `length` tokens begin: each holds an input and a target."""
    return range(0, length - 1, stride)


def windows(
    schema: Schema, song: str, ids: NDArray[np.int32], stride: int, label: str = ""
) -> Iterator[tuple[int, bytes]]:
    """Yields the windows of a stored song as (number of its tokens, serialised Example), from first to last.

    Args:
      schema: of records of tokens; short windows are right-padded with PAD.
      song: content id.
      ids: int32[n], BOS and EOS included.
      stride: tokens from one window's start to the next one's.
      label: the song's label.
    """
    varints, begin = _varints(ids)
    begins = begin.tolist()
    width = schema.content.values
    example = _examples(schema, song, label)
    for start in starts(len(ids), stride):
        length = min(width, len(ids) - start)
        # PAD is 0, and so is its varint.
        tokens = varints[begins[start] : begins[start + length]] + bytes(width - length)
        yield length, example(length, start, _message(FIELD_3, _message(FIELD_1, tokens)))


def frame_windows(
    schema: Schema, song: str, frames: NDArray[np.uint8], stride: int, label: str = ""
) -> Iterator[tuple[int, bytes]]:
    """Yields the windows of a song of frames as (number of its frames, serialised Example), from first to last.

    Args:
      schema: of records of frames; short windows are filled up with frames of zeros.
      song: content id.
      frames: uint8[n, bytes], packed.
      stride: frames from one window's start to the next one's.
      label: the song's label.
    """
    width = frames.shape[1]
    packed = frames.tobytes()
    example = _examples(schema, song, label)
    for start in range(0, len(frames), stride):
        length = min(schema.window, len(frames) - start)
        content = packed[start * width : (start + length) * width] + bytes((schema.window - length) * width)
        yield length, example(length, start, _message(FIELD_1, _message(FIELD_1, content)))


def frame(payload: bytes) -> bytes:
    """Returns a TFRecord: uint64 length, its checksum, payload, its checksum."""
    length = struct.pack("<Q", len(payload))
    return b"".join((length, _masked_crc(length), payload, _masked_crc(payload)))


def payloads(file: Readable) -> Iterator[bytes]:
    """Yields the payloads of a TFRecord file.

    Raises:
      CorruptRecord: at the first record that is incomplete or differs from its checksums.
    """
    number = 0
    while head := file.read(12):
        if len(head) < 12 or head[8:] != _masked_crc(head[:8]):
            raise CorruptRecord(f"the length of record {number} is damaged")
        (length,) = struct.unpack("<Q", head[:8])
        body = file.read(length + 4)
        if len(body) < length + 4:
            raise CorruptRecord(f"record {number} is cut off")
        if body[length:] != _masked_crc(body[:length]):
            raise CorruptRecord(f"record {number} does not match its checksum")
        yield body[:length]
        number += 1


def _masked_crc(data: bytes) -> bytes:
    crc = google_crc32c.value(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def _varints(ids: NDArray[np.int32]) -> tuple[bytes, NDArray[np.int64]]:
    """Returns the varints of ids one behind the other, and int64[n + 1]: where each begins and the last one ends."""
    width = max(1, -(-int(ids.max()).bit_length() // 7))
    octets = np.empty((len(ids), width), np.uint8)
    present = np.ones((len(ids), width), bool)
    begin = np.arange(len(ids) + 1)
    rest = ids
    for place in range(width):
        octets[:, place] = rest & 127
        rest = rest >> 7
        if place + 1 < width:
            more = present[:, place + 1] = rest > 0
            octets[:, place] |= more.view(np.uint8) << 7
            begin[1:] += np.cumsum(more)
    return octets[present].tobytes(), begin


def _varint(value: int) -> bytes:
    octets = bytearray()
    while value > 127:
        octets.append(value & 127 | 128)
        value >>= 7
    octets.append(value)
    return bytes(octets)


def _message(tag: bytes, content: bytes) -> bytes:
    size = len(content)
    return tag + (bytes((size,)) if size < 128 else _varint(size)) + content


@lru_cache(maxsize=64)
def _layout(schema: Any) -> tuple[list[bytes], list[int]]:
    """Returns the fields of a record: their keys in order, and the places of content, label, length, song and start."""
    names = list(fields(schema))
    places = [names.index(field.name) for field in (schema.content, LABEL, LENGTH, SONG, START)]
    return [name.encode() for name in names], places


def _examples(schema: Schema, song: str, label: str) -> Callable[[int, int, bytes], bytes]:
    """Returns a function from (length, start, Feature of the content) to a serialised Example of this song."""
    keys, (content_at, label_at, length_at, song_at, start_at) = _layout(cast(Hashable, schema))
    content_key, length_key, start_key = keys[content_at], keys[length_at], keys[start_at]
    entries = [b""] * len(keys)
    entries[song_at] = _text(keys[song_at], song.encode())
    entries[label_at] = _text(keys[label_at], label.encode())

    def example(length: int, start: int, content: bytes) -> bytes:
        entries[length_at] = _integer(length_key, length)
        entries[start_at] = _integer(start_key, start)
        entries[content_at] = _entry(content_key, content)
        return _message(FIELD_1, b"".join(entries))

    return example


def _entry(key: bytes, feature: bytes) -> bytes:
    """Returns an entry of the map `Features.feature`."""
    return _message(FIELD_1, _message(FIELD_1, key) + _message(FIELD_2, feature))


def _text(key: bytes, value: bytes) -> bytes:
    return _entry(key, _message(FIELD_1, _message(FIELD_1, value)))


@lru_cache(maxsize=1 << 16)
def _integer(key: bytes, value: int) -> bytes:
    return _entry(key, _message(FIELD_3, _message(FIELD_1, _varint(value))))
