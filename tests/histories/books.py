"""What the books of one history come to, and what must be true of them whatever happened.

The ledger hash covers what is booked: the net of each account by client, of the receivable by
visit too; what is left in the lots by kind; how each refund at the processor and each dispute
ended. It covers no row ids and no times, and not the way there. Of two payments of the same
amount the second is held, and which one that is depends on the order (E5); a payment of which the
PMS already shows a part as given back is booked at what is left of it.
"""

import hashlib
import json
from typing import Any

from domain.month import parse_month
from domain.tie import Verdict
from starter.desk.month_end import month_report
from store import lots, month_books
from store.db import Conn

NOVEMBER = parse_month("2026-11")
# fmt: off
TIED = (
    "BALANCE", "SOURCES", "INVOICES", "RECEIVABLE", "CLEARING", "SUSPENSE", "REFUNDS", "DISPUTES",
    "OWED_2010", "OWED_2060", "UNITS",
)
# fmt: on
"""Lines of month end that are about one location: the receivable is the open invoices' sum, each
liability its lots', clearing the processor's balance, and no unit is made or lost."""

_NETS = """
SELECT account, client_id IS NOT NULL AS of_client,
    CASE WHEN account = '1100' THEN case_id END AS visit,
    sum(debit_cents - credit_cents)::bigint AS cents
FROM ledger_postings JOIN ledger_entries USING (entry_id) WHERE location_id = $1
GROUP BY 1, 2, 3 HAVING sum(debit_cents - credit_cents) <> 0
"""
_OFF_BY_CLIENT = """
WITH nets AS (
    SELECT entry_id, client_id, sum(debit_cents - credit_cents) AS net
    FROM ledger_postings JOIN ledger_entries USING (entry_id) WHERE location_id = $1
    GROUP BY entry_id, client_id
)
SELECT entry_id FROM nets GROUP BY entry_id
HAVING count(client_id) > 1 AND count(*) FILTER (WHERE net <> 0) > 0
"""
_FACTS = {
    "lots": "SELECT kind, sum(remaining_quantity)::text, sum(remaining_cents)::bigint FROM lots"
    " WHERE location_id = $1 AND (remaining_quantity, remaining_cents) <> (0, 0) GROUP BY kind",
    "refunds": "SELECT amount_cents, state, refund_id IS NOT NULL, count(*) FROM refund_moves"
    " WHERE location_id = $1 AND way = 'processor' GROUP BY 1, 2, 3",
    "disputes": "SELECT amount_cents, state, outcome FROM disputes WHERE location_id = $1",
}


async def state(conn: Conn, place: str, names: dict[str, str]) -> dict[str, list[list[Any]]]:
    """What is booked at a location, with the ids of this play replaced by `names`."""
    queries = {"accounts": _NETS, **_FACTS}
    found = {}
    for name, query in queries.items():
        rows = [[names.get(v, v) for v in row.values()] for row in await conn.fetch(query, place)]
        found[name] = sorted(rows, key=json.dumps)
    return found


def digest(booked: dict[str, list[list[Any]]]) -> str:
    """The ledger hash."""
    return hashlib.sha256(json.dumps(booked, sort_keys=True).encode()).hexdigest()[:16]


async def wrongs(conn: Conn, place: str, client_id: str) -> list[str]:
    """Every invariant that a location's books break, in words."""
    off = await conn.fetch(_OFF_BY_CLIENT, place)
    found = [f"entry {row[0]} does not balance for each client" for row in off]
    unbalanced = await month_books.unbalanced(conn, [place], NOVEMBER.last)
    found += [f"entry {key}: {sides}" for key, sides in unbalanced.items() if sides[0] != sides[1]]
    for lot in await lots.lot_statement(conn, client_id):
        if not lot.is_conserved:
            found.append(f"lot {lot.lot_id} is not conserved")
    ties = {tie.code: tie for tie in (await month_report(conn, NOVEMBER, place)).ties}
    for code in TIED:
        found += [
            f"{code}: {item.off_cents} {item.name}: {item.why}"
            for item in ties[code].items
            if ties[code].verdict is Verdict.OFF and item.kind == "off"
        ]
    return found
