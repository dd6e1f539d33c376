"""The day on which documents, lots, movements and allocations are booked, and how a lot ends."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import asyncpg
import pytest

from domain.month import parse_month
from store import entitlements, invoices, lots, payments, periods
from store.entitlements import Movement
from store.payments import PaymentFact
from tests.store.test_store_periods import period

ONE = Decimal(1)
LATE = datetime(2026, 3, 6, 2, 0, tzinfo=UTC)
"""Still the 5th in Chicago."""
DAY, OPEN = date(2026, 3, 5), date(2026, 4, 1)


async def booked(conn, practice):
    """What is booked when: documents, lots, movements and allocations of the client."""
    rows = await conn.fetch(
        "SELECT 'document' AS what, booked_on FROM documents WHERE client_id = $1"
        " UNION ALL SELECT 'lot', booked_on FROM lots WHERE client_id = $1"
        " UNION ALL SELECT 'movement', booked_on FROM lot_movements WHERE client_id = $1"
        "  AND kind = 'draw'"
        " UNION ALL SELECT 'allocation', booked_on FROM payment_allocations"
        "  JOIN payments USING (payment_id) WHERE client_id = $1",
        practice.client_id,
    )
    return {row["what"]: row["booked_on"] for row in rows}


async def write_all(conn, practice, on=DAY):
    """One of each."""
    case, lot = practice.case(), practice.unit_lot()
    document = practice.document(case).model_copy(update={"issued_at": LATE})
    await invoices.issue(conn, document)
    await entitlements.grant_unit_lot(
        conn, practice.client_id, practice.location_id, lot, "opening", on=on
    )
    one = [Movement(lot_id=lot.lot_id, quantity=ONE, cents=60_000)]
    await entitlements.reserve(conn, case, practice.client_id, one)
    await entitlements.commit(conn, case, document.document_id, on)
    fact = PaymentFact(
        payment_id=str(uuid4()),
        source="stripe",
        object_id=str(uuid4()),
        kind="card",
        state="paid",
        amount_cents=100,
        occurred_at=LATE,
        client_id=practice.client_id,
        location_id=practice.location_id,
    )
    await payments.record(conn, fact)
    await payments.allocate(conn, fact.payment_id, case, 100, "AUTO", on)
    return lot


EVERY = ("document", "lot", "movement", "allocation")


async def test_each_is_booked_on_its_own_local_day(conn, practice):
    await write_all(conn, practice)
    assert await booked(conn, practice) == dict.fromkeys(EVERY, DAY)


async def test_after_the_close_each_is_booked_on_the_first_open_day(conn, practice):
    await periods.close(conn, period(practice, parse_month("2026-03")))
    await write_all(conn, practice)
    assert await booked(conn, practice) == dict.fromkeys(EVERY, OPEN)


async def test_without_a_day_it_is_the_purchase_s_or_the_location_s_today(conn, practice):
    days = timedelta(days=40)
    await conn.execute(
        "UPDATE locations SET clock_shift_seconds = $2 WHERE location_id = $1",
        practice.location_id,
        int(days.total_seconds()),
    )
    await write_all(conn, practice, on=None)
    found = await booked(conn, practice)
    today = await conn.fetchval(
        "SELECT ((now() + interval '40 days') AT TIME ZONE 'America/Chicago')::date"
    )
    assert found == {"document": DAY, "lot": date(2026, 1, 4), "movement": today} | {
        "allocation": today
    }


async def test_a_lot_ends_by_refund_or_expiry_and_stays_conserved(conn, practice):
    lot = await write_all(conn, practice)
    await lots.end(conn, "refund", "r-1", lot.lot_id, ONE, 60_000, DAY)
    await lots.end(conn, "expire", "r-2", lot.lot_id, Decimal(4), 240_000, DAY)
    (statement,) = await lots.lot_statement(conn, practice.client_id)
    assert statement.is_conserved
    assert (statement.ended_quantity, statement.ended_cents) == (5, 300_000)
    assert (statement.drawn_quantity, statement.remaining_cents) == (1, 0)
    with pytest.raises(asyncpg.CheckViolationError):
        await lots.end(conn, "expire", "r-3", lot.lot_id, Decimal(0), 1, DAY)
    kinds = [event.kind for event in await lots.history(conn, lot.lot_id)]
    assert kinds[-2:] == ["refund", "expire"]


async def test_another_last_day_counts_from_then_on_and_the_old_one_stays(conn, practice):
    lot = await write_all(conn, practice)
    for day, act in (("2027-03-01", "a-1"), ("2027-09-01", "a-2"), ("2028-01-01", "a-2")):
        await lots.set_expiry(conn, lot.lot_id, date.fromisoformat(day), "dana", "pregnant", act)
    held = await entitlements.read(conn, practice.client_id, LATE, "America/Chicago", None)
    assert [one.expires_on for one in held.unit_lots] == ["2027-09-01"]
    extended = [e for e in await lots.history(conn, lot.lot_id) if e.kind == "new_expiry"]
    assert [(e.by, e.reason) for e in extended] == [("dana", "pregnant")] * 2


async def test_a_credit_is_not_used_before_what_sold_it_is_paid(conn, practice):
    async def usable():
        held = await entitlements.read(conn, practice.client_id, LATE, "America/Chicago", None)
        return [lot.remaining_cents for lot in held.money_lots]

    args = (conn, practice.client_id, practice.location_id, practice.credit(5_000), "doc-1")
    await entitlements.grant_money_lot(*args, paid_cents=0)
    assert await usable() == []
    await lots.set_source_paid(conn, "doc-1")
    assert await usable() == [5_000]
