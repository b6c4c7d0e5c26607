import argparse
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest

from tutti import encodings, midi, plugins
from tutti.cli.encoding_flags import add_arguments, from_arguments
from tutti.dataset.schema import FrameSchema, TokenSchema
from tutti.encodings import registry
from tutti.encodings.base import Encoding, TokenEncoding
from tutti.encodings.drums import Drums
from tutti.encodings.notes import NotesAndChords
from tutti.encodings.pianoroll import PianoRoll
from tutti.encodings.registry import encoding_from_json, encoding_to_json
from tutti.encodings.vocabulary import BOS, EOS, PAD, Vocabulary
from tutti.errors import Error
from tutti.score import Notes, Score, Track


def parsed(*argv: str) -> Encoding:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return from_arguments(parser.parse_args(argv))


@pytest.mark.parametrize(
    "encoding", [Drums(), Drums(32, "all", "meter"), NotesAndChords(), NotesAndChords("program:24")]
)
def test_an_encoding_is_stored_with_its_parameters(encoding: Encoding) -> None:
    assert encoding_from_json(encoding_to_json(encoding)) == encoding


def test_flags_become_parameters() -> None:
    assert parsed("--encoding", "drums", "--resolution", "32") == Drums(resolution=32)
    assert parsed("--encoding", "notes", "--part", "all") == NotesAndChords("all")


def test_a_flag_of_another_encoding_is_refused() -> None:
    with pytest.raises(Error, match="--part does not apply to --encoding drums"):
        parsed("--part", "all")


@pytest.mark.parametrize("stored", [{"name": "songs"}, {}, {"name": "drums", "beat": 3}])
def test_what_another_version_stored_is_refused(stored: dict[str, object]) -> None:
    with pytest.raises(Error, match="encoding"):
        encoding_from_json(stored)


def test_the_specials_come_first() -> None:
    vocabulary = Vocabulary.of(["a", "b"])
    assert vocabulary.tokens[:3] == ("PAD", "BOS", "EOS")
    assert (PAD, BOS, EOS) == (0, 1, 2)
    assert vocabulary.words(vocabulary.ids(["b", "EOS", "a"])) == ["b", "a"]
    with pytest.raises(ValueError, match=r"starts with \('PAD', 'BOS', 'EOS'\), not with \('a', 'b', 'c'\)$"):
        Vocabulary("abcd")
    with pytest.raises(ValueError, match="once"):
        Vocabulary.of(["a", "a"])


def test_vocabularies_of_the_same_tokens_are_equal() -> None:
    assert Vocabulary.of(["a", "b"]) == Vocabulary.of(["a", "b"])
    assert hash(Vocabulary.of(["a", "b"])) == hash(Vocabulary.of(["a", "b"]))
    assert Vocabulary.of(["a", "b"]) != Vocabulary.of(["b", "a"])
    assert Vocabulary.of(["a"]) != "a"


@dataclass(frozen=True)
class Letters(TokenEncoding):
    """An encoding of a package, as short as one can be."""

    name = "letters"

    def encode(self, piece: str) -> list[list[str]]:
        return [[*piece]]

    def vocabulary(self) -> Vocabulary | None:
        return Vocabulary.of("abc")


def test_a_new_encoding_needs_only_encode_and_a_vocabulary() -> None:
    (ids,) = Letters().encode_ids("cab")
    assert ids.tolist() == [5, 3, 4]
    assert ids.dtype == np.int32
    assert Letters().known(["c", "a"], Vocabulary.of("abc")) == ["c", "a"]
    assert (Letters().misfit(["a"]), Letters().released(["a"])) == ("", [])
    with pytest.raises(ValueError, match="'d' is no token of the encoding letters"):
        Letters().known(["d"], Vocabulary.of("abc"))
    with pytest.raises(NotImplementedError, match="letters have no pitch"):
        Letters().transposed("a", 1)
    with pytest.raises(TypeError, match="NotesAndChords implements neither"):
        NotesAndChords().encode_ids(Score(480, ()))


