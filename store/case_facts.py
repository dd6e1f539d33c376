"""Where a case stands in the books, read in one statement."""

from domain.model import Record
from store.db import Conn
from store.ledger import RECEIVABLE


class Asked(Record):
    """An open question of a case."""

    review_id: str
    code: str


class CaseFacts(Record):
    """What is owed in cents (negative when overpaid), and what is asked, oldest first."""

    balance_cents: int
    asked: tuple[Asked, ...]


async def read(conn: Conn, case_id: str) -> CaseFacts:
    """The case as it is now; one that the books do not know owes nothing and asks nothing."""
    row = await conn.fetchrow(
        "SELECT (SELECT coalesce(sum(debit_cents - credit_cents), 0)::bigint FROM ledger_postings"
        "  WHERE case_id = $1 AND account = $2) AS balance_cents,"
        " (SELECT coalesce(jsonb_agg(jsonb_build_object('review_id', review_id, 'code', code)"
        "   ORDER BY opened_at, review_id), '[]')"
        "  FROM reviews WHERE case_id = $1 AND state = 'open') AS asked",
        case_id,
        RECEIVABLE,
    )
    assert row is not None
    return CaseFacts.model_validate(dict(row))
