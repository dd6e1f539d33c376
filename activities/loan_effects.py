"""What each answer about a lender's money does to the books."""

from datetime import date, timedelta

from activities.answering import CannotCarryOut
from activities.loan_contracts import OF_PATIENTS, ApplyLoanIn, ApplyLoanOut
from activities.loan_settling import held_in
from activities.posting import grant_credit_to, note_paid
from domain import calendar, entries_held, entries_lender, ids
from domain.case import Decision
from domain.entries_lender import KNOWN
from domain.lender_money import Deposit, LoanPart
from store import clients, invoices, ledger, lender_loans, lots, payments, refund_facts
from store.db import Conn
from store.invoices import Document
from store.lender_loans import Booking, Loan
from store.payments import PaymentFact
from store.reviews import Review

RESTS = {
    "call_lender": timedelta(days=2),
    "resubmit": timedelta(days=5),
    "contest": timedelta(days=14),
    "hold_30_days": timedelta(days=30),
    "ask_payer": timedelta(days=7),
}
"""How long a question rests that was answered so; it comes back while it is still so."""


async def carry_out_loan(
    conn: Conn,
    ask: ApplyLoanIn,
    review: Review,
    decision: Decision,
    part: LoanPart | None,
    *,
    is_first: bool,
) -> ApplyLoanOut:
    """Do what a choice says, once; returns what the case does next."""
    today = calendar.local_date(ask.at, ask.loan.zone)
    choice, fee_differs = decision.choice, review.code == "LENDER_FEE_DIFF"
    if choice in OF_PATIENTS:
        raise CannotCarryOut("A lender sent it: apply it to the invoice that it pays.")
    told = None
    if is_first and fee_differs and choice in ("accept", "contest"):
        await _fund(conn, ask, review, _known(part), today)
    elif is_first and choice in ("convert_to_patient", "re_bill"):
        told = await _bill(conn, review, _known(part), today)
    elif is_first and choice == "cancel_plan":
        told = await _cancel(conn, review, _known(part), today)
    elif is_first and choice == "apply":
        told = await _place(conn, ask, review, decision, today)
    elif is_first and choice == "refund":
        await _send_back(conn, ask, review, today)
    rest = RESTS.get(choice)
    if rest is not None:
        return ApplyLoanOut(effect="rest", until=ask.at + rest)
    return ApplyLoanOut(effect="again", case_id=told)


def _known(part: LoanPart | None) -> LoanPart:
    if part is None:
        raise CannotCarryOut("The loan belongs to no visit; say first which invoice it pays.")
    return part


def _deposit(review: Review) -> Deposit:
    return Deposit.model_validate(review.shown["funding"])


async def _fund(conn: Conn, ask: ApplyLoanIn, review: Review, part: LoanPart, today: date) -> None:
    """Book the fee as it was kept; contested, as the schedule has it, the rest stays owed."""
    deposit = _deposit(review)
    kept_cents = deposit.gross_of(part.open_cents) - deposit.net_cents
    schedule = review.shown.get("schedule_cents") or 0
    is_contested = ask.decision.choice == "contest"
    fee_cents = min(int(schedule), kept_cents) if is_contested else kept_cents
    gross_cents = deposit.net_cents + fee_cents
    if fee_cents < 0 or gross_cents > part.open_cents:
        raise CannotCarryOut("Less is open of the loan than this would book.")
    entry = entries_lender.funded(
        lender=part.lender,
        funding_id=deposit.funding_id,
        net_cents=deposit.net_cents,
        fee_cents=fee_cents,
        came_from=await held_in(conn, ask.loan, deposit),
        client_id=part.client_id,
        case_id=part.case_id,
        location_id=part.location_id,
        effective_on=today,
    )
    await ledger.post(conn, entry)
    # After it was taken back, the same answer is an entry of its own.
    (posted,) = await ledger.entries_of_decision(conn, review.review_id)
    await lender_loans.book(
        conn,
        _booking(part, deposit.loan_id, posted.business_key, today).model_copy(
            update={
                "funding_id": deposit.funding_id,
                "kind": "funded",
                "receivable_cents": -gross_cents,
                "net_cents": deposit.net_cents,
                "fee_cents": fee_cents,
            }
        ),
    )


