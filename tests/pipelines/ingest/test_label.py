import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.cli import ingest, inspect
from pipelines.ingest.label import appended, labelled
from pipelines.ingest.types import File
from tests.corpora import corpus
from tests.pipelines.made import dataset, drum_file, fill, labels, run, snapshot
from tutti.dataset.manifest import SPLITS, content_id
from tutti.errors import Error

Capture = pytest.CaptureFixture[str]
FOUND = [
    File("/data/packs/calm/a.mid", "packs/calm/a.mid", 1),
    File("/data/packs/calm/b.mid", "packs/calm/b.mid", 1),
    File("/data/packs/wild/a.mid", "packs/wild/a.mid", 1),
    File("/data/packs/c.mid", "packs/c.mid", 1),
]


def given_by(path: Path, content: str, found: list[File] = FOUND) -> list[str]:
    path.write_text(content)
    files, _ = labelled(found, str(path))
    return [file.label for file in files]


def refused(path: Path, content: str) -> str:
    with pytest.raises(Error) as error:
        given_by(path, content)
    assert len(str(error.value).splitlines()) == 1
    return str(error.value)


def test_a_file_has_the_name_of_its_folder() -> None:
    files, notes = labelled(FOUND, "folder")
    assert not notes
    assert [file.label for file in files] == ["calm", "calm", "wild", "packs"]


def test_a_file_named_as_such_has_the_name_of_the_folder_that_it_is_in() -> None:
    (file,), _ = labelled([File("/data/calm/a.mid", "a.mid", 1)], "folder")
    assert file.label == "calm"


def test_folders_that_name_splits_are_no_labels_where_they_are_splits() -> None:
    found = [File(name, name, 1) for name in ("packs/calm/Train/a.mid", "packs/test/wild/a.mid", "train/a.mid")]
    files, _ = labelled(found, "folder", split_folders=True)
    assert [file.label for file in files] == ["calm", "wild", ""]


@pytest.mark.parametrize("line", ["packs/calm/a.mid,x", "calm/a.mid,x", "./calm/a.mid,x", "/data/packs/calm/a.mid,x"])
def test_a_file_goes_by_its_name_its_path_from_the_corpus_and_its_path(tmp_path: Path, line: str) -> None:
    assert given_by(tmp_path / "l.csv", f"file,label\n{line}\n") == ["x", "", "", ""]


def test_a_base_name_will_do_where_only_one_file_has_it(tmp_path: Path, capsys: Capture) -> None:
    listed = tmp_path / "l.csv"
    assert given_by(listed, "file,label\nb.mid,x\na.mid,y\n") == ["", "x", "", ""]
    _, notes = labelled(FOUND, str(listed))
    assert notes == [
        f"1 names in {listed} fit several files each, such as a.mid, and label none",
        "3 of 4 files have no label, such as packs/calm/a.mid",
    ]
    assert capsys.readouterr().err == ""


def test_the_more_of_a_path_a_row_has_the_more_it_counts(tmp_path: Path) -> None:
    content = "file,label\nb.mid,base\npacks/calm/b.mid,whole\ncalm/b.mid,part\n"
    assert given_by(tmp_path / "l.csv", content)[1] == "whole"


@pytest.mark.parametrize(
    "content",
    [
        "file,label\nc.mid,so fine\n",
        "\ufefffile,label\r\nc.mid,so fine\r\n",
        'label,year,file\n"so fine",1999,"c.mid"\n\n',
        " Path , LABEL \n c.mid , so fine \n",
    ],
)
def test_columns_are_found_by_their_names(tmp_path: Path, content: str) -> None:
    assert given_by(tmp_path / "l.csv", content)[3] == "so fine"


def test_json_says_the_same_as_csv(tmp_path: Path) -> None:
    rows = {"a.mid": "x", "calm/b.mid": "é, ü", "c.mid": "z"}
    lines = "".join(f'{name},"{label}"\n' for name, label in rows.items())
    assert given_by(tmp_path / "l.json", json.dumps(rows)) == given_by(tmp_path / "l.csv", f"file,label\n{lines}")


