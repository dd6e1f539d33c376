"""What a decision about a lender's money or a financing plan does, and what follows of it.

The calendar in the PMS is not read: a message that a booking makes needless is shown all the same.
"""

from datetime import datetime

from activities import plan_rest
from activities.installments import sign
from activities.loan_contracts import ApplyLoanIn, LoanRef, SettleLoanIn
from activities.loan_effects import carry_out_loan
from activities.loan_settling import Settling, part_of
from activities.plan_contracts import ApplyPlanIn, PlanRef
from activities.plan_decisions import carry_out_plan
from activities.plan_reading import of_books
from domain import calendar, ids, plan_course
from domain.case import Decision
from domain.money import dollars
from domain.plan_case import Lender
from domain.plan_course import PlanFacts
from domain.plan_policy import DEFAULT_PLAN
from domain.reviews import topic_of
from store import invoices, ledger, lender_loans
from store.db import Conn
from store.locations import Location
from store.reviews import Review

_TOUCHES_SHOWN = 6


async def loan(
    conn: Conn, review: Review, decision: Decision, place: Location, at: datetime
) -> list[str]:
    """The answer, and the look at the lender's deposits that follows at once."""
    _, _, lender, name = review.case_id.split("/", 3)
    ref = await _loan_ref(conn, review, Lender(lender), name, place)
    ask = ApplyLoanIn(loan=ref, decision=decision, at=at)
    part = await part_of(conn, ref)
    done = await carry_out_loan(conn, ask, review, decision, part, is_first=True)
    if done.until is not None:
        back_on = calendar.local_date(done.until, place.zone)
        return [f"The lender is waited for; the question comes back on {back_on}."]
    said = [await _told(conn, done.case_id)] if done.case_id else []
    look = SettleLoanIn(loan=ref, at=at, review_no=f"preview/{review.review_id}")
    asked = await Settling(conn, look, await part_of(conn, ref)).run()
    codes = dict.fromkeys(one.code for one in asked if one.review_id != review.review_id)
    said += [f"Then you are asked: {topic_of(code).title}." for code in codes]
    return said or ["Nothing is asked of the patient."]


async def _loan_ref(
    conn: Conn, review: Review, lender: Lender, name: str, place: Location
) -> LoanRef:
    """The case is named by the visit of its part, or by a loan that no visit is known for."""
    of_visit = ids.payment_id(lender, name)
    is_known = await lender_loans.part_of_payment(conn, of_visit) is not None
    said = str((review.shown.get("theirs") or {}).get("loan") or name)
    return LoanRef(
        case_id=review.case_id,
        location_id=place.location_id,
        lender=lender,
        loan_id=str((review.shown.get("funding") or {}).get("loan_id") or said.split(", ")[0]),
        payment_id=of_visit if is_known else None,
        zone=place.zone,
    )


async def _told(conn: Conn, case_id: str) -> str:
    balance_cents = await ledger.balance_of_case(conn, case_id)
    known = await invoices.documents_of(conn, case_id)
    name = f"Invoice {known[0].number}" if known else "The visit"
    if balance_cents > 0:
        return f"{name} owes {dollars(balance_cents)}; the patient is asked for it as planned."
    return f"{name} owes nothing; its reminders stop."


async def plan(
    conn: Conn, review: Review, decision: Decision, place: Location, at: datetime
) -> list[str]:
    """The answer as a fact of the plan, what it books, and the messages that go out by it."""
    _, _, lender, plan_id = review.case_id.split("/", 3)
    ref = PlanRef(
        case_id=review.case_id,
        location_id=place.location_id,
        lender=lender,
        plan_id=plan_id,
        zone=place.zone,
    )
    before = await _upcoming(conn, ref, at)
    ask = ApplyPlanIn(
        plan=ref, client_id=review.client_id, code=review.code, decision=decision, at=at
    )
    done = await carry_out_plan(conn, ask, review, is_first=True)
    if done.effect == "stop":
        return ["No message of this plan is sent any more.", *_stopped(before, [])]
    if done.until is not None:
        back_on = calendar.local_date(done.until, place.zone)
        return [f"The plan goes on; the question comes back on {back_on} while it is still so."]
    said = [*await _signed(conn, ref, place, at), *await _rest(conn, ref, review, at)]
    after = await _upcoming(conn, ref, at)
    said += [f"Goes out: {touch}." for touch in after[:_TOUCHES_SHOWN]]
    return [*said, *_stopped(before, after)] or ["Nothing is sent."]


def _stopped(before: list[str], after: list[str]) -> list[str]:
    return [f"Does not go out any more: {touch}." for touch in before if touch not in after]


async def _upcoming(conn: Conn, ref: PlanRef, at: datetime) -> list[str]:
    """Messages that the facts call for and that have not gone out, earliest first."""
    facts = await _facts(conn, ref, at)
    if facts is None or facts[0].silenced_by:
        return []
    known, done = facts
    today = calendar.local_date(at, ref.zone)
    return [
        f"{touch.step.name} on {max(today, calendar.local_date(touch.due_at, ref.zone))}"
        for touch in plan_course.touches(known, DEFAULT_PLAN, ref.zone)
        if touch.key not in done and touch.last_on >= today
    ]


async def _facts(
    conn: Conn, ref: PlanRef, at: datetime
) -> tuple[PlanFacts, tuple[str, ...]] | None:
    try:
        return await of_books(conn, ref, at)
    except LookupError:
        return None


async def _signed(conn: Conn, ref: PlanRef, place: Location, at: datetime) -> list[str]:
    """A plan of the practice's own that runs by the answer is booked at once."""
    facts = await _facts(conn, ref, at)
    if facts is None or not plan_course.is_to_sign(facts[0]):
        return []
    signed = await sign(conn, ref, place.pms, calendar.local_date(at, place.zone))
    return [f"{dollars(signed.over_cents)} stand on no visit."] if signed.over_cents else []


async def _rest(conn: Conn, ref: PlanRef, review: Review, at: datetime) -> list[str]:
    """What a plan of our own that has ended had left: billed at once, or asked about."""
    facts = await _facts(conn, ref, at)
    if facts is not None and facts[0].rest_cents and review.code != plan_rest.CODE:
        return [f"Then you are asked: {topic_of(plan_rest.CODE).title}."]
    return await plan_rest.billed_next(conn, ref, at)
