"""What a financing plan calls for next: pure, from what the books know of it at this moment.

Facts may arrive late, twice, out of order or never. Everything here is therefore decided anew
from all facts; what has been said is remembered by key, so that nothing is ever said twice.
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from datetime import date, datetime, timedelta
from types import MappingProxyType

from pydantic import AwareDatetime

from domain import calendar
from domain.model import Record
from domain.plan_case import Installment, Lender, PlanStanding, PlanStatus
from domain.plan_policy import Anchor, PlanPolicy, PlanStep, Unless

NOTHING: Mapping[str, datetime] = MappingProxyType({})

RUNNING = frozenset(
    {
        PlanStatus.ACCEPTED,
        PlanStatus.FUNDING,
        PlanStatus.FUNDED,
        PlanStatus.PARTLY_REFUNDED,
    }
)
"""The patient has signed: payments fall due and sessions are delivered."""

APPROVED = frozenset({PlanStatus.APPROVED, PlanStatus.PENDING_PATIENT, *RUNNING})

OVER = frozenset(
    {
        PlanStatus.WITHDRAWN,
        PlanStatus.CANCELLED,
        PlanStatus.REFUNDED,
        PlanStatus.REVERSED,
        PlanStatus.REFINANCED,
        PlanStatus.TRANSFERRED,
        PlanStatus.CHARGED_OFF,
    }
)
"""Nothing more is said (G8)."""

ENDED = OVER | {PlanStatus.PAID_OFF}


_OF_THE_OFFER = frozenset({Anchor.APPROVED, Anchor.EXPIRY})


class Session(Record):
    """A completed session, counted from a chart, never from a booking."""

    visit_id: str
    completed_at: AwareDatetime


class PlanFacts(Record):
    """All that the books know of one plan, and of its patient as far as the plan cares."""

    plan: PlanStanding
    sessions: tuple[Session, ...] = ()
    """Completed ones, oldest first."""
    session_interval_days: int | None = None
    booked_on: date | None = None
    """The next known booking that lies ahead."""
    overdue_installments: int = 0
    """Of the practice's own plan: how many past due are still owed."""
    settled_installments: tuple[int, ...] = ()
    """Of the practice's own plan: numbers of those billed of which nothing is owed any more."""
    rest_cents: int = 0
    """Of one that has ended: what was signed, is not billed, and nobody has decided about."""
    rest_part: Installment | None = None
    """What is to be billed although the plan has ended; None once it is."""
    is_disputed: bool = False
    has_reaction: bool = False
    last_touch_on: date | None = None
    silenced_by: tuple[str, ...] = ()
    """Kinds of holds that keep every message back for now."""


class Touch(Record):
    """One message that the facts call for. `key` names it for ever."""

    step: PlanStep
    key: str
    due_at: AwareDatetime
    last_on: date
    """The last civil day on which it may still go."""


class Next(Record):
    """The touch to take at `at` or wait for, and those whose time is over, to be recorded."""

    touch: Touch | None = None
    at: AwareDatetime | None = None
    missed: tuple[Touch, ...] = ()


def touches(facts: PlanFacts, policy: PlanPolicy, zone: str) -> list[Touch]:
    """Everything that the facts call for, said or not, earliest first."""
    if facts.plan.client_id is None:
        return []
    # Nobody hears of an approval that has run out, however late the word of it came (G1).
    is_offer = facts.plan.status is PlanStatus.APPROVED
    expires_on = facts.plan.approval_expires_on if is_offer else None
    found = [
        _touch(step, key, anchor, policy, zone, expires_on)
        for step in policy.steps
        for key, anchor in _anchors(step, facts, policy, zone)
    ]
    return sorted(found, key=lambda touch: (touch.due_at, touch.step.priority, touch.key))


def next_touch(
    facts: PlanFacts,
    policy: PlanPolicy,
    done: Set[str],
    now: datetime,
    zone: str,
    not_before: Mapping[str, datetime] = NOTHING,
) -> Next:
    """The next touch, due or upcoming. `not_before` holds by key when one may be tried again.

    Of several that are due the latest goes and the older ones of the same anchor are missed:
    after an outage a patient hears the last word once, not everything at a time.
    """
    today = calendar.local_date(now, zone)
    open_ones = [touch for touch in touches(facts, policy, zone) if touch.key not in done]

    def goes_at(touch: Touch) -> datetime:
        return max(touch.due_at, not_before.get(touch.key, touch.due_at))

    def is_late(touch: Touch) -> bool:
        return max(today, calendar.local_date(goes_at(touch), zone)) > touch.last_on

    alive = [touch for touch in open_ones if not is_late(touch)]
    due = [touch for touch in alive if touch.due_at <= now]
    overtaken = [touch for touch in due if _is_overtaken(touch, due)]
    waiting = [touch for touch in alive if touch not in overtaken]
    ready = [touch for touch in waiting if goes_at(touch) <= now]
    ready.sort(key=lambda touch: (touch.step.priority, touch.last_on, touch.key))
    waiting.sort(key=lambda touch: (goes_at(touch), touch.step.priority, touch.key))
    first = next(iter([*ready, *waiting]), None)
    return Next(
        touch=first,
        at=goes_at(first) if first is not None else None,
        missed=(*filter(is_late, open_ones), *overtaken),
    )


