"""Lots: conservation, bounds that the database itself holds, and two who want the last one."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import asyncpg
import pytest

from store import clients, db, entitlements, invoices
from store.db import KeyReused
from store.entitlements import LotShort, Movement

AT = datetime(2026, 3, 5, 18, 0, tzinfo=UTC)
ZONE = "America/Chicago"
ONE = Decimal(1)


async def _lot(conn, practice, remaining="6", value_cents=360_000):
    lot = practice.unit_lot(remaining, value_cents)
    assert await entitlements.grant_unit_lot(
        conn, practice.client_id, practice.location_id, lot, "opening", "six-pack"
    )
    return lot


async def _remaining(conn, practice, own_case=None):
    held = await entitlements.read(conn, practice.client_id, AT, ZONE, own_case)
    return [(lot.remaining, lot.value_cents) for lot in held.unit_lots]


async def test_a_reservation_is_seen_by_other_cases_and_not_by_its_own(conn, practice):
    lot = await _lot(conn, practice)
    case = practice.case()
    await entitlements.reserve(
        conn, case, practice.client_id, [Movement(lot_id=lot.lot_id, quantity=ONE, cents=60_000)]
    )
    assert await _remaining(conn, practice) == [(5, 300_000)]
    assert await _remaining(conn, practice, case) == [(6, 360_000)]


async def test_reserve_replaces_and_release_gives_all_back(conn, practice):
    lot, credit = await _lot(conn, practice), practice.credit()
    await entitlements.grant_money_lot(
        conn, practice.client_id, practice.location_id, credit, "dues"
    )
    case, client = practice.case(), practice.client_id
    two = Movement(lot_id=lot.lot_id, quantity=Decimal(2), cents=120_000)
    await entitlements.reserve(conn, case, client, [two, Movement(lot_id=credit.lot_id, cents=900)])
    one = Movement(lot_id=lot.lot_id, quantity=ONE, cents=60_000)
    for _ in range(2):
        await entitlements.reserve(conn, case, client, [one])
    assert await _remaining(conn, practice) == [(5, 300_000)]
    held = await entitlements.read(conn, client, AT, ZONE, None)
    assert [c.remaining_cents for c in held.money_lots] == [19_000]
    await entitlements.release(conn, case)
    await entitlements.release(conn, case)
    assert await _remaining(conn, practice) == [(6, 360_000)]


async def test_commit_draws_once_and_settle_delta_returns_to_the_same_lot(conn, practice):
    lot = await _lot(conn, practice)
    case = practice.case()
    two = Movement(lot_id=lot.lot_id, quantity=Decimal(2), cents=120_000)
    await entitlements.reserve(conn, case, practice.client_id, [two])
    for _ in range(2):
        await entitlements.commit(conn, case, "doc-1")
    (statement,) = await entitlements.lot_statement(conn, practice.client_id)
    assert (statement.drawn_quantity, statement.reserved_quantity) == (2, 0)
    half = Movement(lot_id=lot.lot_id, quantity=Decimal("0.5"), cents=30_000)
    for _ in range(2):
        await entitlements.settle_delta(conn, case, "doc-2", [half])
    (statement,) = await entitlements.lot_statement(conn, practice.client_id)
    assert (statement.returned_quantity, statement.returned_cents) == (Decimal("1.5"), 90_000)
    assert (statement.remaining_quantity, statement.remaining_cents) == (Decimal("5.5"), 330_000)
    assert statement.is_conserved
    await entitlements.settle_delta(conn, case, "doc-3", [])
    assert await _remaining(conn, practice) == [(6, 360_000)]
    kinds = [event.kind for event in await entitlements.history(conn, lot.lot_id)]
    assert kinds == ["granted", "reserve", "release", "draw", "return", "return"]


async def test_two_transactions_on_the_last_syringe_one_is_refused(pool, conn, practice):
    """Without the client's lock: the database alone keeps the lot from going negative."""
    lot = await _lot(conn, practice, "1", 60_000)
    last = [Movement(lot_id=lot.lot_id, quantity=ONE, cents=60_000)]

    async def take():
        async with db.transaction(pool) as tx:
            await entitlements.reserve(tx, practice.case(), practice.client_id, last)
            await asyncio.sleep(0.05)

    results = await asyncio.gather(take(), take(), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["LotShort", "NoneType"]
    (statement,) = await entitlements.lot_statement(conn, practice.client_id)
    assert (statement.remaining_quantity, statement.is_conserved) == (0, True)


async def test_the_clients_lock_makes_the_second_read_what_is_left(pool, conn, practice):
    lot = await _lot(conn, practice, "1", 60_000)

    async def visit():
        case = practice.case()
        async with db.transaction(pool) as tx:
            await clients.lock_client(tx, practice.client_id)
            held = await entitlements.read(tx, practice.client_id, AT, ZONE, case)
            took = [
                Movement(lot_id=found.lot_id, quantity=found.remaining, cents=found.value_cents)
                for found in held.unit_lots
            ]
            await asyncio.sleep(0.05)
            await entitlements.reserve(tx, case, practice.client_id, took)
            return len(took)

    assert sorted(await asyncio.gather(visit(), visit())) == [0, 1]
    assert [e.kind for e in await entitlements.history(conn, lot.lot_id)] == ["granted", "reserve"]


async def test_more_than_the_lot_holds_is_refused_in_units_and_in_cents(conn, practice):
    lot = await _lot(conn, practice, "1", 60_000)
    for quantity, cents in ((Decimal("1.01"), 1), (ONE, 60_001)):
        wanted = [Movement(lot_id=lot.lot_id, quantity=quantity, cents=cents)]
        with pytest.raises(LotShort):
            await entitlements.reserve(conn, practice.case(), practice.client_id, wanted)
    assert await _remaining(conn, practice) == [(1, 60_000)]


async def test_a_lot_of_another_client_is_refused(conn, practice):
    lot = await _lot(conn, practice)
    wanted = [Movement(lot_id=lot.lot_id, quantity=ONE, cents=60_000)]
    with pytest.raises(LookupError):
        await entitlements.reserve(conn, practice.case(), "somebody-else", wanted)


MOVE = (
    "INSERT INTO lot_movements (lot_id, client_id, case_id, document_id, kind, quantity, cents)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7)"
)


async def test_raw_sql_cannot_return_what_the_case_never_took(conn, practice):
    lot = await _lot(conn, practice)
    one = [Movement(lot_id=lot.lot_id, quantity=ONE, cents=60_000)]
    await entitlements.reserve(conn, practice.case(), practice.client_id, one)
    other = practice.case()
    for kind, document in (("release", None), ("return", "doc")):
        with pytest.raises(asyncpg.CheckViolationError, match="than it took"):
            await conn.execute(
                MOVE, lot.lot_id, practice.client_id, other, document, kind, ONE, 60_000
            )


@pytest.mark.parametrize(
    ("kind", "quantity", "cents"),
    [("release", ONE, 0), ("draw", ONE, 0), ("reserve", -ONE, 1), ("reserve", 0, 0)],
)
async def test_raw_sql_cannot_overfill_or_reverse_a_sign(conn, practice, kind, quantity, cents):
    lot = await _lot(conn, practice)
    with pytest.raises(asyncpg.CheckViolationError):
        await conn.execute(
            MOVE, lot.lot_id, practice.client_id, practice.case(), None, kind, quantity, cents
        )


async def test_raw_sql_cannot_touch_lots_or_movements(conn, practice):
    lot = await _lot(conn, practice)
    one = [Movement(lot_id=lot.lot_id, quantity=ONE, cents=60_000)]
    await entitlements.reserve(conn, practice.case(), practice.client_id, one)
    for statement in (
        "UPDATE lots SET remaining_quantity = 6 WHERE lot_id = $1",
        "UPDATE lots SET opening_cents = 1 WHERE lot_id = $1",
        "DELETE FROM lots WHERE lot_id = $1",
        "UPDATE lot_movements SET quantity = -2 WHERE lot_id = $1",
        "DELETE FROM lot_movements WHERE lot_id = $1",
    ):
        with pytest.raises(asyncpg.RestrictViolationError):
            await conn.execute(statement, lot.lot_id)
    with pytest.raises(asyncpg.PostgresError):
        await conn.execute("TRUNCATE lot_movements")
    assert await _remaining(conn, practice) == [(5, 300_000)]


async def test_a_new_lot_starts_full_whatever_the_writer_says(conn, practice):
    lot = await _lot(conn, practice)
    await conn.execute(
        "INSERT INTO lots (lot_id, client_id, location_id, kind, source, opening_quantity,"
        " opening_cents, purchased_at, content_hash, remaining_quantity, remaining_cents)"
        " SELECT 'x' || lot_id, client_id, location_id, kind, source, 1, 5, purchased_at,"
        " 'h', 0, 0 FROM lots WHERE lot_id = $1",
        lot.lot_id,
    )
    statements = await entitlements.lot_statement(conn, practice.client_id)
    assert all(statement.is_conserved for statement in statements)


async def test_a_lot_is_granted_once_and_never_with_other_content(conn, practice):
    lot = await _lot(conn, practice)
    args = (conn, practice.client_id, practice.location_id)
    assert not await entitlements.grant_unit_lot(*args, lot, "opening", "six-pack")
    other = lot.model_copy(update={"value_cents": 1})
    with pytest.raises(KeyReused):
        await entitlements.grant_unit_lot(*args, other, "opening", "six-pack")
    assert await entitlements.known_lots(conn, practice.client_id) == {lot.lot_id}


async def test_lots_of_the_own_case_and_later_ones_are_not_brought_along(conn, practice):
    case = practice.case()
    issued = await invoices.issue(conn, practice.document(case))
    args = (conn, practice.client_id, practice.location_id)
    await entitlements.grant_unit_lot(*args, practice.unit_lot("1", 1), issued.document_id)
    await entitlements.grant_unit_lot(*args, practice.unit_lot("2", 2), case)
    later = practice.unit_lot("3", 3).model_copy(update={"purchased_at": AT + timedelta(hours=1)})
    await entitlements.grant_unit_lot(*args, later, "opening")
    assert await _remaining(conn, practice, case) == []
    assert sorted(await _remaining(conn, practice, practice.case())) == [(1, 1), (2, 2)]


async def test_paid_part_expiry_grace_and_reinstatement_come_back(conn, practice):
    lot = await _lot(conn, practice)
    await entitlements.set_lot_paid(conn, lot.lot_id, 180_000)
    one = [Movement(lot_id=lot.lot_id, quantity=ONE, cents=60_000)]
    await entitlements.reserve(conn, practice.case(), practice.client_id, one)
    await entitlements.reinstate(conn, lot.lot_id, "manager", "goodwill")
    (found,) = (await entitlements.read(conn, practice.client_id, AT, ZONE, None)).unit_lots
    assert (found.paid_value_cents, found.expires_on, found.grace_days, found.reinstated_by) == (
        120_000,
        "2027-01-05",
        30,
        "manager",
    )


async def test_membership_is_read_as_it_stood_at_service_time(conn, practice):
    put = entitlements.put_membership
    await put(conn, practice.client_id, "glow", "active", AT - timedelta(days=90))
    await put(conn, practice.client_id, "glow", "suspended", AT + timedelta(days=1))
    await put(conn, practice.client_id, "old", "active", AT - timedelta(days=9), AT)

    async def tiers(at):
        held = await entitlements.read(conn, practice.client_id, at, ZONE, None)
        return [(m.tier, m.status) for m in held.memberships]

    assert await tiers(AT) == [("glow", "active")]
    assert await tiers(AT - timedelta(days=1)) == [("glow", "active"), ("old", "active")]
    assert await tiers(AT + timedelta(days=2)) == [("glow", "suspended")]


async def test_usual_total_and_todays_invoices_leave_the_own_case_out(conn, practice):
    case = practice.case()
    for own, cents in ((practice.case(), 100), (practice.case(), 300), (case, 900)):
        await invoices.issue(conn, practice.document(own, cents))
    later = AT + timedelta(hours=3)
    held = await entitlements.read(conn, practice.client_id, later, ZONE, case)
    assert (held.usual_total_cents, held.invoices_today) == (100, 2)
    # 18:00 UTC on the 5th is the same civil day until 06:00 UTC on the 6th in Chicago.
    evening = datetime(2026, 3, 6, 5, 59, tzinfo=UTC)
    assert (
        await entitlements.read(conn, practice.client_id, evening, ZONE, None)
    ).invoices_today == 3
    midnight = datetime(2026, 3, 6, 6, 0, tzinfo=UTC)
    assert (
        await entitlements.read(conn, practice.client_id, midnight, ZONE, None)
    ).invoices_today == 0
