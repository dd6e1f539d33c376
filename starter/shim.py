"""The webhook shim: verify on the raw bytes, keep one row, answer, translate afterwards.

A crash between the answer and the translation loses nothing: the redrive finds the row.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import asyncpg
import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from activities.intake_texts import RECEIVED as TEXT_RECEIVED
from activities.intake_texts import STATUS as TEXT_STATUS
from connectors.ports import BadRequest, LenderWebhooks, SignatureRefused, VendorEvent
from starter.tasks import Tasks
from starter.wiring import Wiring
from store import inbox, locations, touchpoints
from store.inbox import InboxEvent

BODY_BYTES_MAX = 1_000_000
STORE_TIMEOUT_SECONDS = 3
"""Boulevard gives up after 5 s; a 503 before that makes it try again."""
JSON = "application/json"
MAIL = "message/rfc822"
FORM = "application/x-www-form-urlencoded"
DATABASE_FAULTS = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)

ON_ITS_WAY = frozenset({"accepted", "sent"})
"""States of a text after which the provider always says more."""

_KEPT_HEADERS = ("content-type", "user-agent", "stripe-signature")
_KEPT_PREFIXES = (
    "x-blvd-",
    "zenoti-",
    "x-twilio-",
    "i-twilio-",
    "podium-",
    "mail-",
    "cherry-",
    "patientfi-",
)

log = structlog.get_logger("tieout.shim")


class Shim:
    """The vendors' endpoints."""

    def __init__(self, wiring: Wiring, tasks: Tasks) -> None:
        self._wiring = wiring
        self._tasks = tasks
        self._locations: set[str] = set()
        """Those found in the books; a location is never taken out."""

    def routes(self) -> list[Route]:
        """Below /webhooks."""
        return [
            Route("/webhooks/boulevard/{location}", self.boulevard, methods=["POST"]),
            Route("/webhooks/zenoti", self.zenoti, methods=["POST"]),
            Route("/webhooks/stripe", self.stripe, methods=["POST"]),
            Route("/webhooks/twilio", self.twilio, methods=["POST"]),
            Route("/webhooks/podium", self.podium, methods=["POST"]),
            Route("/webhooks/mail", self.mail, methods=["POST"]),
            Route("/webhooks/lenders/{lender}/{location}", self.lender, methods=["POST"]),
        ]

    async def boulevard(self, request: Request) -> Response:
        """Refusals are 401: 410 ends the subscription for good, 404 looks like a dead endpoint."""
        location_id = request.path_params["location"]
        pms = self._wiring.pms.get(location_id)

        def verify(raw: bytes) -> VendorEvent:
            if pms is None:
                raise SignatureRefused("No such location.")
            return pms.verify(raw, request.headers, datetime.now(UTC))

        return await self._take(request, "boulevard", JSON, 401, verify, location_id)

    async def zenoti(self, request: Request) -> Response:
        """One endpoint for the organisation; its "test" button posts nothing, unsigned."""
        if request.headers.get("content-length") == "0":
            return Response(status_code=200)
        port = self._wiring.zenoti

        def verify(raw: bytes) -> VendorEvent:
            if port is None:
                raise SignatureRefused("Zenoti is not set up.")
            return port.verify(raw, request.headers, datetime.now(UTC))

        return await self._take(request, "zenoti", JSON, 401, verify, None)

    async def stripe(self, request: Request) -> Response:
        """One endpoint for the whole account; the case is found by the object."""

        def verify(raw: bytes) -> VendorEvent:
            return self._wiring.processor.verify(raw, request.headers, datetime.now(UTC))

        return await self._take(request, "stripe", JSON, 400, verify, None)

    async def twilio(self, request: Request) -> Response:
        """Status callbacks and replies, signed over the public URL as Twilio called it."""
        query = request.scope["query_string"].decode("latin-1")
        url = self._wiring.settings.public_base_url + request.url.path
        url += f"?{query}" if query else ""

        def verify(raw: bytes) -> VendorEvent:
            return self._wiring.text.verify(raw, request.headers, url)

        return await self._take(
            request, "twilio", FORM, 401, verify, None, query, self._is_on_its_way
        )

    async def podium(self, request: Request) -> Response:
        """Sent, failed and received texts; only those sent by us are kept, and every reply."""
        port = self._wiring.podium

        def verify(raw: bytes) -> VendorEvent:
            if port is None:
                raise SignatureRefused("Podium is not set up.")
            return port.verify(raw, request.headers, str(request.url))

        return await self._take(request, "podium", JSON, 401, verify, None, "", self._is_foreign)

    async def mail(self, request: Request) -> Response:
        """Bounces and complaints, posted by the relay as it received them."""
        port = self._wiring.mail_reports

        def verify(raw: bytes) -> VendorEvent:
            if port is None:
                raise SignatureRefused("No mail reports are set up.")
            return port.verify(raw, request.headers, datetime.now(UTC))

        return await self._take(request, "mail", MAIL, 401, verify, None)

    async def lender(self, request: Request) -> Response:
        """A lender's events, one address for each location's account."""
        name, location_id = request.path_params["lender"], request.path_params["location"]
        port = self._wiring.lenders.get(name)

        def verify(raw: bytes) -> VendorEvent:
            if not isinstance(port, LenderWebhooks) or location_id not in port.locations:
                raise SignatureRefused("No such lender here.")
            return port.verify(raw, request.headers, location_id, datetime.now(UTC))

        source = name if port is not None else "lender"
        return await self._take(request, source, JSON, 401, verify, location_id)

    async def _is_foreign(self, event: VendorEvent) -> bool:
        """What the desk wrote by hand in Podium's inbox, and events of other things there."""
        if event.event_type == TEXT_RECEIVED or self._wiring.podium is None:
            return False
        if event.event_type != TEXT_STATUS:
            return True
        try:
            report = self._wiring.podium.delivery_report(event)
        except BadRequest:
            return False  # kept, for a person to look at
        if f"{self._wiring.settings.public_base_url}/" in report.words:
            return False
        return report.state != "failed" or not await self._is_sent_by_us(report.provider_id)

    async def _is_sent_by_us(self, provider_id: str) -> bool:
        """Not every text leads to a page: a check-in is known by its id, and its failure counts."""
        try:
            async with asyncio.timeout(STORE_TIMEOUT_SECONDS), self._wiring.pool.acquire() as conn:
                return await touchpoints.by_provider_id(conn, provider_id) is not None
        except DATABASE_FAULTS:
            return True  # keeping it fails as well, and is asked for again

    async def _is_on_its_way(self, event: VendorEvent) -> bool:
        """A text that is queued or sent: nothing to keep, a last word follows."""
        if event.event_type != TEXT_STATUS:
            return False
        try:
            return self._wiring.text.delivery_report(event).state in ON_ITS_WAY
        except (BadRequest, KeyError):
            return False  # kept, for a person to look at

    async def _take(
        self,
        request: Request,
        source: str,
        content_type: str,
        refused_status: int,
        verify: Callable[[bytes], VendorEvent],
        location_id: str | None,
        query: str = "",
        is_noise: Callable[[VendorEvent], Awaitable[bool]] | None = None,
    ) -> Response:
        if request.headers.get("content-type", "").partition(";")[0].strip() != content_type:
            return self._refuse(source, "content_type", 415, f"Send {content_type}.")
        raw = await _body(request)
        if raw is None:
            return self._refuse(source, "too_large", 413, "The body is larger than 1 MB.")
        try:
            event = verify(raw)
        except SignatureRefused:
            return self._refuse(
                source, "signature", refused_status, "The signature does not verify."
            )
        if is_noise is not None and await is_noise(event):
            return Response(status_code=204)
        # The callback URL's own parameters name the message; as form fields they stay with it.
        kept = raw + b"&" + query.encode("latin-1") if query else raw
        try:
            async with asyncio.timeout(STORE_TIMEOUT_SECONDS):
                inbox_id, is_new = await self._keep(event, location_id, request, kept)
        except LookupError:
            return self._refuse(source, "location", refused_status, "The location is not known.")
        except DATABASE_FAULTS as error:
            log.error("inbox_unavailable", source=source, error=type(error).__name__)
            return PlainTextResponse("Try again in a moment.", 503, {"Retry-After": "5"})
        if is_new:
            intake = self._wiring.intake
            stored = InboxEvent(
                inbox_id=inbox_id,
                source=event.source,
                location_id=location_id,
                event_id=event.event_id,
                event_type=event.event_type,
                occurred_at=event.occurred_at,
                received_at=datetime.now(UTC),
                body=kept,
            )
            pause = intake.wait_seconds(event)
            self._tasks.spawn("dispatch", intake.dispatch_event(stored), pause)
        # No body: Twilio would text a reply's body to the patient.
        return Response(status_code=204)

    async def _keep(
        self, event: VendorEvent, location_id: str | None, request: Request, body: bytes
    ) -> tuple[str, bool]:
        # Each statement commits by itself; there is nothing to roll back together.
        async with self._wiring.pool.acquire() as conn:
            if location_id is not None and location_id not in self._locations:
                await locations.get_location(conn, location_id)
                self._locations.add(location_id)
            return await inbox.receive(
                conn,
                self._wiring.vault,
                event.source,
                location_id,
                event.event_id,
                event.event_type,
                event.occurred_at,
                _kept_headers(request),
                body,
            )

    def _refuse(self, source: str, why: str, status: int, sentence: str) -> Response:
        log.warning("webhook_refused", source=source, why=why)
        self._tasks.spawn("count_refused", self._count(source, why))
        return PlainTextResponse(sentence, status)

    async def _count(self, source: str, why: str) -> None:
        async with self._wiring.pool.acquire() as conn:
            await inbox.count_refused(conn, source, why)


async def _body(request: Request) -> bytes | None:
    """The raw body, or None as soon as it exceeds the limit, without reading the rest."""
    parts, size = [], 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > BODY_BYTES_MAX:
                return None
            parts.append(part)
    except ClientDisconnect:
        return b""
    return b"".join(parts)


def _kept_headers(request: Request) -> dict[str, str]:
    return {
        name: value
        for name, value in request.headers.items()
        if name in _KEPT_HEADERS or name.startswith(_KEPT_PREFIXES)
    }
