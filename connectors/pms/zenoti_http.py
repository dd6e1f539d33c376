"""One call of Zenoti's REST interface: one attempt, its refusals in the house's words."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import httpx

from connectors.http import NOT_SENT, PooledTransport
from connectors.ports import (
    BadRequest,
    ConnectorError,
    Misconfigured,
    OutcomeUnknown,
    ProviderUnavailable,
    RateLimited,
    Refused,
)

TIMEOUT_SECONDS, CONNECT_SECONDS = 10, 3


class ZenotiHttp:
    """Signed in with the organisation's API key."""

    def __init__(self, base_url: str, api_key: str) -> None:
        self._base_url = base_url.rstrip("/")
        self._headers = {"authorization": f"apikey {api_key}", "accept": "application/json"}
        self._limits = httpx.Timeout(TIMEOUT_SECONDS, connect=CONNECT_SECONDS).as_dict()
        self._transport = PooledTransport()

    async def aclose(self) -> None:
        """Close the pooled connections."""
        await self._transport.aclose()

    async def get(
        self, path: str, params: Mapping[str, str | list[str]] | None = None
    ) -> Mapping[str, Any] | Refused:
        """A whole answer; `Refused` (not_found) for 404."""
        return await self._call("GET", path, params=dict(params or {}))

    async def post(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any] | Refused:
        """A write; OutcomeUnknown when its answer is lost."""
        return await self._call("POST", path, json=dict(body))

    async def _call(self, method: str, path: str, **sent: Any) -> Mapping[str, Any] | Refused:
        request = httpx.Request(
            method,
            f"{self._base_url}{path}",
            headers=self._headers,
            extensions={"timeout": self._limits},
            **sent,
        )
        is_write = method != "GET"
        try:
            answer = await self._transport.handle_async_request(request)
        except httpx.TransportError as error:
            if isinstance(error, NOT_SENT):
                raise ProviderUnavailable("Zenoti cannot be reached.") from None
            raise _broken("gave no answer", is_write) from None
        return _checked(answer, is_write)


def _checked(answer: httpx.Response, is_write: bool) -> Mapping[str, Any] | Refused:
    status = answer.status_code
    if status == httpx.codes.TOO_MANY_REQUESTS:
        given = answer.headers.get("retry-after", "")
        pause_seconds = Decimal(given) if given.isdecimal() else None
        raise RateLimited("Zenoti is limiting the organisation.", pause_seconds)
    if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        raise Misconfigured("Zenoti refuses our key or its permissions.")
    if status == httpx.codes.NOT_FOUND:
        return Refused(code="404", kind="not_found")
    if status >= httpx.codes.INTERNAL_SERVER_ERROR:
        raise _broken(f"answered {status}", is_write)
    if not answer.is_success:
        raise BadRequest(f"Zenoti answered {status}.")
    try:
        # Amounts come as JSON numbers and must never pass through a float.
        body = json.loads(answer.content, parse_float=Decimal)
    except ValueError:
        raise _broken("answered without JSON", is_write) from None
    if not isinstance(body, dict):
        raise _broken("answered without an object", is_write)
    if body.get("error") is not None:  # also under status 200; null says that all is well
        raise BadRequest("Zenoti answered with an error.")
    return body


def _broken(what: str, is_write: bool) -> ConnectorError:
    text = f"Zenoti {what}."
    return OutcomeUnknown(text) if is_write else ProviderUnavailable(text)
