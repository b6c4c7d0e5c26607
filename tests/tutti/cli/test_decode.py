from pathlib import Path

import numpy as np
import pytest

from tutti import cli, midi
from tutti.encodings.mulaw import MuLaw


def decode(tokens: str, folder: Path, *flags: str) -> int:
    (folder / "tokens.txt").write_text(tokens)
    return cli.main(["decode", str(folder / "tokens.txt"), *flags])


def test_each_song_is_written_with_its_sound(tmp_path: Path) -> None:
    pytest.importorskip("midirenderer")
    bar = " ".join(["0b100000000", *["0b000000000"] * 15])
    assert decode(f"{bar} BAR {bar} BAR\n{bar} BAR", tmp_path, "--out", str(tmp_path / "a.mid"), "--sound") == 0
    sizes = [(tmp_path / f"a-{number}.wav").stat().st_size for number in (1, 2)]
    assert sizes[0] > sizes[1] > 0
    assert len(midi.read_file(tmp_path / "a-1.mid").tracks[0].notes) == 2


def test_events_are_heard(tmp_path: Path) -> None:
    pytest.importorskip("midirenderer")
    events = "0_90_3c_40 480_80_3c_40"
    assert decode(events, tmp_path, "--encoding", "events", "--out", str(tmp_path / "a.mid"), "--sound") == 0
    assert np.frombuffer((tmp_path / "a.wav").read_bytes()[44:], "<i2").any()


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (["--sound", "--encoding", "mulaw", "--out", "x.wav"], "--sound does not apply to the encoding mulaw"),
        (["--sound", "--out", "x.wav"], "--out is x.wav; with --sound it must be a MIDI file, such as x.mid"),
        (["--soundfont", "missing.sf2", "--out", "x.mid"], "cannot read missing.sf2"),
        (["--soundfont", "tokens.txt", "--out", "x.mid"], "tokens.txt is no SoundFont"),
    ],
)
def test_what_cannot_be_heard_is_refused_in_one_line(
    flags: list[str], reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tokens = MuLaw().vocabulary().tokens[-1] if "mulaw" in flags else "0b100000000"
    assert decode(tokens, tmp_path, *flags) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert reason in line
    assert [path.name for path in tmp_path.iterdir()] == ["tokens.txt"]
