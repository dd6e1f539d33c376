"""People at month end: open questions, decisions of two people, and the signatures."""

from collections.abc import Sequence
from datetime import date

from domain.month_end import SignOff, TwoPeople
from domain.month_rows import OpenQuestion
from store.db import Conn


async def waiting(conn: Conn, places: Sequence[str], last: date) -> list[OpenQuestion]:
    """Questions that were asked by a day and still wait, oldest first."""
    rows = await conn.fetch(
        "SELECT review_id, code, money_cents, (opened_at AT TIME ZONE zone)::date AS opened_on,"
        " (SELECT acted_by FROM review_acts a WHERE a.review_id = r.review_id AND act = 'taken'"
        "  ORDER BY act_id DESC LIMIT 1) AS owner"
        " FROM reviews r JOIN locations USING (location_id)"
        " WHERE location_id = ANY($1::text[]) AND state = 'open'"
        " AND (opened_at AT TIME ZONE zone)::date <= $2 ORDER BY opened_at, review_id",
        list(places),
        last,
    )
    return [OpenQuestion.model_validate(dict(row)) for row in rows]


async def two_people(conn: Conn, places: Sequence[str], first: date, last: date) -> list[TwoPeople]:
    """Decisions of the month that a second person has confirmed."""
    rows = await conn.fetch(
        "SELECT r.review_id, code, decision ->> 'choice' AS choice,"
        " coalesce((SELECT sum(debit_cents) FROM ledger_entries e JOIN ledger_postings"
        "  USING (entry_id) WHERE e.review_id = r.review_id AND corrects IS NULL"
        "  AND event <> 'payout_paid'), money_cents)"  # what was decided is its difference
        " ::bigint AS money_cents,"
        " decided_by AS by, confirmed_by, decided_at AS at"
        " FROM review_decisions d JOIN reviews r USING (review_id)"
        " JOIN locations USING (location_id)"
        " WHERE location_id = ANY($1::text[]) AND confirmed_by IS NOT NULL"
        " AND (decided_at AT TIME ZONE zone)::date BETWEEN $2 AND $3"
        " ORDER BY decided_at, review_id",
        list(places),
        first,
        last,
    )
    return [TwoPeople.model_validate(dict(row)) for row in rows]


async def signed(conn: Conn, places: Sequence[str], first: date) -> list[SignOff]:
    """Who closed this month, by location."""
    rows = await conn.fetch(
        "SELECT location_id, signed_by, reason, signed_at, off_cents, open_above_limit,"
        " limit_cents FROM period_closes WHERE location_id = ANY($1::text[]) AND month = $2"
        " ORDER BY location_id",
        list(places),
        first,
    )
    return [SignOff.model_validate(dict(row)) for row in rows]
