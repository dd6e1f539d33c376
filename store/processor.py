"""What the card processor calls our clients and documents."""

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


async def put_invoice(conn: Conn, document_id: str, processor_id: str, case_id: str) -> None:
    """Remember a document's invoice at the processor; raises KeyReused when it has another."""
    known = await conn.fetchval(
        "INSERT INTO processor_invoices (document_id, processor_invoice_id, case_id)"
        " VALUES ($1, $2, $3) ON CONFLICT (document_id) DO NOTHING RETURNING true",
        document_id,
        processor_id,
        case_id,
    )
    if not known and await get_invoice(conn, document_id) != processor_id:
        raise KeyReused(document_id)


async def get_invoice(conn: Conn, document_id: str) -> str | None:
    """The document's invoice id at the processor."""
    found: str | None = await conn.fetchval(
        "SELECT processor_invoice_id FROM processor_invoices WHERE document_id = $1", document_id
    )
    return found


async def invoices_of_case(conn: Conn, case_id: str) -> dict[str, str]:
    """Document id -> processor invoice id, of every document of a case."""
    rows = await conn.fetch(
        "SELECT document_id, processor_invoice_id FROM processor_invoices WHERE case_id = $1"
        " ORDER BY recorded_at",
        case_id,
    )
    return {row["document_id"]: row["processor_invoice_id"] for row in rows}


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


async def outside_reported(conn: Conn, payment_id: str) -> bool:
    """Mark that the processor was told of a payment taken elsewhere; True the first time."""
    first: bool | None = await conn.fetchval(
        "INSERT INTO outside_reports (payment_id) VALUES ($1) ON CONFLICT DO NOTHING"
        " RETURNING true",
        payment_id,
    )
    return bool(first)


async def unreported_outside(conn: Conn, case_id: str) -> dict[str, int]:
    """Payment id -> cents applied to the case, of outside payments the processor does not know."""
    rows = await conn.fetch(
        "SELECT payment_id, sum(a.amount_cents)::bigint AS cents FROM payment_allocations a"
        " JOIN payments USING (payment_id) LEFT JOIN outside_reports r USING (payment_id)"
        " WHERE a.case_id = $1 AND outside AND r.payment_id IS NULL GROUP BY payment_id"
        " HAVING sum(a.amount_cents) > 0 ORDER BY payment_id",
        case_id,
    )
    return {row["payment_id"]: row["cents"] for row in rows}
