"""A closed month: nothing is booked into it, and it is never opened again."""

import asyncio
from datetime import UTC, date, datetime

import asyncpg
import pytest

from domain.month import Month, parse_month
from store import db, ledger, periods
from store.periods import PeriodClose, PeriodClosed

FEBRUARY, MARCH = parse_month("2026-02"), parse_month("2026-03")


def period(practice, month: Month, **other) -> PeriodClose:
    values = {
        "location_id": practice.location_id,
        "month": month,
        "signed_by": "dana",
        "limit_cents": 0,
        "off_cents": 0,
        "open_above_limit": 0,
        "figures": {},
        "signed_at": datetime(2026, 4, 1, tzinfo=UTC),
    }
    return PeriodClose.model_validate(values | other)


async def booked(conn, entry_id):
    row = await conn.fetchrow(
        "SELECT effective_on, fact_on FROM ledger_entries WHERE entry_id = $1", entry_id
    )
    return row["effective_on"], row["fact_on"]


async def test_a_fact_of_a_closed_month_is_booked_on_the_first_open_day(conn, practice):
    early, late, today = (practice.sale(practice.case()) for _ in range(3))
    today = today.model_copy(update={"effective_on": date(2026, 4, 2)})
    assert await periods.closed_until(conn, practice.location_id) is None
    await ledger.post(conn, early)
    await periods.close(conn, period(practice, MARCH))
    assert await periods.closed_until(conn, practice.location_id) == date(2026, 3, 31)
    assert await ledger.post_all(conn, [late, today]) == [True, True]
    assert await booked(conn, early.entry_id) == (date(2026, 3, 5), None)
    assert await booked(conn, late.entry_id) == (date(2026, 4, 1), date(2026, 3, 5))
    assert await booked(conn, today.entry_id) == (date(2026, 4, 2), None)
    # The same facts again, on either side of the close, are the same entries.
    assert await ledger.post_all(conn, [early, late]) == [False, False]
    moved = (await ledger.entries_of_case(conn, late.postings[0].case_id or ""))[0]
    assert moved == late.model_copy(update={"effective_on": date(2026, 4, 1)})


async def test_the_open_day_is_the_fact_s_own_or_the_first_after_the_close(conn, practice):
    place = practice.location_id
    assert await periods.open_day(conn, place, date(2026, 3, 5)) == date(2026, 3, 5)
    await periods.close(conn, period(practice, MARCH))
    assert await periods.open_day(conn, place, date(2026, 3, 31)) == date(2026, 4, 1)
    assert await periods.open_day(conn, place, date(2026, 4, 1)) == date(2026, 4, 1)
    assert await periods.open_day(conn, "elsewhere", date(2026, 3, 5)) == date(2026, 3, 5)


async def test_the_database_refuses_an_entry_in_a_closed_month(conn, practice):
    await periods.close(conn, period(practice, MARCH))
    raw = (
        "INSERT INTO ledger_entries (entry_id, business_key, event, location_id, effective_on,"
        " content_hash) VALUES ($1, $1, 'raw', $2, $3, 'h')"
    )
    for day in (date(2026, 3, 31), date(2025, 1, 1)):
        with pytest.raises(asyncpg.RestrictViolationError, match="closed month"):
            await conn.execute(raw, "x", practice.location_id, day)


async def test_an_adjustment_is_of_an_earlier_day(conn, practice):
    with pytest.raises(asyncpg.CheckViolationError, match="adjusts_the_past"):
        await conn.execute(
            "INSERT INTO ledger_entries (entry_id, business_key, event, location_id,"
            " effective_on, fact_on, content_hash)"
            " VALUES ('y', 'y', 'raw', $1, '2026-03-05', '2026-03-05', 'h')",
            practice.location_id,
        )


async def test_months_are_closed_in_order_once_and_for_good(conn, practice):
    await periods.close(conn, period(practice, FEBRUARY))
    for wrong in (FEBRUARY, parse_month("2026-01"), parse_month("2026-04")):
        with pytest.raises(PeriodClosed, match="after 2026-02 comes 2026-03"):
            await periods.close(conn, period(practice, wrong))
    await periods.close(conn, period(practice, MARCH))
    listed = await periods.list_closed(conn, practice.location_id)
    assert listed == [period(practice, FEBRUARY), period(practice, MARCH)]
    for statement in ("UPDATE period_closes SET reason = 'x'", "DELETE FROM period_closes"):
        with pytest.raises(asyncpg.RestrictViolationError, match="append-only"):
            await conn.execute(statement)


@pytest.mark.parametrize("standing", [{"off_cents": 1}, {"open_above_limit": 1}])
async def test_what_is_off_is_signed_with_a_reason_or_not_at_all(conn, practice, standing):
    with pytest.raises(asyncpg.CheckViolationError, match="signed_with_reason"):
        await periods.close(conn, period(practice, MARCH, **standing))
    await periods.close(conn, period(practice, MARCH, reason="the bank is late", **standing))


async def test_who_closes_waits_for_an_entry_under_way(pool, conn, practice):
    """Else the entry would be committed into a month whose figures are signed without it."""
    sale = practice.sale(practice.case())

    async def close() -> int:
        async with db.transaction(pool) as tx:
            await periods.lock(tx, practice.location_id)
            seen = await ledger.account_balances(tx, practice.location_id)
            await periods.close(tx, period(practice, MARCH))
            return seen.get("1100", 0)

    async with db.transaction(pool) as tx:
        await ledger.post(tx, sale)
        closing = asyncio.create_task(close())
        done, _ = await asyncio.wait([closing], timeout=0.2)
        assert not done
    assert await closing == 53_361


async def test_an_entry_that_waited_for_the_close_is_not_booked_into_it(pool, practice):
    sale = practice.sale(practice.case())

    async def post() -> None:
        async with db.transaction(pool) as tx:
            await ledger.post(tx, sale)

    async with db.transaction(pool) as tx:
        await periods.lock(tx, practice.location_id)
        posting = asyncio.create_task(post())
        await asyncio.wait([posting], timeout=0.2)
        await periods.close(tx, period(practice, MARCH))
    with pytest.raises(asyncpg.RestrictViolationError, match="closed month"):
        await posting
    await post()
