"""What the books know of money that the desk took, for the sweep that looks for it."""

from collections.abc import Sequence

from domain.model import Record
from store.db import Conn


class Kept(Record):
    """What the books still have of a payment, as far as the PMS that took it can know."""

    case_id: str
    cents: int


class Known(Record):
    """What the books have of some visits; `kept` is by payment id."""

    billed: frozenset[str]
    kept: dict[str, Kept]
    asked: frozenset[str]


async def known(conn: Conn, source: str, case_ids: Sequence[str]) -> Known:
    """Which cases were billed, what is booked of this system's payments, what was asked."""
    row = await conn.fetchrow(
        "SELECT (SELECT coalesce(array_agg(DISTINCT case_id), '{}') FROM documents"
        "  WHERE case_id = ANY($1::text[])) AS billed,"
        " (SELECT coalesce(jsonb_object_agg(payment_id,"
        "   jsonb_build_object('case_id', case_id, 'cents', amount_cents - coalesce("
        "    (SELECT sum(m.amount_cents) FROM refund_moves m WHERE m.payment_id = p.payment_id"
        "     AND m.way = 'desk' AND m.state = 'paid'), 0))), '{}') FROM payments p"
        "  WHERE case_id = ANY($1::text[]) AND source = $2 AND state = 'paid') AS kept,"
        " (SELECT coalesce(array_agg(review_id), '{}') FROM reviews"
        "  WHERE case_id = ANY($1::text[])) AS asked",
        list(case_ids),
        source,
    )
    assert row is not None
    return Known.model_validate(dict(row))


async def owed(conn: Conn, location_id: str) -> list[str]:
    """Case ids of a location's visits that somebody still owes."""
    rows = await conn.fetch(
        "SELECT case_id FROM ledger_postings WHERE account = '1100'"
        " AND starts_with(case_id, $1)"
        " GROUP BY case_id HAVING sum(debit_cents - credit_cents) > 0 ORDER BY case_id",
        f"visit/{location_id}/",
    )
    return [row["case_id"] for row in rows]
