"""The front of the command line: what it says without a command, and that it ends when it is told to."""

import signal
import subprocess
import sys
import time

import pytest

import tutti
from tutti import cli


def test_it_says_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"tutti {tutti.__version__}\n"


@pytest.mark.parametrize("command", ["ingest", "train", "generate"])
@pytest.mark.parametrize("seconds", [0.2, 0.7, 1.4])
def test_who_interrupts_the_first_seconds_is_told_nothing(command: str, seconds: float) -> None:
    flags = {
        "ingest": ["tests", "--dataset", "none", "--windows", "3"],
        "train": ["--run", "none", "--preset", "none"],
        "generate": ["--model", "none", "--out", "none.mid"],
    }[command]
    main = "import sys; from tutti.cli import main; print('here', flush=True); sys.exit(main(sys.argv[1:]))"
    process = subprocess.Popen(
        [sys.executable, "-c", main, command, *flags], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stdout.readline() == "here\n"
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    if errors.startswith("tutti: error: "):  # it was quicker, and had said what is wrong with the flags
        assert errors.count("\n") == 1
    else:
        # On its way out Python lets the signal end it, which a shell reports as the same.
        assert errors == ""
        assert process.returncode in (130, -signal.SIGINT)


def test_an_interrupt_where_nothing_can_be_raised_is_not_lost(capsys: pytest.CaptureFixture[str]) -> None:
    class Held:
        def __del__(self) -> None:
            raise KeyboardInterrupt

    def command(argv: list[str]) -> None:
        held = Held()
        del held
        time.sleep(30)

    before = sys.unraisablehook
    try:
        sys.unraisablehook = cli.interrupt_again
        assert cli.run(command, []) == 130
    finally:
        sys.unraisablehook = before
    assert capsys.readouterr().err == ""
