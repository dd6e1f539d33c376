"""The connectors' HTTP: what is told apart when no answer comes, and what an answer holds."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal

import httpx
import pytest

from connectors.http import PooledTransport, pause_seconds
from connectors.ports import (
    BadRequest,
    ConnectorError,
    Misconfigured,
    OutcomeUnknown,
    ProviderUnavailable,
    RateLimited,
    Refused,
)
from connectors.rest import RestApi
from tests.sandbox_fixture import free_port

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    timeout = httpx.Timeout(0.3, connect=1)
    async with httpx.AsyncClient(transport=PooledTransport(), timeout=timeout) as opened:
        yield opened


async def ask(client: httpx.AsyncClient, serve: Serve) -> httpx.Response:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        url = f"http://127.0.0.1:{port}/a%2Fb%7Ec?q=%20"
        return await client.post(url, content=b"x", headers={"x-key": "once"})
    finally:
        server.close()


def answering(parts: bytes, then_wait_seconds: float = 0) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(parts)
        await writer.drain()
        await asyncio.sleep(then_wait_seconds)
        writer.close()

    return serve


async def test_nothing_listens(client: httpx.AsyncClient) -> None:
    with pytest.raises(httpx.ConnectError):
        await client.post(f"http://127.0.0.1:{free_port()}/", content=b"x")


@pytest.mark.parametrize(
    ("serve", "error"),
    [
        (answering(b"", 2), httpx.ReadTimeout),
        (answering(b""), httpx.RemoteProtocolError),
        (answering(OK[:-1]), httpx.RemoteProtocolError),
        (answering(OK[:-1], 2), httpx.ReadTimeout),
        (answering(b"no HTTP at all\r\n\r\n"), httpx.TransportError),
    ],
)
async def test_no_answer_is_never_taken_for_nothing_sent(
    client: httpx.AsyncClient, serve: Serve, error: type[httpx.TransportError]
) -> None:
    asked = 0

    async def counted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        await serve(reader, writer)

    with pytest.raises(error) as caught:
        await ask(client, counted)
    assert asked == 1
    assert not isinstance(caught.value, httpx.ConnectError | httpx.ConnectTimeout)


async def test_the_request_arrives_as_it_was_built(client: httpx.AsyncClient) -> None:
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        seen.append(await reader.readexactly(1))
        writer.write(OK)

    answer = await ask(client, serve)
    assert (answer.status_code, answer.text) == (200, "ok")
    head, body = seen
    assert head.startswith(b"POST /a%2Fb%7Ec?q=%20 HTTP/1.1\r\n")
    for line in (b"content-length: 1\r\n", b"x-key: once\r\n", b"host: "):
        assert head.lower().count(line) == 1
    assert body == b"x"


async def test_a_compressed_answer_is_read_once(client: httpx.AsyncClient) -> None:
    body = gzip.compress(b'{"a": 1}')
    head = f"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {len(body)}\r\n\r\n"
    answer = await ask(client, answering(head.encode() + body))
    assert answer.json() == {"a": 1}


async def test_a_redirect_is_an_answer(client: httpx.AsyncClient) -> None:
    moved = b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"
    assert (await ask(client, answering(moved))).status_code == 302


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ("7", "7"),
        ("0.5", "0.5"),
        ("999999", "14400"),
        ("Mon, 01 Jan 2199 00:00:00 GMT", "14400"),
        ("Mon, 05 Jan 2026 00:00:00 GMT", None),
        ("Mon, 05 Jan 2026 00:00:00 -0000", None),
        ("-5", None),
        ("soon", None),
        ("", None),
    ],
)
def test_a_pause_is_named_in_seconds_or_as_a_date(given: str, seconds: str | None) -> None:
    answer = httpx.Response(429, headers={"retry-after": given})
    assert pause_seconds(answer) == (None if seconds is None else Decimal(seconds))


def answer_of(status: int, body: bytes = b"{}") -> Serve:
    head = b"HTTP/1.1 %d X\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"
    return answering(head % (status, len(body)) + body)


@pytest.mark.parametrize(
    ("serve", "on_read", "on_write"),
    [
        (answering(b""), ProviderUnavailable, OutcomeUnknown),
        (answer_of(500), ProviderUnavailable, OutcomeUnknown),
        (answer_of(200, b"busy"), ProviderUnavailable, OutcomeUnknown),
        (answer_of(200, b"[]"), ProviderUnavailable, OutcomeUnknown),
        (answer_of(429), RateLimited, RateLimited),
        (answer_of(422), BadRequest, BadRequest),
        (answer_of(302), BadRequest, BadRequest),
        (answer_of(403), Misconfigured, Misconfigured),
        (answer_of(404), None, None),
    ],
)
async def test_each_answer_of_a_rest_interface_is_done_refused_or_unknown(
    serve: Serve, on_read: type[ConnectorError] | None, on_write: type[ConnectorError] | None
) -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    api = RestApi("vendor", f"http://127.0.0.1:{port}", {}, httpx.Timeout(1))
    calls = ((api.get_json("/a", {}), on_read), (api.post_json("/a", {"b": 1}), on_write))
    for call, expected in calls:
        if expected is None:
            assert await call == Refused(code="404", kind="not_found")
            continue
        with pytest.raises(ConnectorError) as caught:
            await call
        assert type(caught.value) is expected
    await api.aclose()
    server.close()
