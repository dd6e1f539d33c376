"""What clients already own when a practice goes live: lots and memberships, with their liability.

Each lot is granted once and booked against opening balances, so that a second import of the
same file changes nothing.
"""

from collections.abc import Sequence
from datetime import datetime

from domain import calendar, entries
from domain.chart import MoneyLot, UnitLot
from domain.ledger import Entry
from domain.model import Authored
from store import entitlements, ledger, lots
from store.db import Conn


class OpeningTier(Authored):
    """A membership that runs at go-live."""

    tier: str
    since: datetime


class Opening(Authored):
    """Everything that one client owns."""

    unit_lots: Sequence[UnitLot] = ()
    money_lots: Sequence[MoneyLot] = ()
    memberships: Sequence[OpeningTier] = ()


async def open_books(
    conn: Conn, client_id: str, location_id: str, opening: Opening, at: datetime, zone: str
) -> None:
    """Grant the lots and book what the practice owes for them."""
    today = calendar.local_date(at, zone)
    known = await lots.known_lots(conn, client_id)
    for unit_lot in (one for one in opening.unit_lots if one.lot_id not in known):
        await lots.grant_unit_lot(conn, client_id, location_id, unit_lot, "opening", on=today)
        await _post(
            conn,
            entries.opening_lot(
                lot_id=unit_lot.lot_id,
                kind="unit",
                value_cents=unit_lot.value_cents,
                client_id=client_id,
                location_id=location_id,
                effective_on=today,
            ),
        )
    for money_lot in (one for one in opening.money_lots if one.lot_id not in known):
        await lots.grant_money_lot(conn, client_id, location_id, money_lot, "opening", on=today)
        await _post(
            conn,
            entries.opening_lot(
                lot_id=money_lot.lot_id,
                kind=money_lot.kind,
                value_cents=money_lot.remaining_cents,
                client_id=client_id,
                location_id=location_id,
                effective_on=today,
            ),
        )
    for membership in opening.memberships:
        await entitlements.put_membership(
            conn, client_id, membership.tier, "active", membership.since
        )


async def _post(conn: Conn, entry: Entry | None) -> None:
    if entry is not None:
        await ledger.post(conn, entry)
