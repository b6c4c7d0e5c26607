import signal
from collections.abc import Iterator

import pytest

from trainer.cli.signals import heard


class Interrupted(Exception):
    """Stands for KeyboardInterrupt, which would end pytest itself where a test fails."""


def interrupt(number: int, frame: object) -> None:
    raise Interrupted


@pytest.fixture(params=[signal.SIGINT, signal.SIGTERM])
def number(request: pytest.FixtureRequest) -> Iterator[signal.Signals]:
    """A signal that interrupts."""
    before = signal.signal(request.param, interrupt)
    yield request.param
    signal.signal(request.param, before)


def test_a_first_signal_asks_to_stop_and_a_second_interrupts(number: signal.Signals) -> None:
    with heard() as stop:
        assert not stop.is_set()
        signal.raise_signal(number)
        assert stop.is_set()
        with pytest.raises(Interrupted):
            signal.raise_signal(number)


def test_a_second_signal_of_the_other_kind_interrupts_too() -> None:
    before = signal.signal(signal.SIGINT, interrupt)
    try:
        with heard() as stop:
            signal.raise_signal(signal.SIGTERM)
            assert stop.is_set()
            with pytest.raises(Interrupted):
                signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


def test_afterwards_signals_do_what_they_did_before(number: signal.Signals) -> None:
    with heard():
        pass
    with pytest.raises(Interrupted):
        signal.raise_signal(number)
