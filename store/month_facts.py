"""What the ledger is held against at month end: documents, payments, the processor, the bank."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from domain.month_rows import (
    Applied,
    Billed,
    Deposit,
    Lent,
    Moved,
    Paid,
    PaidOut,
    Remitted,
    Signed,
    StatementLine,
)
from domain.plan_course import RUNNING
from store.db import Conn


async def documents(conn: Conn, places: Sequence[str]) -> list[Billed]:
    """Every document ever issued at these places."""
    rows = await conn.fetch(
        "SELECT document_id, case_id, number, change_due_cents AS cents, booked_on AS on"
        " FROM documents WHERE location_id = ANY($1::text[]) ORDER BY case_id, document_no",
        list(places),
    )
    return [Billed.model_construct(**row) for row in rows]


async def priced(
    conn: Conn, places: Sequence[str], first: date, last: date
) -> list[dict[str, Any]]:
    """Documents of the month with their pricing and that of the document before."""
    rows = await conn.fetch(
        "SELECT d.document_id, d.number, d.case_id, d.client_id, d.location_id,"
        " d.booked_on AS on, d.priced, before.priced AS before"
        " FROM documents d LEFT JOIN documents before"
        "  ON (before.case_id, before.document_no) = (d.case_id, d.document_no - 1)"
        " WHERE d.location_id = ANY($1::text[]) AND d.booked_on BETWEEN $2 AND $3"
        " ORDER BY d.number",
        list(places),
        first,
        last,
    )
    return [dict(row) for row in rows]


GIVEN_BACK = ("REFUND_OUTSIDE", "REFUND_AFTER_CLOSE", "PMS_DISAGREES", "DISPUTE_LOST")
"""Questions whose answer takes from a case what its payer has got back."""


async def allocations(conn: Conn, places: Sequence[str]) -> list[Applied]:
    """What was applied to cases, taken-back parts included, by payment, case and day."""
    rows = await conn.fetch(
        "SELECT payment_id, a.case_id, sum(a.amount_cents)::bigint AS cents, booked_on AS on,"
        " coalesce(code = ANY($2::text[]), false) AS is_given_back"
        " FROM payment_allocations a JOIN payments p USING (payment_id)"
        " LEFT JOIN reviews USING (review_id) WHERE p.location_id = ANY($1::text[])"
        " GROUP BY payment_id, a.case_id, booked_on, is_given_back",
        list(places),
        list(GIVEN_BACK),
    )
    return [Applied.model_construct(**row) for row in rows]


async def remitted(conn: Conn, places: Sequence[str]) -> list[Remitted]:
    """What collection agencies paid of what was owed, by case, on the day when it was booked."""
    rows = await conn.fetch(
        "SELECT remittance_id, reference, p.case_id, p.gross_cents - recovered_cents AS cents,"
        " coalesce(effective_on, received_on) AS on"
        " FROM agency_remittance_parts p JOIN agency_remittances r USING (remittance_id)"
        " LEFT JOIN ledger_entries"
        "  ON business_key = 'agency|' || remittance_id || '|' || p.case_id"
        " WHERE r.location_id = ANY($1::text[]) AND p.gross_cents > recovered_cents",
        list(places),
    )
    return [Remitted.model_construct(**row) for row in rows]


async def signed_plans(conn: Conn, places: Sequence[str]) -> list[Signed]:
    """Plans of the practice's own that run, or were booked: all instalments as signed.

    What was given up of them counts against them, by the answers of the desk.
    """
    rows = await conn.fetch(
        "SELECT plan, cents, coalesce(effective_on, (changed_at AT TIME ZONE zone)::date) AS on,"
        " EXISTS (SELECT FROM reviews WHERE case_id = plan AND code = 'PLAN_OVER_BALANCE')"
        "  AS is_over_asked"
        " FROM plans p JOIN locations USING (location_id)"
        " CROSS JOIN LATERAL (SELECT"
        "  concat_ws('/', 'plan', p.location_id, lender, plan_id) AS plan,"
        "  sum((part ->> 'amount_cents')::bigint)::bigint AS cents"
        "  FROM jsonb_path_query(folded, '$.latest.installments[*]') AS part) AS each"
        " LEFT JOIN ledger_entries ON business_key = 'plan-signed|' || plan"
        " WHERE p.location_id = ANY($1::text[]) AND lender = 'in-house' AND cents > 0"
        " AND (status = ANY($2::text[]) OR entry_id IS NOT NULL)"
        " UNION ALL SELECT case_id, side * money_cents,"
        "  coalesce(e.effective_on, (at AT TIME ZONE zone)::date), false"
        " FROM reviews r JOIN locations USING (location_id) JOIN review_decisions d"
        "  USING (review_id) LEFT JOIN review_undos u USING (review_id)"
        " LEFT JOIN ledger_entries gone ON gone.business_key ="
        "  concat_ws('|', 'plan-rest', case_id, r.review_id)"
        " CROSS JOIN LATERAL (VALUES (-1, decided_at, gone.business_key),"
        "  (1, undone_at, 'undo|' || gone.entry_id)) AS each (side, at, key)"
        " LEFT JOIN ledger_entries e ON e.business_key = key"
        " WHERE r.location_id = ANY($1::text[]) AND code = 'PLAN_REST'"
        "  AND d.decision ->> 'choice' = 'write_off' AND at IS NOT NULL",
        list(places),
        sorted(RUNNING),
    )
    return [Signed.model_construct(**row) for row in rows]


async def payments(conn: Conn, places: Sequence[str]) -> list[Paid]:
    """Payments that have arrived, be they refunded since."""
    rows = await conn.fetch(
        "SELECT payment_id, source, object_id, kind, amount_cents AS cents,"
        " (occurred_at AT TIME ZONE zone)::date AS on, p.location_id, case_id, client_id, outside"
        " FROM payments p JOIN locations l USING (location_id)"
        " WHERE p.location_id = ANY($1::text[]) AND state IN ('paid', 'refunded')"
        " ORDER BY occurred_at, payment_id",
        list(places),
    )
    return [Paid.model_construct(**row) for row in rows]


async def lent(conn: Conn, places: Sequence[str]) -> list[Lent]:
    """What each document changed of the part that a lender pays, by case and loan."""
    rows = await conn.fetch(
        "SELECT case_id, client_id, reference, cents - lag(cents, 1, 0::bigint) OVER"
        "  (PARTITION BY case_id, reference ORDER BY document_no) AS cents, booked_on AS on"
        " FROM documents d CROSS JOIN LATERAL (SELECT tender ->> 'reference' AS reference,"
        "  CASE tender ->> 'kind' WHEN 'lender' THEN (tender ->> 'cents')::bigint ELSE 0 END"
        "  AS cents FROM jsonb_array_elements(priced -> 'tenders') AS tender"
        "  WHERE tender ->> 'kind' = 'lender'"
        "  UNION ALL SELECT f.reference, 0 FROM (SELECT DISTINCT t ->> 'reference' AS reference"
        "   FROM documents e, jsonb_array_elements(e.priced -> 'tenders') AS t"
        "   WHERE e.case_id = d.case_id AND t ->> 'kind' = 'lender') AS f"
        "  WHERE NOT EXISTS (SELECT FROM jsonb_array_elements(d.priced -> 'tenders') AS t"
        "   WHERE t ->> 'kind' = 'lender' AND t ->> 'reference' IS NOT DISTINCT FROM f.reference)"
        " ) AS each WHERE location_id = ANY($1::text[])",
        list(places),
    )
    return [Lent.model_construct(**row) for row in rows]


async def deposits(conn: Conn, places: Sequence[str]) -> list[Deposit]:
    """Deposits that arrived or were taken back, as they were told last; a webhook is a hint."""
    rows = await conn.fetch(
        "SELECT DISTINCT ON (lender, funding_id) funding_id, loan_id, state,"
        " coalesce((body ->> 'gross_cents')::bigint, (body ->> 'net_cents')::bigint"
        "  + coalesce((body ->> 'fee_cents')::bigint, 0)) AS gross_cents,"
        " (body ->> 'net_cents')::bigint AS net_cents,"
        " coalesce((body ->> 'on')::date, (as_of AT TIME ZONE zone)::date) AS on"
        " FROM lender_fundings JOIN locations USING (location_id)"
        " WHERE location_id = ANY($1::text[]) AND state IN ('completed', 'reversed')"
        " AND source <> 'webhook'"
        " ORDER BY lender, funding_id, state DESC, as_of DESC",
        list(places),
    )
    return [Deposit.model_construct(**row) for row in rows]


async def kept_credits(conn: Conn, places: Sequence[str]) -> dict[str, Sequence[tuple[int, date]]]:
    """Lot id -> cents and day of credit that was made of money which came in, or taken back."""
    rows = await conn.fetch(
        "SELECT lot_id, opening_cents AS cents, booked_on AS on FROM lots"
        " WHERE location_id = ANY($1::text[]) AND source = 'overpayment'"
        " UNION ALL SELECT lot_id, m.cents, m.booked_on FROM lot_movements m"
        " JOIN lots l USING (lot_id) WHERE location_id = ANY($1::text[])"
        " AND source = 'overpayment' AND m.kind = 'refund' AND starts_with(m.case_id, 'undo/')",
        list(places),
    )
    found: dict[str, list[tuple[int, date]]] = {}
    for row in rows:
        found.setdefault(row["lot_id"], []).append((row["cents"], row["on"]))
    return dict(found.items())


async def movements(conn: Conn) -> list[Moved]:
    """Every movement of the processor's balance that was read, on its local day."""
    rows = await conn.fetch(
        "SELECT m.source, movement_id, payout_id, kind, m.amount_cents, fee_cents, net_cents,"
        " (at AT TIME ZONE zone)::date AS on, object_id,"
        " ARRAY(SELECT n.payment_id FROM payment_names n"
        "  WHERE (n.source, n.name) = (m.source, m.payment_id) ORDER BY 1) AS payment_ids"
        " FROM balance_movements m JOIN payouts USING (source, payout_id)"
        " JOIN locations USING (location_id) ORDER BY at, movement_id",
    )
    return [Moved.model_construct(**row) for row in rows]


