"""Faults on demand: what a vendor does on a bad day, told through the control API.

Call faults act on requests to a twin, webhook faults on what a twin sends out.
"""

import asyncio
import fnmatch
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal, get_args

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

CallFault = Literal[
    "rate_limit",
    "error_before",
    "error_after",
    "timeout_before",
    "timeout_after",
    "reset_before",
    "reset_after",
]
WebhookFault = Literal["duplicate", "delay", "drop", "reorder", "forge", "stale"]
KINDS = (*get_args(CallFault), *get_args(WebhookFault))


@dataclass
class Fault:
    """`times` hits on operations that match `operation` (a glob) after `skip` clean ones."""

    vendor: str
    operation: str
    kind: str
    times: int = 1
    skip: int = 0
    seconds: float = 5.0
    """Length of a delay or a timeout."""
    status: int = 503
    hits: int = field(default=0)


class Faults:
    """The current rules and a count of what they did."""

    def __init__(self) -> None:
        self.rules: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Refuses a kind that no code acts on, so that a typo cannot pass as a clean run."""
        if fault.kind not in KINDS:
            raise ValueError(f"unknown fault kind {fault.kind!r}; one of {', '.join(KINDS)}")
        self.rules.append(fault)

    def take(self, vendor: str, operation: str, kinds: tuple[str, ...]) -> Fault | None:
        """The first live rule of one of `kinds` for this operation, used up by one."""
        for rule in self.rules:
            if rule.vendor != vendor or rule.kind not in kinds or rule.times <= 0:
                continue
            if not fnmatch.fnmatch(operation, rule.operation):
                continue
            if rule.skip > 0:
                rule.skip -= 1
                continue
            rule.times -= 1
            rule.hits += 1
            return rule
        return None

    async def around(
        self,
        vendor: str,
        operation: str,
        _request: Request,
        handle: Callable[[], Awaitable[Response]],
        rate_limited: Callable[[], Response] | None = None,
    ) -> Response:
        """Run a twin's handler with at most one call fault, before or after its effect."""
        fault = self.take(vendor, operation, get_args(CallFault))
        if fault is None:
            return await handle()
        if fault.kind == "rate_limit":
            too_many = JSONResponse({"error": "rate limited"}, 429, {"Retry-After": "1"})
            return rate_limited() if rate_limited else too_many
        if fault.kind.endswith("_after"):
            await handle()
        if fault.kind.startswith("timeout"):
            await asyncio.sleep(fault.seconds)
        if fault.kind.startswith("error"):
            return JSONResponse({"error": "simulated failure"}, fault.status)
        return HangUp()


class HangUp(Response):
    """Closes the connection without an answer: the caller cannot know what happened."""

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Promise a body and never send it, which makes the server drop the connection."""
        headers = [(b"content-length", b"10")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        raise ConnectionResetError("simulated reset")
