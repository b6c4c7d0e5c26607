import errno
import fcntl
import json
import os
from dataclasses import replace
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions
from apache_beam.typehints.decorators import TypeCheckError

import tutti
from pipelines import commit, runners
from pipelines.cli import ingest
from pipelines.ingest import match, pipeline
from pipelines.ingest.deduplicate import Deduplicate
from pipelines.ingest.read import Read
from pipelines.ingest.types import IngestJob
from tests.corpora import corpus
from tests.pipelines.made import (
    dataset,
    drum_corpus,
    drum_file,
    fill,
    piano_file,
    run,
    shards,
    snapshot,
    songs,
    tree,
    windows,
)
from tutti import midi
from tutti.dataset.manifest import SPLITS, content_id, rejected_path, snapshot_path
from tutti.encodings.drums import Drums
from tutti.encodings.notes import NotesAndChords
from tutti.encodings.vocabulary import BOS, EOS
from tutti.errors import Error
from tutti.score import Score

Capture = pytest.CaptureFixture[str]


def test_every_runner_gives_the_same_bytes_and_gives_them_again(tmp_path: Path, capsys: Capture) -> None:
    found = drum_corpus(tmp_path / "corpus", range(40))
    runners = [
        (),
        (),
        ("--direct_running_mode", "multi_processing", "--direct_num_workers", 2),
        ("--direct_running_mode", "multi_threading", "--direct_num_workers", 3),
        ("--runner", "PortableRunner", "--job_endpoint", "embed", "--environment_type", "LOOPBACK"),
        ("--runner", "BundleBasedDirectRunner"),
    ]
    for i, runner in enumerate(runners):
        run(capsys, found, "--dataset", tmp_path / str(i), "--window", 32, "--shards", 3, *runner)
    assert len(shards(tmp_path / "0")) == 9
    for i in range(1, len(runners)):
        assert tree(tmp_path / str(i)) == tree(tmp_path / "0"), runners[i]


def test_shards_do_not_depend_on_the_names_and_places_of_files(tmp_path: Path, capsys: Capture) -> None:
    run(capsys, drum_corpus(tmp_path / "corpus", range(8)), "--dataset", tmp_path / "one")
    moved = fill(tmp_path / "moved", {f"{9 - seed}/song.MID": drum_file(seed) for seed in range(8)})
    run(capsys, moved / "3", moved, "--dataset", tmp_path / "two")
    assert shards(tmp_path / "one") == shards(tmp_path / "two")


@pytest.mark.parametrize("name", ["drums", "notes"])
def test_the_dataset_holds_the_tokens_of_every_file(tmp_path: Path, capsys: Capture, name: str) -> None:
    made = [drum_file(seed) for seed in range(6)] if name == "drums" else [piano_file(seed) for seed in range(6)]
    folder = fill(tmp_path / "corpus", {f"{i}.mid": data for i, data in enumerate(made)})
    did = run(capsys, folder, "--dataset", tmp_path / "data", "--encoding", name, "--window", 10)
    encoding = Drums() if name == "drums" else NotesAndChords()
    wanted = [encoding.encode(midi.read(data))[0] for data in made]
    stored = list(songs(tmp_path / "data").values())
    assert all(ids[0] == BOS and ids[-1] == EOS for ids in stored)
    vocabulary = dataset(tmp_path / "data").vocabulary
    assert sorted(vocabulary.words(ids) for ids in stored) == sorted(wanted)
    assert did["words"] == sum(map(len, wanted))


def test_records_are_in_order_and_counted(tmp_path: Path, capsys: Capture) -> None:
    run(capsys, drum_corpus(tmp_path / "corpus"), "--dataset", tmp_path / "data", "--window", 16, "--stride", 5)
    found = windows(tmp_path / "data")
    for split, listed in snapshot(tmp_path / "data").shards.items():
        keys = [(song, start) for song, start, _ in found[split]]
        assert keys == sorted(keys)
        assert sum(shard.records for shard in listed) == len(keys)
        assert sum(shard.tokens for shard in listed) == sum(len(tokens) for _, _, tokens in found[split])
        for shard in listed:
            assert (tmp_path / "data" / shard.path).stat().st_size == shard.bytes


def test_splits_are_by_song(tmp_path: Path, capsys: Capture) -> None:
    found = drum_corpus(tmp_path / "corpus", range(30))
    run(capsys, found, "--dataset", tmp_path / "data", "--split", "0.5,0.25,0.25", "--window", 16)
    split_of = {song: source.split for source in snapshot(tmp_path / "data").sources for song in source.songs}
    assert set(split_of.values()) == set(SPLITS)
    for split, listed in windows(tmp_path / "data").items():
        assert {split_of.pop(song) for song in {song for song, _, _ in listed}} == {split}
    assert not split_of


