"""When a financing plan needs a person, and when it is over: pure, from facts and the time."""

from datetime import datetime, timedelta

from domain import calendar
from domain.money import dollars
from domain.plan_case import Ask, CardDeclined, PlanOutcome, PlanStatus
from domain.plan_course import (
    APPROVED,
    ENDED,
    OVER,
    RUNNING,
    PlanFacts,
    date_problem,
    dropped_on,
)
from domain.plan_policy import PlanPolicy

_UNUSED = frozenset(
    {
        PlanStatus.SUBMITTED,
        PlanStatus.IN_REVIEW,
        PlanStatus.APPROVED,
        PlanStatus.EXPIRED,
        PlanStatus.PENDING_PATIENT,
        PlanStatus.REJECTED,
    }
)
"""Nobody owes anything; any of them may still become an accepted plan."""


def asks(facts: PlanFacts, policy: PlanPolicy, now: datetime, zone: str) -> list[Ask]:
    """Every question that the facts call for now; one that is not here any more is answered."""
    timed = [ask for due, ask in _timed(facts, policy, zone) if due <= now]
    return [*_about_standing(facts, policy), *_about_dates(facts, policy, zone), *timed]


def about_declined(declined: CardDeclined) -> Ask:
    """The question about a card that will not pay later either."""
    says = f"The card was declined: {declined.code}."
    number = declined.installment
    return Ask(
        code="CARD_DECLINED",
        key=f"declined/{declined.event_id}",
        says=(says,) if number is None else (says, f"It was to pay instalment {number}."),
        installment=number,
    )


def wakes(facts: PlanFacts, policy: PlanPolicy, zone: str) -> list[datetime]:
    """Instants at which the facts alone may call for something new."""
    found = [due for due, _ in _timed(facts, policy, zone)]
    found += [
        calendar.instant(part.due_on + timedelta(days=1), policy.send_at, zone)
        for part in facts.plan.installments
    ]
    ends = ends_at(facts, policy, zone)
    return [*found, ends] if ends is not None else found


def _about_standing(facts: PlanFacts, policy: PlanPolicy) -> list[Ask]:
    plan = facts.plan
    if plan.client_id is None:
        return [Ask(code="PLAN_UNKNOWN_CLIENT", key="client")]
    if plan.status is PlanStatus.UNKNOWN:
        return [Ask(code="PLAN_STATUS_UNKNOWN", key=f"status/{plan.status_as_of.isoformat()}")]
    if plan.status in RUNNING and facts.overdue_installments >= policy.missed_max:
        says = (f"{facts.overdue_installments} instalments are past due and owed.",)
        key = f"missed/{facts.overdue_installments}"
        return [Ask(code="INSTALLMENTS_MISSED", key=key, says=says)]
    if facts.rest_cents > 0:
        says = (f"{dollars(facts.rest_cents)} of the plan were signed for and not billed yet.",)
        key, cents = f"rest/{facts.rest_cents}", facts.rest_cents
        return [Ask(code="PLAN_REST", key=key, says=says, money_cents=cents)]
    if plan.status is PlanStatus.EXPIRED and not facts.sessions:
        return [Ask(code="APPROVAL_EXPIRED", key="expired")]
    return []


def _about_dates(facts: PlanFacts, policy: PlanPolicy, zone: str) -> list[Ask]:
    problem, first_on = date_problem(facts, policy, zone), facts.plan.first_payment_on
    if problem == "NULL_DATE":
        return [Ask(code="NULL_DATE", key="first", says=("The first payment has no date.",))]
    if problem is not None and first_on is not None:
        says = (f"The first payment is said to be on {first_on.isoformat()}.",)
        return [Ask(code="ABSURD_DATE", key=f"first/{first_on.isoformat()}", says=says)]
    if facts.plan.status in RUNNING and facts.plan.has_schedule and not facts.plan.final_payment_on:
        return [Ask(code="NULL_DATE", key="final", says=("The final payment has no date.",))]
    return []


def _timed(facts: PlanFacts, policy: PlanPolicy, zone: str) -> list[tuple[datetime, Ask]]:
    """Questions that only time brings, while nothing is booked."""
    plan, found = facts.plan, []
    if facts.booked_on is not None:
        return []
    if plan.status in APPROVED and plan.approved_at and not facts.sessions:
        due = plan.approved_at + timedelta(days=policy.not_booked_days)
        found.append((due, Ask(code="NOT_BOOKED", key=f"not-booked/{due.date().isoformat()}")))
    dropped = dropped_on(facts, policy, zone) if plan.status in RUNNING else None
    if dropped is not None:
        day = dropped + timedelta(days=policy.dropped_ask_days)
        ask = Ask(code="PLAN_DROPPED", key=f"dropped/{dropped.isoformat()}")
        found.append((calendar.instant(day, policy.send_at, zone), ask))
    return found


def ends_at(facts: PlanFacts, policy: PlanPolicy, zone: str) -> datetime | None:
    """When a plan is over by itself; None while only news can end it."""
    plan = facts.plan
    if facts.rest_cents > 0:
        return None
    if plan.status is PlanStatus.DECLINED and plan.declined_at is not None:
        return plan.declined_at + timedelta(days=policy.declined_rest_days)
    if plan.status in ENDED:
        return plan.ended_at or plan.status_as_of
    if plan.status in _UNUSED:
        return plan.status_as_of + timedelta(days=policy.unused_rest_days)
    if plan.status in RUNNING and plan.final_payment_on is not None:
        day = plan.final_payment_on + timedelta(days=policy.close_after_days)
        return calendar.instant(day, policy.send_at, zone)
    return None


def outcome(facts: PlanFacts) -> PlanOutcome:
    """How a plan that is over has ended."""
    if facts.plan.status is PlanStatus.DECLINED:
        return PlanOutcome.DECLINED
    if facts.plan.status in OVER:
        return PlanOutcome.CANCELLED
    if facts.plan.status in _UNUSED:
        return PlanOutcome.NOT_USED
    return PlanOutcome.COMPLETED


def chapter(facts: PlanFacts, now: datetime) -> str:
    """The part of its life that a plan is in; each one is a run of its own."""
    plan = facts.plan
    begun = plan.accepted_at or (plan.status_as_of if plan.status in RUNNING else None)
    if begun is None:
        return "application"
    # The lender's clock may be a little ahead of ours.
    return f"year {max(0, (now - begun) // timedelta(days=365))}"
