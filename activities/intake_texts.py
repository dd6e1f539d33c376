"""SMS events: delivery reports advance the outbox, replies act on consent or pause the chase."""

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import parse_qsl

from activities.translation import Ignored, Undecodable
from connectors.ports import (
    BadRequest,
    CaseEngine,
    DeliveryReport,
    InboundText,
    TextPort,
    VendorEvent,
)
from domain import consent
from domain.case import DeliveryFailed, Hold
from store import clients, consents, invoices, locations, touchpoints
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
        self._vault = vault
        self._port = port
        self._engine = engine

    async def translate(self, event: InboxEvent) -> str:
        """The workflow id that was told; `Ignored` with what was done when none needs to be."""
        try:
            form = dict(parse_qsl(event.body.decode(), keep_blank_values=True))
        except UnicodeDecodeError:
            raise Undecodable("The body is not a form.") from None
        vendor_event = VendorEvent(
            source=event.source,
            event_id=event.event_id or event.inbox_id,
            event_type=event.event_type,
            occurred_at=event.occurred_at or event.received_at,
            body=form,
        )
        try:
            if event.event_type == STATUS:
                report = self._port.delivery_report(vendor_event)
            elif event.event_type == RECEIVED:
                return await self._reply(self._port.inbound(vendor_event), event.received_at)
            else:
                raise Ignored(f"{event.event_type} changes no case")
        except (BadRequest, KeyError, ValueError):
            raise Undecodable("The form lacks what its type promises.") from None
        return await self._status(report)

    async def _status(self, report: DeliveryReport) -> str:
        try:
            async with transaction(self._pool) as conn:
                message = await touchpoints.mark(
                    conn,
                    report.message_key,
                    STATES.get(report.state, "accepted"),
                    provider_id=report.provider_id,
                    failure_code=report.error_code,
                )
                if report.failure_kind == "opted_out":
                    await consents.opt_out(
                        conn, message.client_id, "sms", STOPPED_SCOPE, "carrier", "stop"
                    )
        except (LookupError, touchpoints.IllegalTransition):
            raise Ignored("no message that we sent is named") from None
        if message.state != "failed":
            raise Ignored(f"{report.state}: the message is {message.state}")
        # A repeat signals again: the first one may have been lost with the process.
        told = await self._engine.signal(
            message.case_id,
            "delivery_failed",
            DeliveryFailed(
                message_key=report.message_key,
                channel=message.channel,
                code=report.failure_kind or report.error_code or report.state,
            ),
        )
        if not told:
            raise Ignored("the message failed; its case is closed")
        return message.case_id

    async def _reply(self, text: InboundText, at: datetime) -> str:
        async with transaction(self._pool) as conn:
            senders = await clients.clients_by_phone(conn, self._vault, text.from_e164)
            if text.opt_out == "stop":
                await self._stop(conn, senders, text.from_e164, at)
            elif text.opt_out == "start":
                await self._start(conn, senders, text.from_e164, at)
        if text.opt_out is not None:
            raise Ignored(f"{text.opt_out} is recorded for {len(senders)} client(s)")
        if not senders:
            raise Ignored("no client has the number")
        return await self._hold(senders)

    async def _stop(self, conn: Conn, senders: list[str], phone_e164: str, at: datetime) -> None:
        digest = clients.phone_digest(self._vault, phone_e164)
        # The number itself too: a client who gets it later must not be texted either.
        await consents.suppress_address(conn, digest, "sms", consent.STOPPED, at)
        for client_id in senders:
            await consents.opt_out(
                conn, client_id, "sms", STOPPED_SCOPE, "sms-reply", "stop", given_at=at
            )

    async def _start(self, conn: Conn, senders: list[str], phone_e164: str, at: datetime) -> None:
        digest = clients.phone_digest(self._vault, phone_e164)
        await consents.lift_suppression(conn, digest, "sms", consent.RESTORED, at)
        for client_id in senders:
            await consents.restore(conn, client_id, "sms", at)

    async def _hold(self, client_ids: list[str]) -> str:
        """Pause what is open for the sender until a person has read the reply."""
        async with self._pool.acquire() as conn:
            open_cases = [
                item.case_id
                for location in await locations.list_locations(conn)
                for client_id in client_ids
                for item in await invoices.open_items(conn, location.location_id, client_id)
            ]
        hold = Hold(by="inbound-reply", reason="reply")
        held = [case for case in open_cases if await self._engine.signal(case, "hold", hold)]
        if not held:
            raise Ignored("the sender has no open case")
        return held[0]
