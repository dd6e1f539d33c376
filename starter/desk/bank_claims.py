"""A person says what a line of the bank's statement is: cash from the drawer, or none of ours."""

from domain.entries_bank import drawer_deposited
from starter.errors import Refusal
from store import bank_claims, ledger
from store.db import Conn

DRAWER, OTHER = "drawer", "other"


async def claim(
    conn: Conn, line_id: str, kind: str, location_id: str | None, by: str, reason: str
) -> bank_claims.LooseLine:
    """Keep it, and book a deposit of the drawer; the same again changes nothing."""
    line = await bank_claims.get(conn, line_id)
    payout_id = await bank_claims.payout_of(conn, line.line_id)
    if payout_id is not None:
        raise Refusal(f"This line is payout {payout_id} already.")
    if kind == DRAWER and (line.amount_cents <= 0 or location_id is None):
        raise Refusal("A deposit of the drawer comes in, from one location's drawer.")
    place = location_id if kind == DRAWER else None
    is_new = await bank_claims.put(conn, line.line_id, kind, place, by, reason)
    if is_new and place is not None:
        await ledger.post(
            conn,
            drawer_deposited(
                line_id=line.line_id,
                amount_cents=line.amount_cents,
                location_id=place,
                effective_on=line.on,
            ),
        )
    return line
