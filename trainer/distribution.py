"""Where training runs: one device, all devices of a machine, or several machines."""

import json
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import tensorflow as tf
from tensorflow.python.framework import config as framework

from trainer.config import STRATEGIES
from trainer.types import Batch, Tensor
from tutti.errors import Error


@dataclass(frozen=True)
class Distribution:
    """A strategy and this process's part in it.

    Attributes:
      strategy: what makes variables and runs steps on all replicas.
      worker, workers: this process among all of them. Worker 0 is the chief: it alone writes.
    """

    strategy: tf.distribute.Strategy
    worker: int = 0
    workers: int = 1

    @property
    def chief(self) -> bool:
        """Whether this process writes the run."""
        return self.worker == 0

    @property
    def replicas(self) -> int:
        """Devices that share out each batch, those of all workers."""
        return int(self.strategy.num_replicas_in_sync)

    def shares(self, batches: Batch, batch_size: int) -> Batch:
        """Hands this worker's rows of some global batches, [steps, rows, ...] each, to its replicas in equal shares."""
        share = batch_size // self.replicas
        first = self.worker * (batch_size // self.workers)

        def own(rows: Tensor, context: tf.distribute.ReplicaContext) -> Tensor:
            start = context.replica_id_in_sync_group * share - first
            return rows[:, start : start + share]

        distribute = self.strategy.experimental_distribute_values_from_function
        return {name: distribute(lambda context, rows=rows: own(rows, context)) for name, rows in batches.items()}

    def agree(self, number: int) -> bool:
        """Returns whether all workers hold the same number, below 2^31. All must call this, and all get one answer."""
        own = self.strategy.experimental_distribute_values_from_function(
            lambda context: tf.constant([number, number * number], tf.int64)
        )
        sums = self.strategy.run(_sum, args=(own,))
        total, squares = (int(n) for n in self.strategy.experimental_local_results(sums)[0].numpy())
        # Cauchy and Schwarz: equality only where all are equal.
        return squares * self.replicas == total * total


def open_distribution(name: str, devices: int = 0) -> Distribution:
    """Returns the strategy called `name`.

    Several CPU devices, or workers, can be had only before TensorFlow has computed anything in this process.

    Args:
      name: one of `trainer.config.STRATEGIES`; `auto` is multiworker where TF_CONFIG names a cluster, mirrored where
        there are several devices, else one.
      devices: how many GPUs to use, or, without GPUs, into how many logical devices to cut the CPU; 0 for all there
        are.

    Raises:
      Error: if there is no such strategy, TF_CONFIG is missing or wrong, there are fewer devices, or it is too late.
    """
    if name not in STRATEGIES:
        raise Error(f"unknown strategy {name!r}; there are {', '.join(STRATEGIES)}")
    cluster = _cluster()
    if name == "auto":
        gpus = len(tf.config.list_physical_devices("GPU"))
        many = devices > 1 or (gpus > 1 and devices == 0)
        name = "multiworker" if cluster else "mirrored" if many else "one"
    if name == "multiworker":
        return _multiworker(cluster, devices)
    if name == "mirrored":
        return Distribution(tf.distribute.MirroredStrategy(_devices(devices)))
    if devices > 1:
        raise Error(f"--strategy one uses one device, not {devices}; choose --strategy mirrored")
    return Distribution(tf.distribute.OneDeviceStrategy("GPU:0" if tf.config.list_physical_devices("GPU") else "CPU:0"))


class _Determinism:
    """Counts who needs TensorFlow to add up in one order: it is a switch of the whole process."""

    def __init__(self) -> None:
        self.lock, self.users, self.before = threading.Lock(), 0, False


_determinism = _Determinism()


@contextmanager
def deterministic() -> Iterator[None]:
    """Makes TensorFlow add up in one order for as long as anyone is within this, in any thread.

    The same weights after a restart, to the last bit, need the same order of additions. Afterwards a process may draw
    random numbers without a seed again, if it could before.
    """
    with _determinism.lock:
        if not _determinism.users:
            _determinism.before = framework.is_op_determinism_enabled()
            tf.config.experimental.enable_op_determinism()
        _determinism.users += 1
    try:
        yield
    finally:
        with _determinism.lock:
            _determinism.users -= 1
            if not _determinism.users and not _determinism.before:
                framework.disable_op_determinism()


def summed(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Returns the tensors summed over all replicas, in one exchange for each type; called in replica context."""
    total = list(tensors)
    for dtype in dict.fromkeys(tensor.dtype for tensor in tensors):
        places = [i for i, tensor in enumerate(tensors) if tensor.dtype == dtype]
        together = tf.distribute.get_replica_context().all_reduce("SUM", [tensors[i] for i in places])
        for i, tensor in zip(places, together, strict=True):
            total[i] = tensor
    return total


def _sum(numbers: Tensor) -> Tensor:
    return tf.distribute.get_replica_context().all_reduce("SUM", numbers)


def _devices(wanted: int) -> list[str]:
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        if wanted > len(gpus):
            raise Error(f"--devices {wanted}: this machine has {len(gpus)} GPUs")
        return [f"GPU:{i}" for i in range(wanted or len(gpus))]
    count = wanted or 1
    cpu = tf.config.list_physical_devices("CPU")[0]
    try:
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * count)
    except RuntimeError:  # TensorFlow has begun; what it began with may do
        there = len(tf.config.list_logical_devices("CPU"))
        if there < count:
            raise Error(
                f"--devices {count}: TensorFlow has begun with {there} in this process; start a new process"
            ) from None
    return [f"CPU:{i}" for i in range(count)]


def _cluster() -> dict[str, Any] | None:
    """Returns TF_CONFIG, where it names a cluster."""
    text = os.environ.get("TF_CONFIG", "")
    if not text:
        return None
    try:
        config = json.loads(text)
        cluster, task = config["cluster"], config["task"]
        known = set(cluster) <= {"chief", "worker"} and task["type"] in cluster
        if not known or not 0 <= int(task["index"]) < len(cluster[task["type"]]):
            raise Error("TF_CONFIG: its task must be one of the cluster's chief and workers, and there are no others")
    except (ValueError, KeyError, TypeError) as error:
        raise Error(
            'TF_CONFIG is not like {"cluster": {"worker": ["HOST:PORT", ...]}, "task": {"type": "worker", "index": 0}} '
            f"({type(error).__name__}: {error})"
        ) from None
    return config if sum(map(len, cluster.values())) > 1 else None


def _multiworker(cluster: dict[str, Any] | None, devices: int) -> Distribution:
    if cluster is None:
        raise Error("--strategy multiworker needs TF_CONFIG to name a cluster of two or more workers")
    if devices:
        raise Error("--devices does not apply to --strategy multiworker: each worker uses all its GPUs, or its CPU")
    task = cluster["task"]
    chiefs = len(cluster["cluster"].get("chief", ()))
    workers = chiefs + len(cluster["cluster"].get("worker", ()))
    worker = int(task["index"]) + (chiefs if task["type"] == "worker" else 0)
    try:
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
    except RuntimeError as error:
        raise Error(
            f"workers must be set up before TensorFlow computes anything; start a new process ({error})"
        ) from None
    return Distribution(strategy, worker, workers)
