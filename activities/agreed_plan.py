"""The rest of a bill that the patient agreed to pay by instalments: a plan of the practice's own.

Few monthly instalments without a charge are all that an answer can say. What needs a signed
disclosure, or falls due otherwise, is entered by `tieout plan add`.
"""

from datetime import datetime

from activities.answering import CannotCarryOut
from activities.contracts import ApplyIn
from activities.installments import IN_HOUSE, billed_of, sign
from activities.plan_contracts import PlanRef
from domain import calendar, ids
from domain.in_house import agreed_terms, signed, terms_problem
from domain.money import dollars
from domain.plan_case import Lender, PlanStanding, PlanStatus
from domain.plan_facts import FactSource, PlanFact
from store import ledger, plans
from store.db import Conn
from store.reviews import Review

CHOICE, CODE = "plan", "UNDERPAID"
"""The choice under any other code enters nothing: there a plan is waited for."""
_OTHERWISE = "`tieout plan add` enters such a plan."


async def agree(conn: Conn, ask: ApplyIn, review: Review) -> None:
    """Enter the plan, and move all that the visit still owes to it (2.12 row 20)."""
    if review.code != CODE:
        return
    case, decision = ask.case, ask.decision
    if case.pms == IN_HOUSE:
        raise CannotCarryOut("This is an instalment already: end its plan, then add another one.")
    owed_cents = await ledger.balance_of_case(conn, case.case_id)
    if owed_cents <= 0:
        raise CannotCarryOut("Nothing is owed any more.")
    if not decision.amount_cents or decision.until is None:
        raise CannotCarryOut("An instalment has a first day and is more than nothing.")
    terms = agreed_terms(owed_cents, decision.amount_cents, decision.until)
    today = calendar.local_date(ask.at, case.zone)
    problem = terms_problem(terms, today)
    if problem is not None:
        raise CannotCarryOut(f"{problem} {_OTHERWISE}")
    plan_id = ids.agreed_plan_id(review.review_id)
    fact = signed(
        terms,
        location_id=case.location_id,
        plan_id=plan_id,
        key=f"decision/{review.review_id}",
        as_of=ask.at,
        observed_at=ask.at,
        source=FactSource.STAFF,
        client_id=ask.client_id,
        visit_ref=case.visit_id,
    )
    await plans.record(conn, fact)
    ref = PlanRef(
        case_id=ids.plan_workflow_id(case.location_id, IN_HOUSE, plan_id),
        location_id=case.location_id,
        lender=IN_HOUSE,
        plan_id=plan_id,
        zone=case.zone,
    )
    await sign(conn, ref, case.pms, today)


async def facts_of_decision(conn: Conn, review: Review) -> list[PlanFact]:
    """What the decision has said of its plan, and what was said since; empty when it made none."""
    plan_id = ids.agreed_plan_id(review.review_id)
    return await plans.facts_of(conn, review.location_id, IN_HOUSE, plan_id)


async def of_decision(conn: Conn, review: Review) -> PlanStanding | None:
    """The plan that a decision made."""
    plan_id = ids.agreed_plan_id(review.review_id)
    return await plans.standing(conn, review.location_id, IN_HOUSE, plan_id)


async def due_dates(conn: Conn, review: Review) -> list[str]:
    """What the patient has to pay by the plan, an instalment a sentence."""
    plan = await of_decision(conn, review)
    parts = plan.installments if plan else ()
    return [f"{dollars(part.amount_cents)} fall due on {part.due_on}." for part in parts]


async def is_billed(conn: Conn, plan: PlanStanding) -> bool:
    """Whether an instalment of the plan has its invoice."""
    return bool(await billed_of(conn, plan))


async def undo(conn: Conn, review: Review, key: str, at: datetime) -> None:
    """The plan that a decision made is over, and no instalment of it was ever owed."""
    plan = await of_decision(conn, review)
    if plan is None:
        return
    fact = PlanFact(
        location_id=plan.location_id,
        lender=Lender.IN_HOUSE,
        plan_id=plan.plan_id,
        source=FactSource.STAFF,
        key=key,
        as_of=at,
        observed_at=at,
        status=PlanStatus.CANCELLED,
        installments=(),
    )
    await plans.record(conn, fact)
