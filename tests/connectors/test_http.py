"""The connectors' HTTP: what is told apart when no answer comes, and what an answer holds."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest

from connectors.http import PooledTransport
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
