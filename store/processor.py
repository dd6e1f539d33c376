"""What the card processor calls our clients and documents."""

from domain.model import Record
from store.db import Conn, KeyReused


async def put_customer(conn: Conn, client_id: str, processor_id: str) -> None:
    """Remember a client's customer at the processor; raises KeyReused when it has another."""
    known = await conn.fetchval(
        "INSERT INTO processor_customers (client_id, processor_customer_id) VALUES ($1, $2)"
        " ON CONFLICT (client_id) DO NOTHING RETURNING true",
        client_id,
        processor_id,
    )
    if not known and await get_customer(conn, client_id) != processor_id:
        raise KeyReused(client_id)


async def get_customer(conn: Conn, client_id: str) -> str | None:
    """The client's customer id at the processor."""
    found: str | None = await conn.fetchval(
        "SELECT processor_customer_id FROM processor_customers WHERE client_id = $1", client_id
    )
    return found


async def client_of(conn: Conn, processor_id: str | None) -> str | None:
    """The client whose customer at the processor this is."""
    found: str | None = await conn.fetchval(
        "SELECT client_id FROM processor_customers WHERE processor_customer_id = $1", processor_id
    )
    return found


async def put_invoice(
    conn: Conn, document_id: str, processor_id: str, case_id: str, number: int = 1
) -> None:
    """Remember a document's n-th invoice at the processor; KeyReused when that is another."""
    known: str | None = await conn.fetchval(
        "WITH added AS (INSERT INTO processor_invoices"
        "  (document_id, number, processor_invoice_id, case_id) VALUES ($1, $2, $3, $4)"
        "  ON CONFLICT (document_id, number) DO NOTHING RETURNING processor_invoice_id)"
        " SELECT processor_invoice_id FROM added UNION ALL SELECT processor_invoice_id"
        " FROM processor_invoices WHERE document_id = $1 AND number = $2",
        document_id,
        number,
        processor_id,
        case_id,
    )
    if known != processor_id:
        raise KeyReused(document_id)


class Known(Record):
    """What the processor has been told: the client's customer, and invoices of a document."""

    customer_id: str | None
    invoices: int


async def known(conn: Conn, client_id: str, document_id: str) -> Known:
    """The client's customer, and how many invoices of the document the processor has."""
    row = await conn.fetchrow(
        "SELECT (SELECT processor_customer_id FROM processor_customers WHERE client_id = $1)"
        "  AS customer_id,"
        " (SELECT count(*) FROM processor_invoices WHERE document_id = $2) AS invoices",
        client_id,
        document_id,
    )
    assert row is not None
    return Known.model_validate(dict(row))


async def invoices_of_case(conn: Conn, case_id: str) -> tuple[str, ...]:
    """The processor's invoices of every document of a case, oldest first."""
    rows = await conn.fetch(
        "SELECT processor_invoice_id FROM processor_invoices WHERE case_id = $1"
        " ORDER BY recorded_at",
        case_id,
    )
    return tuple(row["processor_invoice_id"] for row in rows)


async def case_by_processor_invoice(conn: Conn, processor_id: str) -> str | None:
    """The case that an invoice at the processor belongs to."""
    found: str | None = await conn.fetchval(
        "SELECT case_id FROM processor_invoices WHERE processor_invoice_id = $1", processor_id
    )
    return found


async def put_intent(conn: Conn, intent_id: str, processor_id: str) -> None:
    """Remember which invoice a payment intent was applied to; the first one stays."""
    await conn.execute(
        "INSERT INTO processor_intents (processor_intent_id, processor_invoice_id)"
        " VALUES ($1, $2) ON CONFLICT DO NOTHING",
        intent_id,
        processor_id,
    )


async def invoice_of_intent(conn: Conn, intent_id: str) -> str | None:
    """The processor invoice that a payment intent is known to be applied to."""
    found: str | None = await conn.fetchval(
        "SELECT processor_invoice_id FROM processor_intents WHERE processor_intent_id = $1",
        intent_id,
    )
    return found


async def doors(
    conn: Conn, case_id: str, client_id: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Where money for a case may come in: its processor invoices, oldest first, and the client's
    payment pages (by the processor's name) that may still bring some."""
    rows = await conn.fetch(
        "SELECT true AS is_invoice, processor_invoice_id AS name, recorded_at"
        " FROM processor_invoices WHERE case_id = $1"
        " UNION ALL SELECT false, processor_session_id, recorded_at"
        " FROM checkouts WHERE client_id = $2 AND processor_session_id IS NOT NULL"
        " AND outcome IS NULL ORDER BY recorded_at",
        case_id,
        client_id,
    )
    invoices = tuple(row["name"] for row in rows if row["is_invoice"])
    return invoices, tuple(row["name"] for row in rows if not row["is_invoice"])


async def outside_reported(conn: Conn, payment_id: str, case_id: str) -> bool:
    """Mark that the processor was told what a payment pays of a case; True the first time."""
    first: bool | None = await conn.fetchval(
        "INSERT INTO outside_reports (payment_id, case_id) VALUES ($1, $2)"
        " ON CONFLICT DO NOTHING RETURNING true",
        payment_id,
        case_id,
    )
    return bool(first)


async def unreported_outside(conn: Conn, case_id: str) -> dict[str, int]:
    """Payment id -> cents applied to the case, of money that its processor invoices lack.

    That is money taken outside the processor, and a known client's money that was paid on a
    page of its own (it names no case).
    """
    rows = await conn.fetch(
        "SELECT a.payment_id, sum(a.amount_cents)::bigint AS cents FROM payment_allocations a"
        " JOIN payments p USING (payment_id)"
        " WHERE a.case_id = $1 AND (outside OR p.case_id IS NULL AND client_id IS NOT NULL)"
        " AND NOT EXISTS (SELECT FROM outside_reports r"
        "  WHERE r.payment_id = a.payment_id AND r.case_id IN ('', $1))"
        " GROUP BY a.payment_id HAVING sum(a.amount_cents) > 0 ORDER BY a.payment_id",
        case_id,
    )
    return {row["payment_id"]: row["cents"] for row in rows}
