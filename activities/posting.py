"""One payment fact into the books: matched and posted, or held as a question. Never dropped."""

from datetime import datetime, timedelta

from activities.answering import CannotCarryOut
from activities.contracts import CaseRef
from activities.questions import question
from domain import calendar, entries, entries_held, ids
from domain.chart import LotKind, MoneyLot
from domain.matching import (
    EarlierPayment,
    HeldPayment,
    Matched,
    OpenItem,
    PaymentToMatch,
    Proposed,
    match,
)
from domain.matching_types import Kind
from domain.money import dollars
from store import entitlements, invoices, ledger, lots, payments, refund_facts, refunds, reviews
from store.db import Conn
from store.payments import PaymentFact

DUE_DAYS = timedelta(days=14)
BY_MATCHING = "matching"


async def post_payment(conn: Conn, case: CaseRef, fact: PaymentFact, at: datetime) -> None:
    """Match one new fact of a case and post it; a mismatch waits in suspense for a person."""
    result = match(
        _to_match(case, fact, at),
        [await _open_item(conn, case)],
        await earlier_of(conn, case, fact),
        location_id=case.location_id,
        currency=fact.currency,
    )
    if isinstance(result, Matched):
        to_case_cents = sum(part.cents for part in result.allocations)
        await apply_payment(conn, case, fact, to_case_cents, result.excess_cents, at, BY_MATCHING)
    else:
        await _hold(conn, case, fact, result, at)


async def apply_payment(
    conn: Conn,
    case: CaseRef,
    fact: PaymentFact,
    to_case_cents: int,
    excess_cents: int,
    at: datetime,
    decided_by: str,
) -> None:
    """Post a payment to its case; what is too much becomes the client's visible credit."""
    today = calendar.local_date(at, case.zone)
    await ledger.post(
        conn,
        entries.payment_received(
            payment_id=fact.payment_id,
            source=fact.source,
            kind=fact.kind,
            amount_to_case_cents=to_case_cents,
            excess_cents=excess_cents,
            client_id=fact.client_id or "",
            case_id=case.case_id,
            location_id=case.location_id,
            effective_on=today,
        ),
    )
    if to_case_cents:
        await payments.allocate(
            conn, fact.payment_id, case.case_id, to_case_cents, decided_by, today
        )
    if excess_cents:
        await grant_credit(conn, case, fact.client_id or "", fact.payment_id, excess_cents, at)
    await note_paid(conn, case.case_id)


async def note_paid(conn: Conn, case_id: str) -> None:
    """Let the packages that a visit sold be used once nothing is owed on it."""
    if await ledger.balance_of_case(conn, case_id) <= 0:
        await lots.set_source_paid(conn, ids.document_id(case_id, 1))


async def has_home(conn: Conn, payment_id: str) -> bool:
    """Whether money is on a case, was placed or is sent back by a person, or none of it is left."""
    part = await refund_facts.left_of(conn, payment_id)
    is_gone = part is not None and part.left_cents <= 0
    is_applied = bool(await payments.cases_of(conn, payment_id))
    return is_gone or is_applied or await is_placed(conn, payment_id)


async def is_placed(conn: Conn, payment_id: str) -> bool:
    """Whether a person has placed money that was held, or sends it back."""
    return await ledger.is_posted(
        conn,
        entries_held.held_refund_key(payment_id),
        entries_held.unidentified_applied_key(payment_id, ""),
    ) or await ledger.is_posted(conn, *entries_held.unapplied_home_keys(payment_id))


def change_question_id(case_id: str, payment_id: str, cents: int) -> str:
    """Id of the question that is asked about a payment that is shown at `cents`."""
    return ids.review_id(case_id, "PMS_DISAGREES", f"{payment_id}/{cents}")


async def grant_credit(
    conn: Conn, case: CaseRef, client_id: str, source_id: str, cents: int, at: datetime
) -> None:
    """Account credit that the next visit can use; its liability is booked by the caller."""
    await grant_credit_to(conn, client_id, case.location_id, source_id, cents, at)


