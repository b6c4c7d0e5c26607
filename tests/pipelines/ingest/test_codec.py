import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tfrecord.example_pb2 import Example

from pipelines import records
from pipelines.cli import inspect
from pipelines.ingest.codec import SEMITONES, codec_of
from tests.corpora import corpus
from tests.pipelines.made import dataset, drum_file, features, fill, piano_file, run, shards, snapshot
from tests.pipelines.numbers import Closed, Framed, Learned
from tutti import midi
from tutti.dataset.manifest import content_id
from tutti.dataset.schema import FrameSchema
from tutti.encodings.base import Encoding
from tutti.encodings.drums import Drums
from tutti.encodings.notes import NotesAndChords
from tutti.encodings.pianoroll import PianoRoll
from tutti.encodings.vocabulary import BOS, EOS, SPECIALS, Vocabulary
from tutti.errors import Error

Capture = pytest.CaptureFixture[str]
NOTES = st.lists(st.integers(0, 13), min_size=1, max_size=40)
SIZES = st.integers(1, 50)


def frames_of(song: list[int]) -> np.ndarray:
    """uint8[steps, 14], as the framed encoding has it."""
    ((_, packed),) = codec_of(Framed()).encode([song])
    return np.unpackbits(np.frombuffer(packed, np.uint8).reshape(len(song), -1), axis=1, count=Framed().bits)


@pytest.mark.parametrize(("encoding", "file"), [(Drums(), drum_file(3)), (NotesAndChords(), piano_file(3))])
def test_windows_hold_the_encodings_tokens(encoding: Encoding, file: bytes) -> None:
    piece = midi.read(file)
    (tokens,) = encoding.encode(piece)
    ((length, kept),) = codec_of(encoding).encode(piece)
    vocabulary = encoding.vocabulary() or Vocabulary.of(sorted(set(tokens)))
    ((_, payload),) = codec_of(encoding).windows(vocabulary, 1 << 12, 1 << 12)("song", "", kept)
    ids = list(Example.FromString(payload).features.feature["tokens"].int64_list.value)
    assert ids[0] == BOS
    assert ids[length + 1] == EOS
    assert vocabulary.words(ids) == tokens
    assert length == len(tokens)


def test_tokens_outside_the_vocabulary_become_their_nearest() -> None:
    ((_, payload),) = codec_of(NotesAndChords()).windows(Vocabulary.of(["C4", "C5"]), 4, 4)("song", "", b"C#4 C5 B4")
    assert list(Example.FromString(payload).features.feature["tokens"].int64_list.value) == [BOS, 3, 4, 4, EOS]


@pytest.mark.parametrize("encoding", [Learned(), Closed(), Framed()])
@given(NOTES, st.sampled_from(SEMITONES))
def test_a_song_moves_as_its_notes_do(encoding: Encoding, song: list[int], semitones: int) -> None:
    kept = codec_of(encoding)
    higher = [note + semitones if note else 0 for note in song]
    ((_, tokens),) = kept.encode([song])
    if all(0 < new < 14 for note, new in zip(song, higher, strict=True) if note):
        assert kept.encode([higher]) == [(len(song), kept.transposed(tokens, semitones))]
    else:
        assert kept.transposed(tokens, semitones) is None


@pytest.mark.parametrize("encoding", [Learned(), Closed(), Framed()])
@given(NOTES, SIZES, SIZES)
def test_windows_begin_where_the_plan_counts_them(
    encoding: Encoding, song: list[int], window: int, stride: int
) -> None:
    kept = codec_of(encoding)
    ((length, tokens),) = kept.encode([song])
    vocabulary = encoding.vocabulary() or Vocabulary.of(sorted(set(Learned().encode([song])[0])))
    made = list(kept.windows(vocabulary, window, stride)("song", "", tokens))
    found = [Example.FromString(payload).features.feature["start"].int64_list.value[0] for _, payload in made]
    assert found == list(kept.starts(length, stride))


@given(NOTES, SIZES, SIZES, st.text(max_size=8))
def test_records_of_frames_are_what_protobuf_writes(song: list[int], window: int, stride: int, label: str) -> None:
    frames = frames_of(song)
    packed = np.packbits(frames, axis=1)
    for i, (length, payload) in enumerate(
        records.frame_windows(FrameSchema(window, 14), "song", packed, stride, label)
    ):
        content = packed[i * stride :][:window].tobytes()
        example = Example()
        feature = example.features.feature
        feature["frames"].bytes_list.value.append(content + bytes(2 * window - len(content)))
        feature["length"].int64_list.value.append(length)
        feature["start"].int64_list.value.append(i * stride)
        feature["song"].bytes_list.value.append(b"song")
        feature["label"].bytes_list.value.append(label.encode())
        assert payload == example.SerializeToString(deterministic=True)
        assert length == len(content) // 2


