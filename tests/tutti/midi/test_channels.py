import mido

from tests.corpora import corpus
from tests.tutti.made import file_of, note
from tutti import midi
from tutti.errors import RejectedFile


def test_each_track_has_the_number_and_the_channel_of_its_file() -> None:
    conductor = [mido.MetaMessage("set_tempo", tempo=500_000)]
    several = [*note(60, channel=3), *note(62, channel=9), *note(64, channel=0)]
    data = file_of([conductor, several, [], note(48, channel=15)])
    found = {(int(t.notes.pitch[0]), t.number, t.channel) for t in midi.read(data, channels=True).tracks}
    assert found == {(60, 1, 4), (62, 1, 10), (64, 1, 1), (48, 3, 16)}
    assert {track.channel for track in midi.read(data).tracks} == {0}


def test_two_channels_of_one_program_are_told_apart() -> None:
    data = file_of([[*note(60, channel=5), *note(72, channel=2), *note(61, channel=5)]], kind=0)
    assert {(int(t.notes.pitch[0]), t.channel) for t in midi.read(data, channels=True).tracks} == {(60, 6), (72, 3)}


def test_a_program_change_begins_another_track_of_the_same_channel() -> None:
    change = [mido.Message("program_change", channel=1, program=40)]
    data = file_of([[*note(60, channel=1), *change, *note(64, channel=1)]], kind=0)
    assert {(t.program, t.channel) for t in midi.read(data, channels=True).tracks} == {(0, 2), (40, 2)}


def test_every_track_of_the_corpora_has_its_channel() -> None:
    for name in ("piano", "jazz"):
        for path in sorted(corpus(name).glob("*.mid")):
            try:
                score = midi.read(path.read_bytes(), channels=True)
            except RejectedFile:
                continue
            assert all(track.channel and (track.channel == 10) == track.is_drum for track in score.tracks), path.name
