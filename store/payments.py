"""Payments as facts that only move forward, and what part of each is applied to which case."""

from collections.abc import Iterable
from datetime import date
from typing import Literal

import asyncpg
from pydantic import AwareDatetime

from domain.model import Record
from store.db import Conn, KeyReused

PaymentState = Literal["pending", "canceled", "paid", "refunded"]


class PaymentFact(Record):
    """What a system says about one payment. `outside` means not taken through our processor."""

    payment_id: str
    source: str
    object_id: str
    kind: str
    state: PaymentState
    amount_cents: int
    currency: str = "USD"
    occurred_at: AwareDatetime
    case_id: str | None = None
    client_id: str | None = None
    location_id: str
    outside: bool = False


class OverAllocated(Exception):
    """More of a payment would be applied than it is worth, or less than nothing."""


_COLUMNS = (
    "payment_id, source, object_id, kind, state, amount_cents, currency, occurred_at, case_id,"
    " client_id, location_id, outside"
)

_RECORD = f"""
WITH head AS (
    INSERT INTO payments ({_COLUMNS})
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
    ON CONFLICT (payment_id) DO UPDATE SET state = excluded.state,
        amount_cents = CASE WHEN payments.state IN ('paid', 'refunded')
            THEN payments.amount_cents ELSE excluded.amount_cents END,
        occurred_at = excluded.occurred_at,
        case_id = coalesce(payments.case_id, excluded.case_id),
        client_id = coalesce(payments.client_id, excluded.client_id)
    WHERE payment_rank(payments.state) < payment_rank(excluded.state)
    RETURNING payment_id
)
INSERT INTO payment_facts (payment_id, state, amount_cents, occurred_at)
SELECT payment_id, $5, $6, $8 FROM head RETURNING true
"""  # noqa: S608


async def record(conn: Conn, fact: PaymentFact) -> bool:
    """Keep a fact; True when the payment is new or moved forward.

    Forward is pending, canceled, paid, refunded. A repeated or overtaken fact changes nothing.
    Raises KeyReused when the same state comes again with another amount. The amount of a paid
    payment stays what was paid.
    """
    moved = await conn.fetchval(
        _RECORD,
        fact.payment_id,
        fact.source,
        fact.object_id,
        fact.kind,
        fact.state,
        fact.amount_cents,
        fact.currency,
        fact.occurred_at,
        fact.case_id,
        fact.client_id,
        fact.location_id,
        fact.outside,
    )
    if moved:
        return True
    amount_cents = await conn.fetchval(
        "SELECT amount_cents FROM payment_facts WHERE payment_id = $1 AND state = $2",
        fact.payment_id,
        fact.state,
    )
    if amount_cents is not None and amount_cents != fact.amount_cents:
        raise KeyReused(f"{fact.payment_id} {fact.state}")
    return False


async def allocate(
    conn: Conn,
    payment_id: str,
    case_id: str,
    amount_cents: int,
    decided_by: str,
    on: date | None = None,
) -> None:
    """Apply part of a payment to a case; a negative amount takes it back.

    `on` is the day of its entry, else the location's today.

    Not idempotent by itself: put it behind the ledger entry or guard of the same decision.
    Raises OverAllocated when the sum would leave 0 to the payment's amount.
    """
    try:
        await conn.execute(
            "INSERT INTO payment_allocations"
            " (payment_id, case_id, amount_cents, decided_by, booked_on)"
            " VALUES ($1, $2, $3, $4, $5)",
            payment_id,
            case_id,
            amount_cents,
            decided_by,
            on,
        )
    except asyncpg.CheckViolationError as refusal:
        raise OverAllocated(f"payment {payment_id} does not have that much left") from refusal


async def of_case(conn: Conn, case_id: str) -> list[PaymentFact]:
    """Payments that name the case or are applied to it, oldest first."""
    rows = await conn.fetch(
        f"SELECT {_COLUMNS} FROM payments WHERE case_id = $1 OR payment_id IN"  # noqa: S608
        " (SELECT payment_id FROM payment_allocations WHERE case_id = $1)"
        " ORDER BY occurred_at, payment_id",
        case_id,
    )
    return [PaymentFact.model_validate(dict(row)) for row in rows]


