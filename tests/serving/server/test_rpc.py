"""What every call of gRPC goes through, over real sockets."""

from collections.abc import Iterator
from typing import Any

import grpc
import httpx
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from serving.server.config import Limits
from tests.serving.server.running import SERVICE, Running, running


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running(Limits(body=1000, deadline=100.0, connections=8, receive=1.0)) as server:
        yield server


def refused(server: Running, message: bytes, **options: Any) -> Any:
    """Returns the error that a call ends with."""
    with pytest.raises(grpc.RpcError) as error:
        server.echo(message, **options)
    return error.value


def test_a_call_has_an_id_a_client_and_a_deadline(server: Running) -> None:
    client, identity, left, said = server.echo(b" hello", (("x-request-id", "mine"),), timeout=50).split()
    assert (client, identity, said) == (b"ipv4:127.0.0.1", b"mine", b"hello")
    assert 45 <= int(left) <= 50
    assert 95 <= int(server.echo(b"", timeout=None).split()[2]) <= 100
    assert int(server.echo(b"", (("tutti-timeout", "7"),)).split()[2]) <= 7


def test_errors_keep_their_codes_and_tell_nothing_of_the_server(server: Running) -> None:
    failed = refused(server, b"fail", metadata=(("x-request-id", "seven"),))
    assert failed.code() is grpc.StatusCode.INTERNAL
    assert failed.details() == "internal error, request seven"
    full = refused(server, b"refuse")
    assert (full.code(), full.details()) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "the queue is full")
    assert ("retry-after", "3") in full.trailing_metadata()
    assert refused(server, b"abort").code() is grpc.StatusCode.FAILED_PRECONDITION
    assert refused(server, b" " * 1001).code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert refused(server, b"wait9", timeout=0.5).code() is grpc.StatusCode.DEADLINE_EXCEEDED
    bad = refused(server, b"", metadata=(("tutti-timeout", "soon"),))
    assert bad.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_codes_are_counted_and_methods_that_there_are_not_are_not(server: Running) -> None:
    refused(server, b"refuse")
    with grpc.insecure_channel(f"127.0.0.1:{server.server.grpc_port}") as channel:
        for method in (f"/{SERVICE}/MadeUp", "/made.up/Echo"):
            unknown: Any = channel.unary_unary(method)
            with pytest.raises(grpc.RpcError) as error:
                unknown(b"", timeout=10)
            assert error.value.code() is grpc.StatusCode.UNIMPLEMENTED
    text = httpx.get(f"{server.url}/metrics").text
    assert 'code="RESOURCE_EXHAUSTED",method="Echo",model="",protocol="grpc"' in text
    assert 'code="UNIMPLEMENTED",method="",model="",protocol="grpc"' in text
    assert "adeUp" not in text and "made.up" not in text


def test_a_call_that_its_client_gives_up_is_cancelled(server: Running) -> None:
    server.api.begun.clear()
    server.api.ended.clear()
    with grpc.insecure_channel(f"127.0.0.1:{server.server.grpc_port}") as channel:
        echo: Any = channel.unary_unary(f"/{SERVICE}/Echo")
        waiting = echo.future(b"wait60")
        assert server.api.begun.wait(10)
        waiting.cancel()
        assert server.api.ended.wait(10)
    assert server.api.how == "cancelled"


def test_a_small_message_that_unpacks_to_a_large_one_is_refused(server: Running) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{server.server.grpc_port}", compression=grpc.Compression.Gzip) as channel:
        echo: Any = channel.unary_unary(f"/{SERVICE}/Echo")
        with pytest.raises(grpc.RpcError) as error:
            echo(b" " * 100_000, timeout=10)
    assert error.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_health_is_told_as_it_changes(server: Running) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{server.server.grpc_port}") as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        serving, not_serving = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
        assert stub.Check(health_pb2.HealthCheckRequest()).status == serving
        with pytest.raises(grpc.RpcError) as error:
            stub.Check(health_pb2.HealthCheckRequest(service="made.up"))
        assert error.value.code() is grpc.StatusCode.NOT_FOUND
        watch = stub.Watch(health_pb2.HealthCheckRequest(), timeout=20)
        assert next(watch).status == serving
        server.models.loaded = False
        assert next(watch).status == not_serving
        server.models.loaded = True
        watch.cancel()


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"\x00" * 1000,
        bytes(range(256)) * 10,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 1000,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x04\x08",
    ],
)
def test_garbage_and_silence_end_and_the_server_goes_on(server: Running, garbage: bytes) -> None:
    with server.connect(server.server.grpc_port) as connection:
        connection.sendall(garbage)
        connection.settimeout(15)
        try:
            while connection.recv(1 << 16):
                pass
        except ConnectionError:
            pass
    assert server.echo(b"still here").endswith(b"still here")


def test_connections_beyond_the_limit_are_closed_and_room_comes_back(server: Running) -> None:
    held = [server.connect(server.server.grpc_port) for _ in range(8)]
    for connection in held:
        # The beginning of HTTP/2, so that they are not closed for their silence.
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00")
    assert refused(server, b"", timeout=3).code() in (
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
    )
    for connection in held:
        connection.close()
    with grpc.insecure_channel(f"127.0.0.1:{server.server.grpc_port}") as channel:
        echo: Any = channel.unary_unary(f"/{SERVICE}/Echo")
        assert echo(b"back", wait_for_ready=True, timeout=20).endswith(b"back")
