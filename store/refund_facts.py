"""What a refund of a visit has to know: payments, credits and packages as they stand now."""

from collections.abc import Sequence
from decimal import Decimal

from pydantic import AwareDatetime

from domain.model import Record
from store.db import Conn


class PaidPart(Record):
    """One payment's part on a case. `left_cents` is the less of what is left of both."""

    payment_id: str
    source: str
    kind: str
    at: AwareDatetime
    outside: bool
    """Not taken through our processor."""
    left_cents: int
    is_disputed: bool


_GIVEN = """
SELECT p.payment_id, p.source, p.kind, p.occurred_at AS at, p.outside,
    least(here.cents - coalesce(here_back.cents, 0),
        p.amount_cents - coalesce(back.cents, 0) - coalesce(lost.cents, 0))::bigint AS left_cents,
    coalesce(disputed.yes, false) AS is_disputed
FROM (SELECT payment_id, sum(amount_cents) AS cents FROM payment_allocations
    WHERE case_id = $1 GROUP BY payment_id) AS here
JOIN payments p USING (payment_id)
LEFT JOIN LATERAL (SELECT sum(m.amount_cents) AS cents FROM refund_moves m
    JOIN refunds r USING (refund_id) WHERE m.payment_id = p.payment_id AND r.case_id = $1
    AND m.state IN ('owed', 'sent', 'paid')) AS here_back ON true
LEFT JOIN LATERAL (SELECT sum(m.amount_cents) AS cents FROM refund_moves m
    WHERE m.payment_id = p.payment_id AND m.state IN ('owed', 'sent', 'paid')) AS back ON true
LEFT JOIN LATERAL (SELECT sum(amount_cents) AS cents FROM disputes d
    WHERE d.payment_id = p.payment_id AND is_chargeback AND state = 'lost') AS lost ON true
LEFT JOIN LATERAL (SELECT bool_or(is_chargeback AND state IN ('needs_response', 'under_review'))
    AS yes FROM disputes d WHERE d.payment_id = p.payment_id) AS disputed ON true
WHERE here.cents > 0
ORDER BY p.occurred_at, p.payment_id
"""


_APPLIED = """
SELECT p.payment_id, p.source, p.kind, p.occurred_at AS at, p.outside, false AS is_disputed,
    (here.cents - coalesce(here_back.cents, 0))::bigint AS left_cents
FROM (SELECT payment_id, sum(amount_cents) AS cents FROM payment_allocations
    WHERE case_id = $1 GROUP BY payment_id) AS here
JOIN payments p USING (payment_id)
LEFT JOIN LATERAL (SELECT sum(m.amount_cents) AS cents FROM refund_moves m
    JOIN refunds r USING (refund_id) WHERE m.payment_id = p.payment_id AND r.case_id = $1
    AND m.state IN ('owed', 'sent', 'paid')) AS here_back ON true
WHERE here.cents > 0
"""


async def given(conn: Conn, case_id: str) -> list[PaidPart]:
    """Payments applied to a case with what is left of each, oldest first."""
    rows = await conn.fetch(_GIVEN, case_id)
    return [PaidPart.model_validate(dict(row)) for row in rows]


async def applied(conn: Conn, case_id: str) -> list[PaidPart]:
    """Payments applied to a case, less what refunds of this case took of each.

    Unlike `given` it does not mind what went back of the payment elsewhere.
    """
    rows = await conn.fetch(_APPLIED, case_id)
    return [PaidPart.model_validate(dict(row)) for row in rows]


class CreditPart(Record):
    """What a case still holds of a credit: drawn and not returned. `holder` drew it."""

    lot_id: str
    kind: str
    holder: str
    cents: int


async def credits_used(conn: Conn, holders: Sequence[str]) -> list[CreditPart]:
    """Credits that these holders drew, by lot."""
    rows = await conn.fetch(
        "SELECT l.lot_id, l.kind, m.case_id AS holder, -sum(m.cents)::bigint AS cents"
        " FROM lot_movements m JOIN lots l USING (lot_id)"
        " WHERE m.case_id = ANY($1::text[]) AND m.kind IN ('draw', 'return') AND l.kind <> 'unit'"
        " GROUP BY l.lot_id, l.kind, m.case_id HAVING sum(m.cents) < 0 ORDER BY m.case_id, lot_id",
        list(holders),
    )
    return [CreditPart.model_validate(dict(row)) for row in rows]


async def credit_holders(conn: Conn, case_id: str) -> list[str]:
    """The case, and each question whose answer used the client's credit for it."""
    rows = await conn.fetch(
        "SELECT DISTINCT substr(business_key, length('credit-applied|') + 1) AS holder"
        " FROM ledger_entries JOIN ledger_postings USING (entry_id)"
        " WHERE case_id = $1 AND starts_with(business_key, 'credit-applied|')",
        case_id,
    )
    return [case_id, *sorted(row["holder"] for row in rows)]