async def get(conn: Conn, payment_id: str) -> PaymentFact | None:
    """A payment as it stands now."""
    row = await conn.fetchrow(
        f"SELECT {_COLUMNS} FROM payments WHERE payment_id = $1",  # noqa: S608
        payment_id,
    )
    return PaymentFact.model_validate(dict(row)) if row else None


async def get_all(conn: Conn, payment_ids: Iterable[str]) -> dict[str, PaymentFact]:
    """Those of several payments that the books know, by id."""
    wanted = list(payment_ids)
    if not wanted:
        return {}
    rows = await conn.fetch(
        f"SELECT {_COLUMNS} FROM payments WHERE payment_id = ANY($1)",  # noqa: S608
        wanted,
    )
    return {row["payment_id"]: PaymentFact.model_validate(dict(row)) for row in rows}


async def cases_of(conn: Conn, payment_id: str) -> tuple[str, ...]:
    """Cases that a payment is applied to, in the order in which it was."""
    rows = await conn.fetch(
        "SELECT case_id FROM payment_allocations WHERE payment_id = $1"
        " GROUP BY case_id HAVING sum(amount_cents) > 0 ORDER BY min(allocation_id)",
        payment_id,
    )
    return tuple(row["case_id"] for row in rows)


async def touched(conn: Conn, payment_id: str) -> tuple[str, ...]:
    """Cases that a payment is or was applied to."""
    rows = await conn.fetch(
        "SELECT DISTINCT case_id FROM payment_allocations WHERE payment_id = $1 ORDER BY case_id",
        payment_id,
    )
    return tuple(row["case_id"] for row in rows)


async def booked_on(conn: Conn, payment_id: str) -> date | None:
    """The day on which a payment came into the books; None while it has no entry."""
    fact = await get(conn, payment_id)
    if fact is None:
        return None
    named = f"{fact.source}|{payment_id}"
    keys = [f"{held}|{named}" for held in ("duplicate", "unidentified", "unapplied")]
    keys += [f"received|{named}|{case_id}" for case_id in await touched(conn, payment_id)]
    day: date | None = await conn.fetchval(
        "SELECT min(effective_on) FROM ledger_entries WHERE business_key = ANY($1::text[])", keys
    )
    return day


async def allocated(conn: Conn, payment_id: str, case_id: str | None = None) -> int:
    """Cents of a payment that are applied, to all cases or to one."""
    cents: int = await conn.fetchval(
        "SELECT coalesce(sum(amount_cents), 0)::bigint FROM payment_allocations"
        " WHERE payment_id = $1 AND ($2::text IS NULL OR case_id = $2)",
        payment_id,
        case_id,
    )
    return cents


async def collected(conn: Conn, case_id: str, source: str) -> int:
    """Cents of one system's paid payments that are applied to a case."""
    cents: int = await conn.fetchval(
        "SELECT coalesce(sum(a.amount_cents), 0)::bigint FROM payment_allocations a"
        " JOIN payments p USING (payment_id)"
        " WHERE a.case_id = $1 AND p.source = $2 AND p.state = 'paid'",
        case_id,
        source,
    )
    return cents


async def allocated_to(conn: Conn, case_id: str) -> int:
    """Cents of all payments that are applied to a case."""
    cents: int = await conn.fetchval(
        "SELECT coalesce(sum(amount_cents), 0)::bigint FROM payment_allocations WHERE case_id = $1",
        case_id,
    )
    return cents


async def unplaced(conn: Conn, location_id: str) -> list[PaymentFact]:
    """Paid payments of a location with money still to apply, oldest first."""
    rows = await conn.fetch(
        f"SELECT {_COLUMNS} FROM payments WHERE location_id = $1 AND state = 'paid'"  # noqa: S608
        " AND allocated_cents < amount_cents ORDER BY occurred_at, payment_id",
        location_id,
    )
    return [PaymentFact.model_validate(dict(row)) for row in rows]
