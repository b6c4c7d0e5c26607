from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutti.encodings import durations
from tutti.encodings.base import Encoding, TokenEncoding
from tutti.encodings.drums import Drums
from tutti.encodings.durations import Durations
from tutti.encodings.events import Events
from tutti.encodings.melody import Melody
from tutti.encodings.miditok import MidiTok
from tutti.encodings.mulaw import MuLaw
from tutti.encodings.notes import NotesAndChords
from tutti.encodings.pianoroll import PianoRoll
from tutti.encodings.vocabulary import Vocabulary
from tutti.midi.messages import Messages

# Tokens of each encoding, and one that strikes at once.
TOKENS: dict[TokenEncoding, tuple[list[str], str]] = {
    Drums(): (["BAR", "0b000000000", "0b010000000"], "0b100000000"),
    Drums(32): (["BAR", "0b000000000", "0b010000000"], "0b100000000"),
    Drums(bars="meter"): (["BAR", "0b000000000", "0b010000000"], "0b100000000"),
    Melody(): (["C4:1", "D4:7", "R:12", "E4:96"], "C5:3"),
    NotesAndChords(): (["C4", "0.4.7"], "C5"),
    Events(): (["0_90_3c_40", "17_80_3c_00", "480_b0_07_40"], "0_90_48_40"),
    Events(division=96): (["0_90_3c_40", "17_80_3c_00", "96_b0_07_40"], "0_90_48_40"),
}
songs = st.sampled_from([*TOKENS]).flatmap(
    lambda encoding: st.tuples(st.just(encoding), st.lists(st.sampled_from(TOKENS[encoding][0]), max_size=80))
)


def last_onset(encoding: TokenEncoding, tokens: list[str]) -> Fraction:
    """Where the last note of tokens is struck, in quarters."""
    piece = encoding.decode(tokens)
    if isinstance(piece, Messages):
        return Fraction(int(piece.tracks[0].tick[-1]), piece.division)
    return Fraction(int(piece.tracks[0].notes.onset[-1]), piece.division)


@given(songs)
def test_what_follows_some_tokens_is_struck_where_they_end(song: tuple[TokenEncoding, list[str]]) -> None:
    encoding, tokens = song
    assert durations.length(encoding, tokens) == last_onset(encoding, [*tokens, TOKENS[encoding][1]])


@given(songs, st.integers(1, 6))
def test_a_cut_piece_has_nothing_beyond_its_end_and_is_as_long_unless_that_is_silence(
    song: tuple[TokenEncoding, list[str]], bars: int
) -> None:
    encoding, tokens = song
    end = Fraction(4 * bars)
    cut = durations.cut(encoding, tokens, end)
    whole = durations.length(encoding, tokens)
    if whole < end:
        assert cut == tokens
    elif tokens:
        length = durations.length(encoding, cut)
        # Of events, what comes behind the last one is not written.
        assert length <= end if isinstance(encoding, Events) else length == end


def test_a_note_is_cut_at_the_end_and_so_is_a_rest() -> None:
    assert durations.cut(Melody(), ["C4:40", "D4:12", "E4:3"], Fraction(4)) == ["C4:40", "D4:8"]
    assert durations.cut(Melody(), ["C4:48", "D4:12"], Fraction(4)) == ["C4:48"]
    assert durations.cut(Melody(), ["C4:40", "R:96"], Fraction(4)) == ["C4:40", "R:8"]


def test_events_at_the_end_are_left_out_and_what_sounds_is_released_there() -> None:
    tokens = ["0_90_3c_40", "0_90_40_40", "480_80_40_00", "480_90_43_40", "960_90_45_40"]
    assert durations.cut(Events(), tokens, Fraction(4)) == [*tokens[:4], "960_80_3c_00", "0_80_43_00"]
    assert durations.cut(Events(), tokens, Fraction(3)) == [*tokens[:4], "480_80_3c_00", "0_80_43_00"]
    assert durations.cut(Events(), ["0_90_3c_40", "480_80_3c_00", "1920_90_3c_40"], Fraction(4)) == [
        "0_90_3c_40",
        "480_80_3c_00",
    ]


@pytest.mark.parametrize("encoding", TOKENS, ids=str)
def test_the_table_has_every_token_in_whole_units(encoding: TokenEncoding) -> None:
    tokens, first = TOKENS[encoding]
    vocabulary = encoding.vocabulary() or Vocabulary.of([*tokens, first])
    table = Durations.of(encoding, vocabulary)
    assert table
    assert table.units[:3] == (0, 0, 0)
    for token in tokens:
        assert Fraction(table.units[vocabulary.ids([token])[0]], table.quarter) == encoding.duration(token)
    bar_line = "BAR" if encoding in (Drums(), Drums(32)) else None
    assert (table.bar_line is None) if bar_line is None else (vocabulary.tokens[table.bar_line or 0] == bar_line)
    assert table.bar == 4 * table.quarter


def test_units_are_as_few_as_will_do() -> None:
    table = Durations.of(Melody(), Vocabulary.of(["C4:3", "C4:4", "R:12"]))
    assert table == Durations(12, (0, 0, 0, 3, 4, 12), None)
    assert Durations.of(Melody(), Vocabulary.of(["C4:6", "R:12"])) == Durations(2, (0, 0, 0, 1, 2), None)


@pytest.mark.parametrize("encoding", [MidiTok(), MuLaw(), PianoRoll()], ids=str)
def test_where_a_token_does_not_say_how_long_it_lasts_there_is_no_table(encoding: Encoding) -> None:
    vocabulary = encoding.vocabulary()
    assert vocabulary is not None
    assert Durations.of(encoding, vocabulary) is None
    if isinstance(encoding, TokenEncoding):
        with pytest.raises(ValueError, match="does not say by itself how long it lasts"):
            durations.length(encoding, [vocabulary.tokens[3]])


def test_the_way_to_a_bar_line_fills_up_a_bar_that_has_begun() -> None:
    assert durations.to_bar_line(Fraction(0), 2) == durations.to_bar_line(Fraction(8), 2) == 8
    assert durations.to_bar_line(Fraction(13, 4), 2) == Fraction(35, 4)


def test_a_frame_lasts_one_step() -> None:
    assert PianoRoll(resolution=12).frame_duration == Fraction(1, 3)
