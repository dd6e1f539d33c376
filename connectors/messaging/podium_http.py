"""The HTTP below Podium: a refreshed token, 300 calls a minute, one attempt, one time limit."""

import asyncio
import json
from collections import deque
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import httpx

from connectors.http import NOT_SENT, PooledTransport, pause_seconds
from connectors.ports import (
    Misconfigured,
    OutcomeUnknown,
    ProviderUnavailable,
    RateLimited,
)

CALLS_PER_MINUTE = 300
_MINUTE = 60
_TOKEN_SECONDS = 3600
"""When the token's answer does not say how long it lives."""


class PodiumHttp:
    """Signed-in calls. The refresh token never changes hands again after the first grant."""

    def __init__(
        self,
        *,
        base_url: str,
        token_url: str,
        client_id: str,
        client_secret: str,
        refresh_token: str,
        timeout_seconds: float,
        seconds: Callable[[], float],
    ) -> None:
        """`seconds` is a monotonic clock."""
        self._base_url, self._token_url = base_url, token_url
        self._grant = {
            "grant_type": "refresh_token",
            "client_id": client_id,
            "client_secret": client_secret,
            "refresh_token": refresh_token,
        }
        self._timeout_seconds = timeout_seconds
        self._limits = httpx.Timeout(timeout_seconds).as_dict()
        self._seconds = seconds
        self._transport = PooledTransport()
        self._calls: deque[float] = deque(maxlen=CALLS_PER_MINUTE)
        self._token, self._token_until = "", seconds()
        self._signing_in = asyncio.Lock()

    async def aclose(self) -> None:
        """Close the pooled connections."""
        await self._transport.aclose()

    async def sign_in(self) -> None:
        """Have a token that lives."""
        await self._signed_in()

    async def post(self, path: str, body: Mapping[str, Any]) -> httpx.Response:
        """POST once; token and call end within `timeout_seconds` together.

        Raises what the ports know: OutcomeUnknown where it may have been processed. A token that
        Podium has ended early is thrown away, and the call is safe to repeat.
        """
        began = asyncio.get_running_loop().time()
        self._count()
        try:
            async with asyncio.timeout_at(began + self._timeout_seconds / 2):
                token, is_new = await self._signed_in()
        except TimeoutError:
            raise ProviderUnavailable("podium gave no token in time") from None
        answer = await self._post(path, body, token, began + self._timeout_seconds)
        if answer.status_code == httpx.codes.UNAUTHORIZED and not is_new:
            self._token_until = self._seconds()
            raise ProviderUnavailable("podium wants a new token")
        return answer

    async def _post(
        self, path: str, body: Mapping[str, Any], token: str, until: float
    ) -> httpx.Response:
        try:
            async with asyncio.timeout_at(until):
                answer = await self._exchange(f"{self._base_url}{path}", body, token)
        except NOT_SENT as error:
            raise ProviderUnavailable(f"podium not reached: {type(error).__name__}") from None
        except (TimeoutError, httpx.HTTPError) as error:
            raise OutcomeUnknown(f"podium may have acted: {type(error).__name__}") from None
        if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
            named = pause_seconds(answer)
            pause = Decimal(_MINUTE) if named is None else named
            raise RateLimited("podium answered 429", pause)
        if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise OutcomeUnknown(f"podium may have acted: HTTP {answer.status_code}")
        return answer

    def _count(self) -> None:
        """Waiting here would outlast a kill switch, so a full minute is refused with its pause."""
        now = self._seconds()
        if len(self._calls) == CALLS_PER_MINUTE and now - self._calls[0] < _MINUTE:
            pause = Decimal(str(round(_MINUTE - (now - self._calls[0]), 3)))
            raise RateLimited("podium's minute is used up", pause)
        self._calls.append(now)

    async def _signed_in(self) -> tuple[str, bool]:
        """A token that still lives, and whether it is new; one call fetches it for all."""
        async with self._signing_in:
            is_new = self._seconds() >= self._token_until
            if is_new:
                await self._refresh()
            return self._token, is_new

    async def _refresh(self) -> None:
        try:
            answer = await self._exchange(self._token_url, self._grant, None)
        except httpx.HTTPError as error:
            raise ProviderUnavailable(f"podium gave no token: {type(error).__name__}") from None
        status = answer.status_code
        if status == httpx.codes.TOO_MANY_REQUESTS or status >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise ProviderUnavailable(f"podium gave no token: HTTP {status}")
        try:
            given = answer.json()
            token, lives = str(given["access_token"]), int(given.get("expires_in", _TOKEN_SECONDS))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise Misconfigured(f"podium refused the refresh token: HTTP {status}") from None
        # A fifth of its life early: a token must not end between the look and the call.
        self._token, self._token_until = token, self._seconds() + lives * 4 / 5

    async def _exchange(
        self, url: str, body: Mapping[str, Any], token: str | None
    ) -> httpx.Response:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        request = httpx.Request(
            "POST",
            url,
            headers=headers,
            content=json.dumps(body).encode(),
            extensions={"timeout": self._limits},
        )
        return await self._transport.handle_async_request(request)