async def _bill(conn: Conn, review: Review, part: LoanPart, today: date) -> str:
    """The patient owes what the lender does not pay."""
    patient_cents = await _lost(conn, part)
    entry = entries_lender.billed_instead(
        review_id=review.review_id,
        patient_cents=patient_cents,
        lender_cents=part.open_cents,
        client_id=part.client_id,
        case_id=part.case_id,
        location_id=part.location_id,
        effective_on=today,
    )
    await ledger.post(conn, entry)
    await _give_up(conn, part, entry.business_key, today)
    await _take_off_visit(conn, review, part, patient_cents, today)
    return part.case_id


async def _cancel(conn: Conn, review: Review, part: LoanPart, today: date) -> str:
    """What the patient has not received is taken off; what they have is an allowance."""
    part_cents = await _lost(conn, part)
    left = await refund_facts.lots_of(conn, ids.document_id(part.case_id, 1))
    unused_cents = sum(lot.cents for lot in left.values())
    entry = entries_lender.plan_cancelled(
        review_id=review.review_id,
        part_cents=part_cents,
        lender_cents=part.open_cents,
        unused_cents=unused_cents,
        client_id=part.client_id,
        case_id=part.case_id,
        location_id=part.location_id,
        effective_on=today,
    )
    await ledger.post(conn, entry)
    if unused_cents > part_cents:
        raise CannotCarryOut("More is unused than the lender paid for: refund the package instead.")
    for lot in left.values():
        if lot.quantity > 0 or lot.cents > 0:
            await lots.end(
                conn, "refund", review.review_id, lot.lot_id, lot.quantity, lot.cents, today
            )
    await _give_up(conn, part, entry.business_key, today)
    return part.case_id


async def _lost(conn: Conn, part: LoanPart) -> int:
    """What the lender was to pay and does not: what is open, and the fee that it kept of it."""
    if part.open_cents <= 0:
        raise CannotCarryOut("Nothing is open of the loan any more.")
    booked = await lender_loans.bookings_of(conn, part.location_id, part.lender, part.loan_ids)
    back = {each.funding_id for each in booked if each.kind == "taken_back"}
    fees = sum(e.fee_cents for e in booked if e.kind == "funded" and e.funding_id in back)
    return part.open_cents + fees


async def _take_off_visit(
    conn: Conn, review: Review, part: LoanPart, cents: int, today: date
) -> None:
    """The lender's part pays less of the visit by now; credit that it left is not taken."""
    applied = await payments.allocated(conn, part.payment_id, part.case_id)
    back_cents = min(applied, cents)
    if back_cents > 0:
        decided_by = f"decision {review.review_id}"
        await payments.allocate(conn, part.payment_id, part.case_id, -back_cents, decided_by, today)


async def _give_up(conn: Conn, part: LoanPart, key: str, today: date) -> None:
    given_up = _booking(part, part.loan_ids[0], key, today)
    await lender_loans.book(
        conn, given_up.model_copy(update={"receivable_cents": -part.open_cents})
    )


def _booking(part: LoanPart, loan_id: str, key: str, today: date) -> Booking:
    return Booking(
        business_key=key,
        location_id=part.location_id,
        lender=part.lender,
        loan_id=loan_id,
        payment_id=part.payment_id,
        kind="given_up",
        booked_on=today,
    )


async def _place(
    conn: Conn, ask: ApplyLoanIn, review: Review, decision: Decision, today: date
) -> str:
    """The deposit pays the invoice that a person names: the lender's part of it first."""
    named = await invoices.find(conn, ask.loan.location_id, decision.invoice_id or "")
    if named is None:
        raise CannotCarryOut("There is no such invoice.")
    await clients.lock_client(conn, named.client_id)
    deposit = _deposit(review)
    part = await _part_on(conn, ask, named)
    if part is not None and deposit.gross_of(part.open_cents) <= part.open_cents:
        # It is this part's loan: the next look matches it, fee and all.
        await _name(conn, part, deposit.loan_id, decision.by)
        return named.case_id
    await _spread(conn, ask, review, named, part, today)
    return named.case_id


async def _part_on(conn: Conn, ask: ApplyLoanIn, named: Document) -> LoanPart | None:
    found = await lender_loans.open_parts(conn, ask.loan.location_id)
    mine = (p for p in found if (p.case_id, p.lender) == (named.case_id, ask.loan.lender))
    return next(mine, None)


