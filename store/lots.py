"""Lots: what opens and ends them, and the proof that nothing is lost on the way."""

from datetime import date
from decimal import Decimal
from typing import Literal

from pydantic import AwareDatetime

from domain.chart import MoneyLot, UnitLot
from domain.model import Record, input_hash
from store.db import Conn, KeyReused


class LotEvent(Record):
    """One fact of a lot's life; quantity and cents are signed, a taking is negative."""

    kind: str
    """granted | reserve | release | draw | return | refund | expire | reinstated | new_expiry"""
    quantity: Decimal = Decimal(0)
    cents: int = 0
    case_id: str | None = None
    document_id: str | None = None
    by: str | None = None
    reason: str | None = None
    recorded_at: AwareDatetime


class LotStatement(Record):
    """Conservation of one lot, summed from its movements.

    opening + returned - drawn - reserved - ended = remaining; ended is refunded or expired.
    """

    lot_id: str
    kind: str
    package_sku: str | None
    source: str
    opening_quantity: Decimal
    reserved_quantity: Decimal
    drawn_quantity: Decimal
    returned_quantity: Decimal
    ended_quantity: Decimal
    remaining_quantity: Decimal
    opening_cents: int
    reserved_cents: int
    drawn_cents: int
    returned_cents: int
    ended_cents: int
    remaining_cents: int

    @property
    def is_conserved(self) -> bool:
        """Whether the movements explain the remainder to the unit and to the cent."""
        quantity = self.opening_quantity + self.returned_quantity
        quantity -= self.drawn_quantity + self.reserved_quantity + self.ended_quantity
        cents = self.opening_cents + self.returned_cents
        cents -= self.drawn_cents + self.reserved_cents + self.ended_cents
        return (quantity, cents) == (self.remaining_quantity, self.remaining_cents)


_GRANT = """
INSERT INTO lots (lot_id, client_id, location_id, kind, skus, classes, tier, source, package_sku,
    opening_quantity, opening_cents, paid_cents, purchased_at, expires_on, grace_days,
    content_hash, booked_on, remaining_quantity, remaining_cents)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14::text::date, $15, $16, $17,
    $10, $11)
ON CONFLICT (lot_id) DO NOTHING RETURNING true
"""


async def _grant(conn: Conn, on: date | None, lot_id: str, *values: object) -> bool:
    digest = input_hash([lot_id, *values])
    if await conn.fetchval(_GRANT, lot_id, *values, digest, on):
        return True
    stored = await conn.fetchval("SELECT content_hash FROM lots WHERE lot_id = $1", lot_id)
    if stored != digest:
        raise KeyReused(lot_id)
    return False


async def grant_unit_lot(
    conn: Conn,
    client_id: str,
    location_id: str,
    lot: UnitLot,
    source: str,
    package_sku: str | None = None,
    *,
    on: date | None = None,
) -> bool:
    """Open a lot with its `remaining` and `value_cents`; False when it is already there.

    `source` is the document or case that sold it, or a word such as `opening`. `on` is the day of
    the entry of what is owed for it, else that of the purchase. Raises KeyReused when the lot id
    is there with other content: ask `known_lots` before repeating an import.
    """
    return await _grant(
        conn,
        on,
        lot.lot_id,
        client_id,
        location_id,
        "unit",
        list(lot.skus),
        [],
        None,
        source,
        package_sku,
        lot.remaining,
        lot.value_cents,
        lot.paid_value_cents,
        lot.purchased_at,
        lot.expires_on,
        lot.grace_days,
    )


async def grant_money_lot(
    conn: Conn,
    client_id: str,
    location_id: str,
    lot: MoneyLot,
    source: str,
    package_sku: str | None = None,
    *,
    on: date | None = None,
    paid_cents: int | None = None,
) -> bool:
    """Open a credit with its `remaining_cents`; as `grant_unit_lot`.

    A credit with `paid_cents` 0 is not used before what sold it is paid.
    """
    return await _grant(
        conn,
        on,
        lot.lot_id,
        client_id,
        location_id,
        lot.kind.value,
        [],
        list(lot.classes),
        lot.tier,
        source,
        package_sku,
        Decimal(0),
        lot.remaining_cents,
        paid_cents,
        lot.purchased_at,
        lot.expires_on,
        0,
    )


