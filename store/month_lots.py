"""Lots as the month-end page reads them: what is owed by client, the month's changes, units."""

from collections.abc import Sequence

from domain.month_rows import Leaking, LotChange
from store.db import Conn


async def changes(conn: Conn, places: Sequence[str]) -> list[LotChange]:
    """Every change ever that moved what is owed; reservations do not."""
    rows = await conn.fetch(
        "SELECT kind, client_id, CASE source WHEN 'opening' THEN 'opened' ELSE 'sold' END"
        "  AS change, booked_on AS on, sum(opening_cents)::bigint AS cents,"
        " sum(opening_quantity) AS quantity FROM lots WHERE location_id = ANY($1::text[])"
        " GROUP BY 1, 2, 3, 4"
        " UNION ALL SELECT l.kind, l.client_id, m.kind, m.booked_on, sum(m.cents)::bigint,"
        " sum(m.quantity) FROM lot_movements m JOIN lots l USING (lot_id)"
        " WHERE l.location_id = ANY($1::text[]) AND m.kind NOT IN ('reserve', 'release')"
        " GROUP BY 1, 2, 3, 4",
        list(places),
    )
    return [LotChange.model_construct(**row) for row in rows]


async def leaking(conn: Conn, places: Sequence[str]) -> list[Leaking]:
    """Lots that are not conserved: none, while the database holds (invariant 7)."""
    rows = await conn.fetch(
        "SELECT lot_id, remaining_quantity - opening_quantity - coalesce(sum(quantity), 0)"
        "  AS off_quantity,"
        " (remaining_cents - opening_cents - coalesce(sum(cents), 0))::bigint AS off_cents"
        " FROM lots LEFT JOIN lot_movements USING (lot_id, client_id)"
        " WHERE location_id = ANY($1::text[]) GROUP BY lot_id"
        " HAVING remaining_quantity <> opening_quantity + coalesce(sum(quantity), 0)"
        " OR remaining_cents <> opening_cents + coalesce(sum(cents), 0) ORDER BY lot_id",
        list(places),
    )
    return [Leaking.model_validate(dict(row)) for row in rows]


async def count(conn: Conn, places: Sequence[str]) -> int:
    """How many lots there are."""
    lots: int = await conn.fetchval(
        "SELECT count(*) FROM lots WHERE location_id = ANY($1::text[])", list(places)
    )
    return lots
