"""What a priced visit takes from the patient's lots, and the lots that it sells."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

from domain import ids
from domain.catalog import Catalog
from domain.chart import LotKind, MoneyLot, UnitLot
from domain.invoice import PricedInvoice
from domain.lots import is_paid, name_sold_lots, sold_credits, sold_lots
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
    return without(wanted, await entitlements.drawn(conn, case_id))


def without(wanted: Sequence[Movement], less: Mapping[str, tuple[Decimal, int]]) -> list[Movement]:
    """What is wanted of each lot, less so many units and cents of it; never below nothing."""
    left, more = dict(less), []
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

    That is packages, gift cards, deposits and the credit in dues. One that an amendment leaves
    alone stays the lot that it was. One that it changes or drops is taken back whole, and the
    changed one is granted anew under this document: that fails with LotShort when another visit
    has drawn from it meanwhile. `at` is the sale, `on` the day of its entry.
    """
    source = ids.document_id(case_id, 1)
    before = await lots.sold_by(conn, source)
    generations = [
        _sold(priced, catalog, ids.document_id(case_id, number), at)
        for number in range(1, document_no + 1)
    ]
    names: dict[str, str] = {}
    for same in zip(*generations, strict=True):
        lot = next((one for one in same if before.get(one.lot_id) == _content(one)), same[-1])
        if lot.lot_id not in before:
            paid_cents = None if is_paid(priced) else 0
            await _grant(conn, client_id, location_id, lot, source, on, paid_cents)
            await _cap(conn, client_id, catalog, lot, on)
        names[same[0].lot_id] = lot.lot_id
    named = _renamed(name_sold_lots(priced, source), names)
    kept = set(names.values())
    taken_back = [
        Movement(lot_id=lot_id, quantity=quantity, cents=cents)
        for lot_id, (quantity, cents) in before.items()
        if lot_id not in kept
    ]
    return named, [*movements(named), *taken_back]


def _sold(
    priced: PricedInvoice, catalog: Catalog, document_id: str, at: datetime
) -> list[UnitLot | MoneyLot]:
    return [
        *sold_lots(priced, catalog, document_id, at),
        *sold_credits(priced, catalog, document_id, at),
    ]


def _content(lot: UnitLot | MoneyLot) -> tuple[Decimal, int]:
    if isinstance(lot, UnitLot):
        return lot.remaining, lot.value_cents
    return Decimal(0), lot.remaining_cents


async def _grant(
    conn: Conn,
    client_id: str,
    location_id: str,
    lot: UnitLot | MoneyLot,
    source: str,
    on: date,
    paid_cents: int | None,
) -> None:
    if isinstance(lot, UnitLot):
        await lots.grant_unit_lot(conn, client_id, location_id, lot, source, on=on)
    else:
        await lots.grant_money_lot(
            conn, client_id, location_id, lot, source, on=on, paid_cents=paid_cents
        )


async def _cap(
    conn: Conn, client_id: str, catalog: Catalog, lot: UnitLot | MoneyLot, on: date
) -> None:
    """More months of credit than the tier lets a member bank: the oldest expire (2.3)."""
    if not isinstance(lot, MoneyLot) or lot.kind is not LotKind.MEMBERSHIP_CREDIT:
        return
    most = next((one.credit_lots_max for one in catalog.tiers if one.code == lot.tier), None)
    if most is None:
        return
    for oldest in (await lots.banked(conn, client_id, lot.tier or "", on))[:-most]:
        why = f"more than {most} months banked"
        act_id = f"cap|{lot.lot_id}|{oldest}"
        await lots.set_expiry(conn, oldest, on - timedelta(days=1), "membership", why, act_id)


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
