"""Training for tests: in this process, or in others."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from trainer.cli import train as command

ROOT = Path(__file__).parents[2]
TINY = ("--units", "16", "--layers", "1", "--embedding", "16", "--dropout", "0.3", "--batch-size", "8")


def train(*arguments: str) -> None:
    """`tutti train` in this process."""
    command.main(list(arguments))


def started(*arguments: str, environment: dict[str, str] | None = None) -> subprocess.Popen[str]:
    """`tutti train` in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "tutti", "train", *arguments],
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def started_workers(count: int, *arguments: str) -> list[subprocess.Popen[str]]:
    """`tutti train` in several processes that are workers of one cluster."""
    addresses = [f"localhost:{port}" for port in free_ports(count)]
    configs = [{"cluster": {"worker": addresses}, "task": {"type": "worker", "index": i}} for i in range(count)]
    return [started(*arguments, environment={"TF_CONFIG": json.dumps(config)}) for config in configs]


def ended(*processes: subprocess.Popen[str]) -> None:
    """Waits for them all; each must have ended well."""
    for process in processes:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors


def weights(run: Path, folder: str = "checkpoints") -> dict[str, NDArray[Any]]:
    """The variables of the newest checkpoint, optimizer, step and carried state among them."""
    reader = tf.train.load_checkpoint(tf.train.latest_checkpoint(str(run / folder)))
    prefixes = ("model/", "slots/", "step/", "carried/")
    names = [name for name in reader.get_variable_to_shape_map() if name.startswith(prefixes)]
    return {name: np.asarray(reader.get_tensor(name)) for name in names}


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("localhost", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def step_of(run: Path) -> int:
    """The step of the run's newest checkpoint; 0 where there is none."""
    newest = tf.train.latest_checkpoint(str(run / "checkpoints"))
    return int(newest.rsplit("-", 1)[1]) if newest else 0