async def known_lots(conn: Conn, client_id: str) -> set[str]:
    """Ids of every lot that the client ever had here."""
    rows = await conn.fetch("SELECT lot_id FROM lots WHERE client_id = $1", client_id)
    return {row["lot_id"] for row in rows}


async def sold_by(conn: Conn, source: str) -> dict[str, tuple[Decimal, int]]:
    """Lot id -> opening quantity and cents, of every lot that one document sold."""
    rows = await conn.fetch(
        "SELECT lot_id, opening_quantity, opening_cents FROM lots WHERE source = $1", source
    )
    return {row["lot_id"]: (row["opening_quantity"], row["opening_cents"]) for row in rows}


async def set_source_paid(conn: Conn, source: str) -> None:
    """Say that everything which one document sold is paid."""
    await conn.execute("UPDATE lots SET paid_cents = NULL WHERE source = $1", source)


async def set_lot_paid(conn: Conn, lot_id: str, paid_cents: int | None) -> None:
    """Say how much of the lot's opening value is paid so far; None when all of it is."""
    await conn.execute("UPDATE lots SET paid_cents = $2 WHERE lot_id = $1", lot_id, paid_cents)


async def owner(conn: Conn, lot_id: str) -> str:
    """Whose lot it is; raises LookupError."""
    client_id: str | None = await conn.fetchval(
        "SELECT client_id FROM lots WHERE lot_id = $1", lot_id
    )
    if client_id is None:
        raise LookupError(f"There is no lot {lot_id}.")
    return client_id


async def banked(conn: Conn, client_id: str, tier: str, on: date) -> list[str]:
    """Lots of a tier's membership credit with money left that are good on a day, oldest first."""
    rows = await conn.fetch(
        "SELECT lot_id FROM lots l WHERE client_id = $1 AND tier = $2"
        " AND kind = 'membership_credit' AND remaining_cents > 0"
        " AND coalesce((SELECT e.expires_on FROM lot_expiries e WHERE e.lot_id = l.lot_id"
        "  ORDER BY expiry_id DESC LIMIT 1), expires_on, $3) >= $3"
        " ORDER BY purchased_at, lot_id",
        client_id,
        tier,
        on,
    )
    return [row["lot_id"] for row in rows]


async def reinstate(conn: Conn, lot_id: str, by: str, reason: str) -> None:
    """Record that a person lets an expired lot be used."""
    await conn.execute(
        "INSERT INTO lot_reinstatements (lot_id, reinstated_by, reason) VALUES ($1, $2, $3)",
        lot_id,
        by,
        reason,
    )


async def end(
    conn: Conn,
    kind: Literal["refund", "expire"],
    act_id: str,
    lot_id: str,
    quantity: Decimal,
    cents: int,
    on: date,
) -> None:
    """Take units and cents out of a lot for good; the entry of the same act says to where.

    Not idempotent by itself: put it behind the ledger entry of `act_id`. The database refuses
    what would leave less than nothing.
    """
    await conn.execute(
        "INSERT INTO lot_movements (lot_id, client_id, case_id, document_id, kind, quantity,"
        " cents, booked_on) SELECT lot_id, client_id, $2, $2, $3, -$4::numeric, -$5::bigint, $6"
        " FROM lots WHERE lot_id = $1",
        lot_id,
        act_id,
        kind,
        quantity,
        cents,
        on,
    )


async def unend(conn: Conn, act_id: str, undo_id: str, on: date) -> None:
    """Put back what `act_id` took out for good, as `undo_id`; the counter-entry says from where.

    Not idempotent by itself, as `end`. The database refuses what would fill a lot beyond its
    opening.
    """
    await conn.execute(
        "INSERT INTO lot_movements (lot_id, client_id, case_id, document_id, kind, quantity,"
        " cents, booked_on) SELECT lot_id, client_id, case_id, $2, 'return', -sum(quantity),"
        " -sum(cents)::bigint, $3 FROM lot_movements"
        " WHERE case_id = $1 AND kind IN ('refund', 'expire') GROUP BY lot_id, client_id, case_id",
        act_id,
        undo_id,
        on,
    )


