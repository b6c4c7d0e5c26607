import json

import pytest

from trainer.distribution import open_distribution
from tutti.errors import Error

CLUSTER = {"worker": ["localhost:1", "localhost:2"]}


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ("{", "TF_CONFIG is not like"),
        (json.dumps({"cluster": CLUSTER}), "TF_CONFIG is not like"),
        (json.dumps({"cluster": CLUSTER, "task": {"type": "worker", "index": 2}}), "one of the cluster's"),
        (
            json.dumps({"cluster": {**CLUSTER, "ps": ["a:1"]}, "task": {"type": "ps", "index": 0}}),
            "one of the cluster's",
        ),
        (json.dumps({"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 0}}), "two or more workers"),
        ("", "needs TF_CONFIG"),
    ],
)
def test_a_cluster_that_cannot_be_is_said(monkeypatch: pytest.MonkeyPatch, config: str, named: str) -> None:
    monkeypatch.setenv("TF_CONFIG", config)
    with pytest.raises(Error, match=named):
        open_distribution("multiworker")


def test_one_device_is_what_a_process_without_cluster_or_devices_gets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TF_CONFIG", raising=False)
    one = open_distribution("one")
    assert (one.replicas, one.workers, one.chief) == (1, 1, True)
    assert one.agree(7)
    with pytest.raises(Error, match="--strategy mirrored"):
        open_distribution("one", 2)
