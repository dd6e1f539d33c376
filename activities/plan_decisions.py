"""What each answer about a financing plan does to the books, and what the case does next.

A person's word on a plan is a fact among the others, kept with who said it.
"""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType

from activities import plan_rest
from activities.plan_contracts import ApplyPlanIn, ApplyPlanOut
from activities.plan_rest import CODE, fact_of_decision
from domain.plan_case import Lender, PlanStatus
from store import plans
from store.db import Conn
from store.reviews import Review

RESTS: Mapping[str, timedelta] = MappingProxyType(
    {"ask_lender": timedelta(days=2), "plan": timedelta(days=7), "wait": timedelta(days=14)}
)
"""Choices after which the question comes back while it is still so."""

FINAL_DATE = "final"
"""Subject of a question about the date of the last payment; every other one is the first."""


async def carry_out_plan(
    conn: Conn, ask: ApplyPlanIn, review: Review, is_first: bool
) -> ApplyPlanOut:
    """Do what a choice says, once; returns what the case does next."""
    choice = ask.decision.choice
    if choice in RESTS:
        return ApplyPlanOut(effect="rest", until=ask.at + RESTS[choice])
    if choice == "stop" and ask.plan.lender != Lender.IN_HOUSE:
        return ApplyPlanOut(effect="stop")
    if review.code == CODE:
        return await plan_rest.carry_out(conn, ask, review, is_first)
    said = await _said(conn, ask, review)
    if said and is_first:
        await plans.record(conn, fact_of_decision(ask, said))
    return ApplyPlanOut(effect="read")


async def _said(conn: Conn, ask: ApplyPlanIn, review: Review) -> dict[str, object]:
    """The fields of the plan that a choice states; empty when it states none."""
    decision = ask.decision
    if decision.choice == "enter_date":
        is_final = review.shown.get("subject") == FINAL_DATE
        field = "final_payment_on" if is_final else "first_payment_on"
        return {field: decision.until} | ({} if is_final else {"is_date_confirmed": True})
    if decision.choice == "confirm_date":
        plan = ask.plan
        standing = await plans.standing(conn, plan.location_id, plan.lender, plan.plan_id)
        known = standing.first_payment_on if standing else None
        return {"first_payment_on": known, "is_date_confirmed": True}
    if decision.choice == "stop":
        return {"status": PlanStatus.CANCELLED}
    if decision.choice == "link_client":
        return {"client_id": decision.client_id}
    if decision.choice == "set_status":
        return {"status": PlanStatus(decision.status or "")}
    return {}
