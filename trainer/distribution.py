"""Where training runs: one device, all devices of a machine, or several machines."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from tutti.errors import Error

STRATEGIES = ("auto", "one", "mirrored", "multiworker")


@dataclass(frozen=True)
class Distribution:
    """A strategy and this process's part in it.

    Attributes:
      strategy: a `tf.distribute.Strategy`.
      worker, workers: this process among all of them. Worker 0 is the chief: it alone writes.
    """

    strategy: Any
    worker: int = 0
    workers: int = 1

    @property
    def chief(self) -> bool:
        return self.worker == 0

    @property
    def replicas(self) -> int:
        return int(self.strategy.num_replicas_in_sync)

    def values(self, rows: Any, batch_size: int) -> Any:
        """This worker's rows of some global batches, [steps, rows, ...], as each local replica's share of them."""
        share = batch_size // self.replicas
        first = self.worker * (batch_size // self.workers)

        def own(context: Any) -> Any:
            start = context.replica_id_in_sync_group * share - first
            return rows[:, start : start + share]

        return self.strategy.experimental_distribute_values_from_function(own)

    def agree(self, number: int) -> bool:
        """Whether all workers hold the same number, below 2^31. All must call this, and all get the same answer."""
        own = self.strategy.experimental_distribute_values_from_function(
            lambda context: tf.constant([number, number * number], tf.int64)
        )
        sums = self.strategy.run(_sum, args=(own,))
        total, squares = (int(n) for n in self.strategy.experimental_local_results(sums)[0].numpy())
        # Cauchy and Schwarz: equality only where all are equal.
        return squares * self.replicas == total * total


def open_distribution(name: str, devices: int = 0) -> Distribution:
    """The strategy called `name`. Call this before TensorFlow has computed anything.

    Args:
      name: one of `STRATEGIES`; `auto` is multiworker where TF_CONFIG names a cluster, mirrored where there are several
        devices, else one.
      devices: how many GPUs to use, or, without GPUs, into how many logical devices to cut the CPU; 0 for all there
        are.

    Raises:
      UserError: if TF_CONFIG is missing or wrong, or there are fewer devices.
    """
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


def summed(tensors: Sequence[Any]) -> list[Any]:
    """Each of the tensors summed over all replicas, in one exchange for each type; called in replica context."""
    total = list(tensors)
    for dtype in dict.fromkeys(tensor.dtype for tensor in tensors):
        places = [i for i, tensor in enumerate(tensors) if tensor.dtype == dtype]
        together = tf.distribute.get_replica_context().all_reduce("SUM", [tensors[i] for i in places])
        for i, tensor in zip(places, together, strict=True):
            total[i] = tensor
    return total


def _sum(numbers: Any) -> Any:
    return tf.distribute.get_replica_context().all_reduce("SUM", numbers)


def _devices(wanted: int) -> list[str]:
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        if wanted > len(gpus):
            raise Error(f"--devices {wanted}: this machine has {len(gpus)} GPUs")
        return [f"GPU:{i}" for i in range(wanted or len(gpus))]
    count = wanted or 1
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * count)
    return [f"CPU:{i}" for i in range(count)]


def _cluster() -> dict[str, Any] | None:
    """TF_CONFIG, where it names a cluster."""
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
    return Distribution(tf.distribute.MultiWorkerMirroredStrategy(), worker, workers)
