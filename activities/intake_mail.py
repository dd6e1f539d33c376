"""What the mail relay says later: bounces tell the case, complaints end e-mail."""

from datetime import datetime

from activities.bounces import tell_failed
from activities.translation import Ignored, Undecodable
from connectors.ports import BadRequest, CaseEngine, MailReport, MailReportPort
from domain import consent
from domain.case import Channel
from store import clients, consents, touchpoints
from store.db import Conn, Pool, transaction
from store.inbox import InboxEvent
from store.touchpoints import Touchpoint, TouchpointState
from store.vault import Vault

BOUNCED = "bounced"
COMPLAINT = "complaint"
DEAD = "invalid_address"
"""The kind of failure after which nothing is sent to the address any more."""

_STATES: dict[str, TouchpointState] = {"failed": "failed", "delivered": "delivered"}


class MailIntake:
    """Routes the relay's reports."""

    def __init__(self, pool: Pool, vault: Vault, port: MailReportPort, engine: CaseEngine) -> None:
        self._pool = pool
        self._vault = vault
        self._port = port
        self._engine = engine

    async def translate(self, event: InboxEvent) -> str:
        """The workflow id that was told; `Ignored` with what was done when none needs to be."""
        try:
            report = self._port.read(event.body)
        except BadRequest as problem:
            raise Undecodable(f"The report cannot be read: {problem}.") from None
        if report.state == "accepted":
            raise Ignored("the relay is still trying, or tells of no failure")
        if report.state == "complained":
            raise Ignored(await self._complained(report, event.received_at))
        return await self._ended(report, event.received_at)

    async def _complained(self, report: MailReport, at: datetime) -> str:
        """ "This is spam": no more e-mail to anybody with the address."""
        async with transaction(self._pool) as conn:
            about = await self._clients(conn, report)
            for client_id in about:
                await consents.opt_out(
                    conn,
                    client_id,
                    Channel.EMAIL,
                    consent.EVERYTHING,
                    COMPLAINT,
                    report.code or COMPLAINT,
                    given_at=at,
                )
        return f"a complaint is recorded for {len(about)} client(s)"

    async def _clients(self, conn: Conn, report: MailReport) -> list[str]:
        found: set[str] = set()
        if report.message_key is not None:
            try:
                message = await touchpoints.get(conn, report.message_key)
            except LookupError:
                pass
            else:
                found.update(await clients.clients_sharing(conn, message.client_id, Channel.EMAIL))
        if report.recipient is not None:
            found.update(await clients.clients_by_email(conn, self._vault, report.recipient))
        return sorted(found)

    async def _ended(self, report: MailReport, at: datetime) -> str:
        async with transaction(self._pool) as conn:
            message = await self._mark(conn, report)
            if report.failure_kind == DEAD:
                await self._suppress(conn, report, message, at)
        if message is None:
            raise Ignored("no message that we sent is named")
        if message.state != "failed":
            raise Ignored(f"the message is {message.state}")
        code = report.failure_kind or report.code or report.state
        return await tell_failed(self._pool, self._engine, message, code)

    async def _mark(self, conn: Conn, report: MailReport) -> Touchpoint | None:
        if report.message_key is None:
            return None
        try:
            async with conn.transaction():
                return await touchpoints.mark(
                    conn, report.message_key, _STATES[report.state], failure_code=report.code
                )
        except (LookupError, touchpoints.IllegalTransition):
            return None

    async def _suppress(
        self, conn: Conn, report: MailReport, message: Touchpoint | None, at: datetime
    ) -> None:
        """A dead mailbox: by the report's address, and by the client's own where that is meant.

        A forwarded mail bounces at an address that we never wrote to.
        """
        if report.recipient is not None:
            digest = clients.email_digest(self._vault, report.recipient)
            await consents.suppress_address(conn, digest, Channel.EMAIL, BOUNCED, at)
        if message is not None:
            sent_at = message.accepted_at or message.at
            await consents.suppress_address_of(
                conn, message.client_id, Channel.EMAIL, BOUNCED, sent_at, at
            )
