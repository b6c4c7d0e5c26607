"""The fields of a record: what a `tf.train.Example` of a dataset holds.

The one place that knows them. `pipelines` writes records by it, `trainer` makes tensors by it, `tutti inspect` checks
records by it. Every record is a window of one song and has, beside its content, `length` int64 (tokens or frames of
the window that are the song's), `song` bytes (the song's content id), `start` int64 (where in the song the window
begins) and `label` bytes (empty for none).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tutti.encodings.vocabulary import PAD


@dataclass(frozen=True)
class Field:
    """One field of a record.

    Attributes:
      name: its key in the Example.
      kind: "int64" or "bytes", the list that holds its values.
      values: how many values it has.
      bits: of frames, bits in each; they are packed into whole bytes, the first bit highest. 0 for all else.
      default: what a record without the field means; None where it must be there.
    """

    name: str
    kind: str
    values: int = 1
    bits: int = 0
    default: bytes | None = None


LENGTH, SONG, START = Field("length", "int64"), Field("song", "bytes"), Field("start", "int64")
LABEL = Field("label", "bytes", default=b"")


class Schema(Protocol):
    """What each record of a dataset holds.

    Attributes:
      window: input tokens, or frames, in a window.
      unit: what a song is a sequence of, "tokens" or "frames".
      content: the field that holds the window.
    """

    @property
    def window(self) -> int: ...

    @property
    def unit(self) -> str: ...

    @property
    def content(self) -> Field: ...

    @property
    def width(self) -> int:
        """Numbers that a model gets of a window: tokens, or bits."""
        ...

    @property
    def model_size(self) -> int:
        """What a model's size depends on: tokens in the vocabulary, or bits in a window."""
        ...

    @property
    def kinds(self) -> int:
        """Things that are counted in a dataset: tokens of the vocabulary, or bits of a frame."""
        ...

    def song_length(self, stored: int) -> int:
        """The length of a song that takes `stored` tokens or frames of a dataset: BOS and EOS do not count."""
        ...

    def unpacked(self, values: Sequence[Any], length: int) -> NDArray[Any]:
        """The content of a record from the values of its field, checked.

        Returns:
          int64[length] tokens, or uint8[length, bits] of 0 and 1.

        Raises:
          ValueError: if it is no window of this dataset.
        """
        ...

    def count(self, content: NDArray[Any]) -> NDArray[np.int64]:
        """int64[kinds]: how often each token occurs in what `unpacked` gave, or each bit is set."""
        ...


@dataclass(frozen=True)
class TokenSchema:
    """Windows of tokens: `window` of input and one more, the last target, right-padded with PAD.

    Attributes:
      window: input tokens in a window.
      vocabulary: how many tokens there are.
    """

    window: int
    vocabulary: int
    unit: str = "tokens"

    @property
    def content(self) -> Field:
        return Field("tokens", "int64", self.window + 1)

    @property
    def width(self) -> int:
        return self.window + 1

    @property
    def model_size(self) -> int:
        return self.vocabulary

    @property
    def kinds(self) -> int:
        return self.vocabulary

    def song_length(self, stored: int) -> int:
        return stored - 2

    def unpacked(self, values: Sequence[int], length: int) -> NDArray[np.int64]:
        ids = np.asarray(values, np.int64)
        if len(ids) != self.width or not 2 <= length <= len(ids):
            raise ValueError(f"a record has {len(ids)} tokens, length {length}")
        if ids[length:].any() or ids.min() < PAD or ids.max() >= self.vocabulary:
            raise ValueError("a record has tokens outside the vocabulary, or behind its length")
        return ids[:length]

    def count(self, content: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.bincount(content, minlength=self.vocabulary)


@dataclass(frozen=True)
class FrameSchema:
    """Windows of frames of bits; short ones are filled up with frames of zeros.

    Attributes:
      window: frames in a window.
      bits: bits in a frame.
    """

    window: int
    bits: int
    unit: str = "frames"

    @property
    def content(self) -> Field:
        return Field("frames", "bytes", bits=self.bits)

    @property
    def width(self) -> int:
        return self.window * self.bits

    @property
    def model_size(self) -> int:
        return self.width

    @property
    def kinds(self) -> int:
        return self.bits

    def song_length(self, stored: int) -> int:
        return stored

    def unpacked(self, values: Sequence[bytes], length: int) -> NDArray[np.uint8]:
        packed = np.frombuffer(b"".join(values), np.uint8)
        if len(packed) != self.window * -(-self.bits // 8) or not 1 <= length <= self.window:
            raise ValueError(f"a record has {len(packed)} bytes of frames, length {length}")
        bits = np.unpackbits(packed.reshape(self.window, -1), axis=1)
        if bits[length:].any() or bits[:, self.bits :].any():
            raise ValueError("a record has bits behind its length, or behind those of a frame")
        return bits[:length, : self.bits]

    def count(self, content: NDArray[np.uint8]) -> NDArray[np.int64]:
        return content.sum(axis=0, dtype=np.int64)


def fields(schema: Schema) -> Mapping[str, Field]:
    """All fields of a record by name, in the order in which protobuf writes them."""
    every = (schema.content, LABEL, LENGTH, SONG, START)
    return {field.name: field for field in sorted(every, key=lambda field: field.name)}
