"""What each answer about a dispute does to the books; the bank is told in a later step."""

from collections.abc import Sequence

from activities.answering import CannotCarryOut, subject
from activities.contracts import ApplyIn
from activities.placed_money import CREDIT, Lies, end_credit, where_it_lies
from domain import calendar, entries_dispute, ids
from domain.entries_dispute import BAD_DEBT, RECEIVABLE
from domain.entries_refund import OWED_BACK
from store import clients, disputes, holds, invoices, ledger, payments, refunds
from store.db import Conn
from store.disputes import Dispute, Outcome
from store.holds import ClientHold
from store.payments import PaymentFact
from store.reviews import Review

DISPUTE_OPEN, DISPUTE_LOST = "DISPUTE_OPEN", "DISPUTE_LOST"
_CHANGED = "More of the money has come back since this was asked: look at the dispute again."


async def contest(conn: Conn, ask: ApplyIn, review: Review) -> None:
    """The bank is to get the list of what the practice holds."""
    dispute = await _dispute(conn, review)
    await disputes.answer(conn, dispute.source, dispute.dispute_id, "contest", ask.decision.by)


async def give_up(conn: Conn, ask: ApplyIn, review: Review) -> None:
    """The bank is to be told that we accept it."""
    dispute = await _dispute(conn, review)
    await disputes.answer(conn, dispute.source, dispute.dispute_id, "accept", ask.decision.by)


async def rebill(conn: Conn, ask: ApplyIn, review: Review) -> None:
    """What the lost money had paid is owed again; messages about it may go on."""
    dispute, fact, lies = await _end(conn, ask, review, "rebill", RECEIVABLE)
    on = calendar.local_date(ask.at, ask.case.zone)
    for case_id, cents in lies.cases:
        await payments.allocate(conn, fact.payment_id, case_id, -cents, ask.decision.by, on)
    for hold in await disputes.holds_of(conn, dispute.source, dispute.dispute_id):
        await holds.release(conn, hold, ask.decision.by, ask.decision.reason, ask.at)


async def write_off_lost(conn: Conn, ask: ApplyIn, review: Review) -> None:
    """The lost money is given up; nobody is asked for it."""
    await _end(conn, ask, review, "write_off", BAD_DEBT)


async def block(conn: Conn, ask: ApplyIn, review: Review) -> None:
    """It is given up, and the client hears nothing until a person lifts it."""
    _, fact, _ = await _end(conn, ask, review, "block", BAD_DEBT)
    if fact.client_id is not None:
        hold = ClientHold(
            hold_id=ids.hold_id(f"blocked|{review.review_id}", fact.client_id),
            client_id=fact.client_id,
            kind="exclusion",
            placed_by=ask.decision.by,
            reason="lost dispute",
            placed_at=ask.at,
        )
        await holds.place(conn, hold)


async def _dispute(conn: Conn, review: Review) -> Dispute:
    named = subject(review, "dispute")
    dispute = await disputes.get(conn, named["source"], named["dispute_id"])
    if dispute is None:
        raise LookupError("the dispute of this question is not in the books")
    return dispute


async def _end(
    conn: Conn, ask: ApplyIn, review: Review, outcome: Outcome, on_visits: str
) -> tuple[Dispute, PaymentFact, Lies]:
    """Book the loss where the payment lies: visits bear it in `on_visits`, the rest as it is."""
    dispute = await _dispute(conn, review)
    fact = await payments.get(conn, dispute.payment_id or "")
    if fact is None:
        raise LookupError("the payment of this dispute is not in the books")
    if fact.client_id is not None:
        await clients.lock_client(conn, fact.client_id)
    moved = subject(review, "dispute")["movements"]
    left_cents = await disputes.left_in_dispute(conn, dispute.source, moved)
    if dispute.outcome is not None or left_cents != review.money_cents:
        raise CannotCarryOut(_CHANGED)
    lies = await where_it_lies(conn, fact, left_cents, owed=True)
    on = calendar.local_date(ask.at, ask.case.zone)
    keeper = None
    if lies.credit_cents:
        keeper = await end_credit(conn, fact, review.review_id, lies.credit_cents, on)
    await ledger.post(
        conn,
        entries_dispute.dispute_lost(
            dispute_id=dispute.dispute_id,
            parts=await _parts(conn, fact, lies, keeper, on_visits),
            client_id=fact.client_id,
            location_id=dispute.location_id,
            effective_on=on,
        ),
    )
    await refunds.overtake(conn, fact.payment_id)
    await disputes.end(conn, dispute.source, dispute.dispute_id, outcome, ask.decision.by)
    return dispute, fact, lies


async def _parts(
    conn: Conn, fact: PaymentFact, lies: Lies, keeper: str | None, on_visits: str
) -> Sequence[tuple[str, str | None, str | None, int]]:
    """The loss by account, client and case; what was used up elsewhere is bad debt.

    What an unknown payer's money had paid is theirs whose visit it is.
    """
    payer = fact.client_id
    parts: list[tuple[str, str | None, str | None, int]] = [
        (OWED_BACK, payer, None, lies.owed_cents),
        (lies.held_in or OWED_BACK, payer, None, lies.held_cents),
        (CREDIT, keeper, None, lies.credit_cents),
        (BAD_DEBT, payer, None, lies.rest_cents),
    ]
    for case_id, cents in lies.cases:
        document = await invoices.latest_document(conn, case_id)
        parts.append((on_visits, document.client_id if document else payer, case_id, cents))
    return [part for part in parts if part[3]]
