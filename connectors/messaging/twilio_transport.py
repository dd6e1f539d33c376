"""The HTTP below the Twilio SDK: one attempt, a real timeout, nothing personal in any log.

The SDK's own asynchronous transport ignores its timeout, and its retries repeat a POST: each
of them can send a second text.
"""

import asyncio
import logging
from base64 import b64encode
from typing import Any

import httpx
from twilio.http import AsyncHttpClient
from twilio.http.response import Response

from connectors.http import NOT_SENT, PooledTransport, pause_seconds
from connectors.ports import OutcomeUnknown, ProviderUnavailable, RateLimited


class HttpxTransport(AsyncHttpClient):  # type: ignore[misc]
    """One HTTP exchange per call; turns everything but 2xx and 4xx into the ports' errors.

    Sits on httpx's transport, below its client: the client logs every URL, and the URL of a
    look-up holds a phone number.
    """

    def __init__(self, timeout_seconds: float) -> None:
        super().__init__(logging.getLogger(__name__), is_async=True, timeout=timeout_seconds)
        self._total_seconds = timeout_seconds
        self._timeout = httpx.Timeout(timeout_seconds).as_dict()
        self._transport = PooledTransport()

    async def request(
        self,
        method: str,
        uri: str,
        params: dict[str, object] | None = None,
        data: dict[str, object] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        """Exchange once. Raises ProviderUnavailable, RateLimited or OutcomeUnknown."""
        del timeout, allow_redirects
        request = _build(method, uri, params, data, headers or {}, auth)
        request.extensions = {"timeout": self._timeout}
        safe_to_repeat = method.upper() == "GET"
        try:
            # httpx's timeouts are per read: an answer that trickles would outlast a kill switch.
            async with asyncio.timeout(self._total_seconds):
                answer = await self._transport.handle_async_request(request)
        except NOT_SENT as error:
            raise ProviderUnavailable(f"twilio not reached: {type(error).__name__}") from None
        except TimeoutError:
            raise _lost(safe_to_repeat, "timeout") from None
        except httpx.HTTPError as error:
            raise _lost(safe_to_repeat, type(error).__name__) from None
        if answer.status_code == 429:
            raise RateLimited("twilio answered 429", pause_seconds(answer))
        if answer.status_code >= 500:
            raise _lost(safe_to_repeat, f"HTTP {answer.status_code}")
        return Response(answer.status_code, answer.text, answer.headers)

    async def aclose(self) -> None:
        """Close the pooled connections."""
        await self._transport.aclose()


def _build(
    method: str,
    uri: str,
    params: dict[str, object] | None,
    data: dict[str, object] | None,
    headers: dict[str, str],
    auth: tuple[str, str] | None,
) -> httpx.Request:
    if auth:
        token = b64encode(":".join(auth).encode()).decode()
        headers = {**headers, "Authorization": f"Basic {token}"}
    query: Any = params or None
    return httpx.Request(method, uri, params=query, data=data or None, headers=headers)


def _lost(safe_to_repeat: bool, what: str) -> ProviderUnavailable | OutcomeUnknown:
    if safe_to_repeat:
        return ProviderUnavailable(f"twilio gave no answer: {what}")
    return OutcomeUnknown(f"twilio may have acted: {what}")
