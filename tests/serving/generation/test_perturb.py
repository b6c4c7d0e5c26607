import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from serving.cli.generate import main
from serving.generation.perturb import CorpusSong, Disturbance, generate
from serving.saved_model import Answer, SavedModel, load
from tutti import cli, midi
from tutti.encodings.base import Encoding
from tutti.encodings.chords import pitch_name
from tutti.encodings.drums import Drums
from tutti.encodings.events import Events
from tutti.encodings.notes import NotesAndChords
from tutti.encodings.vocabulary import Vocabulary
from tutti.errors import Error

NOTES = Vocabulary.of(pitch_name(pitch) for pitch in range(48, 84))


@dataclass
class Scripted:
    """An engine that writes one token, or what it is told, without end, and remembers what it was shown."""

    encoding: Encoding = field(default_factory=NotesAndChords)
    vocabulary: Vocabulary = NOTES
    script: Sequence[str] = ("C4",)
    shown: list[list[str]] = field(default_factory=list)
    asked: list[int] = field(default_factory=list)
    written: int = 0

    def ids(self, tokens: Sequence[str]) -> list[int]:
        ids: list[int] = self.vocabulary.ids(tokens).tolist()
        return ids

    def generate(self, prompts: Sequence[Sequence[int]], steps: Sequence[int], **_: Any) -> list[Answer]:
        (prompt,), (count,) = prompts, steps
        self.shown.append(self.vocabulary.words(prompt))
        self.asked.append(count)
        begun, self.written = self.written, self.written + count
        script = [self.script[i % len(self.script)] for i in range(begun, self.written)]
        return [Answer(script, -1.0 * count, False)]


def disturbed(engine: Any, steps: int, seed: int = 1, prompt: Sequence[str] = (), **how: Any) -> Any:
    disturbance = Disturbance(**{"every": 20, "by": "return", "context": 16, **how})
    (piece,) = generate(engine, prompt, steps, [seed], disturbance, temperature=1.0)
    return piece


def test_a_piece_is_as_long_as_asked_and_disturbed_every_so_often() -> None:
    engine = Scripted()
    piece = disturbed(engine, 1000)
    assert len(piece.words) == piece.written == 1000
    assert piece.log_prob == -1000
    assert all(10 <= count <= 30 for count in engine.asked[:-1])
    assert 40 <= len(piece.disturbed) <= 60
    assert len({said["at"] for said in piece.disturbed}) == len(piece.disturbed)


def test_in_another_key_the_model_sees_what_there_is_moved() -> None:
    engine = Scripted()
    piece = disturbed(engine, 200, by="key")
    believed = ["C4"] * engine.asked[0]
    for shown, said, count in zip(engine.shown[1:], piece.disturbed, engine.asked[1:], strict=True):
        believed = [NotesAndChords().transposed(word, said["semitones"]) or "" for word in believed[-16:]]
        assert shown == believed
        believed += ["C4"] * count


def test_a_key_that_the_model_does_not_know_is_not_taken() -> None:
    # Of all keys only five semitones higher has all of its notes in the vocabulary.
    engine = Scripted(vocabulary=Vocabulary.of(["C4", "E4", "F4", "A4"]), script=("C4", "E4"))
    assert [said["semitones"] for said in disturbed(engine, 45, every=30, by="key").disturbed] == [5]


def test_a_passage_stands_where_the_corpus_has_it() -> None:
    engine = Scripted()
    song = CorpusSong("song.mid", [pitch_name(pitch) for pitch in range(48, 84)])
    piece = disturbed(engine, 300, by="corpus", corpus=(song,))
    assert len(piece.disturbed) > 10
    for shown, said in zip(engine.shown[1:], piece.disturbed, strict=True):
        assert shown == list(song.words[: said["token"]][-16:])
        assert said["file"] == "song.mid"


def test_a_piece_returns_to_an_earlier_passage_of_its_own() -> None:
    engine = Scripted(script=[pitch_name(pitch) for pitch in range(48, 84)])
    piece = disturbed(engine, 300, prompt=["C4", "D4"])
    for shown, said in zip(engine.shown[1:], piece.disturbed, strict=True):
        assert said["token"] <= said["at"] + 2 - 10
        assert shown == piece.words[: said["token"]][-16:]