def test_duplicates_are_stored_once(tmp_path: Path, capsys: Capture) -> None:
    # The same music from other bytes: a tempo that drum words do not tell.
    score = midi.read(drum_file(1))
    slower = midi.write(Score(score.division, score.tracks, tempos=((0, 60.0),)))
    made = {"a.mid": drum_file(1), "copy/b.mid": drum_file(1), "slow.mid": slower, "other.mid": drum_file(2)}
    did = run(capsys, fill(tmp_path / "corpus", made), "--dataset", tmp_path / "data")
    assert (did["files"], did["duplicates"], did["songs"], did["rejected"]) == (4, 2, 2, 0)
    inspected = tutti.inspect(tmp_path / "data")
    assert (inspected.to_json()["copies"], inspected.to_json()["duplicates"]) == (1, 2)
    assert "4, 2 of them duplicates; 0 rejected" in inspected.table()
    assert len(songs(tmp_path / "data")) == 2
    sources = {source.id: source for source in snapshot(tmp_path / "data").sources}
    first, second = sorted([content_id(drum_file(1)), content_id(slower)])
    assert sources[second].same_as == first
    assert sources[second].split == sources[first].split or not sources[second].songs


def test_a_song_in_two_files_among_others_is_stored_once(tmp_path: Path, capsys: Capture) -> None:
    one, both = piano_file(1, parts=1), piano_file(1, parts=2)
    folder = fill(tmp_path / "corpus", {"one.mid": one, "both.mid": both})
    run(capsys, folder, "--dataset", tmp_path / "data", "--encoding", "notes", "--part", "all")
    assert len(songs(tmp_path / "data")) == 2


def test_rejected_files_are_listed_with_their_reasons(tmp_path: Path, capsys: Capture) -> None:
    made = {"good.mid": drum_file(1), "empty.mid": b"", "sub/text.mid": b"no music", "cut.mid": drum_file(2)[:70]}
    did = run(capsys, fill(tmp_path / "corpus", made), "--dataset", tmp_path / "data")
    assert (did["songs"], did["rejected"]) == (1, 3)
    lines = [json.loads(line) for line in (tmp_path / "data" / rejected_path(1)).read_text().splitlines()]
    assert [line["name"] for line in lines] == ["corpus/cut.mid", "corpus/empty.mid", "corpus/sub/text.mid"]
    assert [line["id"] for line in lines] == [
        content_id(made[name]) for name in ("cut.mid", "empty.mid", "sub/text.mid")
    ]
    assert snapshot(tmp_path / "data").rejected == 3
    assert {reason["reason"] for reason in did["reasons"]} == {line["reason"] for line in lines}


def test_ingesting_again_adds_only_what_is_new(tmp_path: Path, capsys: Capture) -> None:
    data = tmp_path / "data"
    found = drum_corpus(tmp_path / "corpus", range(20))
    run(capsys, found, "--dataset", data)
    before, had = tree(data), songs(data)
    drum_corpus(found / "more", range(15, 26))
    did = run(capsys, found, "--dataset", data)
    assert (did["snapshot"], did["known"], did["songs"]) == (2, 25, 6)
    after = tree(data)
    assert all(after[name] == content for name, content in before.items() if name != "dataset.json")
    assert len(songs(data)) == 26
    assert had.items() <= songs(data).items()
    assert {source.id: source for source in snapshot(data).sources}.keys() == {
        content_id(drum_file(seed)) for seed in range(26)
    }


def test_a_grown_dataset_holds_the_songs_and_splits_of_one_made_at_once(tmp_path: Path, capsys: Capture) -> None:
    run(capsys, drum_corpus(tmp_path / "few", range(9)), "--dataset", tmp_path / "grown")
    run(capsys, drum_corpus(tmp_path / "many", range(18)), "--dataset", tmp_path / "grown")
    run(capsys, tmp_path / "many", "--dataset", tmp_path / "once")
    grown, once = windows(tmp_path / "grown"), windows(tmp_path / "once")
    assert {split: sorted(listed) for split, listed in grown.items()} == dict(once)


def test_where_nothing_is_new_nothing_changes(tmp_path: Path, capsys: Capture) -> None:
    found = fill(drum_corpus(tmp_path / "corpus", range(4)), {"bad.mid": b"bad"})
    run(capsys, found, "--dataset", tmp_path / "data")
    before = tree(tmp_path / "data")
    fill(found, {"copy.mid": drum_file(1), "bad copy.mid": b"bad"})
    did = run(capsys, found, "--dataset", tmp_path / "data")
    assert not did["changed"]
    assert tree(tmp_path / "data") == before


