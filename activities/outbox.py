"""The outbox: one row per intended message, committed before the provider is called.

A row that says `sending` when an attempt begins belongs to an attempt that died: its outcome
is unknown. A lost reminder is better than a double one, so unknown is looked up, not repeated.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import TypeAlias

from pydantic import AwareDatetime

from activities import details
from activities.contracts import SendIn
from activities.permission import IN_STATEMENT
from activities.tools import Tools
from activities.wording import Envelope, Words, render, words_from
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
from domain.case import Channel, ChannelOutcome, ChaseStep
from domain.model import Record
from domain.template_catalog import DETAILED
from store import clients, consents, handovers, invoices, locations, send_facts, touchpoints
from store.db import Conn
from store.handovers import HandedOver
from store.send_facts import Earlier
from store.touchpoints import Touchpoint, TouchpointState

_CLOCK_SLACK = timedelta(minutes=1)
AGAIN_REASONS = frozenset({"ABSENT", "SEND_AGAIN"})
"""Failures after which the same step may go out again, as a new intent."""
OVERTAKEN = "OVERTAKEN"
"""An intent that an attempt left behind unsent: the step may still go, as a new intent."""
DEAD_ADDRESS = "invalid_address"
"""The kind of refusal after which nothing goes to the number or mailbox any more (C.1)."""
UNSAID_REASONS = frozenset({OVERTAKEN, IN_STATEMENT})
_UNSAID = frozenset({"intent", "skipped"})

Outgoing: TypeAlias = OutgoingText | OutgoingEmail

_STATES = {
    "accepted": "accepted",
    "delivered": "accepted",
    "unknown": "unknown",
    "sending": "unknown",
}


class Ready(Record):
    """A claimed message with everything that its hand-off needs."""

    row: Touchpoint
    words: Words
    to: Envelope


class Handover(Record):
    """The last look before the hand-off: the switches that stop it, and the balance's age."""

    switches: tuple[str, ...]
    checked_at: AwareDatetime


