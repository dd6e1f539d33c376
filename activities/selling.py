"""What a priced visit takes from the patient's lots, and the lots that it sells."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

from domain import ids
from domain.catalog import Catalog
from domain.invoice import PricedInvoice
from domain.lots import name_sold_lots, sold_lots
from store import entitlements, lots
from store.db import Conn
from store.entitlements import Movement


def movements(priced: PricedInvoice) -> list[Movement]:
    """What an invoice takes from the client's lots: units with their value, and credits."""
    draws = [
        Movement(lot_id=line.draw.lot_id, quantity=line.draw.quantity, cents=line.draw.value_cents)
        for line in priced.lines
        if line.draw is not None
    ]
    credits = [
        Movement(lot_id=tender.lot_id, quantity=None, cents=tender.cents)
        for tender in priced.tenders
        if tender.lot_id is not None
    ]
    return [*draws, *credits]


async def not_yet_drawn(conn: Conn, case_id: str, wanted: Sequence[Movement]) -> list[Movement]:
    """The part of `wanted` that the case has not drawn by an earlier document."""
    left = await entitlements.drawn(conn, case_id)
    more = []
    for one in wanted:
        units, cents = left.get(one.lot_id, (Decimal(0), 0))
        quantity = one.quantity or Decimal(0)
        left[one.lot_id] = (max(Decimal(0), units - quantity), max(0, cents - one.cents))
        more.append(
            Movement(
                lot_id=one.lot_id,
                quantity=max(Decimal(0), quantity - units),
                cents=max(0, one.cents - cents),
            )
        )
    return more


async def sell(
    conn: Conn,
    case_id: str,
    location_id: str,
    client_id: str,
    document_no: int,
    catalog: Catalog,
    priced: PricedInvoice,
    at: datetime,
    on: date,
) -> tuple[PricedInvoice, list[Movement]]:
    """Grant what the visit sells now; returns the invoice naming the lots, and all it takes.

    A package that an amendment leaves alone stays the lot that it was. One that it changes or
    drops is taken back whole, and the changed one is granted anew under this document: that
    fails with LotShort when another visit has drawn from it meanwhile. `at` is the sale, `on`
    the day of its entry.
    """
    source = ids.document_id(case_id, 1)
    before = await lots.sold_by(conn, source)
    generations = [
        sold_lots(priced, catalog, ids.document_id(case_id, number), at)
        for number in range(1, document_no + 1)
    ]
    names: dict[str, str] = {}
    for same in zip(*generations, strict=True):
        content = (same[0].remaining, same[0].value_cents)
        lot = next((one for one in same if before.get(one.lot_id) == content), same[-1])
        if lot.lot_id not in before:
            await lots.grant_unit_lot(conn, client_id, location_id, lot, source, on=on)
        names[same[0].lot_id] = lot.lot_id
    named = _renamed(name_sold_lots(priced, source), names)
    kept = set(names.values())
    taken_back = [
        Movement(lot_id=lot_id, quantity=quantity, cents=cents)
        for lot_id, (quantity, cents) in before.items()
        if lot_id not in kept
    ]
    return named, [*movements(named), *taken_back]


def _renamed(priced: PricedInvoice, names: Mapping[str, str]) -> PricedInvoice:
    """The same invoice with draws naming the lots that are in the books."""
    lines = tuple(
        line
        if line.draw is None
        else line.model_copy(
            update={
                "draw": line.draw.model_copy(
                    update={"lot_id": names.get(line.draw.lot_id, line.draw.lot_id)}
                )
            }
        )
        for line in priced.lines
    )
    return priced.model_copy(update={"lines": lines})
