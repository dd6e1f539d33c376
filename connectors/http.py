"""HTTP as the connectors speak it: httpx's interface over aiohttp's engine.

httpx's own engine costs ten times the CPU per call, and a visit makes fifteen calls. Errors are
httpx's, so that a caller can tell "nothing was sent" (ConnectError, ConnectTimeout) from "no
answer" (everything else).
"""

import email.utils
import functools
import re
import ssl
import urllib.request
from datetime import UTC, datetime
from decimal import Decimal

import aiohttp
import httpx
from yarl import URL

IDLE_SECONDS = 4
"""Below the usual 5 s of servers: a connection closed under a POST is an unknown outcome."""
CONNECTIONS_MAX = 100
PAUSE_SECONDS_MAX = 4 * 3600


@functools.cache
def _tls() -> ssl.SSLContext:
    return httpx.create_ssl_context()


NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""Nothing has left the house: the same call is safe to repeat."""


def pause_seconds(answer: httpx.Response) -> Decimal | None:
    """`Retry-After`, given in seconds or as a date; None without one that is still ahead."""
    given = answer.headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d{1,3})?", given, re.ASCII):
        return min(Decimal(given), Decimal(PAUSE_SECONDS_MAX))
    try:
        at = email.utils.parsedate_to_datetime(given)
    except ValueError:
        return None
    left = (at if at.tzinfo else at.replace(tzinfo=UTC)) - datetime.now(UTC)
    seconds = int(left.total_seconds()) + 1
    return Decimal(min(seconds, PAUSE_SECONDS_MAX)) if seconds > 0 else None


class PooledTransport(httpx.AsyncBaseTransport):
    """Pooled connections, one attempt per POST, the request's own timeouts, no redirects.

    Proxies come from the environment as usual (`HTTPS_PROXY`, `NO_PROXY`).
    """

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Exchange once and read the whole answer; raises httpx.TransportError."""
        limits = request.extensions.get("timeout", {})
        timeout = aiohttp.ClientTimeout(
            total=None,
            connect=limits.get("connect"),
            sock_connect=limits.get("connect"),
            sock_read=limits.get("read"),
        )
        try:
            async with self._opened().request(
                request.method,
                URL(str(request.url), encoded=True),
                data=await request.aread() or None,
                headers=request.headers.multi_items(),
                timeout=timeout,
                allow_redirects=False,
            ) as answer:
                body = await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _translated(error)(type(error).__name__, request=request) from None
        return httpx.Response(answer.status, headers=answer.raw_headers, content=body)

    async def aclose(self) -> None:
        """Close the pooled connections."""
        if self._session is not None:
            await self._session.close()

    def _opened(self) -> aiohttp.ClientSession:
        """The session, made on first use because it belongs to the running loop."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    ssl=_tls(), limit=CONNECTIONS_MAX, keepalive_timeout=IDLE_SECONDS
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=bool(urllib.request.getproxies()),
            )
        return self._session


def _translated(error: Exception) -> type[httpx.TransportError]:
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return httpx.ConnectTimeout
    if isinstance(error, aiohttp.ClientConnectorError):
        return httpx.ConnectError
    if isinstance(error, TimeoutError):
        return httpx.ReadTimeout
    if isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientPayloadError):
        return httpx.RemoteProtocolError
    return httpx.ReadError
