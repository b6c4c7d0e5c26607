import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from tfrecord.example_pb2 import Example
from tfrecord.reader import tfrecord_loader

from pipelines import records
from tutti.dataset.schema import TokenSchema

SONG = "0123456789abcdef" * 2
IDS = st.lists(st.integers(0, 1 << 22), min_size=1, max_size=80)
SIZES = st.integers(1, 40)


def schema(window: int) -> TokenSchema:
    return TokenSchema(window, 1 << 23)


def song_of(ids: list[int]) -> NDArray[np.int32]:
    return records.stored(np.asarray(ids, np.int32))


@given(IDS, SIZES, SIZES, st.text(max_size=200))
def test_records_are_what_protobuf_writes(ids: list[int], window: int, stride: int, label: str) -> None:
    stored = song_of(ids)
    for start, (length, payload) in zip(
        records.starts(len(stored), stride), records.windows(schema(window), SONG, stored, stride, label), strict=True
    ):
        example = Example()
        feature = example.features.feature
        tokens = stored[start : start + window + 1].tolist()
        feature["tokens"].int64_list.value.extend(tokens + [0] * (window + 1 - len(tokens)))
        feature["length"].int64_list.value.append(len(tokens))
        feature["start"].int64_list.value.append(start)
        feature["song"].bytes_list.value.append(SONG.encode())
        feature["label"].bytes_list.value.append(label.encode())
        assert payload == example.SerializeToString(deterministic=True)
        assert length == len(tokens)


@given(IDS, SIZES)
def test_with_stride_equal_to_window_each_target_is_predicted_once(ids: list[int], window: int) -> None:
    stored = song_of(ids)
    predicted: list[int] = []
    for _, payload in records.windows(schema(window), SONG, stored, window):
        feature = Example.FromString(payload).features.feature
        (length,) = feature["length"].int64_list.value
        (start,) = feature["start"].int64_list.value
        assert start == len(predicted)
        predicted += feature["tokens"].int64_list.value[1:length]
    assert predicted == stored[1:].tolist()


@given(IDS, SIZES, SIZES)
def test_every_window_has_an_input_and_a_target(ids: list[int], window: int, stride: int) -> None:
    lengths = [length for length, _ in records.windows(schema(window), SONG, song_of(ids), stride)]
    assert all(2 <= length <= window + 1 for length in lengths)
    assert len(lengths) == -(-(len(ids) + 1) // stride)


def test_the_tfrecord_package_reads_what_is_written(tmp_path: Path) -> None:
    path = tmp_path / "one.tfrecord"
    ids = list(range(3, 600, 7))
    path.write_bytes(
        b"".join(records.frame(payload) for _, payload in records.windows(schema(16), SONG, song_of(ids), 16))
    )
    kinds = {"tokens": "int", "length": "int", "start": "int", "song": "byte", "label": "byte"}
    read = list(tfrecord_loader(str(path), None, kinds))
    targets = [token for record in read for token in record["tokens"][1 : record["length"][0]]]
    assert targets == [*ids, 2]
    assert {bytes(record["song"]) for record in read} == {SONG.encode()}


@given(st.lists(st.binary(max_size=50), min_size=1, max_size=5), st.data())
def test_any_damaged_bit_is_found(contents: list[bytes], data: st.DataObject) -> None:
    written = bytearray(b"".join(map(records.frame, contents)))
    assert list(records.payloads(io.BytesIO(written))) == contents
    written[data.draw(st.integers(0, len(written) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(records.CorruptRecord):
        list(records.payloads(io.BytesIO(written)))


@given(st.binary(min_size=1, max_size=50), st.data())
def test_a_file_cut_off_within_a_record_is_found(content: bytes, data: st.DataObject) -> None:
    written = records.frame(content)
    cut = data.draw(st.integers(1, len(written) - 1))
    with pytest.raises(records.CorruptRecord):
        list(records.payloads(io.BytesIO(written[:cut])))
