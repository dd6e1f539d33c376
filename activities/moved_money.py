"""Money on a visit that was meant for another invoice of the same client: a person moves it.

Reversal and new application, as two entries by way of suspense (2.9).
"""

from activities.answering import CannotCarryOut
from activities.contracts import ApplyIn
from activities.held_money import apply_to
from domain import calendar, entries_held
from store import invoices, ledger, payments, refund_facts
from store.db import Conn
from store.payments import PaymentFact
from store.refund_facts import PaidPart
from store.reviews import Review


async def move_paid(conn: Conn, ask: ApplyIn, review: Review) -> None:
    """The visit's last payment goes to the invoice that the person named."""
    named = await invoices.find(conn, ask.case.location_id, ask.decision.invoice_id or "")
    if named is None or named.client_id != ask.client_id:
        raise CannotCarryOut("The named invoice is not one of this client's.")
    if named.case_id == ask.case.case_id:
        raise CannotCarryOut("The payment is on this invoice already.")
    part, fact = await _last(conn, ask.case.case_id)
    today = calendar.local_date(ask.at, ask.case.zone)
    await ledger.post(
        conn,
        entries_held.payment_taken_off(
            act_id=review.review_id,
            payment_id=fact.payment_id,
            amount_cents=part.left_cents,
            client_id=named.client_id,
            case_id=ask.case.case_id,
            location_id=ask.case.location_id,
            effective_on=today,
        ),
    )
    by = ask.decision.by
    await payments.allocate(conn, fact.payment_id, ask.case.case_id, -part.left_cents, by, today)
    target = ask.case.model_copy(update={"case_id": named.case_id})
    moved = fact.model_copy(update={"amount_cents": part.left_cents})
    await apply_to(conn, target, named.client_id, moved, by, ask.at)


async def _last(conn: Conn, case_id: str) -> tuple[PaidPart, PaymentFact]:
    """The newest payment on a visit, when all that it brought there is still there."""
    parts = {one.payment_id: one for one in await refund_facts.applied(conn, case_id)}
    for fact in reversed(await payments.of_case(conn, case_id)):
        part = parts.get(fact.payment_id)
        if part is None or part.left_cents <= 0:
            continue
        whole = await refund_facts.left_of(conn, fact.payment_id)
        if whole is None or whole.is_disputed or whole.left_cents < fact.amount_cents:
            raise CannotCarryOut("A part of this payment went back, or is disputed.")
        return part, fact
    raise CannotCarryOut("No payment is on this visit any more.")
