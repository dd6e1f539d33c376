"""The general ledger: balanced entries that are only ever added.

The database itself refuses an unbalanced entry, a late posting and any change.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from domain import ids
from domain.ledger import Entry, Posting
from domain.model import Record, input_hash
from store.db import Conn, KeyReused

__all__ = [
    "KeyReused",
    "Totals",
    "account_balances",
    "balance_of_case",
    "balance_of_client",
    "entries_of_case",
    "entries_of_decision",
    "is_posted",
    "moved_by",
    "post",
    "post_all",
    "totals",
    "unbilled_of_plan",
    "undo_key",
]

RECEIVABLE = "1100"


class Totals(Record):
    """Both sides of the books in cents, and how many entries do not balance (always 0)."""

    debits_cents: int
    credits_cents: int
    unbalanced_entries: int


_POST = """
WITH added AS (
    INSERT INTO ledger_entries
        (entry_id, business_key, event, location_id, effective_on, fact_on, corrects,
        content_hash)
    SELECT entry_id, business_key, event, location_id, greatest(fact_on, closed.until + 1),
        CASE WHEN fact_on <= closed.until THEN fact_on END, corrects, content_hash
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::date[], $6::text[],
        $7::text[]) AS entry (entry_id, business_key, event, location_id, fact_on, corrects,
        content_hash)
    LEFT JOIN (SELECT location_id, max(closed_until) AS until FROM period_closes
        GROUP BY location_id) AS closed USING (location_id)
    ON CONFLICT DO NOTHING RETURNING entry_id
), lines AS (
    INSERT INTO ledger_postings
        (entry_id, line_no, account, debit_cents, credit_cents, client_id, case_id)
    SELECT line.* FROM unnest($8::text[], $9::int[], $10::text[], $11::bigint[], $12::bigint[],
        $13::text[], $14::text[]) AS line (entry_id, line_no, account, debit_cents, credit_cents,
        client_id, case_id) JOIN added USING (entry_id)
)
SELECT entry_id FROM added
"""


async def post_all(conn: Conn, entries: Sequence[Entry]) -> list[bool]:
    """Post several entries in one statement; for each, False when it was already there.

    What belongs to a closed month is booked on the first open day, with the day of the fact.
    Raises KeyReused when an entry id or business key is there with other content. A batch of
    unbalanced postings fails at the latest when the transaction commits.
    """
    if not entries:
        return []
    hashes = [input_hash(entry) for entry in entries]
    lines = [(e.entry_id, n, p) for e in entries for n, p in enumerate(e.postings, start=1)]
    rows = await conn.fetch(
        _POST,
        [e.entry_id for e in entries],
        [e.business_key for e in entries],
        [e.event for e in entries],
        [e.location_id for e in entries],
        [e.effective_on for e in entries],
        [e.corrects for e in entries],
        hashes,
        [entry_id for entry_id, _, _ in lines],
        [n for _, n, _ in lines],
        [p.account for _, _, p in lines],
        [p.debit_cents for _, _, p in lines],
        [p.credit_cents for _, _, p in lines],
        [p.client_id for _, _, p in lines],
        [p.case_id for _, _, p in lines],
    )
    added = {row["entry_id"] for row in rows}
    if len(added) == len({entry.entry_id for entry in entries}):
        return [True] * len(entries)
    again = await _after_undo(conn, [entry for entry in entries if entry.entry_id not in added])
    await _refuse_other_content(conn, entries, hashes, added | again.keys())
    posted = dict(zip(again, await post_all(conn, list(again.values())), strict=True))
    return [entry.entry_id in added or posted.get(entry.entry_id, False) for entry in entries]


def undo_key(entry_id: str) -> str:
    """Business key of the counter-entry with which a person's decision is taken back."""
    return f"undo|{entry_id}"