class LotLeft(Record):
    """A lot that a document sold: what it held, and what is left of it."""

    lot_id: str
    opening_quantity: Decimal
    quantity: Decimal
    cents: int


async def lots_of(conn: Conn, source: str) -> dict[str, LotLeft]:
    """Lot id -> what is left, of every lot that one document sold."""
    rows = await conn.fetch(
        "SELECT lot_id, opening_quantity, remaining_quantity AS quantity,"
        " remaining_cents AS cents FROM lots WHERE source = $1",
        source,
    )
    return {row["lot_id"]: LotLeft.model_validate(dict(row)) for row in rows}


async def expired(conn: Conn, lot_ids: Sequence[str], zone: str) -> frozenset[str]:
    """Those of these lots whose last day and grace are over, and which nobody reinstated."""
    rows = await conn.fetch(
        "SELECT lot_id FROM lots l WHERE lot_id = ANY($1::text[])"
        " AND coalesce((SELECT e.expires_on FROM lot_expiries e WHERE e.lot_id = l.lot_id"
        "  ORDER BY expiry_id DESC LIMIT 1), l.expires_on) + grace_days"
        "  < (now() AT TIME ZONE $2)::date"
        " AND NOT EXISTS (SELECT FROM lot_reinstatements r WHERE r.lot_id = l.lot_id)",
        list(lot_ids),
        zone,
    )
    return frozenset(row["lot_id"] for row in rows)


async def written_off(conn: Conn, case_id: str) -> int:
    """Cents of a case that were given up and not recovered or undone since."""
    cents: int = await conn.fetchval(
        "SELECT coalesce(sum(debit_cents - credit_cents), 0)::bigint FROM ledger_postings"
        " WHERE case_id = $1 AND account = '6030'",
        case_id,
    )
    return max(0, cents)


async def returned(conn: Conn, case_id: str) -> dict[str, tuple[Decimal, int]]:
    """Lot id -> units and cents that refunds of a case put back; its chart takes them no more."""
    rows = await conn.fetch(
        "SELECT lot_id, sum(quantity) AS quantity, sum(cents)::bigint AS cents"
        " FROM lot_movements m JOIN refunds r ON r.refund_id = m.document_id"
        " WHERE m.case_id = $1 AND m.kind = 'return' GROUP BY lot_id",
        case_id,
    )
    return {row["lot_id"]: (row["quantity"], row["cents"]) for row in rows}


_LEFT = """
SELECT p.payment_id, p.source, p.kind, p.occurred_at AS at, p.outside,
    (p.amount_cents - coalesce(back.cents, 0) - coalesce(lost.cents, 0))::bigint AS left_cents,
    coalesce(disputed.yes, false) AS is_disputed
FROM payments p
LEFT JOIN LATERAL (SELECT sum(m.amount_cents) AS cents FROM refund_moves m
    WHERE m.payment_id = p.payment_id AND m.state IN ('owed', 'sent', 'paid')) AS back ON true
LEFT JOIN LATERAL (SELECT sum(amount_cents) AS cents FROM disputes d
    WHERE d.payment_id = p.payment_id AND is_chargeback AND state = 'lost') AS lost ON true
LEFT JOIN LATERAL (SELECT bool_or(is_chargeback AND state IN ('needs_response', 'under_review'))
    AS yes FROM disputes d WHERE d.payment_id = p.payment_id) AS disputed ON true
"""


async def left_of_client(conn: Conn, client_id: str) -> list[PaidPart]:
    """A client's payments with what is left of each, oldest first."""
    rows = await conn.fetch(
        f"{_LEFT} WHERE p.client_id = $1 AND p.state = 'paid' ORDER BY p.occurred_at, payment_id",
        client_id,
    )
    return [PaidPart.model_validate(dict(row)) for row in rows]


async def left_of(conn: Conn, payment_id: str) -> PaidPart | None:
    """One payment with what is left of it."""
    row = await conn.fetchrow(f"{_LEFT} WHERE p.payment_id = $1", payment_id)
    return PaidPart.model_validate(dict(row)) if row else None


async def credit_lots(conn: Conn, client_id: str) -> list[CreditPart]:
    """A client's account credit that is left, oldest first."""
    rows = await conn.fetch(
        "SELECT lot_id, kind, '' AS holder, remaining_cents AS cents FROM lots"
        " WHERE client_id = $1 AND kind = 'account_credit' AND remaining_cents > 0"
        " ORDER BY purchased_at, lot_id",
        client_id,
    )
    return [CreditPart.model_validate(dict(row)) for row in rows]


async def left_in(conn: Conn, lot_id: str) -> int:
    """Cents that are left in a credit; 0 where there is none."""
    cents: int | None = await conn.fetchval(
        "SELECT remaining_cents FROM lots WHERE lot_id = $1", lot_id
    )
    return cents or 0
