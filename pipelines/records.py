"""Windows of a song as TFRecords of `tf.train.Example`s, byte for byte as TensorFlow and protobuf write them.

Examples are put together by hand: a song's ids become varints once, and each window is a slice of them. That
is some ten times faster than filling protobuf messages, and with a stride of 1 each token is in `window + 1`
of them. Formats: tensorflow/core/lib/io/record_writer.h, tensorflow/core/example/feature.proto, and the
protocol buffers encoding guide (map entries in order of their keys, as deterministic serialisation has it).
"""

import struct
from collections.abc import Iterator
from functools import lru_cache
from typing import Protocol

import google_crc32c
import numpy as np
from numpy.typing import NDArray

from tutti.encodings.vocabulary import BOS, EOS

# Tags: field 1, 2 or 3 of a message, holding bytes.
FIELD_1, FIELD_2, FIELD_3 = b"\x0a", b"\x12", b"\x1a"


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class CorruptRecord(Exception):
    """A record whose length or checksum is wrong. The text says which and how."""


def stored(ids: NDArray[np.int32]) -> NDArray[np.int32]:
    """A song as the dataset has it: int32[n + 2], BOS, ids, EOS."""
    return np.concatenate([[BOS], ids, [EOS]]).astype(np.int32)


def starts(length: int, stride: int) -> range:
    """Where the windows of a stored song of `length` tokens begin: each holds an input and a target at least."""
    return range(0, length - 1, stride)


def windows(
    song: str, ids: NDArray[np.int32], window: int, stride: int, label: str = ""
) -> Iterator[tuple[int, bytes]]:
    """The windows of a stored song as (number of its tokens, serialised Example), from the first to the last.

    Args:
      song: content id.
      ids: int32[n], BOS and EOS included.
      window: input tokens in a window; `tokens` holds one more, right-padded with PAD.
      stride: tokens from one window's start to the next one's.
      label: what the song is labelled with.
    """
    varints, begin = _varints(ids)
    begins = begin.tolist()
    labelled, name = _text(b"label", label.encode()), _text(b"song", song.encode())
    for start in starts(len(ids), stride):
        length = min(window + 1, len(ids) - start)
        # PAD is 0, and so is its varint.
        tokens = varints[begins[start] : begins[start + length]] + bytes(window + 1 - length)
        features = (
            labelled
            + _integer(b"length", length)
            + name
            + _integer(b"start", start)
            + _entry(b"tokens", _message(FIELD_3, _message(FIELD_1, tokens)))
        )
        yield length, _message(FIELD_1, features)


def frame_windows(
    song: str, frames: NDArray[np.uint8], window: int, stride: int, label: str = ""
) -> Iterator[tuple[int, bytes]]:
    """The windows of a song of frames as (number of its frames, serialised Example), from the first to the last.

    Args:
      song: content id.
      frames: uint8[n, bytes], packed.
      window: frames in a window; short ones are filled up with frames of zeros.
      stride: frames from one window's start to the next one's.
      label: what the song is labelled with.
    """
    width = frames.shape[1]
    packed = frames.tobytes()
    labelled, name = _text(b"label", label.encode()), _text(b"song", song.encode())
    for start in range(0, len(frames), stride):
        length = min(window, len(frames) - start)
        content = packed[start * width : (start + length) * width] + bytes((window - length) * width)
        features = _text(b"frames", content) + labelled + _integer(b"length", length) + name + _integer(b"start", start)
        yield length, _message(FIELD_1, features)


def frame(payload: bytes) -> bytes:
    """A TFRecord: uint64 length, its checksum, payload, its checksum."""
    length = struct.pack("<Q", len(payload))
    return b"".join((length, _masked_crc(length), payload, _masked_crc(payload)))


def payloads(file: Readable) -> Iterator[bytes]:
    """The payloads of a TFRecord file.

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
    """The varints of ids one behind the other, and int64[n + 1], where each begins and the last one ends."""
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


def _entry(key: bytes, feature: bytes) -> bytes:
    """An entry of the map `Features.feature`."""
    return _message(FIELD_1, _message(FIELD_1, key) + _message(FIELD_2, feature))


def _text(key: bytes, value: bytes) -> bytes:
    return _entry(key, _message(FIELD_1, _message(FIELD_1, value)))


@lru_cache(maxsize=1 << 16)
def _integer(key: bytes, value: int) -> bytes:
    return _entry(key, _message(FIELD_3, _message(FIELD_1, _varint(value))))