def test_names_and_labels_are_equal_however_their_accents_are_coded(tmp_path: Path) -> None:
    found = [File("/data/cafe\u0301.mid", "data/cafe\u0301.mid", 1)]
    assert given_by(tmp_path / "l.csv", "file,label\ncaf\u00e9.mid,re\u0301ve\n", found) == ["r\u00e9ve"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("l.csv", "", "no column file"),
        ("l.csv", "name,label\na.mid,x\n", "no column file"),
        ("l.csv", "file,mood\na.mid,x\n", "no column label"),
        ("l.csv", "file,label\n", "labels none of the 4 files: it is empty"),
        ("l.csv", "file,label\nelsewhere.mid,x\n", "it says elsewhere.mid, the files are like packs/calm/a.mid"),
        ("l.csv", "file,label\nb.mid, \n", "line 2: the label is empty"),
        ("l.csv", f"file,label\nb.mid,{'é' * 129}\n", "more than 256 bytes"),
        ("l.csv", "file,label\nb.mid,x\ty\n", "control characters"),
        ("l.csv", "file,label\nb.mid\n", "line 2: 1 columns"),
        ("l.csv", 'file,label\nb.mid,"x\n', "line 2: unexpected end of data"),
        ("l.csv", "file,label\nb.mid,x\npacks/c.mid,z\nb.mid,y\n", "b.mid 'x' (line 2) and 'y' (line 4)"),
        ("l.json", "{", "is not JSON"),
        ("l.json", "[" * 100_000, "is not JSON"),
        ("l.json", '["a.mid"]', "must hold names of files"),
        ("l.json", '{"b.mid": 3}', "must hold names of files"),
        ("l.json", '{"b.mid": ""}', "file 'b.mid': the label is empty"),
        ("l.json", '{"b.mid": "\\ud800"}', "control characters"),
        ("l.json", '{"b.mid": "x", "b.mid": "y"}', "b.mid 'x'"),
        ("l.txt", "file,label\n", "ends in .csv or .json"),
    ],
)
def test_a_list_that_is_none_is_refused(tmp_path: Path, name: str, content: str, said: str) -> None:
    assert said in refused(tmp_path / name, content)


def test_a_list_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Error, match=r"nowhere\.csv: No such file"):
        labelled(FOUND, str(tmp_path / "nowhere.csv"))


def test_a_list_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_bytes(b"file,label\nb.mid,caf\xe9\n")
    with pytest.raises(Error, match="is not UTF-8"):
        labelled(FOUND, str(tmp_path / "l.csv"))


def test_a_folder_that_cannot_be_a_label_is_named() -> None:
    with pytest.raises(Error, match=r"a\.mid: the label .* has control"):
        labelled([File("", "packs/a\nb/a.mid", 1)], "folder")


@given(st.lists(st.sampled_from("abcdef"), unique=True), st.lists(st.sampled_from(["", *"abcdef"])))
def test_labels_keep_their_numbers_when_new_ones_come(before: list[str], new: list[str]) -> None:
    labels = appended(tuple(before), new)
    assert labels[: len(before)] == tuple(before)
    assert list(labels[len(before) :]) == sorted(set(new) - {*before, ""})


def test_every_record_has_its_files_label(tmp_path: Path, capsys: Capture) -> None:
    files = {f"{'abc'[seed % 3]}/{seed}.mid": drum_file(seed) for seed in range(9)}
    found = fill(tmp_path / "corpus", files | {"d/bad.mid": b"bad"})
    run(capsys, found, "--dataset", tmp_path / "data", "--labels", "folder", "--window", 16)
    made = dataset(tmp_path / "data")
    assert made.labels == ("a", "b", "c")
    sources = {source.id: source for source in snapshot(tmp_path / "data").sources}
    stored = labels(tmp_path / "data")
    for name, data in files.items():
        source = sources[content_id(data)]
        assert source.label == name[0]
        assert {stored[song] for song in source.songs} == {name[0]}
    assert len(stored) == 9


