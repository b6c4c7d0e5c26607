import json
import math
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import tutti
from tests.trainer import made, running
from trainer.cli import evaluate
from trainer.data.reader import StoredSong
from trainer.evaluation import ngram
from trainer.evaluation.likelihood import score_songs
from trainer.models.lstm.network import LstmModel
from trainer.models.lstm.settings import Lstm
from trainer.models.wavenet.network import WaveNetModel
from trainer.models.wavenet.settings import WaveNet
from trainer.run import directory
from tutti.encodings.drums import Drums
from tutti.encodings.notes import NotesAndChords
from tutti.encodings.vocabulary import BOS, EOS, Vocabulary
from tutti.errors import Error

MODELS: list[Any] = [
    LstmModel(Lstm(units=16, layers=1, embedding=16), 15, seed=3),
    WaveNetModel(WaveNet(residual=16, skip=16, dilations=(1, 2, 4), stacks=1), 15, seed=3),
]


def by_hand(model: Any, songs: list[made.Song], restart: int = 0, label: int = 0) -> list[float]:
    """Targets, their bits, how many were first and among the first five; one token after the other.

    Args:
      restart: tokens after which the state is forgotten; 0 for never.
    """
    targets, bits, first, five = 0, 0.0, 0, 0
    for song in songs:
        for position, (token, target) in enumerate(pairwise(song)):
            if position == 0 or (restart and position % restart == 0):
                state = model.initial_state(1, tf.constant([label]))
            logits, state = model.step(tf.constant([token]), state)
            values = logits.numpy()[0].astype(float)
            rank = int((values > values[target]).sum())
            bits += (np.log(np.exp(values).sum()) - values[target]) / math.log(2)
            targets, first, five = targets + 1, first + (rank < 1), five + (rank < 5)
    return [targets, bits, first, five]


@pytest.mark.parametrize("model", MODELS, ids=["lstm", "wavenet"])
@pytest.mark.parametrize("carry", [True, False], ids=["whole songs", "windows"])
def test_scores_are_those_of_one_token_after_the_other(phrases: made.Made, model: Any, carry: bool) -> None:
    songs = phrases.songs["test"][:3]
    score = score_songs(model, [StoredSong(song, 0) for song in songs], window=16, carry=carry)
    found = [score.targets, score.bits, score.first, score.among_five]
    np.testing.assert_allclose(found, by_hand(model, songs, restart=0 if carry else 16), rtol=1e-5)


def test_a_song_is_scored_as_one_of_its_label(phrases: made.Made) -> None:
    model = LstmModel(Lstm(units=16, layers=1, embedding=16), 15, seed=3, labels=2)
    songs = [StoredSong(tokens, label) for tokens, label in zip(phrases.songs["test"], (0, 2, 1, 2, 0, 0), strict=True)]
    whole = score_songs(model, songs, window=16)
    parts = [by_hand(model, [song.tokens for song in songs if song.label == label], label=label) for label in (0, 1, 2)]
    np.testing.assert_allclose(whole.bits, sum(part[1] for part in parts), rtol=1e-5)
    assert whole.bits != score_songs(model, [StoredSong(song.tokens, 0) for song in songs], window=16).bits