def test_an_encoding_that_a_package_registers_is_known_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    points = {"letters": f"{__name__}:Letters"}

    def entry_points(group: str) -> list[EntryPoint]:
        return [EntryPoint(name, value, group) for name, value in points.items() if group == "tutti.encodings"]

    monkeypatch.setattr(plugins, "entry_points", entry_points)
    # What is known is cached; without the cache nothing of this stays.
    monkeypatch.setattr(registry, "encodings", registry.encodings.__wrapped__)
    assert encoding_from_json({"name": "letters"}) == Letters()
    points["songs"] = "no_such_module:Songs"
    with pytest.raises(Error, match="cannot load the encoding 'songs' from no_such_module:Songs"):
        encoding_from_json({"name": "letters"})


def test_records_hold_windows_of_tokens_or_of_frames() -> None:
    assert Drums().schema(64, Drums().vocabulary()) == TokenSchema(64, 516)
    assert PianoRoll().schema(64, PianoRoll().vocabulary()) == FrameSchema(64, 156)


def test_frames_are_known_where_they_can_be_read() -> None:
    assert PianoRoll().known(["60s", "-"], PianoRoll().vocabulary()) == ["60s", "-"]
    with pytest.raises(ValueError, match="'E5' is no frame"):
        PianoRoll().known(["60s", "E5"], PianoRoll().vocabulary())


def test_encodings_are_imported_by_their_names() -> None:
    assert encodings.Drums is Drums
    assert {"Drums", "MuLaw", "PianoRoll"} <= {*dir(encodings)}
    with pytest.raises(AttributeError, match=r"module 'tutti\.encodings' has no attribute 'Drum'"):
        _ = encodings.Drum


def tutti(*argv: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    root = Path(__file__).parents[3]
    command = [sys.executable, "-m", "tutti", *argv]
    return subprocess.run(command, cwd=root, input=stdin, capture_output=True, text=True, check=False)


def test_text_out_and_in_again(tmp_path: Path) -> None:
    played = Notes.of([0, 480, 960], [120] * 3, [36, 38, 36], [90] * 3)
    file = tmp_path / "groove.mid"
    file.write_bytes(midi.write(Score(480, (Track(played, is_drum=True),))))
    text = tutti("encode", str(file)).stdout
    assert text.split()[:5] == ["0b100000000", "0b000000000", "0b000000000", "0b000000000", "0b010000000"]
    decoded = tutti("decode", "-", "--out", str(tmp_path / "again.mid"), stdin=text)
    assert decoded.returncode == 0, decoded.stderr
    assert tutti("encode", str(tmp_path / "again.mid")).stdout == text


@pytest.mark.parametrize(
    ("argv", "stdin", "reason"),
    [
        (["encode", "missing.mid"], "", "cannot read missing.mid"),
        (["encode", "setup.py"], "", "not a MIDI file"),
        (["decode", "-", "--out", "x.mid"], "", "holds no tokens"),
        (["decode", "-", "--out", "x.mid"], "kick snare", "'kick' is not a drum word"),
        (["decode", "-", "--out", "missing/x.mid"], "0b100000000", "cannot write"),
        (["decode", "-", "--out", "x.mid", "--part", "all"], "C4", "does not apply"),
        (["dance"], "", "unknown command"),
    ],
)
def test_bad_use_is_one_line_and_status_2(argv: list[str], stdin: str, reason: str) -> None:
    ended = tutti(*argv, stdin=stdin)
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert reason in ended.stderr
    assert not ended.stdout


def test_text_of_another_resolution_is_refused_and_a_few_odd_bars_are_said(tmp_path: Path) -> None:
    bar = " ".join(["0b100000000"] * 16)
    ended = tutti("decode", "-", "--resolution", "32", "--out", str(tmp_path / "x.mid"), stdin=f"{bar} BAR {bar} BAR")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "decode it with --resolution 16" in ended.stderr
    assert not list(tmp_path.iterdir())
    odd = tutti("decode", "-", "--out", str(tmp_path / "x.mid"), stdin=f"{bar} BAR {bar} 0b000000000 BAR {bar} BAR")
    assert odd.returncode == 0
    assert "1 of 3 bars have not 16 words" in odd.stderr
    fitting = tutti("decode", "-", "--out", str(tmp_path / "y.mid"), stdin=f"{bar} BAR {bar} BAR")
    assert (fitting.returncode, fitting.stderr) == (0, "")
