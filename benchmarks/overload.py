"""Ten times too many requests over sockets, and what becomes of those that are let in.

    go install github.com/bojand/ghz/cmd/ghz@latest
    python -m benchmarks.overload [--ghz PATH] [--load 10] [--seconds 30] [--deadline 10]

`tutti serve` in a process of its own with the piano network; ghz in another sends gRPC requests of 32 to 1,024 tokens,
at a fixed rate whatever comes back, each with a deadline. Three times: at a quarter of what the server can do, at so
many times of it, and at a quarter again at once. What the server can do is measured first, by as many clients as it
has slots. Results go to results/overload.json.
"""

import argparse
import asyncio
import json
import math
import random
import shutil
import subprocess
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import FileDescriptor
from tensorflow_serving.apis import prediction_service_pb2

from benchmarks import exports, measure
from benchmarks.serving import LEAST, MOST, VOCABULARY
from benchmarks.soak import serving
from benchmarks.soak_clients import Server

MODEL, CALL = "piano-lstm", "tensorflow.serving.PredictionService/Predict"
SLOTS = 64
# Requests that differ; they are sent in turn.
KINDS = 256
LIGHT = 0.25


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ghz", default=shutil.which("ghz"), help="where ghz is (on the path)")
    parser.add_argument("--load", type=float, default=10, help="times what the server can do (10)")
    parser.add_argument("--seconds", type=float, default=30, help="of each load (30)")
    parser.add_argument("--deadline", type=float, default=10, help="seconds that a request has (10)")
    args = parser.parse_args()
    if not args.ghz:
        parser.error("ghz is not on the path; see --help")
    with tempfile.TemporaryDirectory() as folder:
        exports.piano(Path(folder), VOCABULARY)
        report = asyncio.run(overloaded(Path(folder), args.ghz, args.load, args.seconds, args.deadline))
    print(json.dumps(report, indent=1))
    (measure.RESULTS / "overload.json").write_text(json.dumps(report, indent=1) + "\n")


async def overloaded(folder: Path, ghz: str, load: float, seconds: float, deadline: float) -> dict[str, Any]:
    """Returns what the server can do, and for each load what came of the requests and what the server used."""
    requests = some_requests()
    (folder / "requests.json").write_text(json.dumps(requests))
    (folder / "service.protoset").write_bytes(protoset(prediction_service_pb2.DESCRIPTOR))
    async with serving(folder / "models") as server:

        async def sent(*flags: object) -> list[dict[str, Any]]:
            return await asyncio.to_thread(details, ghz, folder, server, flags)

        for _ in range(2):
            trial = await sent("--concurrency", SLOTS, "--duration", f"{seconds:g}s", "--timeout", "60s")
        capacity = sum(detail["status"] == "OK" for detail in trial) / seconds
        runs = []
        for times in (LIGHT, load, LIGHT):
            rate = times * capacity
            total = ["--total", math.ceil(rate * seconds), "--timeout", f"{deadline:g}s"]
            came = await sent("--async", "--rps", math.ceil(rate), *total, "--concurrency", 512, "--connections", 8)
            runs.append({"load": times, **summary(came), **server.usage()})
    return {"requests_a_second": capacity, "deadline": deadline, "runs": runs}


def some_requests() -> list[dict[str, Any]]:
    """Returns messages for ghz, whose lengths are log-uniform, so many of each."""
    chance = random.Random(1)
    lengths = np.exp(np.linspace(math.log(LEAST), math.log(MOST), KINDS)).round().astype(int).tolist()
    chance.shuffle(lengths)
    return [request(seed, steps) for seed, steps in enumerate(lengths)]


def request(seed: int, steps: int) -> dict[str, Any]:
    """Returns a message that asks for exactly so many tokens."""

    def tensor(dtype: str, field: str, value: object, *shape: int) -> dict[str, Any]:
        return {"dtype": dtype, "tensor_shape": {"dim": [{"size": str(size)} for size in shape]}, field: [value]}

    inputs = {
        "prompt": tensor("DT_INT32", "int_val", 5, 1, 1),
        "temperature": tensor("DT_FLOAT", "float_val", 1.0, 1),
        "top_p": tensor("DT_FLOAT", "float_val", 0.0, 1),
        "seed": tensor("DT_INT64", "int64_val", str(seed), 1),
        "forbidden": tensor("DT_INT32", "int_val", 0, 1, 1),
    }
    whole = {"steps": steps, "min_steps": steps, "top_k": 0, "label": 0, "duration": 0}
    inputs |= {name: tensor("DT_INT32", "int_val", value, 1) for name, value in whole.items()}
    return {"model_spec": {"name": MODEL, "signature_name": "generate_bounded"}, "inputs": inputs}


def protoset(file: FileDescriptor) -> bytes:
    """Returns a service's description with all that it imports, as ghz reads it."""
    files: dict[str, FileDescriptor] = {}

    def add(file: FileDescriptor) -> None:
        for needed in file.dependencies:
            add(needed)
        files.setdefault(file.name, file)

    add(file)
    descriptions = descriptor_pb2.FileDescriptorSet()
    for each in files.values():
        each.CopyToProto(descriptions.file.add())
    return descriptions.SerializeToString()


def details(ghz: str, folder: Path, server: Server, flags: tuple[object, ...]) -> list[dict[str, Any]]:
    """Runs ghz, and returns each request's latency, in nanoseconds, and status."""
    what = ["--protoset", folder / "service.protoset", "--call", CALL, "--data-file", folder / "requests.json"]
    command = [ghz, "--insecure", *what, "--format", "json", "--duration-stop", "wait", *flags]
    done = subprocess.run([*map(str, command), f"127.0.0.1:{server.grpc}"], capture_output=True, text=True, check=True)
    sent: list[dict[str, Any]] = json.loads(done.stdout)["details"]
    return sent


def summary(sent: list[dict[str, Any]]) -> dict[str, Any]:
    """Returns how many requests ended how, and quantiles of their latencies in seconds, by status."""
    by_status: dict[str, list[float]] = {}
    for detail in sent:
        by_status.setdefault(detail["status"], []).append(detail["latency"] / 1e9)
    quantiles = {
        status: {f"p{percent}": float(np.quantile(seconds, percent / 100)) for percent in (50, 99)}
        for status, seconds in by_status.items()
    }
    return {"counts": dict(Counter(detail["status"] for detail in sent)), "seconds": quantiles}


if __name__ == "__main__":
    main()
