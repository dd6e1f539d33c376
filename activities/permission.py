"""Whether a step may go now: the rules in their fixed order, over facts that others have read.

Pure. Every refusal names its rule, so that the client's log can say why nothing was sent.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from types import MappingProxyType

from pydantic import AwareDatetime

from activities.contracts import SendIn, StandingOut
from activities.hours import Hours
from domain import calendar, cap
from domain.case import Channel, MessageClass
from domain.consent import Permission
from domain.dunning import RECEIPT_STEP
from domain.model import Record
from store.holds import ClientHold
from store.send_facts import ClientTouch, SendFacts

_HOLD_RULES: Mapping[str, str] = MappingProxyType(
    {
        "dispute": "D6",
        "complaint": "D6",
        "adverse_event": "D6",
        "promise": "D7",
        "reply": "D19",
        "agency": "D16",
    }
)
_OTHER_HOLDS = "D15"

SILENT_FOR_GOOD = frozenset({"deceased", "legal_hold", "adverse_event"})
"""Holds under which not even a receipt goes out."""

CHANNEL_OFF = "CHANNEL_OFF"
IN_STATEMENT = "IN_STATEMENT"
"""Said by another visit's message. When that one bounces, the step may go by itself."""
_CONSENT_REASONS = frozenset({"opted_out", "no_consent"})

_LOOK_AGAIN = timedelta(minutes=10)
_UNDER_WAY = timedelta(minutes=30)
"""How long a message whose outcome is still to come is waited for on the same day."""
_CREDIT_REST = timedelta(days=1)


class Verdict(Record):
    """Why a step does not go. `status` is for the case, `answer` for the client's log."""

    status: str
    answer: str
    reason: str
    rule: str
    until: AwareDatetime | None = None


class Routes(Record):
    """The channels that may carry a step, and why the others may not."""

    usable: tuple[Channel, ...]
    spare: tuple[Channel, ...]
    """Allowed, and not of the step: tried once when every channel of the step refuses."""
    barred: dict[Channel, str]

    @property
    def is_consent_missing(self) -> bool:
        """Whether the client's word is what stands in the way."""
        return any(reason in _CONSENT_REASONS for reason in self.barred.values())


def unsent(status: str, routes: Routes) -> Verdict:
    """Why a step that was tried, or had no channel to try, went to nobody."""
    if status == "off":
        return Verdict(status=status, answer="off", reason="SWITCHED_OFF", rule="L7")
    if status == "no_consent":
        return _same(status, "CONSENT_MISSING", "J2")
    if CHANNEL_OFF in routes.barred.values():
        return _same(status, CHANNEL_OFF, "J3")
    return _same(status, "UNREACHABLE", "C4")


def switches_of(ask: SendIn) -> tuple[str, ...]:
    """The kill switches that stop a step: a first bill may have to speak of a failed payment."""
    if ask.switch is not None:
        return (ask.switch,)
    if not ask.first:
        return ("chase",)
    return ("send",) if ask.in_flight_cents is None else ("send", "chase")


def routes(ask: SendIn, facts: SendFacts, allowed: Mapping[Channel, Permission]) -> Routes:
    """J3, then consent: what may carry the step; the other channel when its own are all barred."""
    barred: dict[Channel, str] = {}
    for channel in Channel:
        setting = facts.channels.get(channel)
        if setting is None or not setting.is_on:
            barred[channel] = CHANNEL_OFF
        elif not allowed[channel].ok:
            barred[channel] = allowed[channel].reason or "no_consent"
    own = tuple(channel for channel in ask.step.channels if channel not in barred)
    spare = tuple(c for c in Channel if c not in barred and c not in ask.step.channels)
    return Routes(usable=own or spare, spare=spare if own else (), barred=barred)


def before_balance(
    ask: SendIn, facts: SendFacts, hours: Hours, locked_until: datetime | None
) -> Verdict | None:
    """Switch, holds, cap, quiet hours and the lock of a payer at work; None when it may go."""
    return (
        switched_off(ask, facts)
        or _unaddressed(ask, facts)
        or held(ask, facts.holds)
        or _locked(ask, locked_until)
        or capped(ask, facts, facts.touches, hours)
        or quiet(ask.at, hours)
    )


def switched_off(ask: SendIn, facts: SendFacts) -> Verdict | None:
    """L7: the kill switch."""
    if all(facts.location.switch(name) == "live" for name in switches_of(ask)):
        return None
    return Verdict(status="off", answer="off", reason="SWITCHED_OFF", rule="L7")


def _unaddressed(ask: SendIn, facts: SendFacts) -> Verdict | None:
    """Advertising names its sender's postal address, a note of care whom to call."""
    if ask.step.message_class == MessageClass.MARKETING and not facts.location.postal_address:
        return Verdict(status="off", answer="off", reason="NO_POSTAL_ADDRESS", rule="J2")
    if ask.step.message_class == MessageClass.CARE and not facts.location.reply_phone:
        return Verdict(status="off", answer="off", reason="NO_PHONE", rule="J2")
    return None


def held(ask: SendIn, holds: Sequence[ClientHold]) -> Verdict | None:
    """D6, D7, D15, D19: a hold of the client or of this case; a dated one ends by itself."""
    standing = [hold for hold in holds if not ask.settled_ok or hold.kind in SILENT_FOR_GOOD]
    binding = [hold for hold in standing if hold.case_id in (None, ask.case.case_id)]
    if not binding:
        return _disputed_elsewhere(ask) if standing else None
    endless = [hold for hold in binding if hold.until is None]
    hold = endless[0] if endless else max(binding, key=lambda one: one.until or date.min)
    until = None
    if hold.until is not None:
        until = calendar.instant(hold.until + timedelta(days=1), ask.chase.send_at, ask.case.zone)
    # A receipt is not worth a wait: the visit is over.
    status = "off" if ask.settled_ok else "held" if until is None else "snoozed"
    return Verdict(
        status=status,
        answer="held",
        reason=f"HOLD_{hold.kind.upper()}",
        rule=_HOLD_RULES.get(hold.kind, _OTHER_HOLDS),
        until=until,
    )


