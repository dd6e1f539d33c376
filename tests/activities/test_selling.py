"""What a visit sells for later: its lots are what the practice owes, and are used once paid."""

from datetime import timedelta

import pytest

from domain.catalog import Catalog
from store import catalogs, entitlements
from store.db import transaction
from tests.activities.practice import AT, BOOK, ZONE, Practice

SOLD = (("GIFT-CARD-100", "1"), ("FILLER-6", "1"), ("GLOW-DUES", "1"))
OWED = {"gift_card": 10_000, "unit": 360_000, "membership_credit": 19_000}


async def _owed(practice: Practice, who: str) -> dict[str, int]:
    async with practice.world.pool.acquire() as conn:
        rows = await entitlements.lot_statement(conn, practice.client_id(who))
    assert all(row.is_conserved for row in rows)
    return {row.kind: row.remaining_cents for row in rows if row.remaining_cents}


async def _usable(practice: Practice, who: str) -> list[str]:
    async with practice.world.pool.acquire() as conn:
        later = AT + timedelta(days=200)
        held = await entitlements.read(conn, practice.client_id(who), later, ZONE, None)
    return sorted(lot.kind for lot in held.money_lots)


async def test_what_is_sold_for_later_is_a_lot_and_the_same_cents_in_the_ledger(
    practice: Practice,
) -> None:
    who = practice.client()
    case = practice.chart(who, *SOLD)
    await practice.bill(case)
    assert await _owed(practice, who) == OWED
    assert await practice.accounts(who) == {
        "1100": 389_900,
        "2010": -360_000,
        "2030": -19_000,
        "2040": -10_000,
        "4040": -900,
    }


async def test_a_credit_is_used_once_the_invoice_that_sold_it_is_paid(practice: Practice) -> None:
    who = practice.client()
    case = practice.chart(who, *SOLD)
    await practice.bill(case)
    assert await _usable(practice, who) == []
    practice.pay_online(await practice.ask_online(case, 389_900), 389_900)
    await practice.read(case, who)
    assert await _usable(practice, who) == ["gift_card", "membership_credit"]


async def test_a_gift_card_pays_a_later_visit_and_its_lot_and_account_agree(
    practice: Practice,
) -> None:
    who = practice.client()
    first = practice.chart(who, ("GIFT-CARD-100", "1"))
    await practice.bill(first)
    practice.pay_online(await practice.ask_online(first, 10_000), 10_000)
    await practice.read(first, who)
    second = practice.chart(who, ("SERUM", "1"), at=AT + timedelta(days=1))
    billed = await practice.bill(second, AT + timedelta(days=1))
    assert billed.due_cents == 0
    assert await _owed(practice, who) == {"gift_card": 2_639}
    assert (await practice.accounts(who))["2040"] == -2_639


@pytest.mark.parametrize("kept", [(), (("GLOW-DUES", "1"),)], ids=["all", "all-but-dues"])
async def test_what_an_amendment_drops_is_taken_back_from_its_lot(
    practice: Practice, kept: tuple[tuple[str, str], ...]
) -> None:
    who = practice.client()
    case = practice.chart(who, *SOLD)
    await practice.bill(case)
    practice.chart(who, ("SERUM", "1"), *kept, case=case)
    await practice.bill(case, AT + timedelta(hours=1))
    owed = {"membership_credit": 19_000} if kept else {}
    assert await _owed(practice, who) == owed
    accounts = await practice.accounts(who)
    assert accounts.get("2030", 0) == -sum(owed.values())
    assert {"2010", "2040"}.isdisjoint(accounts)


async def test_the_month_after_the_last_that_may_be_banked_ends_the_oldest(
    practice: Practice,
) -> None:
    await _book(practice, most=2)
    who = practice.client()
    months = [AT - timedelta(days=30 * back) for back in (3, 2, 1)]
    for number, at in enumerate(months, start=1):
        case = practice.chart(who, ("GLOW-DUES", "1"), at=at)
        await practice.bill(case, at)
        practice.pay_online(await practice.ask_online(case, 19_900), 19_900)
        await practice.read(case, who, at)
        expiries = await _expiries(practice, who)
        assert len([day for day in expiries if day]) == max(0, number - 2)
    # It ended on the eve of the third month's dues, and its money waits for a decision.
    assert await _expiries(practice, who) == ["2026-10-05", None, None]
    assert (await practice.accounts(who))["2030"] == -57_000


async def _book(practice: Practice, most: int) -> None:
    tiers = [{**BOOK.tiers[0].model_dump(), "credit_lots_max": most}]
    book = Catalog.model_validate(
        {**BOOK.model_dump(), "tiers": tiers}
        | {"location_id": practice.world.location_id, "version": 3}
    )
    async with transaction(practice.world.pool) as conn:
        await catalogs.put_catalog(conn, book, by="test", reason="cap")


async def _expiries(practice: Practice, who: str) -> list[str | None]:
    """The last day of each credit, oldest first."""
    async with practice.world.pool.acquire() as conn:
        held = await entitlements.read(
            conn, practice.client_id(who), AT + timedelta(days=1), ZONE, None
        )
    return [lot.expires_on for lot in held.money_lots]