async def payouts(conn: Conn) -> list[PaidOut]:
    """Every payout of the processor's account."""
    rows = await conn.fetch(
        "SELECT source, payout_id, location_id, amount_cents, automatic, state, arrival_on,"
        " failed_on, accepted_cents, accepted_by, shares,"
        " settled_state IS NOT DISTINCT FROM state AS is_settled"
        " FROM payouts ORDER BY arrival_on, payout_id"
    )
    return [PaidOut.model_construct(**row) for row in rows]


async def statement(conn: Conn, until: date) -> list[StatementLine]:
    """The bank's lines up to a day, without the bank's words."""
    rows = await conn.fetch(
        "SELECT line_id, on_date AS on, amount_cents AS cents, payout_id, leg, kind AS claim,"
        " location_id FROM bank_lines LEFT JOIN bank_payouts USING (line_id)"
        " LEFT JOIN bank_claims USING (line_id) WHERE on_date <= $1 ORDER BY on_date, line_id",
        until,
    )
    return [StatementLine.model_construct(**row) for row in rows]


async def statement_until(conn: Conn) -> date | None:
    """The last day of any imported line."""
    last: date | None = await conn.fetchval("SELECT max(on_date) FROM bank_lines")
    return last


async def tasks(conn: Conn, places: Sequence[str], codes: Sequence[str]) -> list[dict[str, Any]]:
    """Open and decided questions of some codes: case id, id, cents, state and who decided."""
    rows = await conn.fetch(
        "SELECT case_id, review_id, money_cents, state, decided_by FROM reviews"
        " LEFT JOIN review_decisions USING (review_id)"
        " WHERE location_id = ANY($1::text[]) AND code = ANY($2::text[])"
        " AND (state = 'open' OR state = 'decided' AND decision ->> 'choice' <> 'retry')",
        list(places),
        list(codes),
    )
    return [dict(row) for row in rows]