def rolls(folder: Path) -> dict[str, np.ndarray]:
    """The frames of each song, put together from windows with stride = window."""
    found: dict[str, list[np.ndarray]] = {}
    for split in features(folder).values():
        for feature in split:
            (packed,), (length,) = feature["frames"].bytes_list.value, feature["length"].int64_list.value
            rows = np.frombuffer(packed, np.uint8).reshape(dataset(folder).window, -1)
            assert not rows[length:].any()
            found.setdefault(feature["song"].bytes_list.value[0].decode(), []).append(rows[:length])
    return {song: np.concatenate(rows) for song, rows in found.items()}


def test_the_dataset_holds_the_frames_of_every_file(tmp_path: Path, capsys: Capture) -> None:
    data = tmp_path / "data"
    made = [piano_file(seed, length=10 + seed) for seed in range(6)]
    found = fill(tmp_path / "corpus", {f"{i}.mid": file for i, file in enumerate(made)})
    did = run(capsys, found, "--dataset", data, "--encoding", "pianoroll", "--window", 15)
    wanted = [PianoRoll().encode_frames(midi.read(file))[0] for file in made]
    stored = rolls(data)
    assert sorted(map(bytes, stored.values())) == sorted(map(bytes, wanted))
    assert all(song == content_id(bytes(frames)) for song, frames in stored.items())
    assert did["words"] == sum(map(len, wanted))
    assert did["windows"] == sum(-(-len(frames) // 15) for frames in wanted)
    assert dataset(data).vocabulary.tokens == SPECIALS


@pytest.mark.parametrize("stride", [4, 15, 20])
def test_inspect_counts_frames_and_bits(tmp_path: Path, capsys: Capture, stride: int) -> None:
    data = tmp_path / "data"
    found = fill(tmp_path / "corpus", {f"{seed}.mid": piano_file(seed) for seed in range(4)})
    flags = ("--encoding", "pianoroll", "--window", 20, "--stride", stride, "--split", "1,0,0")
    run(capsys, found, "--dataset", data, *flags)
    inspect.main([str(data), "--json", "--songs", "1"])
    shown = json.loads(capsys.readouterr().out)
    wanted = np.concatenate([PianoRoll().encode_frames(midi.read(piano_file(seed)))[0] for seed in range(4)])
    bits = np.unpackbits(wanted, axis=1, count=PianoRoll().bits)
    assert shown["words"] == len(wanted)
    assert shown["bits"] == 156
    assert shown["bits_set"] == pytest.approx(bits.mean())
    ((commonest, share),) = shown["commonest_bit"].items()
    assert share == pytest.approx(bits.mean(axis=0).max())
    assert bits.mean(axis=0)[int(commonest)] == pytest.approx(share)
    (words,) = shown["songs"].values()
    assert words in [PianoRoll().encode(midi.read(piano_file(seed)))[0][: len(words)] for seed in range(4)]
    inspect.main([str(data)])
    assert "156 bits a frame" in capsys.readouterr().out


def test_any_damaged_byte_of_a_shard_of_frames_is_found(tmp_path: Path, capsys: Capture) -> None:
    found = fill(tmp_path / "corpus", {"a.mid": piano_file(1, length=8)})
    run(capsys, found, "--dataset", tmp_path / "data", "--encoding", "pianoroll", "--window", 15)
    for name, content in shards(tmp_path / "data").items():
        for at in range(0, len(content), 29):
            (tmp_path / "data" / name).write_bytes(content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :])
            with pytest.raises(Error, match=name):
                inspect.main([str(tmp_path / "data")])


def test_the_piano_corpus_as_a_roll_in_all_keys(tmp_path: Path, capsys: Capture) -> None:
    data = tmp_path / "data"
    did = run(capsys, corpus("piano"), "--dataset", data, "--encoding", "pianoroll", "--transpose")
    assert (did["rejected"], did["songs"]) == (1, 91 + did["transposed"])
    moved = [len(source.transposed) for source in snapshot(data).sources if source.split == "train"]
    assert max(moved) == 11
    assert sum(moved) == did["transposed"]
    inspect.main([str(data), "--json"])
    assert 0.01 < json.loads(capsys.readouterr().out)["bits_set"] < 0.1
