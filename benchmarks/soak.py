"""Everything at once for an hour, and whether anything fails or grows.

    python -m benchmarks.soak [--minutes 60] [--load 0.8] [--roll 60]

`tutti serve` in a process of its own; a model that gets a new version every minute, and whose old one is deleted;
clients (`benchmarks.soak_clients`) that send so much of what the server can do. Every answer is compared with what the
model gives in this process. Counted are requests and those that failed; the server's memory, threads and open files are
read from /proc all along. Results go to results/soak.json, and the course of it to results/soak.png.
"""

import argparse
import asyncio
import json
import shutil
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import httpx
from tensorflow_serving.apis import prediction_service_pb2_grpc

from benchmarks import exports, measure
from benchmarks.soak_clients import MODEL, Clients, Course, Server, answers
from serving.saved_model import SavedModel


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--load", type=float, default=0.8, help="of what the server can do (0.8)")
    parser.add_argument("--roll", type=float, default=60, help="seconds from one version to the next (60)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model = exports.drums(Path(folder))
        models = Path(folder) / "models"
        course = asyncio.run(soak(models, model, args.minutes * 60, args.load, args.roll))
    report = {**summary(course), "minutes": args.minutes, "load": args.load, "roll": args.roll}
    print(json.dumps(report, indent=1))
    (measure.RESULTS / "soak.json").write_text(json.dumps(report, indent=1) + "\n")
    plot(course, measure.RESULTS / "soak.png")
    sys.exit(bool(course.failures))


def summary(course: Course) -> dict[str, Any]:
    """Returns what happened, and what the server used: after a tenth of the time, at the end, and at most."""
    early, late = course.usage[len(course.usage) // 10], course.usage[-1]
    return {
        "counts": dict(course.counts),
        "failures": course.failures[:20],
        "tokens": course.tokens,
        "early": early,
        "late": late,
        "most": {name: max(use[name] for use in course.usage) for name in early},
    }


async def soak(models: Path, model: SavedModel, seconds: float, load: float, roll: float) -> Course:
    """Keeps a server busy for some seconds, and returns what happened.

    Args:
      models: the folder that is served, in which `MODEL` has a version 1.
      model: that version, loaded here.
      seconds: how long.
      load: of what the server can do, which is measured first.
      roll: seconds from one version of the model to the next.
    """
    course = Course()
    async with serving(models) as server, connected(server) as (http, stub):
        clients = Clients(http, stub, server, answers(model), course)
        rate = load * await clients.capacity()
        course.tokens, course.counts = 0, Counter()
        over = asyncio.Event()
        background = [
            asyncio.create_task(rolled(models / MODEL, roll, over, course)),
            asyncio.create_task(watched(server, over, course)),
        ]
        await clients.busy(rate, seconds)
        over.set()
        await asyncio.gather(*background)
    return course


@asynccontextmanager
async def serving(models: Path) -> AsyncGenerator[Server, None]:
    """Starts `tutti serve`, and stops it as an operator does."""
    rest, rpc = free_port(), free_port()
    command = ["-m", "tutti", "serve", "--models", models, "--rest-port", rest, "--grpc-port", rpc, "--poll", 1]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *map(str, command), stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with httpx.AsyncClient() as http:
            while not await ready(http, rest):
                await asyncio.sleep(0.2)
        yield Server(process.pid, rest, rpc)
    finally:
        process.terminate()
        status = await asyncio.wait_for(process.wait(), 60)
    if status:
        raise RuntimeError(f"the server ended with {status}")


async def ready(http: httpx.AsyncClient, port: int) -> bool:
    try:
        return (await http.get(f"http://127.0.0.1:{port}/readyz")).is_success
    except httpx.TransportError:
        return False


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@asynccontextmanager
async def connected(server: Server) -> AsyncGenerator[tuple[httpx.AsyncClient, Any], None]:
    """Connects to both ports."""
    async with (
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.rest}", timeout=120) as http,
        grpc.aio.insecure_channel(f"127.0.0.1:{server.grpc}") as channel,
    ):
        yield http, prediction_service_pb2_grpc.PredictionServiceStub(channel)


async def rolled(folder: Path, seconds: float, over: asyncio.Event, course: Course) -> None:
    """Publishes version after version, each the same model, and deletes the one before the last."""
    version = 1
    while not await happens(over, seconds):
        version += 1
        beside = folder / f".tmp-{version}"
        await asyncio.to_thread(shutil.copytree, folder / str(version - 1), beside)
        beside.rename(folder / str(version))
        if version > 2:
            await asyncio.to_thread(shutil.rmtree, folder / str(version - 2))
        course.counts["versions"] += 1


async def watched(server: Server, over: asyncio.Event, course: Course) -> None:
    """Looks at what the server uses, every few seconds."""
    while not await happens(over, 2):
        course.usage.append({"at": time.monotonic(), **server.usage()})


async def happens(event: asyncio.Event, seconds: float) -> bool:
    """Waits for an event for some seconds, and returns whether it came."""
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except asyncio.TimeoutError:
        return False
    return True


def plot(course: Course, path: Path) -> None:
    """Draws what the server used."""
    from matplotlib.figure import Figure

    names = ("memory_mb", "threads", "files")
    figure = Figure(figsize=(8, 6), layout="constrained")
    minutes = [(use["at"] - course.usage[0]["at"]) / 60 for use in course.usage]
    for axes, name in zip(figure.subplots(len(names), sharex=True), names, strict=True):
        axes.plot(minutes, [use[name] for use in course.usage])
        axes.set(ylabel=name.replace("_mb", ", MB"), ylim=(0, None))
    figure.axes[-1].set(xlabel="minutes")
    figure.savefig(path, dpi=100)


if __name__ == "__main__":
    main()