def test_a_vocabulary_stays_and_new_tokens_become_their_nearest(tmp_path: Path, capsys: Capture) -> None:
    data, notes = tmp_path / "data", ("--encoding", "notes")
    run(capsys, fill(tmp_path / "low", {"a.mid": piano_file(1, 48, 55)}), "--dataset", data, *notes)
    frozen = dataset(data).vocabulary
    high = piano_file(2, 80, 90)
    run(capsys, fill(tmp_path / "high", {"b.mid": high}), "--dataset", data, *notes)
    assert dataset(data).vocabulary == frozen
    (song,) = NotesAndChords().encode(midi.read(high))
    assert not set(song) <= set(frozen.tokens)
    stored = songs(data)[content_id(" ".join(song).encode())]
    assert frozen.words(stored) == [
        NotesAndChords().nearest(token, frozen) if token not in frozen else token for token in song
    ]


def test_the_order_of_a_learned_vocabulary_comes_from_its_tokens_alone(tmp_path: Path, capsys: Capture) -> None:
    folder = fill(tmp_path / "corpus", {f"{seed}.mid": piano_file(seed) for seed in range(4)})
    run(capsys, folder, "--dataset", tmp_path / "data", "--encoding", "notes")
    tokens = {token for seed in range(4) for token in NotesAndChords().encode(midi.read(piano_file(seed)))[0]}
    assert list(dataset(tmp_path / "data").vocabulary.tokens) == ["PAD", "BOS", "EOS", *sorted(tokens)]


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (("--window", 128), "--window 64, not 128"),
        (("--window", 64, "--stride", 8), "--stride 64, not 8"),
        (("--window", 64, "--split", "0.5,0.5,0"), "--split 0.8,0.1,0.1, not 0.5,0.5,0"),
        (("--window", 64, "--split", "folder"), "--split 0.8,0.1,0.1, not folder"),
        (("--window", 64, "--standardise"), "--standardise off, not on"),
        (("--window", 64, "--resolution", 32), "--resolution 16, not 32"),
        (("--window", 64, "--encoding", "notes"), "--encoding drums, not notes"),
    ],
)
def test_a_dataset_made_with_other_options_is_left_alone(
    tmp_path: Path, capsys: Capture, flags: tuple[object, ...], named: str
) -> None:
    run(capsys, drum_corpus(tmp_path / "corpus", range(3)), "--dataset", tmp_path / "data", "--window", 64)
    before = tree(tmp_path / "data")
    with pytest.raises(Error, match=named):
        run(capsys, drum_corpus(tmp_path / "more", range(5, 9)), "--dataset", tmp_path / "data", *flags)
    assert tree(tmp_path / "data") == before


def test_shards_as_asked_for_are_there_even_when_no_song_falls_into_them(tmp_path: Path, capsys: Capture) -> None:
    found = drum_corpus(tmp_path / "corpus", range(2))
    run(capsys, found, "--dataset", tmp_path / "data", "--shards", 5, "--split", "1,0,0")
    assert sorted(shards(tmp_path / "data")) == [f"train/000001-{i:05d}-of-00005.tfrecord" for i in range(5)]
    assert len(snapshot(tmp_path / "data").shards["train"]) == 5


def test_an_empty_split_is_warned_about(tmp_path: Path, capsys: Capture) -> None:
    run(capsys, drum_corpus(tmp_path / "corpus", range(1)), "--dataset", tmp_path / "one", "--split", "1,0,0")
    assert "warning" not in capsys.readouterr().err
    ingest.main([str(tmp_path / "corpus"), "--dataset", str(tmp_path / "two")])
    printed = capsys.readouterr()
    assert printed.err.count("split is empty") == 2
    assert "words" in printed.out


def test_a_failing_commit_leaves_the_dataset_as_it_was(tmp_path: Path, capsys: Capture) -> None:
    data = tmp_path / "data"
    run(capsys, drum_corpus(tmp_path / "corpus", range(3)), "--dataset", data)
    before = tree(data)
    (data / snapshot_path(2) / "in the way").mkdir(parents=True)
    with pytest.raises(Error, match=os.strerror(errno.EISDIR)):
        run(capsys, drum_corpus(tmp_path / "more", range(3, 9)), "--dataset", data)
    assert tree(data) == before


def test_what_a_killed_run_left_is_swept_away(tmp_path: Path, capsys: Capture) -> None:
    data = tmp_path / "data"
    left = {".ingest-0badcafe/train/000001-00000-of-00001.tfrecord": b"x", "train/000001-00000-of-00002.tfrecord": b"x"}
    fill(data, left)
    run(capsys, drum_corpus(tmp_path / "corpus", range(3)), "--dataset", data)
    kept = tree(data)
    fill(data, {"test/000002-00000-of-00001.tfrecord": b"x", snapshot_path(2): b"{}"})
    run(capsys, tmp_path / "corpus", "--dataset", data)
    assert tree(data) == kept
    assert not set(left) & set(kept)


