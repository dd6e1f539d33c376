"""Cash for a visit, as a fact, an entry and its part: no other credit of a debt is let in."""

from datetime import UTC, date, datetime
from uuid import uuid4

from domain import entries, ids
from store import ledger, payments
from store.db import Conn
from store.payments import PaymentFact


async def cash_in(
    conn: Conn, location_id: str, client_id: str, case_id: str, cents: int, on: date
) -> None:
    """Inside a transaction of the caller's."""
    name = uuid4().hex
    fact = PaymentFact(
        payment_id=ids.payment_id("boulevard", name),
        source="boulevard",
        object_id=name,
        kind="cash",
        state="paid",
        amount_cents=cents,
        occurred_at=datetime.now(UTC),
        case_id=case_id,
        client_id=client_id,
        location_id=location_id,
        outside=True,
    )
    await payments.record(conn, fact)
    entry = entries.payment_received(
        payment_id=fact.payment_id,
        source=fact.source,
        kind=fact.kind,
        amount_to_case_cents=cents,
        excess_cents=0,
        client_id=client_id,
        case_id=case_id,
        location_id=location_id,
        effective_on=on,
    )
    await ledger.post(conn, entry)
    await payments.allocate(conn, fact.payment_id, case_id, cents, "matching", on)
