"""Faults on demand: what a vendor does on a bad day, told through the control API.

Call faults act on requests to a twin, webhook faults on what a twin sends out. A rule may be
for one subject alone (a phone number's digits, an order's id), so that it strikes the same call
whatever else happens at the same time.
"""

import asyncio
import fnmatch
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal, get_args
from urllib.parse import unquote_plus

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
    "slow",
    "meanwhile",
]
WebhookFault = Literal["duplicate", "delay", "drop", "reorder", "forge", "stale", "late"]
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
    """Length of a delay, a timeout or a slow call, which has its effect at its end."""
    status: int = 503
    subject: str = ""
    """Only calls and webhooks that hold this text; empty for all."""
    label: str = ""
    """What the one who planted it calls it; hits are counted by it."""
    act: dict[str, Any] = field(default_factory=dict)
    """For `meanwhile`: the control verb {path, body} that happens while the call is under way."""
    hits: int = field(default=0)


class Faults:
    """The current rules and a count of what they did."""

    def __init__(self) -> None:
        self.rules: list[Fault] = []
        self.happen: Callable[[dict[str, Any]], Awaitable[None]] | None = None
        """Runs a `meanwhile` act; set by the control API."""

    def add(self, fault: Fault) -> None:
        """Refuses a kind that no code acts on, so that a typo cannot pass as a clean run."""
        if fault.kind not in KINDS:
            raise ValueError(f"unknown fault kind {fault.kind!r}; one of {', '.join(KINDS)}")
        self.rules.append(fault)

    def end(self, label: str) -> None:
        """Rules of this label strike no more; their hits stay to be read."""
        for rule in self.rules:
            if rule.label == label:
                rule.times = 0

    def take(
        self, vendor: str, operation: str, kinds: tuple[str, ...], text: str = ""
    ) -> Fault | None:
        """The first live rule of one of `kinds` for this operation, used up by one.

        `text` is what a rule's subject is looked for in.
        """
        for rule in self.rules:
            if rule.vendor != vendor or rule.kind not in kinds or rule.times <= 0:
                continue
            if not fnmatch.fnmatch(operation, rule.operation) or rule.subject not in text:
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
        request: Request,
        handle: Callable[[], Awaitable[Response]],
        rate_limited: Callable[[], Response] | None = None,
    ) -> Response:
        """Run a twin's handler with at most one call fault, before or after its effect."""
        text = await _text_of(request) if self._asks_for_subject(vendor) else ""
        fault = self.take(vendor, operation, get_args(CallFault), text)
        if fault is None:
            return await handle()
        if fault.kind == "meanwhile":
            if self.happen is not None:
                await self.happen(fault.act)
            return await handle()
        if fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
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

    def _asks_for_subject(self, vendor: str) -> bool:
        return any(rule.times > 0 and rule.subject and rule.vendor == vendor for rule in self.rules)


async def _text_of(request: Request) -> str:
    """Path, query and body of a call as its sender meant them."""
    body = (await request.body()).decode("latin-1")
    return f"{request.url.path}?{request.url.query}\n{body}\n{unquote_plus(body)}"


class HangUp(Response):
    """Closes the connection without an answer: the caller cannot know what happened."""

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Promise a body and never send it, which makes the server drop the connection."""
        headers = [(b"content-length", b"10")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        raise ConnectionResetError("simulated reset")
