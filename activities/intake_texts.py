"""SMS events: delivery reports advance the outbox, replies act on consent or pause the chase."""

from collections.abc import Mapping
from datetime import datetime

from activities import outbox
from activities.bounces import tell_failed
from activities.intake_replies import ReplyIntake
from activities.translation import Ignored, Undecodable, form_or_object
from connectors.ports import (
    BadRequest,
    CaseEngine,
    DeliveryReport,
    InboundText,
    TextPort,
    VendorEvent,
)
from store import consents, text_reports, touchpoints
from store.db import Conn, Pool, transaction
from store.inbox import InboxEvent
from store.vault import Vault

STATUS = "message.status"
RECEIVED = "message.received"
STATES: Mapping[str, touchpoints.TouchpointState] = {
    "delivered": "delivered",
    "undelivered": "failed",
    "failed": "failed",
}
"""The provider's later word; any other one means that it has the message."""
STOPPED_SCOPE = consents.EVERYTHING
"""STOP ends every text from this sender, whatever its purpose."""


class TextIntake:
    """Routes the SMS provider's events."""

    def __init__(self, pool: Pool, vault: Vault, port: TextPort, engine: CaseEngine) -> None:
        self._pool = pool
        self._port = port
        self._engine = engine
        self._replies = ReplyIntake(pool, vault, engine)

    async def translate(self, event: InboxEvent) -> str:
        """The workflow id that was told; `Ignored` with what was done when none needs to be."""
        vendor_event = VendorEvent(
            source=event.source,
            event_id=event.event_id or event.inbox_id,
            event_type=event.event_type,
            occurred_at=event.occurred_at or event.received_at,
            body=form_or_object(event.body),
        )
        said: DeliveryReport | InboundText
        try:
            if event.event_type == STATUS:
                said = self._port.delivery_report(vendor_event)
            elif event.event_type == RECEIVED:
                said = self._port.inbound(vendor_event)
            else:
                raise Ignored(f"{event.event_type} changes no case")
        except (BadRequest, KeyError, ValueError):
            raise Undecodable("The form lacks what its type promises.") from None
        if isinstance(said, InboundText):
            return await self._replies.take(event, said)
        return await self._status(said, event.received_at)

    async def look_up(self, provider_id: str, at: datetime) -> str:
        """Ask the provider what became of a text: told | ended | open."""
        report = await self._port.report(provider_id)
        if report is None:
            return "open"
        try:
            await self._status(report, at)
        except Ignored:
            return "ended" if report.state in STATES else "open"
        return "told"

    async def _key(self, conn: Conn, report: DeliveryReport) -> str:
        """Ours where the provider repeats it, else found by what it does repeat."""
        return report.message_key or (
            await text_reports.key_of(conn, self._port.name, report.provider_id, report.words) or ""
        )

    async def _status(self, report: DeliveryReport, at: datetime) -> str:
        try:
            async with transaction(self._pool) as conn:
                message = await touchpoints.mark(
                    conn,
                    await self._key(conn, report),
                    STATES.get(report.state, "accepted"),
                    provider_id=report.provider_id,
                    failure_code=report.error_code,
                )
                if report.failure_kind == "opted_out":
                    await consents.opt_out(
                        conn,
                        message.client_id,
                        "sms",
                        STOPPED_SCOPE,
                        "carrier",
                        "stop",
                        given_at=at,
                    )
                elif report.failure_kind == outbox.DEAD_ADDRESS:
                    sent_at = message.accepted_at or message.sending_at or message.at
                    await consents.suppress_address_of(
                        conn, message.client_id, "sms", outbox.DEAD_ADDRESS, sent_at, at
                    )
        except (LookupError, touchpoints.IllegalTransition):
            raise Ignored("no message that we sent is named") from None
        if message.state != "failed":
            raise Ignored(f"{report.state}: the message is {message.state}")
        code = report.failure_kind or report.error_code or report.state
        return await tell_failed(self._pool, self._engine, message, code)
