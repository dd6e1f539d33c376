"""A patient's reply: consent changes at once, messages pause, and a person is asked.

Everything that the reply changes in the books is one transaction, before anybody is told.
"""

from collections.abc import Sequence
from datetime import timedelta

from activities import reply_holds
from activities.translation import Ignored
from connectors.ports import CaseEngine, InboundText
from domain import consent, ids, replies
from domain.case import ClientHeld, PaymentPosted
from domain.replies import Reply, ReplyKind
from domain.reply_case import ReplyInput, ReplyReceived
from store import client_log, clients, consents, locations, unknown_senders
from store import replies as books
from store.db import Conn, Pool, transaction
from store.inbox import InboxEvent
from store.locations import Location
from store.unknown_senders import UnknownWords
from store.vault import Vault

WORKFLOW = "PatientReply"
SIGNAL = "reply_received"
WRONG_PERSON = "wrong_person"


class ReplyIntake:
    """Routes replies of any text provider."""

    def __init__(self, pool: Pool, vault: Vault, engine: CaseEngine) -> None:
        self._pool = pool
        self._vault = vault
        self._engine = engine

    async def take(self, event: InboxEvent, text: InboundText) -> str:
        """The workflow id that was told; `Ignored` when nobody has to read the reply."""
        reading = replies.classify(text.body, text.opt_out)
        async with transaction(self._pool) as conn:
            digest = clients.phone_digest(self._vault, text.from_e164)
            await unknown_senders.lock_number(conn, digest)
            senders = await clients.clients_by_phone(conn, self._vault, text.from_e164)
            await self._change_consent(conn, event, reading, senders, digest)
            home = await _home(conn, senders, reading)
            received = (
                None if home is None else await _hold(conn, event, reading, senders, digest, home)
            )
        if home is None or received is None:
            if reading.question is not None:
                raise Ignored("no client has the number")
            raise Ignored(f"{reading.kind} is recorded for {len(senders)} client(s)")
        await self._tell_plans(received)
        if reading.kind is ReplyKind.PAID:
            await self._have_books_read(senders, received.inbox_id)
        return await self._ask(home, senders, received)

    async def _change_consent(
        self, conn: Conn, event: InboxEvent, reading: Reply, senders: list[str], digest: bytes
    ) -> None:
        at = event.received_at
        if reading.bars_number:
            await consents.suppress_address(conn, digest, "sms", WRONG_PERSON, at)
        if reading.stop_scope is not None:
            await _stop(conn, reading.stop_scope, senders, digest, event)
        elif reading.kind is ReplyKind.START:
            await consents.lift_suppression(conn, digest, "sms", consent.RESTORED, at)
            for client_id in senders:
                await consents.restore(conn, client_id, "sms", at)

    async def _have_books_read(self, client_ids: Sequence[str], inbox_id: str) -> None:
        """ "I paid" may be true: the visits look before a person does."""
        async with self._pool.acquire() as conn:
            owing = await books.debts_of(conn, client_ids)
        for debt in owing:
            hint = PaymentPosted(payment_id=f"reply:{inbox_id}")
            await self._engine.signal(debt.case_id, "payment_posted", hint)

    async def _tell_plans(self, received: ReplyReceived) -> None:
        """A plan may sleep for months: it hears at once that its patient is silent."""
        for hold in received.holds:
            async with self._pool.acquire() as conn:
                running = await books.plan_cases(conn, [hold.client_id])
            for case_id in running:
                await self._engine.signal(case_id, "client_held", ClientHeld(hold_id=hold.hold_id))

    async def _ask(self, home: Location, senders: list[str], received: ReplyReceived) -> str:
        opaque = senders[0] if senders else received.inbox_id
        case_id = ids.reply_workflow_id(home.location_id, opaque)
        start = ReplyInput(
            location_id=home.location_id,
            zone=home.zone,
            reply=received,
            staff_reminder_business_days=home.chase.staff_reminder_business_days,
            clock_shift_seconds=home.clock_shift_seconds,
        )
        await self._engine.start_or_signal(
            WORKFLOW, case_id, start, SIGNAL, received, home.location_id
        )
        return case_id


async def _stop(
    conn: Conn, scope: str, senders: list[str], digest: bytes, event: InboxEvent
) -> None:
    """End what was asked to end; a bare STOP ends what the rule of the day says."""
    at = event.received_at
    rule = consent.stop_rule(at.date())
    ended = rule.scope if scope == consent.EVERYTHING else scope
    if ended == consent.EVERYTHING:
        # The number itself too: a client who gets it later must not be texted either.
        await consents.suppress_address(conn, digest, "sms", consent.STOPPED, at)
    for client_id in senders:
        for channel in rule.channels:
            await consents.opt_out(
                conn, client_id, channel, ended, "sms-reply", "stop", given_at=at
            )


async def _home(conn: Conn, senders: list[str], reading: Reply) -> Location | None:
    """Where the reply is read: at the first sender's location; None when nobody has to.

    Nobody knows a stranger, who may yet be a patient with another number: the first location by
    id finds out.
    """
    if reading.question is None:
        return None
    if senders:
        return await locations.get_location(conn, await client_log.location_of(conn, senders[0]))
    if reading.kind is ReplyKind.WRONG_PERSON:
        return None  # the number is barred, and was nobody's
    known = await locations.list_locations(conn)
    return min(known, key=lambda location: location.location_id, default=None)


async def _hold(
    conn: Conn,
    event: InboxEvent,
    reading: Reply,
    senders: list[str],
    digest: bytes,
    home: Location,
) -> ReplyReceived | None:
    """Silence everybody who shares the number until a person has read the reply."""
    if reading.question is None:
        return None
    at = event.received_at + timedelta(seconds=home.clock_shift_seconds)
    kind, reason = reading.hold, f"reply: {reading.kind}"
    placed = [
        await reply_holds.place(conn, event.inbox_id, client_id, kind, reason, at)
        for client_id in senders
    ]
    if not senders:
        words = UnknownWords(inbox_id=event.inbox_id, kind=kind, reason=reason, at=at)
        await unknown_senders.keep(conn, digest, words)
    return ReplyReceived(inbox_id=event.inbox_id, code=reading.question, at=at, holds=tuple(placed))