async def _after_undo(conn: Conn, known: Sequence[Entry]) -> dict[str, Entry]:
    """By id, what a person decides once more after it was taken back: as an entry of its own.

    Automation never books again what a person has taken back: it decides nothing.
    """
    rows = await conn.fetch(
        "SELECT key, count(*) AS undone FROM unnest($1::text[]) AS key"
        " JOIN ledger_entries e ON e.business_key = key"
        "  OR starts_with(e.business_key, key || '|again|')"
        " JOIN ledger_entries c ON c.business_key = 'undo|' || e.entry_id"
        " WHERE the_decision() IS NOT NULL GROUP BY key",
        [entry.business_key for entry in known],
    )
    undone = {row["key"]: row["undone"] for row in rows}
    found = {}
    for entry in known:
        if times := undone.get(entry.business_key):
            key = f"{entry.business_key}|again|{times}"
            fresh = {"business_key": key, "entry_id": ids.entry_id(key)}
            found[entry.entry_id] = entry.model_copy(update=fresh)
    return found


async def _refuse_other_content(
    conn: Conn, entries: Sequence[Entry], hashes: Sequence[str], added: set[str]
) -> None:
    known = [
        (entry, digest)
        for entry, digest in zip(entries, hashes, strict=True)
        if entry.entry_id not in added
    ]
    if not known:
        return
    rows = await conn.fetch(
        "SELECT entry_id, content_hash FROM ledger_entries WHERE entry_id = ANY($1)",
        [entry.entry_id for entry, _ in known],
    )
    stored = {row["entry_id"]: row["content_hash"] for row in rows}
    for entry, digest in known:
        if stored.get(entry.entry_id) != digest:
            raise KeyReused(entry.business_key)


async def post(conn: Conn, entry: Entry) -> bool:
    """Post one entry; False when the same entry is already there, KeyReused when another is."""
    return (await post_all(conn, [entry]))[0]


async def is_posted(conn: Conn, business_key: str, beginning: str) -> bool:
    """Whether an entry that nobody took back has this business key, or one that begins so."""
    found: bool = await conn.fetchval(
        "SELECT EXISTS (SELECT FROM ("
        "  SELECT entry_id FROM ledger_entries WHERE business_key = $1"
        "  UNION ALL SELECT entry_id FROM ledger_entries WHERE starts_with(business_key, $2)"
        "  UNION ALL SELECT entry_id FROM ledger_entries"
        "   WHERE starts_with(business_key, $1 || '|again|')) AS e WHERE"
        " NOT EXISTS (SELECT FROM ledger_entries c WHERE c.corrects = e.entry_id"
        "  AND c.business_key = 'undo|' || e.entry_id))",
        business_key,
        beginning,
    )
    return found


async def moved_by(conn: Conn, review_id: str) -> int:
    """Cents that the entries of a decision moved: the sum of their debits."""
    cents: int = await conn.fetchval(
        "SELECT coalesce(sum(debit_cents), 0)::bigint FROM ledger_entries"
        " JOIN ledger_postings USING (entry_id) WHERE review_id = $1 AND corrects IS NULL",
        review_id,
    )
    return cents


async def balance_of_case(conn: Conn, case_id: str) -> int:
    """What the patient owes on a case in cents (account 1100); negative when overpaid."""
    cents: int = await conn.fetchval(
        "SELECT coalesce(sum(debit_cents - credit_cents), 0)::bigint FROM ledger_postings"
        " WHERE case_id = $1 AND account = $2",
        case_id,
        RECEIVABLE,
    )
    return cents


