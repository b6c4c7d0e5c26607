"""The examples, and the page that builds one of them, as a user would run them: in processes of their own."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tutti import midi
from tutti.practice import compose

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
EXAMPLES, PAGE = ROOT / "examples", ROOT / "docs" / "extend.md"
# A file's name, and its content.
FILES = re.compile(r"^`([\w./]+)`\n\n```\w+\n(.*?)^```\n", re.MULTILINE | re.DOTALL)


def run(command: list[str], folder: Path, **environment: str) -> str:
    """Runs a command that must end well; returns what it printed."""
    path = os.pathsep.join([environment.pop("PYTHONPATH", ""), str(ROOT)])
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": path, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_page_on_extending_does_what_it_says(tmp_path: Path) -> None:
    page = PAGE.read_text()
    files = dict(FILES.findall(page))
    assert {"pyproject.toml", "contour/encoding.py", "contour/settings.py", "contour/network.py"} == set(files)
    for name, content in files.items():
        target = tmp_path / "contour" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)
        assert content == (EXAMPLES / "contour" / name).read_text(), f"{name} differs from examples/contour"
    (tmp_path / "contour" / "contour" / "__init__.py").touch()
    site = tmp_path / "site"
    (commands,) = re.findall(r"^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    install, *commands = commands.splitlines()
    assert install == "pip install --no-deps ./contour"
    pip = ["uv", "pip", "install", "--quiet", "--python", sys.executable, "--no-deps", "--no-build-isolation"]
    run([*pip, "--target", str(site), "./contour"], tmp_path)
    for command in commands:
        run(shlex.split(command), tmp_path, PYTHONPATH=str(site))
    assert len(midi.read_file(tmp_path / "contour.mid").tracks[0].notes) > 1
    (run_config,) = (tmp_path / "runs" / "contour").glob("config.json")
    assert '"name": "gru"' in run_config.read_text()
    assert "--smallest" in run(["tutti", "encode", "--help"], tmp_path, PYTHONPATH=str(site))
    assert "--width" in run(["tutti", "train", "--help"], tmp_path, PYTHONPATH=str(site))


def test_the_script_goes_from_files_to_music_in_one_process(tmp_path: Path) -> None:
    compose.write(tmp_path / "corpus", ["drums"], 30, seed=1)
    main = "import sys; sys.path.insert(0, sys.argv[1]); import quickstart; "
    main += "quickstart.main('corpus/drums', 'out', songs=2, steps=20)"
    printed = run([sys.executable, "-c", main, str(EXAMPLES)], tmp_path)
    assert "bits/token" in printed
    assert sorted(path.name for path in (tmp_path / "out").glob("drums-*")) == [
        f"drums-{number}{suffix}" for number in (1, 2) for suffix in (".mid", ".png", ".txt")
    ]


def test_the_notebook_runs_and_shows_its_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook = nbformat.read(EXAMPLES / "quickstart.ipynb", as_version=4)  # type: ignore[no-untyped-call]
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [set(output.get("data", {})) for cell in notebook.cells for output in cell.get("outputs", [])]
    assert sum("text/html" in kinds for kinds in shown) >= 3
    assert sum("image/png" in kinds for kinds in shown) >= 2
    assert "<audio controls" in notebook.cells[-1].outputs[0].data["text/html"]
