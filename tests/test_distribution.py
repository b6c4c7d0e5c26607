"""The wheel, installed into empty environments: which names it brings, and that each extra runs its commands."""

import os
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tutti import midi
from tutti.practice import compose
from tutti.score import Notes, Score, Track

ROOT = Path(__file__).parents[1]
UV = str(Path(sys.executable).parent / "uv")
DATASET, RUN = ROOT / "tests/fixtures/drums/dataset", ROOT / "tests/fixtures/drums/run"
# extra -> what it has to be able to do, in a folder that holds a corpus.
COMMANDS = {
    "": [
        "tutti encode corpus/drums/{drums} --out words.txt",
        "tutti decode words.txt --out again.mid",
        "tutti compose more --songs 1",
    ],
    "pipelines": [
        "tutti ingest corpus/drums --dataset data",
        "tutti inspect data",
        "tutti loops standardise corpus/drums --out loops",
    ],
    "pictures": ["tutti show corpus/drums --out sheet.png"],
    "trainer": [
        "tutti train --dataset {dataset} --preset drums-lstm-small --units 16 --embedding 16 --steps 2 --run run",
        "tutti evaluate --run {run} --dataset {dataset}",
    ],
    "serving": ["tutti export --run {run} --models model", "tutti generate --model model --steps 8 --out piece.mid"],
    "miditok": ["tutti encode corpus/piano/{piano} --encoding miditok"],
    "audio": ["tutti encode corpus/sound/{sound} --encoding mulaw --rate 4000 --out levels.txt"],
    "sheets,pictures": ["tutti show corpus/piano/{piano} --sheet --out sheet.pdf"],
    "serving,moods": [
        "tutti generate --help",
        "python -c \"import serving.generation.moods as m; assert m.match('glad', ['happy', 'sad']).label == 'happy'\"",
    ],
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy, as setuptools leaves a folder behind."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("tutti", "pipelines", "trainer", "serving", "tests", "examples"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    command = [UV, "build", "--quiet", "--wheel", "--no-build-isolation", "--python", sys.executable]
    subprocess.run([*command, "--out-dir", str(out)], cwd=source, check=True)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def pins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lock file as plain version pins."""
    path = tmp_path_factory.mktemp("pins") / "constraints.txt"
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    path.write_text("\n".join(line.rstrip(" \\") for line in lines if "--hash" not in line))
    return path


def test_the_wheel_brings_exactly_four_names(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.partition("/")[0] for name in archive.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"tutti", "pipelines", "trainer", "serving"}
    assert wheel.name.startswith("tutti_music-")


@pytest.mark.parametrize("extra", COMMANDS)
def test_each_extra_alone_runs_its_commands(extra: str, wheel: Path, pins: Path, tmp_path: Path) -> None:
    environment = tmp_path / "environment"
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, str(environment)], check=True)
    install = [UV, "pip", "install", "--quiet", "--system-certs", "--python", str(environment / "bin" / "python")]
    named = f"{wheel}[{extra}]" if extra else str(wheel)
    overrides = tmp_path / "overrides.txt"
    overrides.write_text("sentence-transformers; python_version < '3'\n")
    subprocess.run([*install, "--constraint", str(pins), "--override", str(overrides), named], check=True)
    compose.write(tmp_path / "corpus", ["drums", "piano", "sound"], 3, seed=1)
    names = {kind: next((tmp_path / "corpus" / kind).iterdir()).name for kind in ("drums", "piano", "sound")}
    for command in COMMANDS[extra]:
        done = subprocess.run(
            shlex.split(f"{environment}/bin/{command.format(**names, dataset=DATASET, run=RUN)}"),
            cwd=tmp_path,
            env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stderr}"


def test_a_command_without_its_extra_says_what_to_install(wheel: Path, pins: Path, tmp_path: Path) -> None:
    environment = tmp_path / "environment"
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, str(environment)], check=True)
    install = [UV, "pip", "install", "--quiet", "--system-certs", "--python", str(environment / "bin" / "python")]
    subprocess.run([*install, "--constraint", str(pins), str(wheel)], check=True)
    (tmp_path / "song.mid").write_bytes(midi.write(Score(480, (Track(Notes.of([0], [480], [60], [90])),))))
    for command, extra in (("ingest song.mid --dataset x", "pipelines"), ("train --run x --preset y", "trainer")):
        called = [str(environment / "bin" / "tutti"), *command.split()]
        done = subprocess.run(called, capture_output=True, text=True, check=False, cwd=tmp_path)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
        assert f"pip install '.[{extra}]'" in done.stderr
    for call, extra in (
        ("tutti.ingest('song.mid', 'data', encoding='notes')", "pipelines"),
        ("tutti.show('song.mid')", "pictures"),
        ("tutti.load", "serving"),
    ):
        main = f"import tutti\ntry:\n    {call}\nexcept tutti.MissingPackage as error:\n    print(error)"
        done = subprocess.run(
            [str(environment / "bin" / "python"), "-c", main], capture_output=True, text=True, check=False, cwd=tmp_path
        )
        assert (done.stdout.count("\n"), done.stderr) == (1, "")
        assert f"pip install '.[{extra}]'" in done.stdout
    # What another project of the same name would leave in its place.
    (package,) = environment.glob("lib/python*/site-packages/tutti/__init__.py")
    package.write_text("__version__ = '1.0.0'\n")
    done = subprocess.run([str(environment / "bin" / "tutti"), "--help"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "another project's package 'tutti'" in done.stderr
