"""The outbox: one row per intended message, committed before the provider is called.

A row that says `sending` when an attempt begins belongs to an attempt that died: its outcome
is unknown. A lost reminder is better than a double one, so unknown is looked up, not repeated.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from pydantic import AwareDatetime

from activities.contracts import CaseRef, SendIn
from activities.tools import Tools
from connectors.ports import (
    Accepted,
    OutcomeUnknown,
    OutgoingEmail,
    OutgoingText,
    ProviderUnavailable,
    RateLimited,
    Refused,
)
from domain import ids
from domain.case import Channel, ChannelOutcome, ChaseStep, Tone
from domain.messages import TEMPLATE_VERSION, render_email, render_text, template_for
from domain.model import Record
from store import clients, consents, invoices, locations, reviews, touchpoints
from store.db import Conn
from store.touchpoints import Touchpoint, TouchpointState

_VALIDITY_SECONDS_MAX = 36_000
_CLOCK_SLACK = timedelta(minutes=1)
AGAIN_REASONS = frozenset({"ABSENT", "SEND_AGAIN"})
"""Failures after which the same step may go out again, as a new intent."""

_STATES = {
    "accepted": "accepted",
    "delivered": "accepted",
    "unknown": "unknown",
    "sending": "unknown",
}


class Message(Record):
    """One step on one channel, ready to be rendered."""

    case: CaseRef
    client_id: str
    document_id: str
    step: ChaseStep
    channel: Channel
    practice_name: str
    day: int
    local_date: date
    at: AwareDatetime
    validity_seconds: int


class Outbox:
    """Sends and resolves; every state it leaves behind is readable by the next attempt."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def claim(self, conn: Conn, message: Message) -> Touchpoint:
        """The row of a message, made if need be; call under the client's lock."""
        earlier = await touchpoints.of_step(
            conn, message.document_id, message.step.name, message.channel
        )
        retried_at = max(
            (
                review.decided_at
                for review in await reviews.of_case(conn, message.case.case_id)
                if review.decided_at and review.decision and review.decision["choice"] == "retry"
            ),
            default=None,
        )
        intent = _intent(earlier, retried_at)
        return await touchpoints.open_intent(conn, self._row(message, intent))

    async def send(self, message: Message, row: Touchpoint) -> ChannelOutcome:
        """Send once. Raises only where nothing can have been sent, so that a retry is safe."""
        if row.state != "intent":
            return await self._as_found(row)
        contact, token = await self._address(message)
        outgoing = self._render(message, row.message_key, contact, token)
        if outgoing is None:
            async with self._tools.pool.acquire() as conn:
                await touchpoints.mark(conn, row.message_key, "skipped", reason="NO_ADDRESS")
            return _outcome(row, "refused", "NO_ADDRESS")
        async with self._tools.pool.acquire() as conn:
            await touchpoints.mark_sending(conn, row.message_key, row.attempt + 1)
        return await self._hand_over(row, outgoing)

    async def skip(
        self, ask: SendIn, step: str, channel: Channel, today: date, reason: str
    ) -> None:
        """Record that a message was not sent, and why."""
        key = ids.message_key(ask.document_id, step, channel, TEMPLATE_VERSION, 0)
        row = Touchpoint(
            message_key=key,
            case_id=ask.case.case_id,
            client_id=ask.client_id,
            location_id=ask.case.location_id,
            document_id=ask.document_id,
            step=step,
            channel=channel,
            template_version=TEMPLATE_VERSION,
            intent=0,
            state="skipped",
            reason=reason,
            day=(today - (ask.day0 or today)).days,
            local_date=today,
            at=ask.at,
        )
        async with self._tools.pool.acquire() as conn:
            known = await touchpoints.open_intent(conn, row)
            if known.state == "intent":
                await touchpoints.mark(conn, key, "skipped", reason=reason)

    async def resolve(
        self, case: CaseRef, message_key: str, last_look: bool, may_repeat_email: bool
    ) -> ChannelOutcome:
        """Find out what became of a message of unknown outcome."""
        async with self._tools.pool.acquire() as conn:
            row = await touchpoints.get(conn, message_key)
        if _STATES.get(row.state) != "unknown":
            return await self._as_found(row)
        message = await self._message_of(case, row)
        contact, token = await self._address(message)
        outgoing = self._render(message, message_key, contact, token)
        if isinstance(outgoing, OutgoingText):
            return await self._look_up(row, outgoing, last_look)
        if isinstance(outgoing, OutgoingEmail) and may_repeat_email:
            async with self._tools.pool.acquire() as conn:
                await touchpoints.mark_sending(conn, message_key, row.attempt + 1)
            return await self._hand_over(row, outgoing)
        return _outcome(row, "unknown")

    async def _look_up(
        self, row: Touchpoint, outgoing: OutgoingText, last_look: bool
    ) -> ChannelOutcome:
        since = (row.sending_at or row.created_at or row.at) - _CLOCK_SLACK
        try:
            found = await self._tools.texts.find(outgoing, since)
        except (ProviderUnavailable, RateLimited, OutcomeUnknown):
            return _outcome(row, "unknown")
        if isinstance(found, Accepted):
            return await self._finish(row, "accepted", provider_id=found.provider_id)
        if isinstance(found, Refused):
            return await self._finish(row, "failed", reason=found.kind)
        if last_look:
            await self._finish(row, "failed", reason="ABSENT")
            return _outcome(row, "absent")
        return _outcome(row, "unknown")

    async def _hand_over(
        self, row: Touchpoint, outgoing: OutgoingText | OutgoingEmail
    ) -> ChannelOutcome:
        try:
            if isinstance(outgoing, OutgoingText):
                answer = await self._tools.texts.send(outgoing)
            else:
                answer = await self._tools.emails.send(outgoing)
        except OutcomeUnknown:
            return await self._finish(row, "unknown")
        except (ProviderUnavailable, RateLimited):
            async with self._tools.pool.acquire() as conn:
                await touchpoints.mark(conn, row.message_key, "intent", reason="NOT_HANDED_OVER")
            raise
        if isinstance(answer, Refused):
            if answer.kind == "opted_out":
                async with self._tools.pool.acquire() as conn:
                    await consents.opt_out(
                        conn, row.client_id, row.channel, consents.EVERYTHING, "carrier", "stop"
                    )
            return await self._finish(row, "failed", reason=answer.kind, code=answer.code)
        return await self._finish(row, "accepted", provider_id=answer.provider_id)

    async def _finish(
        self,
        row: Touchpoint,
        state: TouchpointState,
        provider_id: str | None = None,
        reason: str | None = None,
        code: str | None = None,
    ) -> ChannelOutcome:
        async with self._tools.pool.acquire() as conn:
            await touchpoints.mark(
                conn,
                row.message_key,
                state,
                provider_id=provider_id,
                reason=reason,
                failure_code=code,
            )
        return _outcome(row, "refused" if state == "failed" else state, reason)

    async def _as_found(self, row: Touchpoint) -> ChannelOutcome:
        if row.state == "sending":  # the attempt that wrote this died before it had an answer
            return await self._finish(row, "unknown")
        return _outcome(row, _STATES.get(row.state, "refused"), row.reason)

    async def _address(self, message: Message) -> tuple[clients.Contact, str]:
        async with self._tools.pool.acquire() as conn:
            contact = await clients.contact_of(conn, self._tools.vault, message.client_id)
            token = await invoices.pay_link(
                conn, message.case.case_id, message.client_id, message.case.location_id
            )
        return contact, token

    async def _message_of(self, case: CaseRef, row: Touchpoint) -> Message:
        async with self._tools.pool.acquire() as conn:
            location = await locations.get_location(conn, case.location_id)
        step = next((s for s in location.chase.steps if s.name == row.step), None)
        return Message(
            case=case,
            client_id=row.client_id,
            document_id=row.document_id or "",
            step=step
            or ChaseStep(name=row.step, day=0, tone=Tone.NEUTRAL, channels=(row.channel,)),
            channel=row.channel,
            practice_name=location.practice_name,
            day=row.day or 0,
            local_date=row.local_date,
            at=row.at,
            validity_seconds=_VALIDITY_SECONDS_MAX,
        )

    def _row(self, message: Message, intent: int) -> Touchpoint:
        return Touchpoint(
            message_key=ids.message_key(
                message.document_id, message.step.name, message.channel, TEMPLATE_VERSION, intent
            ),
            case_id=message.case.case_id,
            client_id=message.client_id,
            location_id=message.case.location_id,
            document_id=message.document_id,
            step=message.step.name,
            channel=message.channel,
            template_version=TEMPLATE_VERSION,
            intent=intent,
            state="intent",
            day=message.day,
            local_date=message.local_date,
            at=message.at,
        )

    def _render(
        self, message: Message, key: str, contact: clients.Contact, token: str
    ) -> OutgoingText | OutgoingEmail | None:
        """The message itself, or None when there is nowhere to send it."""
        words = {
            "first_name": contact.first_name,
            "practice_name": message.practice_name,
            "pay_url": f"{self._tools.public_base_url}/p/{token}",
        }
        template = template_for(message.step.name, message.step.tone)
        if message.channel is Channel.SMS:
            if contact.phone_e164 is None:
                return None
            return OutgoingText(
                message_key=key,
                to_e164=contact.phone_e164,
                body=render_text(template, words),
                validity_seconds=max(1, min(message.validity_seconds, _VALIDITY_SECONDS_MAX)),
            )
        if contact.email is None:
            return None
        email = render_email(template, words)
        return OutgoingEmail(
            message_key=key,
            to_address=contact.email,
            subject=email.subject,
            text=email.text,
            html=email.html,
        )


def _intent(earlier: Sequence[Touchpoint], retried_at: datetime | None) -> int:
    """A new intent only after a failure that allows one; else the newest row answers.

    `retried_at` is when a person last said that the contact data is right now.
    """
    if not earlier:
        return 0
    newest = max(earlier, key=lambda row: row.intent)
    is_mended = retried_at is not None and newest.at <= retried_at
    may_repeat = (newest.state == "failed" and newest.reason in AGAIN_REASONS) or (
        newest.state in ("failed", "skipped") and is_mended
    )
    return newest.intent + 1 if may_repeat else newest.intent


def _outcome(row: Touchpoint, state: str, reason: str | None = None) -> ChannelOutcome:
    return ChannelOutcome(
        channel=row.channel, message_key=row.message_key, state=state, reason=reason
    )
