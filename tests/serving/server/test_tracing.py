"""Traces: each request is a span, of the trace that its client is in."""

from collections.abc import Iterator

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.serving.server.running import running

TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture(scope="module")
def exporter() -> Iterator[InMemorySpanExporter]:
    """What hears of spans; OpenTelemetry can be set up once in a process."""
    provider, exporter = TracerProvider(), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    yield exporter
    provider.shutdown()


def test_each_request_is_a_span_of_its_clients_trace(exporter: InMemorySpanExporter) -> None:
    caller = f"00-{TRACE}-b7ad6b7169203331-01"
    with running() as server:
        httpx.get(f"{server.url}/slow/0", headers={"traceparent": caller, "x-request-id": "mine"})
        server.echo(b"hello", (("traceparent", caller),))
        server.echo(b"alone")
    ours = [span for span in exporter.get_finished_spans() if "tutti.code" in (span.attributes or {})]
    found = {
        span.name: [f"{one.context.trace_id:032x}" for one in ours if one.context and one.name == span.name]
        for span in ours
    }
    assert found["http /slow/{seconds}"] == [TRACE]
    assert found["grpc Echo"][0] == TRACE and found["grpc Echo"][1] != TRACE
    (slow,) = (span for span in ours if span.name.startswith("http"))
    assert slow.attributes is not None
    assert slow.attributes["tutti.request_id"] == "mine" and slow.attributes["tutti.code"] == "200"
