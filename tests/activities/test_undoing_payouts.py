"""A payout that somebody accepted is as before when that is taken back, and is asked again (F6)."""

from datetime import UTC, datetime

import asyncpg
import pytest

from activities.contracts import UndoneOut
from activities.payout_contracts import TieOut
from activities.previews import preview_undo
from domain.case import Undo
from store import ledger, payouts
from tests.activities.taking_back import month_signed, taken_back
from tests.activities.test_payouts import House, house, net_of, running

__all__ = ["house", "running"]

BEFORE = {"1020": 9_680, "2095": -10_000, "6010": 320}
"""A payment of $100.00 less its fee, at the processor."""


async def _off_by(house: House, cents: int = 1) -> tuple[dict, TieOut]:
    await house.money(10_000)
    payout = await house.twin.control("/payouts")
    await house.twin.control("/wrong_cent", payout=payout["id"], cents=cents)
    return payout, await house.tie(payout)


async def _accepted(house: House, payout: dict, review_id: str, number: str = "run/2") -> str:
    asked = TieOut(status="asked", review_id=review_id, code="PAYOUT_DIFF")
    await house.decide(payout, asked, "accept", reason="their cent")
    return (await house.tie(payout, number=number)).status


async def _undone(house: House, review_id: str) -> UndoneOut:
    return await taken_back(house.pool, house.engine, review_id)


async def _balanced(house: House) -> None:
    async with house.pool.acquire() as conn:
        totals = await ledger.totals(conn)
    assert (totals.debits_cents, totals.unbalanced_entries) == (totals.credits_cents, 0)


async def test_an_accepted_difference_is_countered_and_the_payout_asks_again(house: House) -> None:
    payout, asked = await _off_by(house)
    assert await house.accounts() == BEFORE
    assert await _accepted(house, payout, asked.review_id or "") == "tied"
    tied = await house.accounts()
    undo = Undo(review_id=asked.review_id or "", by="robin", reason="x")
    async with house.pool.acquire() as conn:
        shown = await preview_undo(conn, undo, datetime.now(UTC))
    assert net_of(shown) == {"1010": -9_681, "1020": 9_680, "6010": 1}
    assert await house.accounts() == tied
    done = await _undone(house, asked.review_id or "")
    assert (done.effect, done.code) == ("undone", "PAYOUT_DIFF"), done
    assert await _undone(house, asked.review_id or "") == done
    assert await house.accounts() == BEFORE
    async with house.pool.acquire() as conn:
        [waiting] = await payouts.unsettled(conn, house.location_id)
    assert (waiting.accepted_by, waiting.shares, waiting.undone) == (None, None, 1)
    # The daily look books nothing, and asks no second time.
    again = await house.tie(payout, number="run/3", asked=done.review_id)
    assert (again.status, again.review_id) == ("asked", done.review_id)
    assert await house.accounts() == BEFORE
    # Accepted once more, it is booked once more; taken back once more, it is as before.
    for number in ("run/4", "run/5"):
        assert await _accepted(house, payout, done.review_id, number) == "tied"
        assert await house.accounts() == tied
        await _balanced(house)
        done = await _undone(house, done.review_id)
        assert (done.effect, await house.accounts()) == ("undone", BEFORE)
    await _balanced(house)


async def test_a_payout_that_ties_to_the_cent_by_then_is_booked_once(house: House) -> None:
    payout, asked = await _off_by(house)
    await _accepted(house, payout, asked.review_id or "")
    await _undone(house, asked.review_id or "")
    await house.twin.control("/wrong_cent", payout=payout["id"], cents=-1)
    for number in ("run/3", "run/4"):
        assert (await house.tie(payout, number=number)).status == "tied"
        assert await house.accounts() == {"1010": 9_680, "2095": -10_000, "6010": 320}
    await house.twin.control(f"/payouts/{payout['id']}/fail")
    assert (await house.tie(payout, number="run/5")).status == "returned"
    assert await house.accounts() == BEFORE
    await _balanced(house)


async def test_accepted_and_not_booked_yet_it_is_not_booked(house: House) -> None:
    payout, asked = await _off_by(house)
    await house.decide(payout, asked, "accept", reason="their cent")
    done = await _undone(house, asked.review_id or "")
    again = await house.tie(payout, number="run/2", asked=done.review_id)
    assert (again.status, again.review_id) == ("asked", done.review_id)
    assert await house.accounts() == BEFORE


async def test_a_payout_by_hand_is_asked_about_again(house: House) -> None:
    await house.money(10_000)
    payout = await house.twin.control("/payouts", amount_cents=3_000)
    asked = await house.tie(payout)
    before = await house.accounts()
    for number in ("run/2", "run/3"):
        await house.decide(payout, asked, "book")
        assert (await house.tie(payout, number=number)).status == "tied"
        assert (await house.accounts())["1010"] == 3_000
        done = await _undone(house, asked.review_id or "")
        assert (done.effect, await house.accounts()) == ("undone", before)
        asked = await house.tie(payout, number=f"{number}/again", asked=done.review_id)
        assert (asked.code, asked.review_id) == ("PAYOUT_MANUAL", done.review_id)


async def test_asking_the_processor_is_taken_back_and_nothing_is_booked(house: House) -> None:
    payout, asked = await _off_by(house)
    await house.decide(payout, asked, "call_processor")
    done = await _undone(house, asked.review_id or "")
    assert (done.effect, done.code) == ("undone", "PAYOUT_DIFF")
    assert await house.accounts() == BEFORE


async def test_what_the_payout_did_since_stands(house: House) -> None:
    payout, asked = await _off_by(house)
    await _accepted(house, payout, asked.review_id or "")
    await house.twin.control(f"/payouts/{payout['id']}/fail")
    await house.tie(payout, number="run/3")
    done = await _undone(house, asked.review_id or "")
    assert "the payout came back" in done.note
    assert (await house.accounts())["1020"] == 9_681  # the cent was accepted, and stays so
    other, asked = await _off_by(house, 5)
    await house.decide(other, asked, "accept", reason="theirs")
    await house.twin.control("/wrong_cent", payout=other["id"], cents=-5)
    assert (await house.tie(other, number="run/2")).status == "tied"
    tied = await house.accounts()
    assert "tied out by itself" in (await _undone(house, asked.review_id or "")).note
    assert await house.accounts() == tied


async def test_a_closed_month_keeps_an_accepted_payout(house: House) -> None:
    payout, asked = await _off_by(house)
    await _accepted(house, payout, asked.review_id or "")
    tied = await house.accounts()
    async with house.pool.acquire() as conn:
        row = await payouts.get(conn, "stripe", payout["id"])
    assert row is not None
    await month_signed(house.pool, house.location_id, row.arrival_on)
    done = await _undone(house, asked.review_id or "")
    assert "month of this decision is closed" in done.note
    assert await house.accounts() == tied


async def test_nobody_but_a_person_who_takes_it_back_unsettles_a_payout(house: House) -> None:
    payout, asked = await _off_by(house)
    await _accepted(house, payout, asked.review_id or "")
    async with house.pool.acquire() as conn:
        for sql in (
            "UPDATE payouts SET settled_state = NULL WHERE payout_id = $1",
            "UPDATE payouts SET undone = undone + 1 WHERE payout_id = $1",
            "UPDATE payouts SET accepted_review = NULL WHERE payout_id = $1",
        ):
            with pytest.raises(asyncpg.RestrictViolationError):
                await conn.execute(sql, payout["id"])
        with pytest.raises(asyncpg.RestrictViolationError):
            await payouts.unaccept(conn, asked.review_id or "")