class Outbox:
    """Sends and resolves; every state it leaves behind is readable by the next attempt."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def claim(
        self,
        conn: Conn,
        ask: SendIn,
        today: date,
        channels: Iterable[Channel],
        version: int,
        skipped: Sequence[Touchpoint] = (),
    ) -> list[Touchpoint]:
        """The rows of a step, made if need be; call under the client's lock.

        A row that is still to go has the words, and the template version, of what was said of the
        step on this day; else it has `version`.
        `skipped` are rows of what is not sent, kept by the same statement.
        """
        earlier = await send_facts.earlier(conn, ask.case.case_id, ask.document_id, ask.step.name)
        overtaken = [row.message_key for row in earlier.rows if _is_overtaken(row, ask.at)]
        if overtaken:
            await touchpoints.drop(conn, overtaken, OVERTAKEN)
        said = _said_on(today, earlier)
        version = said.template_version if said else version
        wanted = [
            message_row(ask, today, channel, *_intent(ask, earlier, channel, version))
            for channel in channels
        ]
        rows = await touchpoints.put_all(conn, [*wanted, *skipped])
        words = {"words": said.words if said else None}
        return [
            row.model_copy(update=words) if row.state == "intent" else row
            for row in rows[: len(wanted)]
        ]

    async def send(self, ready: Sequence[Ready], last: Handover) -> list[ChannelOutcome]:
        """Send each message once; ends in `skipped` outcomes when a switch was thrown.

        Raises only where nothing can have been sent, so that a retry is safe.
        """
        to_send, outcomes = {}, []
        for one in ready:
            if one.row.state != "intent":
                outcomes.append(await self._as_found(one.row))
                continue
            outgoing = render(self._tools, one.row, one.words, one.to)
            if outgoing is None:
                await self._drop([one.row.message_key], "NO_ADDRESS")
                outcomes.append(_outcome(one.row, "refused", "NO_ADDRESS"))
                continue
            to_send[one.row.message_key] = (one, outgoing)
        begun = await self._begin(to_send, last)
        stopped = [one.row for key, (one, _) in to_send.items() if key not in begun]
        outcomes += await self._stopped(stopped)
        sent = await asyncio.gather(
            *(self._hand_over(begun[key], to_send[key][1]) for key in begun),
            return_exceptions=True,
        )
        for outcome in sent:
            if isinstance(outcome, BaseException):
                raise outcome
            outcomes.append(outcome)
        return outcomes

    async def _begin(
        self, to_send: Mapping[str, tuple[Ready, Outgoing]], last: Handover
    ) -> dict[str, Touchpoint]:
        if not to_send:
            return {}
        words = {key: str(one.words) for key, (one, _) in to_send.items()}
        vault = self._tools.vault
        kept = {
            key: handovers.sealed(vault, key, _handed(what)) for key, (_, what) in to_send.items()
        }
        async with self._tools.pool.acquire() as conn:
            return await touchpoints.begin(conn, words, last.switches, last.checked_at, kept)

    async def _stopped(self, rows: Sequence[Touchpoint]) -> list[ChannelOutcome]:
        """Messages that did not begin: switched off in the last moment, or begun elsewhere."""
        if not rows:
            return []
        await self._drop([row.message_key for row in rows], "SWITCHED_OFF")
        async with self._tools.pool.acquire() as conn:
            now = [await touchpoints.get(conn, row.message_key) for row in rows]
        return [
            _outcome(row, "skipped", row.reason)
            if row.state == "skipped"
            else _outcome(row, _STATES.get(row.state, "refused"), row.reason)
            for row in now
        ]

    async def _drop(self, keys: Sequence[str], reason: str) -> None:
        async with self._tools.pool.acquire() as conn:
            await touchpoints.drop(conn, keys, reason)

    async def resolve(
        self, step: ChaseStep, message_key: str, last_look: bool, may_repeat_email: bool
    ) -> ChannelOutcome:
        """Find out what became of a message of unknown outcome, where it was handed over.

        The client's number, mailbox or name may be another one by now.
        """
        async with self._tools.pool.acquire() as conn:
            row = await touchpoints.get(conn, message_key)
            handed = await handovers.get(conn, self._tools.vault, message_key)
        if _STATES.get(row.state) != "unknown":
            return await self._as_found(row)
        if handed is not None and row.channel is Channel.SMS:
            return await self._look_up(row, _text_as_handed(row, handed), last_look)
        words = words_from(row.words, step)
        outgoing = render(self._tools, row, words, await self._envelope(row, words))
        if isinstance(outgoing, OutgoingText):  # of a message from before it was kept
            return await self._look_up(row, outgoing, last_look)
        if isinstance(outgoing, OutgoingEmail) and may_repeat_email:
            if handed is not None and handed.to != outgoing.to_address:
                return _outcome(row, "unknown")
            async with self._tools.pool.acquire() as conn:
                await touchpoints.mark_sending(conn, message_key, row.attempt + 1)
            return await self._hand_over(row, outgoing, is_repeat=True)
        return _outcome(row, "unknown")

    async def _envelope(self, row: Touchpoint, words: Words) -> Envelope:
        async with self._tools.pool.acquire() as conn:
            location = await locations.get_location(conn, row.location_id)
            contact = await clients.contact_of(conn, self._tools.vault, row.client_id)
            token = await invoices.pay_link(conn, row.case_id, row.client_id, row.location_id)
            is_detailed = words.detail == DETAILED and row.document_id is not None
            said = await details.of_document(conn, row.document_id or "") if is_detailed else {}
        return Envelope(
            client_id=row.client_id,
            contact=contact,
            token=token,
            practice_name=location.practice_name,
            practice_phone=location.reply_phone or "",
            practice_address=location.postal_address or "",
            location_id=row.location_id,
            text_provider=row.provider or "",
            details=said,
        )

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
            await self._learn(row, outgoing, found.kind)
            return await self._finish(row, "failed", reason=found.kind)
        if last_look:
            await self._finish(row, "failed", reason="ABSENT")
            return _outcome(row, "absent")
        return _outcome(row, "unknown")

    async def _hand_over(
        self, row: Touchpoint, outgoing: Outgoing, *, is_repeat: bool = False
    ) -> ChannelOutcome:
        try:
            if isinstance(outgoing, OutgoingText):
                answer = await self._tools.texts.send(outgoing)
            else:
                answer = await self._tools.emails.send(outgoing)
        except OutcomeUnknown:
            return await self._finish(row, "unknown")
        except (ProviderUnavailable, RateLimited):
            if is_repeat:  # it reached nobody; of the attempt before as little is known as ever
                return await self._finish(row, "unknown")
            async with self._tools.pool.acquire() as conn:
                await touchpoints.mark(conn, row.message_key, "intent", reason="NOT_HANDED_OVER")
            raise
        if isinstance(answer, Refused):
            await self._learn(row, outgoing, answer.kind)
            return await self._finish(row, "failed", reason=answer.kind, code=answer.code)
        return await self._finish(row, "accepted", provider_id=answer.provider_id)

    async def _learn(self, row: Touchpoint, outgoing: Outgoing, kind: str) -> None:
        """What a refusal says about every later message."""
        vault, to = self._tools.vault, _handed(outgoing).to
        async with self._tools.pool.acquire() as conn:
            if kind == "opted_out":
                await consents.opt_out(
                    conn, row.client_id, row.channel, consents.EVERYTHING, "carrier", "stop"
                )
            elif kind == DEAD_ADDRESS:
                is_text = row.channel is Channel.SMS
                digest = (clients.phone_digest if is_text else clients.email_digest)(vault, to)
                await consents.suppress_address(conn, digest, row.channel, kind)

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


def message_row(
    ask: SendIn, today: date, channel: Channel, intent: int, version: int
) -> Touchpoint:
    """A message of a step that is about to be sent."""
    return Touchpoint(
        message_key=ids.message_key(ask.document_id, ask.step.name, channel, version, intent),
        case_id=ask.case.case_id,
        client_id=ask.client_id,
        location_id=ask.case.location_id,
        document_id=ask.document_id,
        step=ask.step.name,
        channel=channel,
        template_version=version,
        intent=intent,
        state="intent",
        day=(today - (ask.day0 or today)).days,
        local_date=today,
        at=ask.at,
        message_class=ask.step.message_class,
    )


def skipped_row(
    ask: SendIn, today: date, channel: Channel, reason: str, version: int
) -> Touchpoint:
    """A message that is not sent, and why; by the version that it would have had."""
    row = message_row(ask, today, channel, 0, version)
    return row.model_copy(update={"state": "skipped", "reason": reason})


def _handed(outgoing: Outgoing) -> HandedOver:
    if isinstance(outgoing, OutgoingText):
        return HandedOver(to=outgoing.to_e164, body=outgoing.body)
    return HandedOver(to=outgoing.to_address)


def _text_as_handed(row: Touchpoint, handed: HandedOver) -> OutgoingText:
    return OutgoingText(
        message_key=row.message_key,
        to_e164=handed.to,
        body=handed.body,
        validity_seconds=1,
        provider=row.provider or "",
        location_id=row.location_id,
    )


def _is_overtaken(row: Touchpoint, at: datetime) -> bool:
    return row.state == "intent" and at - row.at > _CLOCK_SLACK


def _said_on(day: date, earlier: Earlier) -> Touchpoint | None:
    """The newest message of a step that went to a provider on a day."""
    handed = [row for row in earlier.rows if row.local_date == day and row.state not in _UNSAID]
    return max(handed, key=lambda row: row.intent, default=None)


def _intent(ask: SendIn, earlier: Earlier, channel: Channel, version: int) -> tuple[int, int]:
    """Intent and template version: new ones only after a failure that allows them.

    Else the newest row answers, under the key that it has: new templates are no new message.
    """
    rows = [row for row in earlier.rows if row.channel == channel]
    if not rows:
        return 0, version
    newest = max(rows, key=lambda row: row.intent)
    is_mended = earlier.mended_at is not None and newest.at <= earlier.mended_at
    may_repeat = (
        (newest.state == "failed" and newest.reason in AGAIN_REASONS)
        or (newest.state == "failed" and newest.message_key == ask.retry_of)
        or (newest.state in ("failed", "skipped") and is_mended)
        or (newest.state == "skipped" and newest.reason in UNSAID_REASONS)
        or _is_overtaken(newest, ask.at)
    )
    if may_repeat:
        return newest.intent + 1, version
    return newest.intent, newest.template_version


def _outcome(row: Touchpoint, state: str, reason: str | None = None) -> ChannelOutcome:
    return ChannelOutcome(
        channel=row.channel, message_key=row.message_key, state=state, reason=reason
    )