def is_to_sign(facts: PlanFacts) -> bool:
    """Whether a plan of the practice's own runs, so that its instalments are owed in the books."""
    is_ours = facts.plan.lender is Lender.IN_HOUSE and facts.plan.status in RUNNING
    return is_ours and bool(facts.plan.installments)


def to_bill(
    facts: PlanFacts, policy: PlanPolicy, billed: Set[int]
) -> list[tuple[date, Installment]]:
    """Instalments of the practice's own plan that have no case yet, and the day to open it."""
    if facts.plan.status not in RUNNING:
        return []
    early = timedelta(days=policy.installment_chase.due_days)
    open_ones = [part for part in facts.plan.installments if part.number not in billed]
    return [(part.due_on - early, part) for part in sorted(open_ones, key=lambda one: one.due_on)]


def is_called_for(touch: Touch, facts: PlanFacts, zone: str) -> bool:
    """Whether the facts call for the touch still; its step is the plan's own, of any policy."""
    policy = PlanPolicy(version=0, steps=(touch.step,))
    return touch.key in {found.key for found in touches(facts, policy, zone)}


def is_pointless(step: PlanStep, facts: PlanFacts) -> Unless | None:
    """The fact, if any, for which a step is left out at the moment of sending."""
    holds = {
        Unless.BOOKED: facts.booked_on is not None,
        Unless.STARTED: bool(facts.sessions),
        Unless.OVERDUE: facts.overdue_installments > 0,
        Unless.DISPUTED: facts.is_disputed,
        Unless.REACTION: facts.has_reaction,
    }
    return next((unless for unless in step.unless if holds[unless]), None)


def _is_overtaken(touch: Touch, due: Sequence[Touch]) -> bool:
    return any(
        other.step.anchor is touch.step.anchor and other.due_at > touch.due_at for other in due
    )


def _touch(
    step: PlanStep,
    key: str,
    anchor: datetime | date,
    policy: PlanPolicy,
    zone: str,
    expires_on: date | None,
) -> Touch:
    if isinstance(anchor, datetime):
        due_at = anchor + timedelta(hours=step.hours or 0)
    else:
        day = anchor + timedelta(days=step.days or 0)
        due_at = calendar.instant(day, policy.send_at, zone)
    last_on = calendar.local_date(due_at, zone) + timedelta(days=step.grace_days)
    if expires_on is not None and step.anchor in _OF_THE_OFFER:
        last_on = min(last_on, expires_on)
    return Touch(step=step, key=key, due_at=due_at, last_on=last_on)


def _anchors(
    step: PlanStep, facts: PlanFacts, policy: PlanPolicy, zone: str
) -> Iterator[tuple[str, datetime | date]]:
    """Key and anchor of each occurrence of a step; none where its anchor is not a fact."""
    for name, anchor in _of_kind(step.anchor, facts, policy, zone):
        yield (step.name if step.is_once else f"{step.name}/{name}"), anchor


def _of_kind(
    kind: Anchor, facts: PlanFacts, policy: PlanPolicy, zone: str
) -> Iterator[tuple[str, datetime | date]]:
    is_approved = facts.plan.status in APPROVED
    if kind is Anchor.APPROVED and is_approved and facts.plan.approved_at is not None:
        yield _day(facts.plan.approved_at, zone), facts.plan.approved_at
    elif (
        kind is Anchor.EXPIRY
        and facts.plan.status is PlanStatus.APPROVED
        and facts.plan.approval_expires_on
    ):
        yield facts.plan.approval_expires_on.isoformat(), facts.plan.approval_expires_on
    elif (
        kind is Anchor.DECLINED
        and facts.plan.status is PlanStatus.DECLINED
        and facts.plan.declined_at
    ):
        yield _day(facts.plan.declined_at, zone), facts.plan.declined_at
    elif facts.plan.status in RUNNING:
        yield from _of_running(kind, facts, policy, zone)
    elif (
        kind is Anchor.FINAL_PAYMENT
        and facts.plan.status is PlanStatus.PAID_OFF
        and facts.plan.ended_at
    ):
        # Paid off early: once, some days after whatever was said last.
        quiet_until = (facts.last_touch_on or date.min) + timedelta(days=policy.payoff_quiet_days)
        days = -_days_of(policy, Anchor.FINAL_PAYMENT)
        paid_on = calendar.local_date(facts.plan.ended_at, zone)
        yield "payoff", max(paid_on, quiet_until) + timedelta(days=days)


