import random
from collections.abc import Iterable
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from pipelines.ingest.deduplicate import Account, Listed, plan
from pipelines.ingest.split import split_of
from pipelines.ingest.types import IngestJob, Plan, Rejected
from tutti.dataset.manifest import Snapshot, content_id
from tutti.encodings.drums import Drums

FRACTIONS = (0.8, 0.1, 0.1)
JOB = IngestJob("data", "data/.ingest", 1, Drums(), 256, 256, FRACTIONS, tokens=("PAD", "BOS", "EOS"))

# Few ids, so that files share songs and are exact copies of one another.
SONG = st.integers(0, 5).map(lambda n: (content_id(b"song %d" % n), n + 1))


def listed(source: str, name: str, songs: Iterable[tuple[str, int]], split: str = "", label: str = "") -> Listed:
    """A file, in the split of its content unless another is named."""
    without_keys = tuple((song, length, ()) for song, length in songs)
    return Listed(source, name, without_keys, label, split or split_of(source, FRACTIONS))


def file(source: bytes, songs: list[bytes], name: str = "a.mid", split: str = "", label: str = "") -> Listed:
    return listed(content_id(source), name, [(content_id(song), 10) for song in songs], split, label)


def planned(*files: Listed, before: Snapshot | None = None) -> Plan:
    return plan([Account(files, (), 0, frozenset())], before, JOB)


def planned_by_folder(*files: Listed) -> Plan:
    return plan([Account(files, (), 0, frozenset())], None, replace(JOB, fractions=None))


def snapshot_of(made: Plan) -> Snapshot:
    return Snapshot(1, {}, made.sources, 0)


def songs_of(made: Plan) -> dict[str, tuple[str, ...]]:
    return {source.id: source.songs for source in made.sources}


@given(st.dictionaries(st.integers(0, 30), st.lists(SONG, min_size=1, max_size=3), max_size=12), st.data())
def test_the_plan_depends_on_content_alone(contents: dict[int, list[tuple[str, int]]], data: st.DataObject) -> None:
    files = [
        listed(content_id(b"%d" % number), name, songs)
        for number, songs in contents.items()
        for name in data.draw(st.lists(st.text("ab", min_size=1, max_size=2), min_size=1, max_size=2))
    ]
    refused = [Rejected(file.name, "", "why") for file in files[:3]]
    accounts = [Account((one,), (), 0, frozenset()) for one in files]
    one = plan([Account(tuple(files), tuple(refused), 0, frozenset())], None, JOB)
    random.Random(data.draw(st.integers())).shuffle(accounts)
    other = plan([*accounts, Account((), tuple(reversed(refused)), 0, frozenset())], None, JOB)
    assert one == other


@given(st.dictionaries(st.integers(0, 30), st.lists(SONG, min_size=1, max_size=3), min_size=1, max_size=12))
def test_each_song_stands_once_and_in_the_split_of_its_source(contents: dict[int, list[tuple[str, int]]]) -> None:
    made = planned(*(listed(content_id(b"%d" % number), "a", songs) for number, songs in contents.items()))
    kept = [song for source in made.sources for song in source.songs]
    assert sorted(kept) == sorted({song for songs in contents.values() for song, _ in songs})
    for source in made.sources:
        assert source.split == split_of(source.id, FRACTIONS)
        assert bool(source.same_as) == (not source.songs)
        assert not source.same_as or songs_of(made)[source.same_as]
    lengths = {song: length for songs in contents.values() for song, length in songs}
    assert made.words == sum(lengths.values())


def test_of_equal_songs_the_source_with_the_smallest_id_stays() -> None:
    sources = [b"one", b"two", b"three", b"four"]
    made = planned(*(file(source, [b"the song"]) for source in sources))
    first, *others = made.sources
    assert first.id == min(map(content_id, sources))
    assert {source.same_as for source in others} == {first.id}
    assert made.duplicates == 3


@given(st.permutations(["", "", "calm"]))
def test_a_copy_with_a_label_comes_before_one_without(copies: list[str]) -> None:
    made = planned(*(file(b"one", [b"the song"], label=label) for label in copies))
    assert [source.label for source in made.sources] == ["calm"]
    assert made.labels == ("calm",)
    assert made.placement.resolved == {content_id(b"one"): (made.sources[0].split, "calm")}


@given(st.permutations([b"one", b"two", b"three"]))
def test_of_equal_songs_the_source_with_a_label_stays(sources: list[bytes]) -> None:
    made = planned(*(file(source, [b"the song"], label="calm" * (i == 0)) for i, source in enumerate(sources)))
    assert {source.id for source in made.sources if source.songs} == {content_id(sources[0])}
    assert {source.same_as for source in made.sources} == {"", content_id(sources[0])}
    assert made.labels == ("calm",)


def test_what_the_dataset_has_stays_whatever_comes() -> None:
    largest = max((b"one", b"two", b"three"), key=content_id)
    before = snapshot_of(planned(file(largest, [b"the song"])))
    made = planned(file(b"one", [b"the song"]), file(b"two", [b"the song", b"another"]), before=before)
    kept = songs_of(made)
    assert kept[content_id(b"one")] in ((), (content_id(b"the song"),))
    assert content_id(b"the song") not in [song for songs in kept.values() for song in songs]
    assert kept[content_id(b"two")] == (content_id(b"another"),)


def test_exact_copies_are_one_source_and_count_as_duplicates() -> None:
    made = planned(file(b"one", [b"a"], "z.mid"), file(b"one", [b"a"], "b.mid"), file(b"one", [b"a"], "c.mid"))
    assert [(source.name, len(source.songs), source.copies) for source in made.sources] == [("b.mid", 1, 2)]
    assert made.duplicates == 2


def test_a_source_keeps_its_split_when_the_corpus_grows() -> None:
    few = planned(*(file(b"%d" % n, [b"%d" % n]) for n in range(20)))
    many = planned(*(file(b"%d" % n, [b"%d" % n]) for n in range(200)))
    splits = {source.id: source.split for source in many.sources}
    assert all(splits[source.id] == source.split for source in few.sources)


def test_splits_have_about_the_shares_that_were_asked_for() -> None:
    shares = (0.5, 0.3, 0.2)
    found = [split_of(content_id(b"%d" % n), shares) for n in range(4000)]
    for split, share in zip(("train", "validation", "test"), shares, strict=True):
        assert abs(found.count(split) / 4000 - share) < 0.03
    assert {split_of(content_id(b"%d" % n), (1.0, 0.0, 0.0)) for n in range(500)} == {"train"}


def test_large_splits_have_several_shards_and_empty_ones_none() -> None:
    song = (content_id(b"long"), 1 << 20)
    job = IngestJob("data", "", 1, Drums(), 100, 1, (1.0, 0.0, 0.0), tokens=("PAD", "BOS", "EOS"))
    made = plan([Account((listed(content_id(b"one"), "a", [song], "train"),), (), 0, frozenset())], None, job)
    # 2^20 windows of 101 tokens, two bytes each at most, and some more for the frame.
    assert 3 <= made.placement.shards["train"] <= 8
    assert made.placement.shards["validation"] == made.placement.shards["test"] == 0