async def behind(conn: Conn, places: Sequence[str]) -> dict[str, str]:
    """Refund or dispute, as a thing -> the payment of ours that it takes back."""
    rows = await conn.fetch(
        "SELECT 'given:' || refund_id AS thing, min(payment_id) AS payment_id FROM refund_moves"
        " WHERE location_id = ANY($1::text[]) AND payment_id IS NOT NULL AND refund_id IS NOT NULL"
        " GROUP BY refund_id UNION ALL SELECT 'dispute:' || dispute_id, payment_id FROM disputes"
        " WHERE location_id = ANY($1::text[]) AND payment_id IS NOT NULL",
        list(places),
    )
    return {row["thing"]: row["payment_id"] for row in rows}


async def to_give_back(conn: Conn, places: Sequence[str]) -> dict[str, int]:
    """Client -> what is still to go back; a refund that left is owed until its entry says so.

    One that somebody made elsewhere and nobody has explained counts against it while it is booked
    as gone: not before, and no more once its return is booked.
    """
    rows = await conn.fetch(
        "SELECT client_id, sum(CASE WHEN refund_id IS NULL"
        "  THEN -m.amount_cents * (left_us - came_back)"
        "  WHEN state IN ('owed', 'sent', 'returned') THEN m.amount_cents"
        "  WHEN state = 'paid' AND way = 'processor' THEN m.amount_cents * (1 - left_us)"
        "  ELSE 0 END)::bigint AS cents FROM (SELECT *, EXISTS (SELECT FROM ledger_entries"
        "   WHERE business_key = 'refund-paid|' || source || '|' || object_id)::int AS left_us,"
        "  EXISTS (SELECT FROM ledger_entries WHERE business_key ="
        "   'refund-returned|' || source || '|' || object_id)::int AS came_back"
        "  FROM refund_moves WHERE location_id = ANY($1::text[])) AS m GROUP BY client_id",
        list(places),
    )
    return {row["client_id"] or "nobody": row["cents"] for row in rows}


