"""The ledger as the month-end page reads it: balances, lines by thing, and adjustments."""

from collections.abc import Sequence
from datetime import date

from domain.ledger import ACCOUNTS
from domain.month_end import AccountLine, Adjustment
from domain.month_rows import BookLine, Unsourced
from store.db import Conn


async def trial_balance(
    conn: Conn, places: Sequence[str], first: date, last: date
) -> list[AccountLine]:
    """Every account that was ever used up to `last`."""
    rows = await conn.fetch(
        "SELECT account,"
        " coalesce(sum(debit_cents - credit_cents) FILTER (WHERE effective_on < $2), 0)::bigint"
        "  AS opening_cents,"
        " coalesce(sum(debit_cents) FILTER (WHERE effective_on >= $2), 0)::bigint AS debits_cents,"
        " coalesce(sum(credit_cents) FILTER (WHERE effective_on >= $2), 0)::bigint"
        "  AS credits_cents, sum(debit_cents - credit_cents)::bigint AS closing_cents"
        " FROM ledger_postings JOIN ledger_entries USING (entry_id)"
        " WHERE location_id = ANY($1::text[]) AND effective_on <= $3"
        " GROUP BY account ORDER BY account",
        list(places),
        first,
        last,
    )
    return [AccountLine(name=ACCOUNTS[row["account"]], **row) for row in rows]


async def unbalanced(conn: Conn, places: Sequence[str], last: date) -> dict[str, tuple[int, int]]:
    """Entry id -> debits and credits, of entries whose sides differ; none, if the database holds.

    The key `` is the sum of all others.
    """
    rows = await conn.fetch(
        "SELECT CASE WHEN debits = credits THEN '' ELSE entry_id END AS entry_id,"
        " sum(debits)::bigint AS debits, sum(credits)::bigint AS credits FROM ("
        "  SELECT entry_id, sum(debit_cents) AS debits, sum(credit_cents) AS credits"
        "  FROM ledger_postings JOIN ledger_entries USING (entry_id)"
        "  WHERE location_id = ANY($1::text[]) AND effective_on <= $2 GROUP BY entry_id"
        " ) AS entries GROUP BY 1",
        list(places),
        last,
    )
    return {row["entry_id"]: (row["debits"], row["credits"]) for row in rows}


async def lines(conn: Conn, places: Sequence[str], accounts: Sequence[str]) -> list[BookLine]:
    """What every entry ever did to these accounts, also after the month's end."""
    rows = await conn.fetch(
        "SELECT e.entry_id, CASE WHEN right(e.event, 9) = '_reversed'"
        "  THEN coalesce(first.business_key, e.business_key) ELSE e.business_key END AS key,"
        " e.event, e.location_id, e.effective_on AS on,"
        " account, sum(debit_cents - credit_cents)::bigint AS cents, client_id, case_id,"
        " decided_by"
        " FROM ledger_postings JOIN ledger_entries e USING (entry_id)"
        " LEFT JOIN ledger_entries first ON first.entry_id = e.corrects"
        " LEFT JOIN review_decisions d ON d.review_id = e.review_id"
        " WHERE account = ANY($2::text[]) AND e.location_id = ANY($1::text[])"
        " GROUP BY e.entry_id, first.business_key, account, client_id, case_id, decided_by",
        list(places),
        list(accounts),
    )
    return [BookLine.model_construct(**row) for row in rows]


async def entries(conn: Conn, places: Sequence[str], first: date, last: date) -> list[Unsourced]:
    """Every entry of the month."""
    rows = await conn.fetch(
        "SELECT e.entry_id, CASE WHEN right(e.event, 9) = '_reversed'"
        "  THEN coalesce(first.business_key, e.business_key) ELSE e.business_key END AS key,"
        " e.event, e.effective_on AS on,"
        " (SELECT sum(debit_cents)::bigint FROM ledger_postings p"
        "  WHERE p.entry_id = e.entry_id) AS cents, d.review_id IS NOT NULL AS is_decided"
        " FROM ledger_entries e LEFT JOIN ledger_entries first ON first.entry_id = e.corrects"
        " LEFT JOIN review_decisions d ON d.review_id = e.review_id"
        " WHERE e.location_id = ANY($1::text[]) AND e.effective_on BETWEEN $2 AND $3",
        list(places),
        first,
        last,
    )
    return [Unsourced.model_construct(**row) for row in rows]


async def posted_documents(conn: Conn, document_ids: Sequence[str]) -> dict[str, dict[str, int]]:
    """Document id -> account -> net cents of its entry; counter-entries are not in it."""
    rows = await conn.fetch(
        "SELECT split_part(business_key, '|', 2) AS document_id, account,"
        " sum(debit_cents - credit_cents)::bigint AS cents"
        " FROM ledger_entries JOIN ledger_postings USING (entry_id)"
        " WHERE business_key = ANY($1::text[]) GROUP BY 1, 2",
        [f"{word}|{each}" for each in document_ids for word in ("issued", "amended")],
    )
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        found.setdefault(row["document_id"], {})[row["account"]] = row["cents"]
    return found


async def adjustments(
    conn: Conn, places: Sequence[str], first: date, last: date
) -> list[Adjustment]:
    """Entries of the month that correct another, were decided by a person, or were late."""
    rows = await conn.fetch(
        "SELECT e.entry_id, e.effective_on AS on, e.event, e.fact_on, e.corrects,"
        " (SELECT sum(debit_cents)::bigint FROM ledger_postings p"
        "  WHERE p.entry_id = e.entry_id) AS cents,"
        " (SELECT min(case_id) FROM ledger_postings p WHERE p.entry_id = e.entry_id) AS case_id,"
        " coalesce(u.undone_by, d.decided_by, claimed_by, accepted_by, booked_by) AS by,"
        " CASE WHEN u.review_id IS NULL THEN d.confirmed_by ELSE u.confirmed_by END"
        "  AS confirmed_by, coalesce(u.reason, d.reason, b.reason) AS reason"
        " FROM ledger_entries e LEFT JOIN review_decisions d ON d.review_id = e.review_id"
        " LEFT JOIN review_undos u ON u.review_id = e.review_id AND e.corrects IS NOT NULL"
        " LEFT JOIN bank_claims b ON e.business_key = 'drawer-deposit|' || b.line_id"
        " LEFT JOIN payouts o ON e.business_key = 'payout-difference|' || o.source || '|'"
        "  || o.payout_id"
        " LEFT JOIN agency_remittances a ON starts_with(e.business_key, 'agency|')"
        "  AND a.remittance_id = split_part(e.business_key, '|', 2)"
        " WHERE e.location_id = ANY($1::text[]) AND e.effective_on BETWEEN $2 AND $3"
        " AND (e.corrects IS NOT NULL OR e.fact_on IS NOT NULL OR d.review_id IS NOT NULL"
        "  OR o.payout_id IS NOT NULL OR a.remittance_id IS NOT NULL)"
        " ORDER BY e.effective_on, e.recorded_at, e.entry_id",
        list(places),
        first,
        last,
    )
    return [Adjustment.model_validate(dict(row)) for row in rows]
