import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.trainer import made, running
from trainer.cli import train
from tutti import cli


def test_help_names_the_presets(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        train.main(["--help"])
    assert ended.value.code == 0
    assert "drums-wavenet-small" in capsys.readouterr().out


def test_an_error_is_one_line_and_status_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["train", "--run", str(tmp_path / "run"), "--preset", "none"]) == 2
    assert capsys.readouterr().err.startswith("tutti: error: unknown preset 'none'; there are ")


def test_help_and_settings_need_no_tensorflow() -> None:
    modules = "trainer.cli.train, trainer.cli.evaluate, trainer.presets, trainer.config, trainer.models.registry"
    code = f"import sys, {modules}; trainer.models.registry.models(); print(sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=running.ROOT, capture_output=True, text=True, check=True)
    for heavy in ("tensorflow", "apache_beam", "matplotlib", "keras"):
        assert f"'{heavy}'" not in loaded.stdout


def test_a_signal_ends_the_command_with_status_130_and_a_checkpoint(phrases: made.Made, tmp_path: Path) -> None:
    run = tmp_path / "run"
    tiny = ("--steps", "100000", "--checkpoint-steps", "1", "--steps-per-call", "1", "--json")
    flags = ("--dataset", phrases.path, "--preset", "piano-lstm-small", *running.TINY, *tiny)
    process = running.started(*flags, "--run", str(run))
    while process.poll() is None and not running.step_of(run):
        time.sleep(0.05)
    process.terminate()
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert json.loads(output)["ended"] == "signal"
    assert json.loads(output)["step"] == running.step_of(run)


def test_the_module_of_the_function_is_the_command_too() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "trainer.train", "--run", "none", "--preset", "none"],
        cwd=running.ROOT,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 2
    assert "tutti: error: unknown preset 'none'; there are " in ended.stderr
