"""Send: one dunning step, decided from facts that are fresh at the moment of the hand-off.

The order never changes: switch, consent, cap, allowed hours, balance, intent committed,
provider call, answer. An unknown answer is looked up before anything is tried again.
"""

import asyncio
from datetime import date, datetime, timedelta

from temporalio import activity

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
from domain.case import Channel, ChannelOutcome
from store import consents, ledger, locations, touchpoints
from store.locations import Location

_CONSENT_CLASS = "billing"


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
        return _answer(_status(outcomes), standing, today, outcomes)

    def _not_before(self, ask: SendIn, today: date, busy: int) -> datetime | None:
        """When the step may go, if not now: one message a day, inside the allowed hours."""
        chase = ask.chase
        if busy and not ask.first and not ask.settled_ok:
            return calendar.instant(today + timedelta(days=1), chase.send_at, ask.case.zone)
        opens = calendar.allowed_from(
            ask.at, ask.case.zone, chase.window_opens_at, chase.window_closes_at
        )
        return opens if opens > ask.at else None

    async def _send_all(
        self, ask: SendIn, location: Location, today: date
    ) -> tuple[ChannelOutcome, ...]:
        await self._skip_late(ask, today)
        window_seconds = calendar.window_seconds_left(
            ask.at, ask.case.zone, ask.chase.window_closes_at
        )
        allowed = []
        for channel in ask.step.channels:
            async with self._tools.pool.acquire() as conn:
                ok, reason = await consents.may_send(
                    conn, self._tools.vault, ask.client_id, channel, _CONSENT_CLASS
                )
            if ok:
                allowed.append(channel)
            else:
                await self._skip(ask, today, reason or "NO_CONSENT", (channel,))
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
                validity_seconds=window_seconds,
            )
            for channel in allowed
        ]
        sent = await asyncio.gather(*map(self._outbox.send, messages), return_exceptions=True)
        for outcome in sent:
            if isinstance(outcome, BaseException):
                raise outcome
        return tuple(outcome for outcome in sent if isinstance(outcome, ChannelOutcome))

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
        outcomes = [
            await self._outbox.resolve(ask.case, key, ask.last_look) for key in ask.message_keys
        ]
        return ResolveOut(
            unknown=tuple(o.message_key for o in outcomes if o.state == "unknown"),
            absent=tuple(o.message_key for o in outcomes if o.state == "absent"),
            outcomes=tuple(outcomes),
        )


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
