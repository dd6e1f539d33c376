"""Lots that are past their last day and its grace, and still hold something."""

from datetime import date
from decimal import Decimal

from domain.entries_lots import EXPIRING
from domain.model import Record
from store.db import Conn


class ExpiredLot(Record):
    """What is left, in units and cents, of a lot that nobody may draw from any more."""

    lot_id: str
    client_id: str
    location_id: str
    kind: str
    expires_on: date
    grace_days: int
    remaining_quantity: Decimal
    remaining_cents: int


# A lot that a person reinstated is good whatever its last day; see `domain.lots.is_expired`.
_EXPIRED = """
SELECT lot_id, client_id, location_id, kind, last.day AS expires_on, grace_days,
    remaining_quantity, remaining_cents
FROM lots l CROSS JOIN LATERAL (SELECT coalesce(
    (SELECT e.expires_on FROM lot_expiries e WHERE e.lot_id = l.lot_id
     ORDER BY expiry_id DESC LIMIT 1), l.expires_on) AS day) AS last
WHERE kind = ANY($1::text[]) AND last.day + grace_days < $2
    AND (remaining_cents > 0 OR remaining_quantity > 0)
    AND NOT EXISTS (SELECT FROM lot_reinstatements r WHERE r.lot_id = l.lot_id)
"""


async def find(conn: Conn, location_id: str, today: date) -> list[ExpiredLot]:
    """Expired lots of a location that no open question is about, longest expired first."""
    rows = await conn.fetch(
        f"{_EXPIRED} AND location_id = $3 AND NOT EXISTS (SELECT FROM reviews"
        " WHERE case_id = 'lot/' || location_id || '/' || lot_id AND state = 'open')"
        " ORDER BY expires_on, lot_id",
        list(EXPIRING),
        today,
        location_id,
    )
    return [ExpiredLot.model_validate(dict(row)) for row in rows]


async def get(conn: Conn, lot_id: str, today: date) -> ExpiredLot | None:
    """One lot, locked until the commit; None when it is not expired or nothing is left."""
    row = await conn.fetchrow(
        f"{_EXPIRED} AND lot_id = $3 FOR UPDATE OF l", list(EXPIRING), today, lot_id
    )
    return ExpiredLot.model_validate(dict(row)) if row else None
