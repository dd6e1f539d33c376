"""The client's own credit, used for a visit that is owed: a person's decision (D18)."""

from activities.contracts import ApplyIn
from activities.posting import note_paid
from domain import calendar, entries
from domain.chart import LotKind
from store import entitlements, ledger
from store.db import Conn
from store.reviews import Review


async def apply_credit(conn: Conn, ask: ApplyIn, review: Review) -> None:
    """The client's credit pays what it can of the visit, what was bought first first."""
    client_id, case_id = ask.client_id or "", ask.case.case_id
    left_cents = await ledger.balance_of_case(conn, case_id)
    held = await entitlements.read(conn, client_id, ask.at, ask.case.zone, None)
    drawn = []
    for lot in held.money_lots:
        part_cents = min(left_cents, lot.remaining_cents)
        if lot.kind is LotKind.ACCOUNT_CREDIT and part_cents > 0:
            drawn.append(entitlements.Movement(lot_id=lot.lot_id, cents=part_cents))
            left_cents -= part_cents
    if not drawn:
        return
    # Under the question's id: an amended chart levels what the visit itself has drawn.
    await entitlements.reserve(conn, review.review_id, client_id, drawn)
    today = calendar.local_date(ask.at, ask.case.zone)
    await entitlements.commit(conn, review.review_id, review.document_id or review.review_id, today)
    await ledger.post(
        conn,
        entries.credit_applied(
            review_id=review.review_id,
            amount_cents=sum(movement.cents for movement in drawn),
            client_id=client_id,
            case_id=case_id,
            location_id=ask.case.location_id,
            effective_on=today,
        ),
    )
    await note_paid(conn, case_id)
