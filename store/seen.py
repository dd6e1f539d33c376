"""What was written at a location since an instant: for showing a decision before it is taken.

Under repeatable read, whatever was recorded since the transaction's first statement is its own.
"""

from datetime import datetime

from domain.preview import PreviewEntry, PreviewLine, PreviewLot, PreviewMoney
from store.db import Conn


async def start(conn: Conn) -> datetime:
    """The instant from which on a transaction writes; its first statement."""
    at: datetime = await conn.fetchval("SELECT clock_timestamp()")
    return at


async def entries(conn: Conn, since: datetime, location_id: str) -> tuple[PreviewEntry, ...]:
    """Ledger entries since then, in their order."""
    rows = await conn.fetch(
        "SELECT event, json_agg(json_build_object('account', account, 'name', name,"
        " 'debit_cents', debit_cents, 'credit_cents', credit_cents) ORDER BY line_no) AS lines"
        " FROM ledger_entries JOIN ledger_postings USING (entry_id) JOIN accounts USING (account)"
        " WHERE recorded_at >= $1 AND location_id = $2"
        " GROUP BY entry_id, event, recorded_at ORDER BY recorded_at, entry_id",
        since,
        location_id,
    )
    return tuple(
        PreviewEntry(event=row["event"], lines=tuple(PreviewLine(**line) for line in row["lines"]))
        for row in rows
    )


async def lots(conn: Conn, since: datetime, location_id: str) -> tuple[PreviewLot, ...]:
    """Lots granted, moved and reinstated since then."""
    rows = await conn.fetch(
        "WITH here AS (SELECT lot_id, kind, opening_quantity, opening_cents, recorded_at"
        "  FROM lots WHERE location_id = $2)"
        " SELECT lot_id, kind, 'granted' AS act, opening_quantity AS quantity,"
        " opening_cents AS cents, recorded_at FROM here WHERE recorded_at >= $1"
        " UNION ALL SELECT lot_id, here.kind, m.kind, m.quantity, m.cents, m.recorded_at"
        " FROM lot_movements m JOIN here USING (lot_id) WHERE m.recorded_at >= $1"
        " UNION ALL SELECT lot_id, kind, 'reinstated', 0, 0, r.recorded_at"
        " FROM lot_reinstatements r JOIN here USING (lot_id) WHERE r.recorded_at >= $1"
        " ORDER BY recorded_at, lot_id, act",
        since,
        location_id,
    )
    return tuple(PreviewLot.model_validate(dict(row)) for row in rows)


async def money(conn: Conn, since: datetime, location_id: str) -> tuple[PreviewMoney, ...]:
    """Parts of payments applied or taken back since then."""
    rows = await conn.fetch(
        "SELECT payment_id, a.case_id, a.amount_cents AS cents"
        " FROM payment_allocations a JOIN payments USING (payment_id)"
        " WHERE a.recorded_at >= $1 AND location_id = $2 ORDER BY allocation_id",
        since,
        location_id,
    )
    return tuple(PreviewMoney.model_validate(dict(row)) for row in rows)


async def documents(
    conn: Conn, since: datetime, location_id: str
) -> list[tuple[str, str, int, int]]:
    """(kind, number, total, due) of documents issued since then; amounts in cents."""
    rows = await conn.fetch(
        "SELECT kind, number, total_cents, (priced ->> 'due_cents')::bigint AS due_cents"
        " FROM documents WHERE recorded_at >= $1 AND location_id = $2 ORDER BY recorded_at",
        since,
        location_id,
    )
    return [(row["kind"], row["number"], row["total_cents"], row["due_cents"]) for row in rows]


async def others(conn: Conn, since: datetime) -> list[str]:
    """What else changed since then, one sentence each."""
    rows = await conn.fetch(
        "SELECT format('Price book version %s is made.', version) AS said, recorded_at"
        " FROM catalogs WHERE recorded_at >= $1"
        " UNION ALL SELECT CASE WHEN until IS NULL THEN format('The patient is silenced: %s.',"
        "  replace(kind, '_', ' ')) ELSE format('Nothing is sent until %s: %s.', until,"
        "  replace(kind, '_', ' ')) END, recorded_at FROM client_holds WHERE recorded_at >= $1"
        " UNION ALL SELECT format('A hold is lifted: %s.', replace(kind, '_', ' ')),"
        "  r.recorded_at FROM client_hold_releases r JOIN client_holds USING (hold_id)"
        "  WHERE r.recorded_at >= $1"
        " UNION ALL SELECT format(CASE WHEN allowed THEN 'The patient may be written to by %s.'"
        "  ELSE 'The patient opts out of %s.' END, channel), recorded_at FROM consent_events"
        "  WHERE recorded_at >= $1"
        " UNION ALL SELECT format('Nothing goes to the number that wrote by %s.', channel),"
        "  recorded_at FROM address_events WHERE suppressed AND recorded_at >= $1"
        " UNION ALL SELECT format('The lot is good until %s.', expires_on), recorded_at"
        "  FROM lot_expiries WHERE recorded_at >= $1"
        " UNION ALL SELECT format('The switch %s is %s at %s.', name, state, location_id),"
        "  recorded_at FROM switch_changes WHERE recorded_at >= $1"
        " ORDER BY recorded_at, said",
        since,
    )
    return [row["said"] for row in rows]
