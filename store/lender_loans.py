"""Loans that pay lenders' parts of visits, what is open of each, and what a practice has agreed."""

from collections.abc import Mapping, Sequence
from datetime import date

from domain.lender_contracts import CONTRACTS
from domain.lender_money import LenderTerms, LoanPart
from domain.model import Record
from domain.plan_case import Lender
from store.db import Conn


class Loan(Record):
    """One id of a loan, and the lender's part that it pays."""

    location_id: str
    lender: Lender
    loan_id: str
    payment_id: str
    case_id: str
    client_id: str
    programme: str = ""
    signed_on: date
    named_by: str
    """tender, plan, or who said so."""


class Booking(Record):
    """What one entry did to a lender's part. `receivable_cents` is the change of 1030."""

    business_key: str
    location_id: str
    lender: Lender
    loan_id: str
    payment_id: str | None = None
    funding_id: str | None = None
    kind: str
    """held | funded | taken_back | given_up"""
    receivable_cents: int = 0
    net_cents: int = 0
    fee_cents: int = 0
    booked_on: date


async def put_loan(conn: Conn, loan: Loan) -> None:
    """Name a loan of a lender's part; an id that is named already stays where it is."""
    await conn.execute(
        "INSERT INTO lender_loans (location_id, lender, loan_id, payment_id, case_id, client_id,"
        " programme, signed_on, named_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
        " ON CONFLICT DO NOTHING",
        *loan.model_dump().values(),
    )


_PART = """
SELECT l.location_id, l.lender, array_agg(l.loan_id ORDER BY l.recorded_at, l.loan_id) AS loan_ids,
    l.payment_id, min(l.case_id) AS case_id, min(l.client_id) AS client_id,
    max(l.programme) AS programme, min(l.signed_on) AS signed_on,
    p.amount_cents AS financed_cents,
    p.amount_cents + coalesce((SELECT sum(b.receivable_cents) FROM standing_lender_bookings b
        WHERE b.payment_id = l.payment_id), 0)::bigint
    - coalesce((SELECT sum(m.amount_cents) FROM refund_moves m WHERE m.payment_id = l.payment_id
        AND m.way = 'lender' AND m.state = 'paid'), 0)::bigint AS open_cents
FROM lender_loans l JOIN payments p USING (payment_id)
"""
_GROUPED = " GROUP BY l.location_id, l.lender, l.payment_id, p.amount_cents"


async def part_of_loan(conn: Conn, location_id: str, lender: str, loan_id: str) -> LoanPart | None:
    """The lender's part that a loan pays; None for a loan that nobody has named."""
    row = await conn.fetchrow(
        f"{_PART} WHERE l.payment_id = (SELECT payment_id FROM lender_loans"  # noqa: S608
        f" WHERE (location_id, lender, loan_id) = ($1, $2, $3)){_GROUPED}",
        location_id,
        lender,
        loan_id,
    )
    return LoanPart.model_validate(dict(row)) if row else None


async def part_of_payment(conn: Conn, payment_id: str) -> LoanPart | None:
    """The same by the payment that stands for the part."""
    row = await conn.fetchrow(f"{_PART} WHERE l.payment_id = $1{_GROUPED}", payment_id)
    return LoanPart.model_validate(dict(row)) if row else None


async def open_parts(conn: Conn, location_id: str) -> list[LoanPart]:
    """Parts of a location that a lender still owes, oldest first."""
    rows = await conn.fetch(
        f"SELECT * FROM ({_PART} WHERE l.location_id = $1{_GROUPED}) found"  # noqa: S608
        " WHERE open_cents > 0 ORDER BY signed_on, payment_id",
        location_id,
    )
    return [LoanPart.model_validate(dict(row)) for row in rows]


async def book(conn: Conn, booking: Booking) -> None:
    """Note what an entry did; belongs in the transaction that posts it."""
    await conn.execute(
        "INSERT INTO lender_bookings (business_key, location_id, lender, loan_id, payment_id,"
        " funding_id, kind, receivable_cents, net_cents, fee_cents, booked_on)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING",
        *booking.model_dump().values(),
    )


async def bookings_of(
    conn: Conn, location_id: str, lender: str, loan_ids: Sequence[str]
) -> list[Booking]:
    """What was booked for any id of a loan and stands, oldest first."""
    rows = await conn.fetch(
        "SELECT business_key, location_id, lender, loan_id, payment_id, funding_id, kind,"
        " receivable_cents, net_cents, fee_cents, booked_on FROM standing_lender_bookings"
        " WHERE location_id = $1 AND lender = $2 AND loan_id = ANY($3::text[])"
        " ORDER BY recorded_at, business_key",
        location_id,
        lender,
        list(loan_ids),
    )
    return [Booking.model_validate(dict(row)) for row in rows]


async def moved_since(conn: Conn, business_keys: Sequence[str]) -> bool:
    """Whether the part that these entries moved was moved by another one after them."""
    found: bool = await conn.fetchval(
        "SELECT EXISTS (SELECT FROM lender_bookings done JOIN standing_lender_bookings later"
        " ON later.payment_id = done.payment_id AND later.recorded_at > done.recorded_at"
        " WHERE done.business_key = ANY($1::text[]) AND later.receivable_cents <> 0"
        " AND later.business_key <> ALL($1::text[]))",
        list(business_keys),
    )
    return found


async def put_terms(conn: Conn, location_id: str, terms: LenderTerms, by: str) -> int:
    """Agree on new terms; the version that they got. Loans keep the fee of their signing."""
    version: int = await conn.fetchval(
        "INSERT INTO lender_terms (location_id, lender, version, body, put_by) SELECT $1, $2,"
        " coalesce(max(version), 0) + 1, $3, $4 FROM lender_terms"
        " WHERE (location_id, lender) = ($1, $2) RETURNING version",
        location_id,
        terms.lender,
        terms.model_dump(mode="json"),
        by,
    )
    return version


async def terms_of(conn: Conn, location_id: str) -> Mapping[Lender, LenderTerms]:
    """The terms in force with every lender; empty ones where nothing was agreed."""
    rows = await conn.fetch(
        "SELECT DISTINCT ON (lender) lender, body FROM lender_terms WHERE location_id = $1"
        " ORDER BY lender, version DESC",
        location_id,
    )
    agreed = {Lender(row["lender"]): LenderTerms.model_validate(row["body"]) for row in rows}
    return {lender: agreed.get(lender, LenderTerms(lender=lender)) for lender in CONTRACTS}
