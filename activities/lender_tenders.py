"""A lender's part of a visit: told by its accepted plan, or recorded as a tender by the desk.

Both tell of the same money, so there is one part for each lender and visit. It is a payment of
kind `lender` (rule 2.12 row 17) that names its loan; the lender's own figure counts.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from functools import partial

from pydantic import AwareDatetime

from activities.contracts import CaseRef, StandingIn
from activities.pms_money import compare
from activities.posting import post_payment
from connectors.ports import PmsPayment
from domain import calendar, ids
from domain.lender_contracts import CONTRACTS
from domain.lender_money import LenderTerms
from domain.lender_news import is_opaque
from domain.model import Record
from domain.plan_case import Lender
from store import lender_loans, payments, plans
from store.db import Conn
from store.lender_loans import Loan
from store.payments import PaymentFact
from store.plans import ForVisit

BY_TENDER, BY_PLAN = "tender", "plan"


class LenderTender(Record):
    """One lender's part of one visit. `desk_cents` is what the practice system shows of it."""

    lender: Lender
    loan_ids: tuple[str, ...]
    amount_cents: int
    at: AwareDatetime
    named_by: str
    programme: str = ""
    desk_cents: int | None = None


class Apart(Record):
    """The desk's own money and the lenders'. `is_pending`: a contract waits, nobody is asked."""

    own: tuple[PmsPayment, ...]
    parts: tuple[LenderTender, ...]
    is_pending: bool


def lender_of(payment: PmsPayment, terms: Mapping[Lender, LenderTerms]) -> Lender | None:
    """Whose tender it is, by the name that the desk gave it; None for one of another kind."""
    if payment.kind != "other":
        return None
    words = " ".join(filter(None, (payment.label, payment.note))).lower()
    for lender, agreed in terms.items():
        names = (CONTRACTS[lender].name, *agreed.tender_labels)
        if lender is not Lender.IN_HOUSE and any(name.lower() in words for name in names):
            return lender
    return None


async def apart(conn: Conn, case: CaseRef, shown: Sequence[PmsPayment], at: AwareDatetime) -> Apart:
    """The desk's own money on a visit, and each lender's part of it, from plans and tenders."""
    contracts = await plans.for_visit(conn, case.location_id, case.visit_id)
    found: dict[Lender, LenderTender] = {}
    for plan in contracts:
        if plan.owes:
            found[plan.lender] = _of_plan(plan, found.get(plan.lender))
    own, terms = [], await _terms(conn, case, shown)
    booked = await _booked_as_own(conn, case) if terms else set()
    for payment in shown:
        lender = None if payment.payment_id in booked else lender_of(payment, terms)
        if lender is None:
            own.append(payment)
        else:
            found[lender] = _of_desk(payment, lender, found.get(lender), at)
    return Apart(
        own=tuple(own),
        parts=tuple(found.values()),
        is_pending=any(map(partial(_is_pending, at), contracts)),
    )


def _is_pending(at: AwareDatetime, plan: ForVisit) -> bool:
    """A contract that waits for its patient, or for the read of a webhook; not for long."""
    return not plan.owes and at < plan.since + timedelta(days=CONTRACTS[plan.lender].pending_days)


async def _booked_as_own(conn: Conn, case: CaseRef) -> set[str]:
    """Tenders that were taken for the desk's own before the lender's name for them was known."""
    known = await payments.of_case(conn, case.case_id)
    return {fact.object_id for fact in known if fact.source == case.pms}


async def _terms(
    conn: Conn, case: CaseRef, shown: Sequence[PmsPayment]
) -> Mapping[Lender, LenderTerms]:
    """What the lenders' tenders are called; most visits have none that could be one."""
    if any(payment.kind == "other" for payment in shown):
        return await lender_loans.terms_of(conn, case.location_id)
    return {}


def _of_plan(plan: ForVisit, known: LenderTender | None) -> LenderTender:
    loans = (*(known.loan_ids if known else ()), plan.contract_id)
    return LenderTender(
        lender=plan.lender,
        loan_ids=tuple(dict.fromkeys(loans)),
        amount_cents=plan.financed_cents + (known.amount_cents if known else 0),
        at=plan.since,
        named_by=BY_PLAN,
        programme=plan.programme or "",
    )


def _of_desk(
    payment: PmsPayment, lender: Lender, known: LenderTender | None, at: AwareDatetime
) -> LenderTender:
    cents = payment.amount_cents - payment.refunded_cents
    loans = dict.fromkeys((*(known.loan_ids if known else ()), *_named(payment)))
    if known is None:
        return LenderTender(
            lender=lender,
            loan_ids=tuple(loans),
            amount_cents=cents,
            at=payment.paid_at or at,
            named_by=BY_TENDER,
            desk_cents=cents,
        )
    shown = (known.desk_cents or 0) + cents
    amount = known.amount_cents if known.named_by == BY_PLAN else shown
    return known.model_copy(
        update={"loan_ids": tuple(loans), "amount_cents": amount, "desk_cents": shown}
    )


def _named(payment: PmsPayment) -> Iterable[str]:
    """Words of the desk's note that can be a loan's id: they hold a digit and nothing odd."""
    words = re.split(r"[\s,;:#()]+", payment.note or "")
    return (word for word in words if is_opaque(word) and any(map(str.isdigit, word)))


def fact_of_tender(
    case: CaseRef, client_id: str, tender: LenderTender, cents: int | None = None
) -> PaymentFact:
    """The part as a payment, the same one however it was told."""
    return PaymentFact(
        payment_id=ids.payment_id(tender.lender, case.visit_id),
        source=tender.lender,
        object_id=case.visit_id,
        kind="lender",
        state="paid",
        amount_cents=tender.amount_cents if cents is None else cents,
        currency="USD",
        occurred_at=tender.at,
        case_id=case.case_id,
        client_id=client_id,
        location_id=case.location_id,
        outside=True,
    )


async def book_parts(conn: Conn, ask: StandingIn, parts: Sequence[LenderTender]) -> None:
    """Post new parts and name their loans; the desk may have recorded another sum."""
    for part in parts:
        fact = fact_of_tender(ask.case, ask.client_id, part)
        known = await payments.get(conn, fact.payment_id)
        if known is None and fact.amount_cents > 0 and await payments.record(conn, fact):
            await post_payment(conn, ask.case, fact, ask.at)
            known = fact
        if known is None:
            continue
        await _name_loans(conn, ask.case, known, part)
        if part.desk_cents is not None:
            shown = fact_of_tender(ask.case, ask.client_id, part, part.desk_cents)
            await compare(conn, ask.case, known, shown, ask.at)


async def _name_loans(conn: Conn, case: CaseRef, fact: PaymentFact, tender: LenderTender) -> None:
    """Which loans pay the part; one that nobody named is called by its visit."""
    for loan_id in tender.loan_ids or (f"visit.{case.visit_id}",):
        await lender_loans.put_loan(
            conn,
            Loan(
                location_id=case.location_id,
                lender=tender.lender,
                loan_id=loan_id,
                payment_id=fact.payment_id,
                case_id=case.case_id,
                client_id=fact.client_id or "",
                programme=tender.programme,
                signed_on=calendar.local_date(tender.at, case.zone),
                named_by=tender.named_by,
            ),
        )