async def unbilled_of_plan(conn: Conn, signed_key: str, case_ids: Sequence[str]) -> int:
    """Cents on 1105 of a plan, by the key with which it was signed and the cases it is billed in.

    Signed, taken back, billed and given up: all of it counts.
    """
    cents: int = await conn.fetchval(
        "WITH signed AS (SELECT entry_id FROM ledger_entries WHERE business_key = $1"
        "  UNION ALL SELECT entry_id FROM ledger_entries"
        "   WHERE starts_with(business_key, $1 || '|again|')),"
        " moved AS (SELECT entry_id FROM signed UNION SELECT entry_id FROM ledger_entries"
        "   WHERE business_key IN (SELECT 'undo|' || entry_id FROM signed)"
        "  UNION SELECT entry_id FROM ledger_postings"
        "   WHERE case_id = ANY($2::text[]) AND account = '1105')"
        " SELECT coalesce(sum(debit_cents - credit_cents), 0)::bigint FROM ledger_postings"
        " JOIN moved USING (entry_id) WHERE account = '1105'",
        signed_key,
        list(case_ids),
    )
    return cents


async def balance_of_client(conn: Conn, client_id: str) -> int:
    """What a client owes over all cases in cents (account 1100)."""
    cents: int = await conn.fetchval(
        "SELECT coalesce(sum(debit_cents - credit_cents), 0)::bigint FROM ledger_postings"
        " WHERE client_id = $1 AND account = $2",
        client_id,
        RECEIVABLE,
    )
    return cents


async def account_balances(
    conn: Conn, location_id: str | None = None, client_ids: Sequence[str] | None = None
) -> dict[str, int]:
    """Net debit in cents of each account that was ever used, optionally narrowed."""
    rows = await conn.fetch(
        "SELECT account, sum(debit_cents - credit_cents)::bigint AS net_cents"
        " FROM ledger_postings JOIN ledger_entries USING (entry_id)"
        " WHERE ($1::text IS NULL OR location_id = $1)"
        " AND ($2::text[] IS NULL OR client_id = ANY($2)) GROUP BY account ORDER BY account",
        location_id,
        client_ids,
    )
    return {row["account"]: row["net_cents"] for row in rows}


async def totals(conn: Conn, client_ids: Sequence[str] | None = None) -> Totals:
    """Sums of both sides, counted from the postings and not taken on trust."""
    row = await conn.fetchrow(
        "SELECT coalesce(sum(debits), 0)::bigint AS debits_cents,"
        " coalesce(sum(credits), 0)::bigint AS credits_cents,"
        " count(*) FILTER (WHERE debits <> credits) AS unbalanced_entries"
        " FROM (SELECT sum(debit_cents) AS debits, sum(credit_cents) AS credits"
        "  FROM ledger_postings WHERE $1::text[] IS NULL OR client_id = ANY($1)"
        "  GROUP BY entry_id) AS entries",
        client_ids,
    )
    return Totals.model_validate(dict(row or {}))


_WHOLE = (
    "SELECT e.entry_id, business_key, event, location_id, effective_on, corrects,"
    " json_agg(json_build_object('account', account, 'debit_cents', debit_cents,"
    "  'credit_cents', credit_cents, 'client_id', client_id, 'case_id', case_id)"
    "  ORDER BY line_no) AS postings"
    " FROM ledger_entries e JOIN ledger_postings p USING (entry_id) WHERE {which}"
    " GROUP BY e.entry_id ORDER BY e.recorded_at, e.entry_id"
)


async def entries_of_case(conn: Conn, case_id: str) -> list[Entry]:
    """Every entry that touches a case, whole, oldest first."""
    of_case = "e.entry_id IN (SELECT entry_id FROM ledger_postings WHERE case_id = $1)"
    rows = await conn.fetch(_WHOLE.format(which=of_case), case_id)
    return [_entry(dict(row)) for row in rows]


async def entries_of_decision(conn: Conn, review_id: str) -> list[Entry]:
    """What a decision has booked, oldest first; not the counter-entries that took it back."""
    of_review = "e.review_id = $1 AND e.corrects IS NULL"
    rows = await conn.fetch(_WHOLE.format(which=of_review), review_id)
    return [_entry(dict(row)) for row in rows]


def _entry(row: Mapping[str, Any]) -> Entry:
    return Entry.model_validate({**row, "postings": [Posting(**p) for p in row["postings"]]})
