from collections import Counter
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.ingest.codec import SEMITONES, codec_of
from pipelines.ingest.deduplicate import account, plan
from pipelines.ingest.encode import EncodeFiles
from pipelines.ingest.shard import PlaceSongs
from pipelines.ingest.types import Content, Contents, EncodedSong, IngestJob
from tests.corpora import corpus
from tests.pipelines.made import dataset, drum_corpus, features, fill, piano_file, run, shards, snapshot, songs, tree
from tests.pipelines.numbers import Closed, Framed, Learned, written
from tutti.dataset.manifest import SPLITS, Snapshot, content_id
from tutti.encodings.base import Encoding
from tutti.encodings.notes import NotesAndChords
from tutti.errors import Error

Capture = pytest.CaptureFixture[str]
ENCODINGS: list[Encoding] = [Learned(), Closed(), Framed()]

# Songs of few notes, so that one is often another in another key.
SONG = st.lists(st.integers(0, 13), min_size=1, max_size=3)
CORPUS = st.lists(st.tuples(st.lists(SONG, min_size=1, max_size=3), st.sampled_from(SPLITS)), min_size=1, max_size=9)


def job(encoding: Encoding, fractions: tuple[float, float, float] | None, **settings: Any) -> IngestJob:
    return IngestJob("data", "", 1, encoding, 8, 8, fractions, shards=3, transpose=True, **settings)


def placed(
    corpus: list[tuple[list[list[int]], str]], settings: IngestJob, before: Snapshot | None = None
) -> tuple[Snapshot, list[tuple[str, bytes, bytes]]]:
    """What a corpus gives: its sources, and (split, song, song it comes from) of all that is to be written."""
    known = frozenset(source.id for source in before.sources) if before else frozenset()
    folders = settings.fractions is None
    files = [
        Content(f"{i}.num", written(songs), split=split if folders else "") for i, (songs, split) in enumerate(corpus)
    ]
    batches = [batch for file in files for batch in EncodeFiles(settings).process(Contents((file,)), known)]
    made = plan([account(batch, settings) for batch in batches], before, settings)
    kept = codec_of(settings.encoding)
    found = {
        (split, moved, song.tokens)
        for batch in batches
        for (split, _), sent in PlaceSongs(settings).process(batch, made.placement)
        for song in sent.songs
        for moved in (song.tokens, *(kept.transposed(song.tokens, semitones) or b"" for semitones, _ in song.keys))
    }
    return Snapshot(1, {}, (*(before.sources if before else ()), *made.sources), 0), sorted(found)


@pytest.mark.parametrize("fractions", [(0.4, 0.3, 0.3), None])
@pytest.mark.parametrize("encoding", ENCODINGS)
@given(CORPUS)
def test_no_song_is_in_two_splits_or_twice_in_one(
    encoding: Encoding, fractions: tuple[float, float, float] | None, corpus: list[tuple[list[list[int]], str]]
) -> None:
    snapshot, found = placed(corpus, job(encoding, fractions))
    assert max(Counter(song for _, song, _ in found).values()) == 1
    # What the manifest says is what is written.
    listed = {(source.split, song) for source in snapshot.sources for song in source.all_songs}
    assert listed == {(split, content_id(song)) for split, song, _ in found}


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(CORPUS)
def test_every_song_stands_as_it_is_and_only_songs_to_train_on_stand_in_other_keys(
    encoding: Encoding, corpus: list[tuple[list[list[int]], str]]
) -> None:
    _, found = placed(corpus, job(encoding, (0.4, 0.3, 0.3)))
    kept = codec_of(encoding)
    originals = {song for songs, _ in corpus for _, song in kept.encode(songs)}
    assert {song for _, song, first in found if song == first} == originals
    splits = {song: split for split, song, _ in found}
    for split, song, first in found:
        assert split == splits[first]
        assert song == first or split == "train"
    every = {song for _, song, _ in found}
    for song in (song for song in originals if splits[song] == "train"):
        assert {moved for semitones in SEMITONES if (moved := kept.transposed(song, semitones))} <= every


@pytest.mark.parametrize("encoding", [Closed(), Framed()])
@given(CORPUS, CORPUS)
def test_no_song_is_in_two_splits_of_a_grown_dataset(
    encoding: Closed | Framed, first: list[tuple[list[list[int]], str]], more: list[tuple[list[list[int]], str]]
) -> None:
    settings = job(encoding, (0.4, 0.3, 0.3), tokens=encoding.vocabulary().tokens)
    before, had = placed(first, settings)
    _, new = placed(more, replace(settings, snapshot=2), before)
    assert max(Counter(song for _, song, _ in chain(had, new)).values()) == 1


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_song_is_left_out_of_keys_that_it_would_leave_the_range_in(encoding: Encoding) -> None:
    settings = job(encoding, (1.0, 0.0, 0.0))
    (batch,) = EncodeFiles(settings).process(Contents((Content("a.num", written([[1, 9], [7, 0, 7], [0]])),)))
    ((low, middle, rest),) = (file.songs for file in batch.files)
    assert [semitones for semitones, _ in low.keys] == [1, 2, 3, 4]
    assert [semitones for semitones, _ in middle.keys] == list(SEMITONES)
    # Without pitch it is the same in every key, and stands once.
    assert {song for _, song in rest.keys} == {rest.id}
    made = plan([account(batch, settings)], None, settings)
    assert len(made.sources[0].transposed) == 4 + 11
    assert len(made.sources[0].songs) == 3


