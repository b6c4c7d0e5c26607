"""Reasons of rejection that a person understands."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.tutti.midi.hostile import BAD_CONTAINERS, damaged
from tutti import midi
from tutti.errors import RejectedFile
from tutti.midi import messages, refusals
from tutti.score import MAX_BEATS

# How a program talks of itself: names of classes, of parsers, of their variables, numbers in base 16.
JARGON = re.compile(r"Error|Exception|[a-z][A-Z]|[a-z]_[a-z]|0x|=|!|iostream|symusic|mido|index|buffer|cursor|range")


def reason(read: Callable[[bytes], Any], data: bytes) -> str:
    """Why a file is rejected; empty if it is read."""
    try:
        read(data)
    except RejectedFile as rejection:
        return str(rejection)
    return ""


@pytest.mark.parametrize("read", [midi.read, messages.read])
def test_however_a_file_is_damaged_the_reason_is_one_of_a_few_in_plain_words(read: Callable[[bytes], Any]) -> None:
    reasons = {reason(read, data) for data in [*damaged(500), *BAD_CONTAINERS.values()]} - {""}
    assert not [text for text in reasons if JARGON.search(text)]
    assert all(len(text) < 100 and "\n" not in text for text in reasons)
    # But for the bounds and a track's number they hold no figures, which would make each file's reason its own.
    bounds = {"0", "1", "2", "127", f"{MAX_BEATS:,}"}
    assert {figure for text in reasons for figure in re.findall(r"\d+(?:,\d{3})*", text)} <= bounds
    assert len(reasons) <= 20


def test_what_a_parser_says_is_put_into_words_whatever_it_is() -> None:
    for said in ("Get velocity=200; iostream error", "", "wrong number of bytes for stop message", "7", "odd\nlines"):
        text = str(refusals.rejected(ValueError(said)))
        assert text.startswith("damaged: ")
        assert not JARGON.search(text)


def test_a_tick_beyond_64_bits_rejects_the_file() -> None:
    # Ten bytes of delta time; the loudness of 200 makes symusic refuse the file, so that mido reads it.
    events = b"\x00\x90\x3c\xc8" + b"\xff" * 10 + b"\x7f\x80\x3c\x00\x00\xff\x2f\x00"
    data = b"MThd\0\0\0\6\0\0\0\1\1\xe0MTrk" + len(events).to_bytes(4, "big") + events
    assert "beyond the limit" in reason(midi.read, data)


def test_a_score_takes_a_loudness_above_127_for_the_loudest() -> None:
    events = b"\x00\x90\x3c\xc8\x83\x60\x80\x3c\x00\x00\xff\x2f\x00"
    data = b"MThd\0\0\0\6\0\0\0\1\1\xe0MTrk" + len(events).to_bytes(4, "big") + events
    assert midi.read(data).tracks[0].notes.velocity.tolist() == [127]
    assert reason(messages.read, data) == "damaged: a pitch, a loudness or another value is above 127"