async def _name(conn: Conn, part: LoanPart, loan_id: str, by: str) -> None:
    loan = Loan(
        location_id=part.location_id,
        lender=part.lender,
        loan_id=loan_id,
        payment_id=part.payment_id,
        case_id=part.case_id,
        client_id=part.client_id,
        programme=part.programme,
        signed_on=part.signed_on,
        named_by=by,
    )
    await lender_loans.put_loan(conn, loan)


async def _spread(
    conn: Conn,
    ask: ApplyLoanIn,
    review: Review,
    named: Document,
    part: LoanPart | None,
    today: date,
) -> None:
    """More came than the lender owes there: the rest is the patient's, as payment or credit."""
    deposit, lender = _deposit(review), ask.loan.lender
    gross_cents = deposit.gross_of(deposit.net_cents)
    to_lender = min(gross_cents, part.open_cents) if part else 0
    owed_cents = max(0, await ledger.balance_of_case(conn, named.case_id))
    to_patient = min(owed_cents, gross_cents - to_lender)
    entry = entries_lender.placed(
        review_id=review.review_id,
        came_from=await held_in(conn, ask.loan, deposit),
        net_cents=deposit.net_cents,
        fee_cents=gross_cents - deposit.net_cents,
        to_lender_cents=to_lender,
        to_patient_cents=to_patient,
        credit_cents=gross_cents - to_lender - to_patient,
        client_id=named.client_id,
        case_id=named.case_id,
        location_id=named.location_id,
        effective_on=today,
    )
    await ledger.post(conn, entry)
    booking = Booking(
        business_key=entry.business_key,
        location_id=named.location_id,
        lender=lender,
        loan_id=deposit.loan_id,
        payment_id=part.payment_id if part else None,
        funding_id=deposit.funding_id,
        kind="funded",
        receivable_cents=-to_lender,
        net_cents=deposit.net_cents,
        fee_cents=gross_cents - deposit.net_cents,
        booked_on=today,
    )
    await lender_loans.book(conn, booking)
    if gross_cents > to_lender:
        await _as_payment(conn, ask, named, deposit, gross_cents - to_lender, to_patient)


async def _as_payment(
    conn: Conn,
    ask: ApplyLoanIn,
    named: Document,
    deposit: Deposit,
    amount_cents: int,
    to_patient: int,
) -> None:
    """What a lender paid of the patient's own balance is a payment like any other."""
    lender, today = ask.loan.lender, calendar.local_date(ask.at, ask.loan.zone)
    fact = PaymentFact(
        payment_id=ids.payment_id(lender, deposit.funding_id),
        source=lender,
        object_id=deposit.funding_id,
        kind="lender",
        state="paid",
        amount_cents=amount_cents,
        occurred_at=ask.at,
        client_id=named.client_id,
        location_id=named.location_id,
        outside=True,
    )
    await payments.record(conn, fact)
    if to_patient:
        by = ask.decision.by
        await payments.allocate(conn, fact.payment_id, named.case_id, to_patient, by, today)
    if amount_cents > to_patient:
        credit = (fact.payment_id, amount_cents - to_patient, ask.at)
        await grant_credit_to(conn, named.client_id, named.location_id, *credit)
    await note_paid(conn, named.case_id)


async def _send_back(conn: Conn, ask: ApplyLoanIn, review: Review, today: date) -> None:
    """Money that is not ours is owed back to the lender."""
    deposit = _deposit(review)
    is_known = await held_in(conn, ask.loan, deposit) == KNOWN
    entry = entries_held.held_money_refund_owed(
        payment_id=deposit.funding_id,
        amount_cents=deposit.net_cents,
        client_id=review.client_id if is_known else None,
        location_id=review.location_id,
        effective_on=today,
    )
    await ledger.post(conn, entry)
    booking = Booking(
        business_key=entry.business_key,
        location_id=review.location_id,
        lender=ask.loan.lender,
        loan_id=deposit.loan_id,
        funding_id=deposit.funding_id,
        kind="given_up",
        net_cents=deposit.net_cents,
        booked_on=today,
    )
    await lender_loans.book(conn, booking)
