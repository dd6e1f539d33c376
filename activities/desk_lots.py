"""Package units that the PMS has drawn and our books never had: a person opens them."""

from decimal import Decimal

from activities.answering import CannotCarryOut, subject
from activities.contracts import ApplyIn
from domain import calendar, entries, ids
from domain.chart import UnitLot
from domain.invoice import Held, LineKind
from store import invoices, ledger, lots
from store.db import Conn
from store.invoices import Draft
from store.reviews import Review

_OPENING = "opening"


async def correct_lot(conn: Conn, ask: ApplyIn, review: Review) -> None:
    """The units of the named item on the visit, worth what the PMS drew, as sold before our time.

    The visit then draws them like any other.
    """
    draft = await invoices.latest_draft(conn, ask.case.case_id)
    units = _units(draft, ask.decision.sku or "")
    if draft is None or not units or ask.client_id is None:
        raise CannotCarryOut("The visit has no such item: name the one that the PMS has drawn.")
    today = calendar.local_date(ask.at, ask.case.zone)
    lot = UnitLot(
        lot_id=ids.lot_id(review.review_id, ask.decision.sku or "", 1),
        skus=(ask.decision.sku or "",),
        remaining=units,
        value_cents=int(subject(review, "subject")),
        purchased_at=draft.chart.service_at,
    )
    place = ask.case.location_id
    entry = entries.opening_lot(
        lot_id=lot.lot_id,
        kind="unit",
        value_cents=lot.value_cents,
        client_id=ask.client_id,
        location_id=place,
        effective_on=today,
    )
    if entry is not None:
        await ledger.post(conn, entry)
    await lots.grant_unit_lot(conn, ask.client_id, place, lot, _OPENING, on=today)


def _units(draft: Draft | None, sku: str) -> Decimal:
    """How much of an item the waiting draft sells."""
    preview = draft.body.preview if draft and isinstance(draft.body, Held) else None
    lines = preview.lines if preview else ()
    sold = (line.quantity for line in lines if line.kind is LineKind.SALE and line.sku == sku)
    return sum(sold, Decimal(0))