def test_the_ids_in_other_keys_are_those_of_what_is_written() -> None:
    for encoding in ENCODINGS:
        settings = job(encoding, (1.0, 0.0, 0.0))
        (batch,) = EncodeFiles(settings).process(Contents((Content("a.num", written([[3, 5, 8]])),)))
        ((song,),) = (file.songs for file in batch.files)
        assert isinstance(song, EncodedSong)
        for semitones, name in song.keys:
            moved = codec_of(encoding).transposed(song.tokens, semitones)
            assert moved is not None
            assert content_id(moved) == name


def test_a_dataset_in_all_keys_holds_every_song_moved_token_by_token(tmp_path: Path, capsys: Capture) -> None:
    data = tmp_path / "data"
    found = fill(tmp_path / "corpus", {f"{seed}.mid": piano_file(seed) for seed in range(8)})
    did = run(capsys, found, "--dataset", data, "--encoding", "notes", "--split", "0.5,0.3,0.2", "--transpose")
    sources = snapshot(data).sources
    train = [source for source in sources if source.split == "train"]
    assert train
    assert all(not source.transposed for source in sources if source.split != "train")
    assert did["transposed"] == 11 * len(train)
    assert did["songs"] == 8 + did["transposed"]
    vocabulary, stored = dataset(data).vocabulary, songs(data)
    for source in train:
        (song,) = source.songs
        tokens = vocabulary.words(stored[song])
        moved = {" ".join(vocabulary.words(stored[name])) for name in source.transposed}
        wanted = [[NotesAndChords().transposed(token, semitones) or "" for token in tokens] for semitones in SEMITONES]
        assert moved == {" ".join(each) for each in wanted}


def test_every_runner_gives_the_same_bytes_in_all_keys(tmp_path: Path, capsys: Capture) -> None:
    files = {f"{'ab'[seed % 2]}/{seed}.mid": piano_file(seed % 15, parts=1 + seed % 3) for seed in range(20)}
    found = fill(tmp_path / "corpus", files)
    flags = ("--encoding", "notes", "--part", "all", "--window", 32, "--shards", 2, "--transpose", "--labels", "folder")
    runners = [
        (),
        ("--direct_running_mode", "multi_processing", "--direct_num_workers", 2),
        ("--runner", "BundleBasedDirectRunner"),
    ]
    for i, runner in enumerate(runners):
        run(capsys, found, "--dataset", tmp_path / str(i), *flags, *runner)
    assert dataset(tmp_path / "0").labels == ("a", "b")
    for i in range(1, len(runners)):
        assert tree(tmp_path / str(i)) == tree(tmp_path / "0"), runners[i]


def test_a_dataset_in_all_keys_grows_in_all_keys(tmp_path: Path, capsys: Capture) -> None:
    data, flags = tmp_path / "data", ("--encoding", "notes", "--split", "1,0,0")
    run(capsys, fill(tmp_path / "a", {"a.mid": piano_file(1)}), "--dataset", data, *flags, "--transpose")
    before = tree(data)
    with pytest.raises(Error, match="with --transpose on, not off"):
        run(capsys, fill(tmp_path / "b", {"b.mid": piano_file(2)}), "--dataset", data, *flags)
    assert tree(data) == before
    did = run(capsys, tmp_path / "b", "--dataset", data, *flags, "--transpose")
    assert (did["songs"], did["transposed"]) == (12, 11)


def test_a_dataset_of_an_earlier_version_is_in_the_keys_of_its_files(tmp_path: Path, capsys: Capture) -> None:
    data = tmp_path / "data"
    run(capsys, drum_corpus(tmp_path / "corpus", range(3)), "--dataset", data)
    manifest = data / "dataset.json"
    lines = manifest.read_text().splitlines()
    new = [line for line in lines if line.startswith((' "transpose"', ' "labels"', ' "loops"'))]
    assert len(new) == 3
    manifest.write_text("\n".join(line for line in lines if line not in new))
    assert not dataset(data).transpose
    assert dataset(data).labels == ()
    run(capsys, drum_corpus(tmp_path / "more", range(3, 5)), "--dataset", data)
    assert len(songs(data)) == 5


@pytest.mark.parametrize("name", ["drums", "mulaw"])
def test_what_has_no_pitch_is_not_transposed(tmp_path: Path, capsys: Capture, name: str) -> None:
    found = drum_corpus(tmp_path / "corpus", range(1))
    with pytest.raises(Error, match=f"--transpose does not apply to --encoding {name}"):
        run(capsys, found, "--dataset", tmp_path / "data", "--encoding", name, "--transpose")
    assert not (tmp_path / "data").exists()


def test_no_song_of_the_piano_corpus_is_in_two_splits(tmp_path: Path, capsys: Capture) -> None:
    data = tmp_path / "data"
    flags = ("--encoding", "notes", "--window", 4096, "--split", "0.6,0.2,0.2", "--transpose")
    did = run(capsys, corpus("piano"), "--dataset", data, *flags)
    found = Counter(
        bytes(str(list(each["tokens"].int64_list.value)), "ascii")
        for split in features(data).values()
        for each in split
    )
    assert set(found.values()) == {1}
    assert len(found) == did["songs"] == 91 + did["transposed"]
    assert len(shards(data)) == 3