def test_two_runs_cannot_write_to_one_dataset(tmp_path: Path, capsys: Capture) -> None:
    data = tmp_path / "data"
    data.mkdir()
    other = os.open(data, os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    with pytest.raises(Error, match="another process is writing"):
        run(capsys, drum_corpus(tmp_path / "corpus", range(3)), "--dataset", data)
    os.close(other)
    run(capsys, tmp_path / "corpus", "--dataset", data)


@pytest.mark.parametrize("number", [1, 3])
def test_a_snapshot_is_committed_on_the_one_before_it_alone(tmp_path: Path, capsys: Capture, number: int) -> None:
    # What comes of two runs that began at one time, where a file system has no locks.
    data, made = tmp_path / "data", tmp_path / "made"
    run(capsys, drum_corpus(tmp_path / "one", range(3)), "--dataset", data)
    run(capsys, drum_corpus(tmp_path / "two", range(3, 6)), "--dataset", made)
    before = tree(data)
    with pytest.raises(Error, match=f"another run has changed {data} meanwhile; run this one again"):
        commit.commit(str(made), str(data), number)
    assert tree(data) == before


def test_beam_counts_what_the_summary_says(tmp_path: Path) -> None:
    made = {f"{seed}.mid": drum_file(seed % 5) for seed in range(7)} | {"bad.mid": b""}
    found = match.find([str(fill(tmp_path / "corpus", made))], midi.SCORE)
    vocabulary = Drums().vocabulary().tokens
    with commit.staging(str(tmp_path / "data")) as folder:
        job = IngestJob(str(tmp_path / "data"), folder, 1, Drums(), 64, 64, (0.8, 0.1, 0.1), tokens=vocabulary)
        runner, _ = runners.local_runner(runners.options([]).view_as(DirectOptions))
        beam_pipeline = beam.Pipeline(runner, PipelineOptions([]))
        pipeline.build(beam_pipeline, found, job)
        result = beam_pipeline.run()
    counted = {each.key.metric.name: each.committed for each in result.metrics().query()["counters"]}
    wanted = [len(Drums().encode(midi.read(drum_file(seed)))[0]) for seed in range(5)]
    assert counted == {"files": 8, "rejected": 1, "duplicates": 2, "songs": 5, "tokens": sum(wanted)}


def test_the_types_of_the_pipeline_fit(tmp_path: Path) -> None:
    found = match.find([str(fill(tmp_path / "corpus", {"a.mid": piano_file(1), "b.mid": piano_file(2)}))], midi.SCORE)
    options = PipelineOptions(["--runtime_type_check"], pipeline_type_check=True)
    with commit.staging(str(tmp_path / "data")) as folder:
        job = IngestJob(str(tmp_path / "data"), folder, 1, NotesAndChords(), 64, 64, (0.8, 0.1, 0.1))
        beam_pipeline = beam.Pipeline("FnApiRunner", options)
        pipeline.build(beam_pipeline, found, job)
        assert beam_pipeline.run().wait_until_finish() == "DONE"
    # A later snapshot reads the one before it.
    pipeline.build(beam.Pipeline("FnApiRunner", options), found, replace(job, snapshot=2))
    # The steps do say what they take and give, and so a misfit is noticed.
    with pytest.raises(TypeCheckError):
        _ = beam.Pipeline("FnApiRunner", options) | beam.Create(["a.mid"]) | Read(1 << 20)
    with pytest.raises(TypeCheckError):
        _ = beam.Pipeline("FnApiRunner", options) | beam.Create(["a.mid"]) | Deduplicate(job)


def test_metallica_gives_57_songs_and_the_papers_number_of_words(tmp_path: Path, capsys: Capture) -> None:
    did = run(capsys, corpus("metallica/midi"), "--dataset", tmp_path / "data")
    assert (did["files"], did["rejected"], did["songs"], did["words"]) == (57, 0, 57, 185_759)
    golden = corpus("golden/metallica_words.txt").read_text()
    golden = " ".join(golden.split()) + " "
    vocabulary = dataset(tmp_path / "data").vocabulary
    for ids in songs(tmp_path / "data").values():
        assert " ".join(vocabulary.words(ids)) + " " in golden


def test_piano_gives_91_songs_and_one_file_that_is_truncated(tmp_path: Path, capsys: Capture) -> None:
    did = run(capsys, corpus("piano"), "--dataset", tmp_path / "data", "--encoding", "notes", "--window", 100)
    assert (did["files"], did["rejected"], did["songs"]) == (92, 1, 91)
    (reason,) = did["reasons"]
    assert reason["first"] == "piano/z_aeristhemepiano.mid"
    assert "truncated" in reason["reason"]