async def was_taken_back(conn: Conn, lot_id: str) -> bool:
    """Whether the decision that granted a lot was taken back."""
    found: bool = await conn.fetchval(
        "SELECT EXISTS (SELECT FROM lot_movements WHERE lot_id = $1"
        " AND kind = 'refund' AND starts_with(case_id, 'undo/'))",
        lot_id,
    )
    return found


async def set_expiry(
    conn: Conn, lot_id: str, expires_on: date, by: str, reason: str, act_id: str
) -> None:
    """Give a lot another last day; the earlier ones stay on record. A repeat changes nothing."""
    await conn.execute(
        "INSERT INTO lot_expiries (lot_id, expires_on, set_by, reason, act_id)"
        " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (act_id) DO NOTHING",
        lot_id,
        expires_on,
        by,
        reason,
        act_id,
    )


async def expiry_before(conn: Conn, act_id: str) -> tuple[str, date] | None:
    """The lot that an act gave a new last day, and the last day that it had before."""
    row = await conn.fetchrow(
        "SELECT lot_id, coalesce((SELECT e.expires_on FROM lot_expiries e"
        "  WHERE e.lot_id = given.lot_id AND e.expiry_id < given.expiry_id"
        "  ORDER BY expiry_id DESC LIMIT 1), lots.expires_on) AS expires_on"
        " FROM lot_expiries given JOIN lots USING (lot_id) WHERE act_id = $1",
        act_id,
    )
    return (row["lot_id"], row["expires_on"]) if row else None


async def history(conn: Conn, lot_id: str) -> list[LotEvent]:
    """Everything that happened to a lot, oldest first."""
    rows = await conn.fetch(
        "SELECT 'granted' AS kind, opening_quantity AS quantity, opening_cents AS cents,"
        " NULL AS case_id, NULL AS document_id, NULL AS by, source AS reason, recorded_at,"
        " 0::bigint AS n FROM lots WHERE lot_id = $1"
        " UNION ALL SELECT kind, quantity, cents, case_id, document_id, NULL, NULL,"
        " recorded_at, movement_id FROM lot_movements WHERE lot_id = $1"
        " UNION ALL SELECT 'reinstated', 0, 0, NULL, NULL, reinstated_by, reason, recorded_at,"
        " 0 FROM lot_reinstatements WHERE lot_id = $1 UNION ALL SELECT 'new_expiry', 0, 0, NULL,"
        " act_id, set_by, reason, recorded_at, 0 FROM lot_expiries WHERE lot_id = $1"
        " ORDER BY recorded_at, n",
        lot_id,
    )
    return [LotEvent.model_validate(dict(row)) for row in rows]


async def lot_statement(conn: Conn, client_id: str) -> list[LotStatement]:
    """Conservation of every lot of a client, summed afresh from the movements."""
    rows = await conn.fetch(
        "SELECT l.lot_id, l.kind, l.package_sku, l.source, l.opening_quantity, l.opening_cents,"
        " l.remaining_quantity, l.remaining_cents,"
        " coalesce(-sum(m.quantity) FILTER (WHERE m.kind IN ('reserve', 'release')), 0)"
        "  AS reserved_quantity,"
        " coalesce(-sum(m.cents) FILTER (WHERE m.kind IN ('reserve', 'release')), 0)::bigint"
        "  AS reserved_cents,"
        " coalesce(-sum(m.quantity) FILTER (WHERE m.kind = 'draw'), 0) AS drawn_quantity,"
        " coalesce(-sum(m.cents) FILTER (WHERE m.kind = 'draw'), 0)::bigint AS drawn_cents,"
        " coalesce(sum(m.quantity) FILTER (WHERE m.kind = 'return'), 0) AS returned_quantity,"
        " coalesce(sum(m.cents) FILTER (WHERE m.kind = 'return'), 0)::bigint AS returned_cents,"
        " coalesce(-sum(m.quantity) FILTER (WHERE m.kind IN ('refund', 'expire')), 0)"
        "  AS ended_quantity,"
        " coalesce(-sum(m.cents) FILTER (WHERE m.kind IN ('refund', 'expire')), 0)::bigint"
        "  AS ended_cents"
        " FROM lots l LEFT JOIN lot_movements m USING (lot_id) WHERE l.client_id = $1"
        " GROUP BY l.lot_id ORDER BY l.purchased_at, l.lot_id",
        client_id,
    )
    return [LotStatement.model_validate(dict(row)) for row in rows]
