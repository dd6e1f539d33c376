"""Send: one dunning step, decided from facts that are fresh at the moment of the hand-off.

The order never changes: switch, consent, cap, allowed hours, balance, intent committed,
provider call, answer. An unknown answer is looked up before anything is tried again.
"""

import asyncio
from datetime import date, datetime, timedelta

from temporalio import activity

from activities.clock import at_this_attempt
from activities.contracts import (
    ResolveIn,
    ResolveOut,
    SendIn,
    SendOut,
    StandingIn,
    StandingOut,
)
from activities.errors import vendor_errors
from activities.outbox import Message, Outbox
from activities.standing import StandingActivities
from activities.tools import Tools
from domain import calendar
from domain.case import Channel, ChannelOutcome, ChasePolicy
from domain.dunning import RECEIPT_STEP
from store import clients, consents, ledger, locations, touchpoints
from store.db import transaction
from store.locations import Location

_CONSENT_CLASS = "billing"
_LAST_MINUTE = timedelta(minutes=1)


class SendActivities:
    """Messages to the patient."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._standing = StandingActivities(tools)
        self._outbox = Outbox(tools)

    @activity.defn
    @vendor_errors
    async def send_step(self, ask: SendIn) -> SendOut:
        """Send the step on every channel that may speak now, or say why not."""
        # An attempt may begin long after the step was due, when the window has closed.
        ask = ask.model_copy(update={"at": at_this_attempt(ask.at)})
        today = calendar.local_date(ask.at, ask.case.zone)
        async with self._tools.pool.acquire() as conn:
            location = await locations.get_location(conn, ask.case.location_id)
            owed_cents = await ledger.balance_of_case(conn, ask.case.case_id)
            busy = await touchpoints.other_steps_on(
                conn, ask.client_id, today, ask.document_id, ask.step.name
            )
        if _switched_off(location, first=ask.first):
            await self._skip(ask, today, "SWITCHED_OFF", ask.step.channels)
            return SendOut(status="off", balance_cents=owed_cents, local_date=today)
        until = self._not_before(ask, today, busy)
        if until is not None:
            return SendOut(status="snoozed", balance_cents=owed_cents, until=until)
        standing = await self._standing.refresh(
            StandingIn(case=ask.case, client_id=ask.client_id, at=ask.at)
        )
        stop = _why_not(ask, standing)
        if stop is not None:
            return _answer(stop, standing, today)
        outcomes = await self._send_all(ask, location, today)
        if outcomes is None:
            until = _tomorrow(ask, today)
            return _answer("snoozed", standing, today).model_copy(update={"until": until})
        return _answer(_status(outcomes), standing, today, outcomes)

    def _not_before(self, ask: SendIn, today: date, busy: int) -> datetime | None:
        """When the step may go, if not now: one message a day, inside the allowed hours."""
        if busy and _is_capped(ask):
            return _tomorrow(ask, today)
        return _opens_at(ask.chase, ask.at, ask.case.zone)

    async def _send_all(
        self, ask: SendIn, location: Location, today: date
    ) -> tuple[ChannelOutcome, ...] | None:
        """Claim the day and send; None when another visit's message has the day already."""
        barred = await self._barred(ask)
        messages = [
            Message(
                case=ask.case,
                client_id=ask.client_id,
                document_id=ask.document_id,
                step=ask.step,
                channel=channel,
                practice_name=location.practice_name,
                day=(today - (ask.day0 or today)).days,
                local_date=today,
                at=ask.at,
                validity_seconds=calendar.window_seconds_left(
                    ask.at, ask.case.zone, ask.chase.window_closes_at
                ),
            )
            for channel in ask.step.channels
            if channel not in barred
        ]
        async with transaction(self._tools.pool) as conn:
            # Two visits of one client may be due at the same instant; here they queue.
            await clients.lock_client(conn, ask.client_id)
            busy = await touchpoints.other_steps_on(
                conn, ask.client_id, today, ask.document_id, ask.step.name
            )
            if busy and _is_capped(ask):
                return None
            rows = [await self._outbox.claim(conn, message) for message in messages]
        await self._skip_late(ask, today)
        for channel, reason in barred.items():
            await self._skip(ask, today, reason, (channel,))
        sent = await asyncio.gather(*map(self._outbox.send, messages, rows), return_exceptions=True)
        for outcome in sent:
            if isinstance(outcome, BaseException):
                raise outcome
        return tuple(outcome for outcome in sent if isinstance(outcome, ChannelOutcome))

    async def _barred(self, ask: SendIn) -> dict[Channel, str]:
        """Channels that the client does not allow, or that lead nowhere, with the reason."""
        barred = {}
        async with self._tools.pool.acquire() as conn:
            for channel in ask.step.channels:
                ok, reason = await consents.may_send(
                    conn, self._tools.vault, ask.client_id, channel, _CONSENT_CLASS
                )
                if not ok:
                    barred[channel] = reason or "NO_CONSENT"
        return barred

    async def _skip_late(self, ask: SendIn, today: date) -> None:
        """Steps that an outage swallowed are recorded, never sent late."""
        by_name = {step.name: step for step in ask.chase.steps}
        for name in ask.skipped:
            for channel in by_name[name].channels:
                await self._outbox.skip(ask, name, channel, today, "SKIPPED_LATE")

    async def _skip(
        self, ask: SendIn, today: date, reason: str, channels: tuple[Channel, ...]
    ) -> None:
        for channel in channels:
            await self._outbox.skip(ask, ask.step.name, channel, today, reason)

    @activity.defn
    @vendor_errors
    async def resolve_sends(self, ask: ResolveIn) -> ResolveOut:
        """Look up messages of unknown outcome; what is certainly not there may go again."""
        may_repeat = await self._may_repeat_email(ask)
        outcomes = [
            await self._outbox.resolve(ask.case, key, ask.last_look, may_repeat)
            for key in ask.message_keys
        ]
        return ResolveOut(
            unknown=tuple(o.message_key for o in outcomes if o.state == "unknown"),
            absent=tuple(o.message_key for o in outcomes if o.state == "absent"),
            outcomes=tuple(outcomes),
        )

    async def _may_repeat_email(self, ask: ResolveIn) -> bool:
        """What holds for a send holds for its repetition, as the facts are now."""
        if not self._tools.emails.resends_safely:
            return False
        at = at_this_attempt(ask.at)
        async with self._tools.pool.acquire() as conn:
            location = await locations.get_location(conn, ask.case.location_id)
            is_allowed, _ = await consents.may_send(
                conn, self._tools.vault, ask.client_id, Channel.EMAIL, _CONSENT_CLASS
            )
        if not is_allowed or _opens_at(location.chase, at, ask.case.zone) is not None:
            return False
        if _switched_off(location, first=False) or _switched_off(location, first=True):
            return False
        standing = await self._standing.refresh(
            StandingIn(case=ask.case, client_id=ask.client_id, at=at)
        )
        is_due = standing.balance_cents > 0 or ask.step.name == RECEIPT_STEP.name
        return standing.status == "verified" and is_due and not standing.in_flight


