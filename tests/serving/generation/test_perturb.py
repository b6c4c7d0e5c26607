import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from serving.cli.generate import main
from serving.generation.length import Length
from serving.generation.perturb import Perturbation, PerturbedPiece, Perturber
from serving.generation.prediction import Prediction, predict
from serving.generation.prompts import CorpusSong
from serving.saved_model import load
from tutti import cli, midi
from tutti.encodings.base import TokenEncoding
from tutti.encodings.chords import pitch_name
from tutti.encodings.drums import Drums
from tutti.encodings.events import Events
from tutti.encodings.notes import NotesAndChords
from tutti.encodings.vocabulary import Vocabulary
from tutti.errors import Error

NOTES = Vocabulary.of(pitch_name(pitch) for pitch in range(48, 84))


@dataclass
class Scripted:
    """A model that writes its script again and again, and remembers what it was shown and how much it had to write."""

    encoding: TokenEncoding = field(default_factory=NotesAndChords)
    vocabulary: Vocabulary = NOTES
    script: Sequence[str] = ("C4",)
    shown: list[list[str]] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    written: int = 0

    def predict(
        self, prompts: Sequence[Sequence[str]], lengths: Sequence[Length], seeds: Sequence[int]
    ) -> list[Prediction]:
        (prompt,), (length,) = prompts, lengths
        count = length.steps
        self.shown.append([*prompt])
        self.counts.append(count)
        begun, self.written = self.written, self.written + count
        script = [self.script[i % len(self.script)] for i in range(begun, self.written)]
        return [Prediction(script, -1.0 * count, False)]


def disturbed(model: Scripted, steps: int, seed: int = 1, prompt: Sequence[str] = (), **how: Any) -> PerturbedPiece:
    perturbation = Perturbation(**{"every": 20, "by": "return", "context": 16, **how})
    perturber = Perturber(model.predict, model.encoding, model.vocabulary, perturbation)
    (piece,) = perturber.generate(prompt, Length(steps), [seed])
    return piece


def test_a_piece_is_as_long_as_asked_and_disturbed_every_so_often() -> None:
    model = Scripted()
    piece = disturbed(model, 1000)
    assert len(piece.tokens) == piece.new_tokens == 1000
    assert piece.log_prob == -1000
    assert all(10 <= count <= 30 for count in model.counts[:-1])
    assert 40 <= len(piece.disturbances) <= 60
    assert len({one.at for one in piece.disturbances}) == len(piece.disturbances)


def test_in_another_key_the_model_sees_what_there_is_moved() -> None:
    model = Scripted()
    piece = disturbed(model, 200, by="key")
    believed = ["C4"] * model.counts[0]
    for shown, one, count in zip(model.shown[1:], piece.disturbances, model.counts[1:], strict=True):
        believed = [NotesAndChords().transposed(word, one.semitones) or "" for word in believed[-16:]]
        assert shown == believed
        believed += ["C4"] * count


def test_a_key_that_the_model_does_not_know_is_not_taken() -> None:
    # Of all keys only five semitones higher has all of its notes in the vocabulary.
    model = Scripted(vocabulary=Vocabulary.of(["C4", "E4", "F4", "A4"]), script=("C4", "E4"))
    assert [one.semitones for one in disturbed(model, 45, every=30, by="key").disturbances] == [5]


def test_a_passage_stands_where_the_corpus_has_it() -> None:
    model = Scripted()
    song = CorpusSong("song.mid", [pitch_name(pitch) for pitch in range(48, 84)])
    piece = disturbed(model, 300, by="corpus", corpus=(song,))
    assert len(piece.disturbances) > 10
    for shown, one in zip(model.shown[1:], piece.disturbances, strict=True):
        assert shown == list(song.tokens[: one.token][-16:])
        assert one.file == "song.mid"


def test_a_piece_returns_to_an_earlier_passage_of_its_own() -> None:
    model = Scripted(script=[pitch_name(pitch) for pitch in range(48, 84)])
    piece = disturbed(model, 300, prompt=["C4", "D4"])
    for shown, one in zip(model.shown[1:], piece.disturbances, strict=True):
        assert one.token <= one.at + 2 - 10
        assert shown == piece.tokens[: one.token][-16:]


def test_jumps_keep_to_the_bar() -> None:
    bar = ["0b100000000"] * 16 + ["BAR"]
    model = Scripted(Drums(), Drums().vocabulary(), bar)
    piece = disturbed(model, 500, every=30, context=60)
    assert len(piece.disturbances) > 8
    for shown, one in zip(model.shown[1:], piece.disturbances, strict=True):
        assert one.token % 17 == one.at % 17
        # What is shown begins with a bar, and ends at the same place of one.
        assert len(shown) % 17 == one.at % 17


def test_a_change_of_key_leaves_no_note_hanging() -> None:
    script = ("0_90_3c_64", "0_90_40_64", "60_80_3c_00", "60_90_40_00")
    transposed = [Events().transposed(word, step) for word in script for step in range(-60, 60)]
    model = Scripted(Events(), Vocabulary.of(dict.fromkeys(word for word in transposed if word)), script)
    piece = disturbed(model, 300, by="key", every=7)
    sounding: set[str] = set()
    released = 0
    for word in piece.tokens:
        delta, status, pitch, velocity = word.split("_")
        if status == "90" and velocity != "00":
            sounding.add(pitch)
        else:
            released += word.endswith("_00") and delta == "0"
            sounding.discard(pitch)
    assert released == sum(one.released for one in piece.disturbances) > 0
    assert len(sounding) <= 2


def test_up_to_its_first_disturbance_a_piece_is_the_undisturbed_one_and_needs_no_others(piano: Path) -> None:
    model = load(piano)
    options: dict[str, Any] = {
        "steps": 100,
        "prompt": ["C4"],
        "perturb": 20,
        "perturb_by": "key",
        "perturb_context": 32,
    }
    alone = [model.generate(seed=seed, **options)[0] for seed in (3, 4)]
    assert model.generate(2, seed=3, **options) == alone
    (plain,) = predict(model, [model.ids(["C4"])], steps=100, seeds=[3])
    assert alone[0].disturbances
    first = alone[0].disturbances[0].at
    assert list(alone[0].tokens[1 : 1 + first]) == plain.tokens[:first]
    assert list(alone[0].tokens[1:]) != plain.tokens


def test_the_command_says_where_and_how(piano: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corpus = tmp_path / "corpus.mid"
    corpus.write_bytes(midi.write(NotesAndChords().decode(["C4", "E4", "G4", "0.4.7"] * 8)))
    common = ["--model", str(piano), "--steps", "60", "--no-picture", "-n", "8", "--perturb", "20"]
    main([*common, "--out", str(tmp_path / "a.mid"), "--perturb-by", "corpus", "--corpus", str(corpus), "--json"])
    pieces = json.loads(capsys.readouterr().out)["pieces"]
    printed = [one for piece in pieces for one in piece["disturbed"]]
    assert printed
    assert all(one["file"] == str(corpus) and 0 < one["token"] < 32 for one in printed)
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


def test_steps_out_of_bounds_are_refused(piano: Path) -> None:
    for steps in (-1, 0):
        with pytest.raises(Error, match=f"steps is {steps}; it must be at least 1"):
            load(piano).generate(steps=steps, perturb=20)
