"""One GET of a lender's interface: signed in, one attempt, its refusals in the house's words."""

import email.utils
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx

from connectors.http import PooledTransport
from connectors.ports import (
    BadRequest,
    Misconfigured,
    ProviderUnavailable,
    RateLimited,
    Refused,
)
from domain.model import Record

TIMEOUT_SECONDS = 15
CONNECT_SECONDS = 5
PAUSE_SECONDS_MAX = 4 * 3600


class LenderAccess(Record):
    """How the practice reaches one lender. `accounts` maps a location id to its account there."""

    base_url: str
    api_key: str
    webhook_secret: str = ""
    """Empty: its webhooks are refused."""
    accounts: Mapping[str, str]


def _utc_now() -> datetime:
    return datetime.now(UTC)


class LenderHttp:
    """Reads alone: a call that got no answer may be repeated as it is."""

    def __init__(
        self,
        name: str,
        base_url: str,
        headers: Mapping[str, str],
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        """`headers` sign in."""
        self._name, self._base_url, self._headers = name, base_url.rstrip("/"), dict(headers)
        self._clock = clock
        self._transport = PooledTransport()
        limits = httpx.Timeout(TIMEOUT_SECONDS, connect=CONNECT_SECONDS)
        self._limits = limits.as_dict()

    async def aclose(self) -> None:
        """Close the pooled connections."""
        await self._transport.aclose()

    async def get(
        self, path: str, params: Mapping[str, str], headers: Mapping[str, str]
    ) -> httpx.Response | Refused:
        """One answer below 300; `Refused` (not_found) for 404."""
        request = httpx.Request(
            "GET",
            f"{self._base_url}{path}",
            params=dict(params),
            headers={**self._headers, **headers},
            extensions={"timeout": self._limits},
        )
        try:
            answer = await self._transport.handle_async_request(request)
        except httpx.TransportError as error:
            text = f"{self._name} gave no answer: {type(error).__name__}"
            raise ProviderUnavailable(text) from None
        return self._checked(answer)

    async def get_json(
        self, path: str, params: Mapping[str, str], headers: Mapping[str, str]
    ) -> Mapping[str, Any] | Refused:
        """The same as a JSON object; an answer that is none is a failed call."""
        answer = await self.get(path, params, headers)
        if isinstance(answer, Refused):
            return answer
        try:
            body = answer.json()
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise ProviderUnavailable(f"{self._name} answered no JSON object")
        return body

    def _checked(self, answer: httpx.Response) -> httpx.Response | Refused:
        status = answer.status_code
        if status == httpx.codes.TOO_MANY_REQUESTS:
            raise RateLimited(f"{self._name} answered 429", self._pause(answer))
        if status >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise ProviderUnavailable(f"{self._name} answered HTTP {status}")
        if status == httpx.codes.NOT_FOUND:
            return Refused(code="404", kind="not_found")
        if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise Misconfigured(self._why(answer))
        if not answer.is_success:
            raise BadRequest(f"{self._name} answered HTTP {status}")
        return answer

    def _why(self, answer: httpx.Response) -> str:
        """Cherry's key does nothing until somebody activates it, which is worth its own words."""
        code = re.search(r'"code"\s*:\s*"(\w{1,40})"', answer.text[:2_000])
        if code and "activ" in code[1]:
            return f"{self._name} wants its key activated in the practice's portal"
        return f"{self._name} refused the key (HTTP {answer.status_code})"

    def _pause(self, answer: httpx.Response) -> Decimal | None:
        """`Retry-After` in seconds or as a date; None where there is none that can be read."""
        given = answer.headers.get("retry-after", "").strip()
        if re.fullmatch(r"\d{1,6}", given):
            return Decimal(min(int(given), PAUSE_SECONDS_MAX))
        try:
            at = email.utils.parsedate_to_datetime(given)
        except ValueError:
            return None
        seconds = int((at - self._clock()).total_seconds()) + 1
        return Decimal(max(1, min(seconds, PAUSE_SECONDS_MAX)))