def evaluated(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    evaluate.main([*arguments, "--json"])
    return json.loads(capsys.readouterr().out)


def test_the_report_is_about_the_best_weights_and_a_baseline_on_the_same_targets(
    trained: Path, phrases: made.Made, capsys: pytest.CaptureFixture[str]
) -> None:
    result = evaluated(capsys, "--run", str(trained), "--dataset", phrases.path)
    songs = phrases.songs["test"]
    score = score_songs(directory.load(str(trained)).model(), [StoredSong(song, 0) for song in songs], 16)
    assert result["targets"] == sum(len(song) - 1 for song in songs) == score.targets
    assert result["bits_per_token"] == pytest.approx(score.bits / score.targets, abs=1e-5)
    assert result["perplexity"] == pytest.approx(2 ** result["bits_per_token"], rel=1e-4)
    assert 0 < result["top1"] < result["top5"] < 1
    order = result["ngram"]["order"]
    baseline = ngram.score(ngram.fit(phrases.songs["train"], 15, 24), songs, order)
    assert result["ngram"]["bits_per_token"] == pytest.approx(-np.log2(baseline.target).mean(), abs=1e-5)
    assert result["ngram"]["top1"] == pytest.approx((baseline.rank == 0).mean(), abs=1e-5)


def test_the_order_of_the_ngram_is_the_best_on_validation_whatever_is_tested(
    trained: Path, phrases: made.Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(4)
    noise = [np.array([BOS, *rng.integers(3, 15, 40), EOS], np.int32) for _ in range(6)]
    other = made.dataset(tmp_path / "noise", {**phrases.songs, "test": noise})
    model = ngram.fit(phrases.songs["train"], 15, 24)
    best = [1 + int(np.argmin(ngram.bits_by_order(model, songs))) for songs in (phrases.songs["validation"], noise)]
    assert best == [3, 1]
    assert evaluated(capsys, "--run", str(trained), "--dataset", other.path)["ngram"]["order"] == 3


def test_the_best_weights_are_scored_or_the_last_as_asked_for(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = shutil.copytree(trained, tmp_path / "run")
    # The last weights of this run are its best; in the copy, those that it began with are.
    tf.train.Checkpoint(model=directory.load(str(copy)).build()).save(str(copy / "best" / "untrained"))
    last, same, untrained = (
        evaluated(capsys, "--run", str(path), "--no-ngram", *more)["bits_per_token"]
        for path, more in ((trained, ()), (copy, ("--weights", "last")), (copy, ()))
    )
    assert same == last
    assert untrained > last + 0.2


def test_windows_alone_score_as_validation_did_in_training(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = evaluated(capsys, "--run", str(trained), "--split", "validation", "--context", "window", "--no-ngram")
    last = json.loads((trained / "metrics.jsonl").read_text().splitlines()[-1])
    assert last["best"] is True
    assert result["bits_per_token"] == pytest.approx(last["validation_bits"], abs=1e-4)
    assert "ngram" not in result


def test_overlapping_windows_score_as_contiguous_ones(
    trained: Path, phrases: made.Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dense = made.dataset(tmp_path / "dense", phrases.songs, stride=3)
    one, other = (evaluated(capsys, "--run", str(trained), "--dataset", path) for path in (phrases.path, dense.path))
    assert {**one, "dataset": ""} == {**other, "dataset": ""}


def test_the_table_has_a_line_for_each_model(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evaluate.main(["--run", str(trained)])
    lines = capsys.readouterr().out.splitlines()
    assert "test split: 6 songs" in lines[0]
    assert [line.split()[0] for line in lines[2:]] == ["piano-lstm-small", "3-gram"]


def test_pieces_are_read_from_music_from_text_and_from_tokens(
    trained: Path, phrases: made.Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    encoding, known = NotesAndChords(), directory.load(str(trained)).config.vocabulary
    words = [known.words(song.tolist()) for song in phrases.songs["train"][:2]]
    text, music = tmp_path / "pieces.txt", tmp_path / "piece.mid"
    text.write_text("".join(" ".join(song) + "\n" for song in words))
    music.write_bytes(encoding.medium.write(encoding.decode(words[0])))
    read = evaluated(capsys, "--run", str(trained), "--no-ngram", "--pieces", str(text), str(music))["form"]
    assert read["pieces"]["pieces"] == 3
    assert read["pieces"]["copied_share"] == 1
    assert read["test"]["copied_share"] < 1
    given = tutti.evaluate(str(trained), baseline=False, pieces=[*words, words[0]])
    assert given.to_json()["form"] == read
    assert [line[:24].strip() for line in given.table().splitlines()[4:]] == ["", "pieces", "test split"]


def test_pieces_that_cannot_be_read_are_named(trained: Path, tmp_path: Path) -> None:
    for name, content, named in (
        ("piece.png", b"", r"piece.png: a piece is a MIDI file \(.mid\) or its tokens as text \(.txt\)"),
        ("none.txt", b"\n", "none.txt holds no tokens"),
        ("other.txt", b"C4 x", "other.txt: .*'x'"),
        ("latin.txt", b"\xff", "latin.txt is not text"),
        ("empty.mid", b"", "empty.mid: "),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(Error, match=named):
            evaluate.main(["--run", str(trained), "--pieces", str(tmp_path / name)])


def test_what_does_not_fit_together_is_said(trained: Path, phrases: made.Made, tmp_path: Path) -> None:
    drums = made.dataset(tmp_path / "drums", phrases.songs, encoding=Drums())
    wider = made.dataset(tmp_path / "wider", phrases.songs, words=13)
    empty = made.dataset(tmp_path / "empty", {**phrases.songs, "test": []})
    for arguments, named in (
        (["--run", str(tmp_path / "none")], "no run at"),
        (["--run", str(trained), "--dataset", drums.path], "with --encoding notes, dataset .* with --encoding drums"),
        (
            ["--run", str(trained), "--dataset", wider.path],
            "does not know 1 of the 16 tokens of dataset .*; --nearest takes",
        ),
        (["--run", str(trained), "--dataset", empty.path], "no songs in its test split"),
    ):
        with pytest.raises(Error, match=named):
            evaluate.main(arguments)


def test_tokens_that_the_model_does_not_know_count_as_their_nearest_where_that_is_asked_for(
    trained: Path, phrases: made.Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = directory.load(str(trained)).config.vocabulary
    stranger = "G9"
    (near,) = NotesAndChords().known([stranger], known)
    # Another order, and a token that no song of the run's dataset has.
    other = Vocabulary.of([stranger, *reversed(known.tokens[3:])])
    numbers = np.array([0, 1, 2, *other.ids(known.tokens[3:])])
    songs = {split: [numbers[song].astype(np.int32) for song in some] for split, some in phrases.songs.items()}
    (near_id,), (strange_id,) = other.ids([near]), other.ids([stranger])
    for some in songs.values():
        for song in some[::2]:
            song[song == near_id] = strange_id
    wider = made.dataset(tmp_path / "wider", songs, vocabulary=other)
    expected = evaluated(capsys, "--run", str(trained))
    evaluate.main(["--run", str(trained), "--dataset", wider.path, "--nearest", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert found["notes"] == [f"1 of 16 tokens of {wider.path} count as the nearest that the run knows"]
    for name in ("songs", "targets", "top1"):
        assert found[name] == expected[name]
    assert found["bits_per_token"] == pytest.approx(expected["bits_per_token"], rel=1e-5)
    assert found["ngram"] == pytest.approx(expected["ngram"], rel=1e-5)


def test_a_dataset_that_was_made_otherwise_is_evaluated_where_its_tokens_are_the_same(
    trained: Path, phrases: made.Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = directory.load(str(trained)).config.vocabulary
    other = made.dataset(tmp_path / "other", phrases.songs, encoding=NotesAndChords(part="all"), vocabulary=known)
    expected, flags = evaluated(capsys, "--run", str(trained)), "--encoding notes --part all"
    evaluate.main(["--run", str(trained), "--dataset", other.path, "--json"])
    found = json.loads(capsys.readouterr().out)
    (note,) = found.pop("notes")
    assert note == f"run {trained} was trained with --encoding notes, dataset {other.path} made with {flags}"
    assert {**found, "dataset": ""} == {**expected, "dataset": ""}
    evaluate.main(["--run", str(trained), "--dataset", other.path])
    assert capsys.readouterr().out.endswith(f"note: {note}\n")


def test_tokens_of_a_closed_vocabulary_have_no_nearest(tmp_path: Path) -> None:
    drums = made.dataset(tmp_path / "drums", encoding=Drums())
    preset = ("--preset", "drums-lstm-small", *running.TINY, "--steps", "1")
    running.train("--dataset", drums.path, *preset, "--run", str(tmp_path / "run"))
    other = made.dataset(tmp_path / "other", encoding=Drums(bars="meter"), vocabulary=Vocabulary.of(["BAR", "x"]))
    with pytest.raises(Error, match=r"with --encoding drums, dataset .* made with --encoding drums --bars meter$"):
        evaluate.main(["--run", str(tmp_path / "run"), "--dataset", other.path, "--nearest"])


def test_a_run_without_weights_says_how_to_get_them(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text((trained / "config.json").read_text())
    with pytest.raises(Error, match=r"no weights in .*; go on with tutti train"):
        directory.load(str(tmp_path)).model()
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(Error, match="is not the configuration of a run"):
        directory.load(str(tmp_path))