def _of_running(
    kind: Anchor, facts: PlanFacts, policy: PlanPolicy, zone: str
) -> Iterator[tuple[str, datetime | date]]:
    if kind is Anchor.FIRST_PAYMENT and facts.plan.lender is Lender.IN_HOUSE:
        return  # the case of each instalment speaks of its own date
    if (
        kind is Anchor.FIRST_PAYMENT
        and facts.plan.first_payment_on
        and not date_problem(facts, policy, zone)
    ):
        yield facts.plan.first_payment_on.isoformat(), facts.plan.first_payment_on
    elif kind is Anchor.SESSION:
        yield from _last_of_each_day(facts, zone)
    elif kind is Anchor.MID_PLAN and (facts.plan.sessions_planned or 0) >= policy.mid_plan_of:
        if len(facts.sessions) == policy.mid_plan_after:
            yield "mid", facts.sessions[-1].completed_at
    elif kind is Anchor.DROPPED and (dropped := dropped_on(facts, policy, zone)):
        yield dropped.isoformat(), dropped
    elif kind is Anchor.FINAL_PAYMENT and facts.plan.final_payment_on:
        yield from _final(facts, policy, zone)


def _final(
    facts: PlanFacts, policy: PlanPolicy, zone: str
) -> Iterator[tuple[str, datetime | date]]:
    """30 days before the end; a shorter plan hears it at its last session (G6).

    A plan is as long as its payments run: nobody is offered the next series before, or on, the
    day of the first one. Without a first payment it runs from the patient's yes. Plans of an
    older policy count from their approval.
    """
    plan, final = facts.plan, facts.plan.final_payment_on
    days = -_days_of(policy, Anchor.FINAL_PAYMENT)
    if final is None:
        return
    offer_on = final - timedelta(days=days)
    first = plan.first_payment_on if policy.is_offer_after_first_payment else None
    signed_at = plan.approved_at
    if policy.is_offer_after_first_payment:
        signed_at = plan.accepted_at or signed_at
    if first is not None:
        is_short = offer_on <= first
    else:
        is_short = signed_at is not None and offer_on < calendar.local_date(signed_at, zone)
    if not is_short:
        yield final.isoformat(), final
    elif facts.sessions and len(facts.sessions) >= (facts.plan.sessions_planned or 1):
        last = calendar.local_date(facts.sessions[-1].completed_at, zone)
        yield "last-session", last + timedelta(days=days)


def _last_of_each_day(facts: PlanFacts, zone: str) -> Iterator[tuple[str, datetime | date]]:
    """Two sessions of one day count as two, and are asked about once (G5)."""
    by_day = {_day(one.completed_at, zone): one.completed_at for one in facts.sessions}
    yield from by_day.items()


def dropped_on(facts: PlanFacts, policy: PlanPolicy, zone: str) -> date | None:
    """The day on which a plan counts as dropped; None while it has no session or is through."""
    if not facts.sessions or len(facts.sessions) >= (facts.plan.sessions_planned or 0):
        return None
    last = calendar.local_date(facts.sessions[-1].completed_at, zone)
    interval = facts.session_interval_days or policy.session_interval_days
    return last + timedelta(days=-(-interval * policy.dropped_percent // 100))


def date_problem(facts: PlanFacts, policy: PlanPolicy, zone: str) -> str | None:
    """Why nobody can be reminded of the first payment: NULL_DATE or ABSURD_DATE; None if fine."""
    if facts.plan.status not in RUNNING or not facts.plan.has_schedule:
        return None
    if facts.plan.first_payment_on is None:
        return "NULL_DATE"
    known_on = calendar.local_date(
        facts.plan.first_payment_known_at or facts.plan.status_as_of, zone
    )
    if facts.plan.is_date_confirmed:
        return None
    latest = known_on + timedelta(days=policy.first_payment_days_max)
    return None if known_on <= facts.plan.first_payment_on <= latest else "ABSURD_DATE"


def _days_of(policy: PlanPolicy, anchor: Anchor) -> int:
    return next((step.days or 0 for step in policy.steps if step.anchor is anchor), 0)


def _day(at: datetime, zone: str) -> str:
    return calendar.local_date(at, zone).isoformat()