def _is_capped(ask: SendIn) -> bool:
    """Reminders share one message a day; the invoice itself and a receipt go at once."""
    return not ask.first and not ask.settled_ok


def _tomorrow(ask: SendIn, today: date) -> datetime:
    return calendar.instant(today + timedelta(days=1), ask.chase.send_at, ask.case.zone)


def _opens_at(chase: ChasePolicy, at: datetime, zone: str) -> datetime | None:
    """When messages may go next; None when they may go now.

    The last minute of the window is left out: an attempt takes some seconds, and a text that
    is only valid for these is lost in the provider's queue.
    """
    hours = (zone, chase.window_opens_at, chase.window_closes_at)
    opens = calendar.allowed_from(at, *hours)
    if opens > at:
        return opens
    left_seconds = calendar.window_seconds_left(at, zone, chase.window_closes_at)
    if left_seconds < _LAST_MINUTE.total_seconds():
        return calendar.allowed_from(at + _LAST_MINUTE, *hours)
    return None


def _switched_off(location: Location, first: bool) -> bool:
    """Re-read at the moment of acting, so that a kill switch works on what is queued."""
    return location.switches.get("send" if first else "chase", "live") != "live"


def _why_not(ask: SendIn, standing: StandingOut) -> str | None:
    """Facts that forbid a message; a receipt needs no debt, everything else does."""
    if standing.status == "unverified":
        return "unverified"
    if ask.settled_ok:
        return None
    if standing.balance_cents <= 0:
        return "settled"
    if standing.in_flight:
        return "in_flight"
    if not ask.first and standing.balance_cents < ask.chase.minimum_chase_cents:
        return "small"
    return None


def _status(outcomes: tuple[ChannelOutcome, ...]) -> str:
    states = {outcome.state for outcome in outcomes}
    if "unknown" in states:
        return "unknown"
    return "sent" if "accepted" in states else "unreachable"


def _answer(
    status: str,
    standing: StandingOut,
    today: date,
    outcomes: tuple[ChannelOutcome, ...] = (),
) -> SendOut:
    return SendOut(
        status=status,
        balance_cents=standing.balance_cents,
        outcomes=outcomes,
        local_date=today,
        missing=standing.missing,
        door_in_step=standing.door_in_step,
        mismatches=standing.mismatches,
    )