async def in_dispute(conn: Conn, places: Sequence[str]) -> dict[str, int]:
    """Client -> what the payers' banks hold, of disputes that nobody has ended."""
    rows = await conn.fetch(
        "SELECT client_id, sum(amount_cents)::bigint AS cents FROM disputes"
        " WHERE location_id = ANY($1::text[]) AND is_chargeback AND outcome IS NULL"
        " AND state <> 'won' GROUP BY client_id",
        list(places),
    )
    return {row["client_id"] or "nobody": row["cents"] for row in rows}


async def known_things(conn: Conn, keys: Sequence[str]) -> set[str]:
    """Which of these `kind:id` the books hold, of kinds that a table of their own keeps."""
    rows = await conn.fetch(
        "SELECT key FROM unnest($1::text[]) AS key WHERE CASE split_part(key, ':', 1)"
        " WHEN 'document' THEN EXISTS (SELECT FROM documents WHERE document_id = substr(key, 10))"
        " WHEN 'payment' THEN EXISTS (SELECT FROM payments WHERE payment_id = substr(key, 9))"
        " WHEN 'movement' THEN EXISTS (SELECT FROM balance_movements"
        "  WHERE movement_id = substr(key, 10))"
        " WHEN 'refund' THEN EXISTS (SELECT FROM balance_movements"
        "  WHERE object_id = substr(key, 8)) OR EXISTS (SELECT FROM refund_moves"
        "  WHERE object_id = substr(key, 8))"
        " WHEN 'payout' THEN EXISTS (SELECT FROM payouts WHERE payout_id = substr(key, 8))"
        " WHEN 'difference' THEN EXISTS (SELECT FROM payouts WHERE payout_id = substr(key, 12)"
        "  AND accepted_by IS NOT NULL)"
        " WHEN 'lot' THEN EXISTS (SELECT FROM lots WHERE lot_id = substr(key, 5))"
        " WHEN 'plan' THEN EXISTS (SELECT FROM plans"
        "  WHERE concat_ws('/', 'plan', location_id, lender, plan_id) = substr(key, 6))"
        " WHEN 'deposit' THEN EXISTS (SELECT FROM lender_fundings"
        "  WHERE funding_id = substr(key, 9))"
        " WHEN 'given' THEN EXISTS (SELECT FROM refunds WHERE refund_id = substr(key, 7))"
        " WHEN 'move' THEN EXISTS (SELECT FROM refund_moves WHERE move_id = substr(key, 6))"
        " WHEN 'dispute' THEN EXISTS (SELECT FROM disputes WHERE dispute_id = substr(key, 9)"
        "  AND outcome_by IS NOT NULL)"
        " WHEN 'agency' THEN EXISTS (SELECT FROM agency_remittances"
        "  WHERE remittance_id = substr(key, 8))"
        " WHEN 'line' THEN EXISTS (SELECT FROM bank_claims WHERE line_id = substr(key, 6))"
        " ELSE false END",
        list(keys),
    )
    return {row["key"] for row in rows}