def _disputed_elsewhere(ask: SendIn) -> Verdict | None:
    """D6: who disputes one payment at the bank is asked for no other money while that is open."""
    if ask.switch is not None:  # a plan's touch asks for none
        return None
    day = calendar.local_date(ask.at, ask.case.zone) + timedelta(days=1)
    return Verdict(
        status="snoozed",
        answer="held",
        reason="HOLD_DISPUTE",
        rule=_HOLD_RULES["dispute"],
        until=calendar.instant(day, ask.chase.send_at, ask.case.zone),
    )


def _locked(ask: SendIn, until: datetime | None) -> Verdict | None:
    if until is None or until <= ask.at or ask.settled_ok:
        return None
    return Verdict(
        status="snoozed", answer="snoozed", reason="PAYMENT_BEING_MADE", rule="D2", until=until
    )


def capped(
    ask: SendIn, facts: SendFacts, touches: Iterable[ClientTouch], hours: Hours
) -> Verdict | None:
    """C9 and D12: said already today by another message, or no room for one more."""
    others = [touch for touch in touches if not _is_own(ask, touch)]
    said = _covering(ask, facts, others)
    if any(touch.is_out for touch in said):
        return Verdict(status="covered", answer="covered", reason=IN_STATEMENT, rule="C9")
    if any(touch.at > ask.at - _UNDER_WAY for touch in said):
        until = ask.at + _LOOK_AGAIN
        return Verdict(status="snoozed", answer="snoozed", reason="CLAIMED", rule="C9", until=until)
    free_at = cap.earliest(ask.at, others, hours.zones)
    if free_at <= ask.at and not facts.is_outranked:
        return None
    day = calendar.local_date(free_at, ask.case.zone)
    if free_at <= ask.at:
        day += timedelta(days=1)
    at = max(free_at, calendar.instant(day, ask.chase.send_at, ask.case.zone))
    reason = "CAP_FULL" if free_at > ask.at else "YIELDS"
    until = hours.opens(at)
    return Verdict(status="snoozed", answer="moved", reason=reason, rule="D12", until=until)


def _is_own(ask: SendIn, touch: ClientTouch) -> bool:
    """The step itself: its other channel of the same day, or a try that never got out."""
    if (touch.document_id, touch.step) != (ask.document_id, ask.step.name):
        return False
    days = {calendar.local_date(at, ask.case.zone) for at in (touch.at, ask.at)}
    return len(days) == 1 or not touch.is_out


def _covering(ask: SendIn, facts: SendFacts, others: Sequence[ClientTouch]) -> list[ClientTouch]:
    """Today's messages of the client whose page shows what this step asks for, too."""
    is_ask = ask.step.message_class == MessageClass.BILLING and not ask.settled_ok
    if not is_ask or facts.issued_at is None:
        return []
    today = calendar.local_date(ask.at, ask.case.zone)
    return [
        touch
        for touch in others
        if touch.message_class == MessageClass.BILLING
        and touch.step != RECEIPT_STEP.name
        and touch.at >= facts.issued_at
        and calendar.local_date(touch.at, ask.case.zone) == today
    ]


def quiet(at: datetime, hours: Hours) -> Verdict | None:
    """D10: the client's daytime, with time enough left to hand a message over."""
    opens = hours.opens(at)
    if opens <= at:
        return None
    return Verdict(
        status="snoozed", answer="snoozed", reason="QUIET_HOURS", rule="D10", until=opens
    )


def after_balance(ask: SendIn, facts: SendFacts, standing: StandingOut) -> Verdict | None:
    """What the money forbids; a receipt needs no debt, everything else does."""
    if standing.status == "unverified":
        return _same("unverified", standing.missing or "A_SYSTEM", "D3")
    if ask.settled_ok:
        return None
    if standing.balance_cents <= 0:
        return _same("settled", "NOTHING_OWED", "D2")
    if standing.in_flight:
        return _same("in_flight", "PAYMENT_UNDER_WAY", "D5")
    if standing.mismatches:
        # It may pay what is asked for here; once the desk has placed it, the step goes on.
        until = ask.at + _LOOK_AGAIN
        return Verdict(
            status="snoozed", answer="snoozed", reason="MONEY_WITH_DESK", rule="E5", until=until
        )
    if not ask.first and standing.balance_cents < ask.chase.minimum_chase_cents:
        return _same("small", "BELOW_MINIMUM", "D4")
    return _covered_by_credit(ask, facts, standing.balance_cents)


def _covered_by_credit(ask: SendIn, facts: SendFacts, balance_cents: int) -> Verdict | None:
    if ask.despite_credit or facts.credit_cents + facts.unapplied_cents < balance_cents:
        return None
    if facts.credit_cents >= balance_cents:
        return _same("credit", "CREDIT_ON_ACCOUNT", "D18")
    # The desk has been asked already where the unplaced money belongs.
    return Verdict(
        status="snoozed",
        answer="credit",
        reason="UNAPPLIED_CASH",
        rule="D18",
        until=ask.at + _CREDIT_REST,
    )


def _same(status: str, reason: str, rule: str) -> Verdict:
    return Verdict(status=status, answer=status, reason=reason, rule=rule)