def test_jumps_keep_to_the_bar() -> None:
    bar = ["0b100000000"] * 16 + ["BAR"]
    engine = Scripted(Drums(), Drums().vocabulary(), bar)
    piece = disturbed(engine, 500, every=30, context=60)
    assert len(piece.disturbed) > 8
    for shown, said in zip(engine.shown[1:], piece.disturbed, strict=True):
        assert said["token"] % 17 == said["at"] % 17
        # What is shown begins with a bar, and ends at the same place of one.
        assert len(shown) % 17 == said["at"] % 17


def test_a_change_of_key_leaves_no_note_hanging() -> None:
    script = ("0_90_3c_64", "0_90_40_64", "60_80_3c_00", "60_90_40_00")
    transposed = [Events().transposed(word, step) for word in script for step in range(-60, 60)]
    engine = Scripted(Events(), Vocabulary.of(dict.fromkeys(word for word in transposed if word)), script)
    piece = disturbed(engine, 300, by="key", every=7)
    sounding: set[str] = set()
    released = 0
    for word in piece.words:
        delta, status, pitch, velocity = word.split("_")
        if status == "90" and velocity != "00":
            sounding.add(pitch)
        else:
            released += word.endswith("_00") and delta == "0"
            sounding.discard(pitch)
    assert released == sum(said.get("released", 0) for said in piece.disturbed) > 0
    assert len(sounding) <= 2


def test_up_to_its_first_disturbance_a_piece_is_the_undisturbed_one_and_needs_no_others(piano: Path) -> None:
    engine = load(str(piano))
    disturbance = Disturbance(every=20, by="key", context=32)
    alone = [generate(engine, ["C4"], 100, [seed], disturbance)[0] for seed in (3, 4)]
    together = generate(engine, ["C4"], 100, [4, 3], disturbance)[::-1]
    (plain,) = engine.generate([engine.ids(["C4"])], steps=100, seeds=[3])
    for one, other in zip(alone, together, strict=True):
        assert (one.words, one.disturbed, one.log_prob) == (other.words, other.disturbed, other.log_prob)
    first = alone[0].disturbed[0]["at"]
    assert alone[0].words[1 : 1 + first] == plain.tokens[:first]
    assert alone[0].words[1:] != plain.tokens


def test_the_command_says_where_and_how(piano: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corpus = tmp_path / "corpus.mid"
    corpus.write_bytes(midi.write(NotesAndChords().decode(["C4", "E4", "G4", "0.4.7"] * 8)))
    common = ["--model", str(piano), "--steps", "60", "--no-picture", "-n", "8", "--perturb", "20"]
    main([*common, "--out", str(tmp_path / "a.mid"), "--perturb-by", "corpus", "--corpus", str(corpus), "--json"])
    pieces = json.loads(capsys.readouterr().out)["pieces"]
    disturbed = [said for piece in pieces for said in piece["disturbed"]]
    assert disturbed
    assert all(said["file"] == str(corpus) and 0 < said["token"] < 32 for said in disturbed)
    main([*common, "--out", str(tmp_path / "b.mid"), "--perturb-by", "key"])
    assert "semitones" in capsys.readouterr().err
    assert len((tmp_path / "b-1.txt").read_text().split()) <= 60


@pytest.mark.parametrize(
    ("argv", "reason"),
    [
        (["--perturb", "0"], "--perturb is 0"),
        (["--perturb", "9", "--perturb-context", "-1"], "--perturb-context is -1"),
        (["--perturb", "9", "--perturb-by", "key"], "the encoding drums have none"),
        (["--perturb-by", "return"], "say with --perturb N how often"),
        (["--perturb", "9", "--perturb-by", "corpus"], "belong together"),
        (["--perturb", "9", "--corpus", "x.mid"], "belong together"),
        (["--perturb", "9", "--perturb-by", "corpus", "--corpus", "missing.mid"], "cannot read missing.mid"),
    ],
)
def test_bad_use_is_one_line_and_status_2(
    argv: list[str], reason: str, models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["generate", "--model", str(models), "--out", str(tmp_path / "x.mid"), *argv]) == 2
    assert reason in capsys.readouterr().err.splitlines()[-1]
    assert not list(tmp_path.iterdir())


def test_a_wish_out_of_bounds_is_refused(piano: Path) -> None:
    engine: SavedModel = load(str(piano))
    with pytest.raises(Error, match="steps must be"):
        generate(engine, [], -1, [1], Disturbance(20, "return", 16))
