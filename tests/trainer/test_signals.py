import signal
from collections.abc import Iterator
from typing import Any

import pytest

from trainer.cli.signals import heard


class Interrupted(Exception):
    """Stands for KeyboardInterrupt, which would end pytest itself where a test fails."""


def interrupt(number: int, frame: Any) -> None:
    raise Interrupted


@pytest.fixture(params=[signal.SIGINT, signal.SIGTERM])
def number(request: pytest.FixtureRequest) -> Iterator[signal.Signals]:
    """A signal that interrupts."""
    before = signal.signal(request.param, interrupt)
    yield request.param
    signal.signal(request.param, before)


def test_a_first_signal_asks_to_stop_and_a_second_interrupts(number: signal.Signals) -> None:
    with heard() as told:
        assert not told.is_set()
        signal.raise_signal(number)
        assert told.is_set()
        with pytest.raises(Interrupted):
            signal.raise_signal(number)


def test_afterwards_signals_do_what_they_did_before(number: signal.Signals) -> None:
    with heard():
        pass
    with pytest.raises(Interrupted):
        signal.raise_signal(number)
