"""What a person decides about a client's money that a visit holds in suspense (2090)."""

from datetime import date, datetime

from activities.answering import CannotCarryOut, payment_of
from activities.contracts import ApplyIn, CaseRef
from activities.posting import grant_credit, note_paid
from activities.refund_effects import act_of
from activities.refund_owed import AllGone, owe_held, still_held
from domain import calendar, entries_held
from domain.entries_dispute import recovered
from store import invoices, ledger, payments, refund_facts
from store.db import Conn
from store.payments import PaymentFact
from store.reviews import Review


async def held(conn: Conn, review: Review) -> PaymentFact | None:
    """The payment that waits for this answer, as far as it is still there.

    None when all of it went back meanwhile: the question ends and any answer books nothing.
    """
    fact = await payments.get(conn, payment_of(review))
    if fact is None:
        raise LookupError("the payment of this question is not in the books")
    try:
        return await still_held(conn, fact)
    except AllGone:
        return None


async def refund_held(conn: Conn, ask: ApplyIn, review: Review) -> None:
    """It goes back the way it came."""
    fact = await held(conn, review)
    if fact is not None:
        await owe_held(conn, act_of(ask, review, ask.client_id), fact)


async def keep_as_credit(conn: Conn, ask: ApplyIn, review: Review) -> None:
    """It becomes the client's credit."""
    fact, client_id = await held(conn, review), ask.client_id or ""
    if fact is None:
        return
    await ledger.post(
        conn,
        entries_held.unapplied_kept_as_credit(
            payment_id=fact.payment_id,
            amount_cents=fact.amount_cents,
            client_id=client_id,
            location_id=ask.case.location_id,
            effective_on=calendar.local_date(ask.at, ask.case.zone),
        ),
    )
    await grant_credit(conn, ask.case, client_id, fact.payment_id, fact.amount_cents, ask.at)


async def apply_named(conn: Conn, ask: ApplyIn, review: Review) -> None:
    """It goes to the invoice that the person named, of the same client."""
    document = await invoices.find(conn, ask.case.location_id, ask.decision.invoice_id or "")
    if document is None or document.client_id != ask.client_id:
        raise CannotCarryOut("The named invoice is not one of this client's.")
    target = ask.case.model_copy(update={"case_id": document.case_id})
    fact = await held(conn, review)
    if fact is not None:
        await apply_to(conn, target, document.client_id, fact, ask.decision.by, ask.at)


async def apply_here(conn: Conn, ask: ApplyIn, review: Review) -> None:
    """It is good after all: to this visit, what is over to credit."""
    fact = await held(conn, review)
    if fact is not None:
        await apply_to(conn, ask.case, ask.client_id or "", fact, ask.decision.by, ask.at)


async def apply_to(
    conn: Conn, case: CaseRef, client_id: str, fact: PaymentFact, by: str, at: datetime
) -> None:
    """Move held money of a known client to a case; what is over becomes credit."""
    today = calendar.local_date(at, case.zone)
    of = (client_id, case.case_id, case.location_id)
    await recover(conn, fact.payment_id, fact.amount_cents, *of, today)
    balance_cents = max(0, await ledger.balance_of_case(conn, case.case_id))
    to_case_cents = min(balance_cents, fact.amount_cents)
    excess_cents = fact.amount_cents - to_case_cents
    await ledger.post(
        conn,
        entries_held.unapplied_applied(
            payment_id=fact.payment_id,
            amount_to_case_cents=to_case_cents,
            excess_cents=excess_cents,
            client_id=client_id,
            case_id=case.case_id,
            location_id=case.location_id,
            effective_on=today,
        ),
    )
    if to_case_cents:
        await payments.allocate(conn, fact.payment_id, case.case_id, to_case_cents, by, today)
    if excess_cents:
        await grant_credit(conn, case, client_id, fact.payment_id, excess_cents, at)
    await note_paid(conn, case.case_id)


async def recover(
    conn: Conn,
    payment_id: str,
    left_cents: int,
    client_id: str,
    case_id: str,
    location_id: str,
    on: date,
) -> int:
    """What was given up of a case, and comes in now, is owed again to be paid.

    `left_cents` are there for it; returns how many of them the case takes.
    """
    owed_cents = max(0, await ledger.balance_of_case(conn, case_id))
    given_up_cents = await refund_facts.written_off(conn, case_id)
    cents = min(given_up_cents, max(0, left_cents - owed_cents))
    if cents:
        await ledger.post(
            conn,
            recovered(
                payment_id=payment_id,
                cents=cents,
                client_id=client_id,
                case_id=case_id,
                location_id=location_id,
                effective_on=on,
            ),
        )
    return min(left_cents, owed_cents + cents)