def test_labels_of_a_grown_dataset_come_behind_those_it_has(tmp_path: Path, capsys: Capture) -> None:
    data = tmp_path / "data"
    first = fill(tmp_path / "first", {f"{label}/a.mid": drum_file(seed) for seed, label in enumerate("mz")})
    run(capsys, first, "--dataset", data)
    assert dataset(data).labels == ()
    more = fill(tmp_path / "more", {f"{label}/a.mid": drum_file(9 + seed) for seed, label in enumerate("zm")})
    run(capsys, more, "--dataset", data, "--labels", "folder")
    assert dataset(data).labels == ("m", "z")
    last = fill(tmp_path / "last", {f"{label}/a.mid": drum_file(99 + seed) for seed, label in enumerate("xmba")})
    run(capsys, last, "--dataset", data, "--labels", "folder")
    assert dataset(data).labels == ("m", "z", "a", "b", "x")
    inspect.main([str(data), "--json"])
    counted = json.loads(capsys.readouterr().out)["labels"]
    assert list(counted) == ["m", "z", "a", "b", "x", ""]
    assert [sum(splits.values()) for splits in counted.values()] == [2, 1, 1, 1, 1, 2]


def test_copies_with_several_labels_keep_the_first_in_order(tmp_path: Path, capsys: Capture) -> None:
    for name, order in (("one", "bac"), ("two", "cab")):
        files = {f"{i}/{label}/x.mid": drum_file(1) for i, label in enumerate(order)}
        found = fill(tmp_path / name, files | {"z/other.mid": drum_file(2)})
        ingested = tmp_path / f"{name} data"
        run(capsys, found, "--dataset", ingested, "--labels", "folder", "--split", "1,0,0")
        (song,) = next(s.songs for s in snapshot(ingested).sources if s.id == content_id(drum_file(1)))
        assert labels(ingested)[song] == "a"
        assert dataset(ingested).labels == ("a", "z")


@pytest.mark.parametrize("name", ["a.mid", "b.mid"])
def test_a_song_has_the_label_of_the_only_copy_with_one(tmp_path: Path, capsys: Capture, name: str) -> None:
    found = fill(tmp_path / "corpus", {"a.mid": drum_file(1), "b.mid": drum_file(1)})
    listed = fill(tmp_path, {"l.csv": f"file,label\n{name},calm\n".encode()}) / "l.csv"
    run(capsys, found, "--dataset", tmp_path / "data", "--labels", listed, "--split", "1,0,0")
    assert [*labels(tmp_path / "data").values()] == ["calm"]
    assert [source.label for source in snapshot(tmp_path / "data").sources] == ["calm"]


def test_the_user_hears_of_copies_with_several_labels(tmp_path: Path, capsys: Capture) -> None:
    found = fill(tmp_path / "corpus", {"a/x.mid": drum_file(1), "b/x.mid": drum_file(1)})
    ingest.main([str(found), "--dataset", str(tmp_path / "data"), "--labels", "folder", "--split", "1,0,0"])
    assert "1 contents have several labels" in capsys.readouterr().err


def test_inspect_finds_a_label_that_differs_from_the_manifest(tmp_path: Path, capsys: Capture) -> None:
    data = tmp_path / "data"
    found = fill(tmp_path / "corpus", {"a/x.mid": drum_file(1), "b/x.mid": drum_file(2)})
    run(capsys, found, "--dataset", data, "--labels", "folder")
    for path, old, new, said in (
        (data / "snapshots/000001.json", '"label": "a"', '"label": "b"', "has the label 'a' in its records and 'b'"),
        (data / "dataset.json", '"a"', '"q"', "label 'a', which the manifest does not list"),
    ):
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
        with pytest.raises(Error, match=said):
            inspect.main([str(data)])
        path.write_text(text)


def test_metallica_and_trap_are_told_apart_by_their_folders(tmp_path: Path, capsys: Capture) -> None:
    data = tmp_path / "data"
    run(capsys, corpus("metallica/midi"), corpus("trap/by_hand"), "--dataset", data, "--labels", "folder")
    assert dataset(data).labels == ("by_hand", "midi")
    inspect.main([str(data), "--json"])
    counted = json.loads(capsys.readouterr().out)["labels"]
    assert {label: sum(counted[label][split] for split in SPLITS) for label in counted} == {"by_hand": 31, "midi": 57}
