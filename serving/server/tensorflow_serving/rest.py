"""TensorFlow Serving's REST service; see "RESTful API" in its documentation."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from serving.server.call import Call
from serving.server.models.repository import Repository
from serving.server.tensorflow_serving import examples, json_bodies, metadata
from serving.server.tensorflow_serving.checks import check_types
from serving.server.tensorflow_serving.json_tensors import invalid
from serving.server.tensorflow_serving.spec import DEFAULT, ModelSpec

PREFIX = "/v1/models"
MODEL = PREFIX + r"/([^/:]+)(?:/(?i:versions)/([0-9]+)|/(?i:labels)/([^/:]+))?"
ASKED = re.compile(MODEL + r":(?i:(classify|regress|predict))")
DESCRIBED = re.compile(MODEL + r"(?:/(?i:(metadata)))?")
# Versions are numbers of 64 bits with a sign.
LARGEST = (1 << 63) - 1
# A body from so many bytes on is read and written beside the event loop, which others wait for.
LARGE = 1 << 16

T = TypeVar("T")


def routes(repository: Repository) -> list[Route]:
    """Returns the routes of the service: all below `/v1/models`."""

    async def endpoint(request: Request) -> Response:
        path = request.scope.get("raw_path", request.url.path.encode()).partition(b"?")[0].decode("latin-1")
        body = await request.body()
        if request.method == "POST" and (found := ASKED.fullmatch(path)):
            method = found[4].lower()
            spec = _spec(*found.groups()[:3])
            if method == "predict":
                return _json(await _predict(repository, spec, body, request.state.call))
            document = json_bodies.parsed(body)
            signature = json_bodies.signature_name(document)
            examples.check_examples(document)
            raise examples.refusal(spec.find(repository), method, signature)
        if request.method in ("GET", "HEAD") and (found := DESCRIBED.fullmatch(path)):
            spec = _spec(*found.groups()[:3])
            if found[4]:
                return _json(metadata.metadata_json(spec.find(repository)))
            return _json(metadata.as_json(metadata.status(repository, spec)))
        if request.method == "GET" and path.rstrip("/") == PREFIX:
            raise invalid("Missing model name in request.")
        raise invalid(f"Malformed request: {request.method} {path[:256]}")

    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    return [Route(path, endpoint, methods=methods) for path in (PREFIX, PREFIX + "/{rest:path}")]


async def _predict(repository: Repository, spec: ModelSpec, body: bytes, call: Call) -> str:
    """Returns the answer to a request for a prediction, as JSON."""
    version = spec.find(repository)
    with version.used():
        large = len(body) >= LARGE
        document = await _beside(large, lambda: json_bodies.parsed(body))
        name = json_bodies.signature_name(document) or DEFAULT
        if name not in version.signatures:
            raise invalid(f'Serving signature name: "{name}" not found in signature def')
        version.check_room(name)
        signature = version.signatures[name]
        inputs, rows = await _beside(large, lambda: json_bodies.inputs(document, signature.inputs))
        check_types(signature, {key: (signature.inputs[key].dtype, x.shape) for key, x in inputs.items()})
        outputs = await version.predict(name, inputs, call)
        written = json_bodies.by_rows if rows else json_bodies.by_columns
        ordered = dict(sorted(outputs.items()))
        return await _beside(sum(x.size for x in outputs.values()) >= LARGE, lambda: written(ordered))


def _spec(name: str, version: str | None, label: str | None) -> ModelSpec:
    if version is not None and int(version[:32]) > LARGEST:
        raise invalid(f"Failed to convert version: {version[:32]} to numeric.")
    return ModelSpec(
        unquote(name), None if version is None else int(version), None if label is None else unquote(label)
    )


async def _beside(large: bool, work: Callable[[], T]) -> T:
    """Returns what work gives, which is done in a thread if it is large."""
    return await asyncio.to_thread(work) if large else work()


def _json(text: str) -> Response:
    return Response(text, media_type="application/json")
