"""Payers who were sent to the processor: the send lock, and payment pages that may bring money.

Times are on the location's clock, as a case's `at` is.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime, PositiveInt

from domain.model import Record
from store.db import Conn, KeyReused

Door = Literal["session", "invoice"]
"""A payment page made for one amount, or the processor's own page of one invoice."""

Outcome = Literal["paid", "expired", "failed"]
"""In the books; nobody can pay there any more; a bank took the payment back before it arrived."""

_COLUMNS = (
    "checkout_id, location_id, client_id, case_id, door, amount_cents, currency, opened_at,"
    " lock_until, processor_session_id, outcome"
)


class Checkout(Record):
    """One payer sent to the processor. Without `case_id` the money pays what is due longest."""

    checkout_id: str
    location_id: str
    client_id: str
    case_id: str | None = None
    door: Door
    amount_cents: PositiveInt
    currency: str = "USD"
    opened_at: AwareDatetime
    lock_until: AwareDatetime
    processor_session_id: str | None = None
    outcome: Outcome | None = None


async def open_checkout(conn: Conn, checkout: Checkout) -> bool:
    """Keep it before the processor is asked; False when it is known already."""
    is_new = await conn.fetchval(
        "INSERT INTO checkouts (checkout_id, location_id, client_id, case_id, door, amount_cents,"
        " currency, opened_at, lock_until) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
        " ON CONFLICT (checkout_id) DO NOTHING RETURNING true",
        checkout.checkout_id,
        checkout.location_id,
        checkout.client_id,
        checkout.case_id,
        checkout.door,
        checkout.amount_cents,
        checkout.currency,
        checkout.opened_at,
        checkout.lock_until,
    )
    return bool(is_new)


async def put_session(conn: Conn, checkout_id: str, session_id: str) -> None:
    """Remember the processor's name for the page; KeyReused when it has another."""
    kept = await conn.fetchval(
        "UPDATE checkouts SET processor_session_id = coalesce(processor_session_id, $2)"
        " WHERE checkout_id = $1 RETURNING processor_session_id",
        checkout_id,
        session_id,
    )
    if kept != session_id:
        raise KeyReused(checkout_id)


async def get(conn: Conn, checkout_id: str) -> Checkout | None:
    """One checkout."""
    row = await conn.fetchrow(
        f"SELECT {_COLUMNS} FROM checkouts WHERE checkout_id = $1",  # noqa: S608
        checkout_id,
    )
    return Checkout.model_validate(dict(row)) if row else None


async def unsettled(conn: Conn, client_id: str) -> list[Checkout]:
    """The client's payment pages that may still bring money, oldest first.

    A page whose name was never kept was never shown to anybody.
    """
    rows = await conn.fetch(
        f"SELECT {_COLUMNS} FROM checkouts"  # noqa: S608
        " WHERE client_id = $1 AND processor_session_id IS NOT NULL AND outcome IS NULL"
        " ORDER BY recorded_at, checkout_id",
        client_id,
    )
    return [Checkout.model_validate(dict(row)) for row in rows]


async def unsettled_of_session(conn: Conn, session_id: str) -> Checkout | None:
    """The checkout of a payment page that may still bring money."""
    row = await conn.fetchrow(
        f"SELECT {_COLUMNS} FROM checkouts"  # noqa: S608
        " WHERE processor_session_id = $1 AND outcome IS NULL",
        session_id,
    )
    return Checkout.model_validate(dict(row)) if row else None


async def has_unseen_twin(
    conn: Conn, checkout_id: str, payment_id: str, amount_cents: int, days: int
) -> bool:
    """Whether the client paid this amount in another way after going to this page.

    Both times are when the books heard of it, which is what the payer was shown; `days` bounds
    how much later the other payment may be.
    """
    found: bool = await conn.fetchval(
        "SELECT EXISTS (SELECT FROM payments p JOIN checkouts c USING (client_id)"
        " WHERE c.checkout_id = $1 AND p.payment_id <> $2 AND p.amount_cents = $3"
        " AND p.state = 'paid' AND p.recorded_at > c.recorded_at"
        " AND p.recorded_at < c.recorded_at + make_interval(days => $4))",
        checkout_id,
        payment_id,
        amount_cents,
        days,
    )
    return found


async def is_overtaken(conn: Conn, checkout_id: str) -> bool:
    """Whether a payer was sent to the processor later than this one, and may be there still."""
    found: bool = await conn.fetchval(
        "SELECT EXISTS (SELECT FROM checkouts mine JOIN checkouts later USING (client_id)"
        " WHERE mine.checkout_id = $1 AND later.recorded_at > mine.recorded_at"
        " AND later.outcome IS NULL AND later.unlocked_at IS NULL"
        " AND (later.door = 'invoice' OR later.processor_session_id IS NOT NULL))",
        checkout_id,
    )
    return found


async def finish(conn: Conn, checkout_id: str, outcome: Outcome | None, at: datetime) -> None:
    """End the lock; with an outcome, end the page too. What was paid stays paid."""
    await conn.execute(
        "UPDATE checkouts SET unlocked_at = coalesce(unlocked_at, $3),"
        " outcome = CASE WHEN outcome = 'paid' THEN outcome ELSE coalesce($2, outcome) END"
        " WHERE checkout_id = $1",
        checkout_id,
        outcome,
        at,
    )


async def finish_invoice_doors(conn: Conn, client_id: str, at: datetime) -> None:
    """Money came in: whoever was sent to an invoice's own page has paid, or must look again."""
    await conn.execute(
        "UPDATE checkouts SET unlocked_at = $2"
        " WHERE client_id = $1 AND door = 'invoice' AND unlocked_at IS NULL",
        client_id,
        at,
    )


async def open_until(conn: Conn, client_id: str, at: datetime) -> datetime | None:
    """The send lock: when the last payer who is at the processor now is given up on, else None.

    `at` is the moment on the location's clock for which it is asked.
    """
    until: datetime | None = await conn.fetchval(
        "SELECT max(lock_until) FROM checkouts"
        " WHERE client_id = $1 AND unlocked_at IS NULL AND lock_until > $2 AND opened_at <= $2",
        client_id,
        at,
    )
    return until


async def opened_since(conn: Conn, client_id: str, minutes: int) -> int:
    """How many times the client was sent to the processor in the last minutes of wall time."""
    count: int = await conn.fetchval(
        "SELECT count(*) FROM checkouts WHERE client_id = $1"
        " AND recorded_at > clock_timestamp() - make_interval(mins => $2)",
        client_id,
        minutes,
    )
    return count


async def came_back(conn: Conn, case_ids: Sequence[str]) -> bool:
    """Whether a bank debit for one of a client's cases came back and no money has come since."""
    found: bool = await conn.fetchval(
        "SELECT EXISTS (SELECT FROM reviews r WHERE case_id = ANY($1)"
        " AND code = 'SETTLEMENT_FAILED'"
        " AND NOT EXISTS (SELECT FROM payments p"
        "  WHERE p.client_id = r.client_id AND p.recorded_at > r.recorded_at))",
        case_ids,
    )
    return found
