"""What a named person says that a line of the bank's statement is."""

from datetime import date

from domain.model import Record
from store.db import Conn, KeyReused


class LooseLine(Record):
    """A line that is neither a payout nor claimed yet."""

    line_id: str
    on: date
    amount_cents: int


async def get(conn: Conn, line_id: str) -> LooseLine:
    """A line by its id or an unambiguous beginning of it; raises LookupError."""
    rows = await conn.fetch(
        "SELECT line_id, on_date AS on, amount_cents FROM bank_lines"
        " WHERE starts_with(line_id, $1) ORDER BY line_id LIMIT 2",
        line_id,
    )
    if len(rows) != 1 or not line_id:
        raise LookupError(f"No one bank line begins with {line_id}: see `tieout bank list`.")
    return LooseLine.model_validate(dict(rows[0]))


async def payout_of(conn: Conn, line_id: str) -> str | None:
    """The payout that a line is, if it is one."""
    found: str | None = await conn.fetchval(
        "SELECT payout_id FROM bank_payouts WHERE line_id = $1", line_id
    )
    return found


async def put(
    conn: Conn, line_id: str, kind: str, location_id: str | None, by: str, reason: str
) -> bool:
    """Keep a claim once; False when the same is there, KeyReused when another one is."""
    added: bool | None = await conn.fetchval(
        "INSERT INTO bank_claims (line_id, kind, location_id, claimed_by, reason)"
        " VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING true",
        line_id,
        kind,
        location_id,
        by,
        reason,
    )
    if added:
        return True
    kept = await conn.fetchrow(
        "SELECT kind, location_id FROM bank_claims WHERE line_id = $1", line_id
    )
    if kept is None or (kept["kind"], kept["location_id"]) != (kind, location_id):
        raise KeyReused(f"bank line {line_id}")
    return False


async def loose(conn: Conn) -> list[LooseLine]:
    """Lines that are no payout and that nobody has claimed, oldest first."""
    rows = await conn.fetch(
        "SELECT line_id, on_date AS on, amount_cents FROM bank_lines"
        " LEFT JOIN bank_payouts USING (line_id) LEFT JOIN bank_claims USING (line_id)"
        " WHERE payout_id IS NULL AND kind IS NULL ORDER BY on_date, line_id"
    )
    return [LooseLine.model_validate(dict(row)) for row in rows]
