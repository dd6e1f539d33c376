"""What the books know of money that the desk took, for the sweep that looks for it."""

from collections.abc import Sequence

from domain.model import Record
from store.db import Conn


class Known(Record):
    """What the books have of some visits: `booked` is payment id -> cents."""

    billed: frozenset[str]
    booked: dict[str, int]
    asked: frozenset[str]


async def known(
    conn: Conn, case_ids: Sequence[str], payment_ids: Sequence[str], review_ids: Sequence[str]
) -> Known:
    """Which cases were billed, which payments are booked, which questions were asked."""
    row = await conn.fetchrow(
        "SELECT (SELECT coalesce(array_agg(DISTINCT case_id), '{}') FROM documents"
        "  WHERE case_id = ANY($1::text[])) AS billed,"
        " (SELECT coalesce(jsonb_object_agg(payment_id, amount_cents), '{}') FROM payments"
        "  WHERE payment_id = ANY($2::text[])) AS booked,"
        " (SELECT coalesce(array_agg(review_id), '{}') FROM reviews"
        "  WHERE review_id = ANY($3::text[])) AS asked",
        list(case_ids),
        list(payment_ids),
        list(review_ids),
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
