"""What a plan of the practice's own had left to bill when it ended, as a named person decides."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta

from activities.answering import CannotCarryOut
from activities.contracts import BuildIn, CaseRef
from activities.installments import IN_HOUSE, bill_installment, billed_of, rest_of
from activities.plan_contracts import ApplyPlanIn, ApplyPlanOut, PlanRef
from domain import calendar, entries, ids
from domain.in_house import with_rest
from domain.money import dollars
from domain.plan_case import Lender, PlanStanding
from domain.plan_facts import FactSource, PlanFact
from domain.policies import INSTALLMENT_CHASE
from store import ledger, locations, plans
from store.db import Conn
from store.reviews import Review

CODE = "PLAN_REST"
_BACK_AT = time(9, 0)
"""Local time at which a question comes back on the day that a person named."""
_NEXT = timedelta(microseconds=1)


async def carry_out(conn: Conn, ask: ApplyPlanIn, review: Review, is_first: bool) -> ApplyPlanOut:
    """Bill it, give it up, or leave it until a day. Raises CannotCarryOut."""
    today = calendar.local_date(ask.at, ask.plan.zone)
    if ask.decision.choice == "leave_open":
        until = ask.decision.until
        if until is None or (is_first and until <= today):
            raise CannotCarryOut("The question comes back on a later day than today.")
        back_at = calendar.instant(until, _BACK_AT, ask.plan.zone)
        return ApplyPlanOut(effect="rest", until=back_at)
    if is_first:
        await _end(conn, ask, review, today)
    return ApplyPlanOut(effect="read")


async def _end(conn: Conn, ask: ApplyPlanIn, review: Review, today: date) -> None:
    """All that was asked about is billed, or given up."""
    ref = ask.plan
    plan = await plans.standing(conn, ref.location_id, ref.lender, ref.plan_id)
    rest_cents, _ = await rest_of(conn, plan) if plan else (0, None)
    if plan is None or plan.client_id is None or rest_cents <= 0:
        raise CannotCarryOut("Nothing of this plan is left to bill.")
    if rest_cents != review.money_cents:
        raise CannotCarryOut(f"By now {dollars(rest_cents)} are left to bill: they are asked anew.")
    if ask.decision.choice == "bill":
        await _bill(conn, ask, plan, rest_cents, today)
        return
    await ledger.post(
        conn,
        entries.plan_rest_written_off(
            plan_case_id=ref.case_id,
            review_id=review.review_id,
            amount_cents=rest_cents,
            client_id=plan.client_id,
            location_id=ref.location_id,
            effective_on=today,
        ),
    )


async def _bill(
    conn: Conn, ask: ApplyPlanIn, plan: PlanStanding, rest_cents: int, today: date
) -> None:
    """One last instalment, due by the location's terms; its case issues the invoice."""
    place = await locations.get_location(conn, plan.location_id)
    due_on = today + timedelta(days=max(place.chase.due_days, INSTALLMENT_CHASE.due_days))
    billed = await billed_of(conn, plan)
    parts = with_rest(plan.installments, billed, rest_cents, due_on)
    # The newest word on the schedule: a file may date the end of the plan later than now.
    told = await plans.facts_of(conn, plan.location_id, plan.lender, plan.plan_id)
    as_of = max(ask.at, *(fact.as_of + _NEXT for fact in told))
    await plans.record(conn, fact_of_decision(ask, {"installments": parts, "as_of": as_of}))


async def billed_next(conn: Conn, ref: PlanRef, at: datetime) -> list[str]:
    """As the case of the last instalment does at once, for a preview; nothing where none waits."""
    plan = await plans.standing(conn, ref.location_id, ref.lender, ref.plan_id)
    _, last = await rest_of(conn, plan) if plan else (0, None)
    if last is None:
        return []
    case = CaseRef(
        case_id=ids.installment_workflow_id(ref.location_id, ref.plan_id, last.number),
        location_id=ref.location_id,
        pms=IN_HOUSE,
        visit_id=ids.installment_visit_id(ref.plan_id, last.number),
        zone=ref.zone,
    )
    await bill_installment(conn, BuildIn(case=case, at=at, review_no="preview"))
    return [f"{dollars(last.amount_cents)} are billed at once, due on {last.due_on}."]


def fact_of_decision(ask: ApplyPlanIn, said: Mapping[str, object]) -> PlanFact:
    """A person's answer as a fact of the plan."""
    plan = ask.plan
    return PlanFact.model_validate(
        {
            "location_id": plan.location_id,
            "lender": Lender(plan.lender),
            "plan_id": plan.plan_id,
            "source": FactSource.STAFF,
            "key": f"decision/{ask.decision.review_id}",
            "as_of": ask.at,
            "observed_at": ask.at,
            **said,
        }
    )