async def grant_credit_to(
    conn: Conn, client_id: str, location_id: str, source_id: str, cents: int, at: datetime
) -> None:
    """The same for money that belongs to no case yet."""
    lot = MoneyLot(
        lot_id=await credit_lot(conn, source_id),
        kind=LotKind.ACCOUNT_CREDIT,
        remaining_cents=cents,
        purchased_at=at,
    )
    await entitlements.grant_money_lot(conn, client_id, location_id, lot, "overpayment")


async def credit_lot(conn: Conn, source_id: str) -> str:
    """The credit that money is, or would become; what a person took back is not it any more.

    Raises CannotCarryOut after the last one.
    """
    for lot_id in ids.credit_lot_ids(source_id):
        if not await lots.was_taken_back(conn, lot_id):
            return lot_id
    raise CannotCarryOut("This money was kept as credit too often: apply it or refund it.")


async def _hold(
    conn: Conn,
    case: CaseRef,
    fact: PaymentFact,
    result: Proposed | HeldPayment,
    at: datetime,
) -> None:
    """Book the money where it can be seen, and ask."""
    code = result.code if isinstance(result, HeldPayment) else "NO_REFERENCE"
    await ledger.post(
        conn,
        entries_held.duplicate_received(
            payment_id=fact.payment_id,
            source=fact.source,
            kind=fact.kind,
            amount_cents=fact.amount_cents,
            client_id=fact.client_id or "",
            location_id=case.location_id,
            effective_on=calendar.local_date(at, case.zone),
        ),
    )
    balance_cents = await ledger.balance_of_case(conn, case.case_id)
    asked = question(
        case.case_id,
        case.location_id,
        code,
        fact.amount_cents,
        fact.payment_id,
        at,
        client_id=fact.client_id,
        facts=result.trace,
        ours={"still owed": dollars(balance_cents), "payment": fact.payment_id},
        theirs={"system": fact.source, "kind": fact.kind, "paid": dollars(fact.amount_cents)},
    )
    await reviews.open_review(conn, asked)


def _to_match(case: CaseRef, fact: PaymentFact, at: datetime) -> PaymentToMatch:
    return PaymentToMatch(
        source=fact.source,
        payment_id=fact.payment_id,
        location_id=fact.location_id,
        amount_cents=fact.amount_cents,
        currency=fact.currency,
        paid_on=calendar.local_date(at, case.zone),
        client_id=fact.client_id,
        case_id=case.case_id,
        visit_id=case.visit_id,
        is_from_pms=fact.source == case.pms,
        kind=_kind(fact),
    )


def _kind(fact: PaymentFact) -> Kind:
    """A lender's share that the PMS shows is money on the visit, not a funding of ours."""
    return "cash" if fact.kind == "cash" else "card" if fact.kind == "card" else "other"


async def _open_item(conn: Conn, case: CaseRef) -> OpenItem:
    document = await invoices.latest_document(conn, case.case_id)
    if document is None:
        raise LookupError("a payment cannot be matched before its invoice exists")
    balance_cents = await ledger.balance_of_case(conn, case.case_id)
    issued_on = calendar.local_date(document.issued_at, case.zone)
    return OpenItem(
        case_id=case.case_id,
        client_id=document.client_id,
        number=document.number,
        visit_id=case.visit_id,
        balance_cents=balance_cents,
        issued_on=issued_on,
        due_on=issued_on + DUE_DAYS,
    )


async def earlier_of(conn: Conn, case: CaseRef, fact: PaymentFact) -> list[EarlierPayment]:
    """What the case was paid before and still has, and what it was paid that waits in suspense."""
    return [
        EarlierPayment(
            source=known.source,
            payment_id=known.payment_id,
            client_id=known.client_id,
            case_id=case.case_id,
            amount_cents=known.amount_cents,
            paid_on=calendar.local_date(known.occurred_at, case.zone),
            kind=_kind(known),
            is_applied=await payments.allocated(conn, known.payment_id, case.case_id) > 0,
        )
        for known in await payments.of_case(conn, case.case_id)
        if known.payment_id != fact.payment_id
        and known.amount_cents > await refunds.gone(conn, known.payment_id)
    ]
