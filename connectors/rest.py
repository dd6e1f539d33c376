"""One call of a vendor's REST interface: one attempt, its refusals in the house's words."""

import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import httpx

from connectors.http import NOT_SENT, PooledTransport, pause_seconds
from connectors.ports import (
    BadRequest,
    ConnectorError,
    Misconfigured,
    OutcomeUnknown,
    ProviderUnavailable,
    RateLimited,
    Refused,
)

Params = Mapping[str, str | Sequence[str]]
Body = Mapping[str, Any]


class RestApi:
    """Signed in by headers. A 404 is a definite no, to a read as to a write."""

    def __init__(
        self, name: str, base_url: str, headers: Mapping[str, str], limits: httpx.Timeout
    ) -> None:
        """`name` opens every message; `headers` sign in; `limits` end a call."""
        self._name, self._base_url = name, base_url.rstrip("/")
        self._headers, self._limits = dict(headers), limits.as_dict()
        self._transport = PooledTransport()

    async def aclose(self) -> None:
        """Close the pooled connections."""
        await self._transport.aclose()

    async def get(
        self, path: str, params: Params, headers: Mapping[str, str] | None = None
    ) -> httpx.Response | Refused:
        """One answer below 300; `Refused` (not_found) for 404."""
        return await self._call("GET", path, headers, params=dict(params))

    async def get_json(
        self, path: str, params: Params, headers: Mapping[str, str] | None = None
    ) -> Body | Refused:
        """The same as a JSON object; an answer that is none is a failed call."""
        return self._object("GET", await self.get(path, params, headers))

    async def post_json(self, path: str, body: Body) -> Body | Refused:
        """A write; OutcomeUnknown when its answer is lost or cannot be read."""
        return self._object("POST", await self._call("POST", path, None, json=dict(body)))

    async def _call(
        self, method: str, path: str, headers: Mapping[str, str] | None, **sent: Any
    ) -> httpx.Response | Refused:
        request = httpx.Request(
            method,
            f"{self._base_url}{path}",
            headers={**self._headers, **(headers or {})},
            extensions={"timeout": self._limits},
            **sent,
        )
        try:
            answer = await self._transport.handle_async_request(request)
        except httpx.TransportError as error:
            kind = type(error).__name__
            if isinstance(error, NOT_SENT):
                raise ProviderUnavailable(f"{self._name} cannot be reached: {kind}") from None
            raise self._lost(method, f"gave no answer: {kind}") from None
        return self._checked(method, answer)

    def _checked(self, method: str, answer: httpx.Response) -> httpx.Response | Refused:
        status = answer.status_code
        if status == httpx.codes.TOO_MANY_REQUESTS:
            raise RateLimited(f"{self._name} answered 429", pause_seconds(answer))
        if status >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise self._lost(method, f"answered HTTP {status}")
        if status == httpx.codes.NOT_FOUND:
            return Refused(code="404", kind="not_found")
        if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise Misconfigured(self._why(answer))
        if not answer.is_success:
            raise BadRequest(f"{self._name} answered HTTP {status}")
        return answer

    def _object(self, method: str, answer: httpx.Response | Refused) -> Body | Refused:
        if isinstance(answer, Refused):
            return answer
        try:
            # Amounts come as JSON numbers and must never pass through a float.
            body = json.loads(answer.content, parse_float=Decimal)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise self._lost(method, "answered no JSON object")
        return body

    def _lost(self, method: str, what: str) -> ConnectorError:
        """A read may be repeated as it is; a write may have been processed."""
        text = f"{self._name} {what}"
        return ProviderUnavailable(text) if method == "GET" else OutcomeUnknown(text)

    def _why(self, answer: httpx.Response) -> str:
        """Cherry's key does nothing until somebody activates it, which is worth its own words."""
        code = re.search(r'"code"\s*:\s*"(\w{1,40})"', answer.text[:2_000])
        if code and "activ" in code[1]:
            return f"{self._name} wants its key activated in the practice's portal"
        return f"{self._name} refused the key (HTTP {answer.status_code})"
