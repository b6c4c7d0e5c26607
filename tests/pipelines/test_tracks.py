import json
from pathlib import Path
from typing import Any

import pytest

import tutti
from pipelines.cli import inspect
from tests.pipelines.made import fill, run, snapshot
from tests.tutti.roles.test_kit import DIVISION, ROCK, WALKING_BASS
from tests.tutti.roles.test_roles import STRUMMED, TUNE, played
from tutti import midi
from tutti.encodings.drums import Drums
from tutti.encodings.melody import Melody
from tutti.encodings.notes import NotesAndChords
from tutti.errors import Error
from tutti.score import Score

Capture = pytest.CaptureFixture[str]


def inspected(capsys: Capture, path: Path) -> dict[str, Any]:
    inspect.main([str(path), "--json"])
    return json.loads(capsys.readouterr().out)


def band_file() -> bytes:
    tracks = (
        played(TUNE, name="Lead", program=73),
        played(STRUMMED),
        played(WALKING_BASS, program=33),
        played(ROCK, is_drum=True),
    )
    return midi.write(Score(DIVISION, tracks))


def test_a_files_tracks_are_shown_with_their_roles_and_what_encodings_take(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "band.mid").write_bytes(band_file())
    shown = inspected(capsys, tmp_path / "band.mid")
    told = [(track["program"], track["channel"], track["role"], track["by"]) for track in shown["tracks"]]
    assert [role for *_, role, _ in told] == ["melody", "chords", "bass", "drums"]
    assert told[3] == (0, 10, "drums", "channel 10")
    assert told[0][2:] == ("melody", "its name")
    assert shown["encodings"]["melody"].startswith(f"track {shown['tracks'][0]['number']} (Lead), by its name: ")
    inspect.main([str(tmp_path / "band.mid")])
    assert "what each encoding takes" in capsys.readouterr().out


def test_what_a_selector_names_is_what_inspect_lists(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "band.mid").write_bytes(band_file())
    for track in inspected(capsys, tmp_path / "band.mid")["tracks"]:
        for selector in (str(track["number"]), f"channel:{track['channel']}", f"role:{track['role']}"):
            for encoding in (Melody(selector), Drums(track=selector), NotesAndChords(track=selector)):
                (chosen,) = encoding.choice(encoding.read(band_file())).tracks  # type: ignore[union-attr]
                assert (len(chosen.notes), chosen.program) == (track["notes"], track["program"])


def test_a_folder_of_midi_is_told_by_encoding(tmp_path: Path, capsys: Capture) -> None:
    melodies = midi.write(Score(DIVISION, (played(TUNE),)))
    fill(tmp_path / "corpus", {"band.mid": band_file(), "tune.mid": melodies, "bad.mid": b"bad"})
    shown = inspected(capsys, tmp_path / "corpus")
    assert (shown["files"], sum(shown["unreadable"].values())) == (3, 1)
    assert shown["tracks"]["melody"] == [2, 2]
    assert (shown["encodings"]["drums"]["files"], shown["encodings"]["melody"]["files"]) == (1, 2)
    (reason,) = shown["encodings"]["drums"]["reasons"]
    assert "no drums" in reason


def test_what_is_no_midi_and_no_dataset_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    for path, said in (("notes.txt", "not a MIDI file"), ("", "no MIDI files in"), ("missing", "no such file")):
        with pytest.raises(Error, match=said):
            inspect.main([str(tmp_path / path)])


def test_the_manifest_says_which_tracks_were_taken_and_the_summary_by_what(tmp_path: Path, capsys: Capture) -> None:
    unnamed = midi.write(Score(DIVISION, (played(WALKING_BASS, program=33), played(ROCK))))
    found = fill(tmp_path / "corpus", {"a.mid": band_file(), "b.mid": unnamed})
    did = run(capsys, found, "--dataset", tmp_path / "data", "--encoding", "drums")
    assert did["chosen_by"] == {"channel 10": 1, "how it plays": 1}
    sources = {source.name.rpartition("/")[2]: source for source in snapshot(tmp_path / "data").sources}
    assert (sources["a.mid"].chosen_by, sources["b.mid"].chosen_by) == ("channel 10", "how it plays")
    assert sources["b.mid"].tracks == str(midi.read(unnamed).tracks[1].number)
    assert "1 by how it plays" in tutti.inspect(tmp_path / "data").table()
