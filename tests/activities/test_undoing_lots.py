"""What was decided about an expired lot is taken back: value, units and last day as before (F6)."""

from datetime import date

import pytest

from activities.contracts import UndoneOut
from activities.previews import preview_undo
from domain.case import Undo
from store import ledger, month_lots, reviews
from store.db import transaction
from store.lots import set_expiry
from tests.activities.practice import AT, Practice
from tests.activities.taking_back import month_signed, taken_back
from tests.activities.test_expired_lots import Shelf, shelf

__all__ = ["shelf"]

UNTIL = date(2027, 6, 30)


async def _answered(shelf: Shelf, lot_id: str, choice: str, review_id: str | None = None) -> str:
    asked = review_id or await shelf.ask(lot_id) or ""
    until = UNTIL if choice == "extend" else None
    await shelf.answer(lot_id, choice, asked, until=until)
    return asked


async def _taken_back(shelf: Shelf, review_id: str) -> UndoneOut:
    return await taken_back(shelf.practice.world.pool, shelf.practice.world.engine, review_id)


async def _conserved(shelf: Shelf) -> None:
    async with shelf.practice.world.pool.acquire() as conn:
        assert await month_lots.leaking(conn, [shelf.place]) == []
        moved = await month_lots.changes(conn, [shelf.place])
        owed = {"unit": "2010", "membership_credit": "2030"}
        for kind, account in owed.items():
            in_lots = sum(each.cents for each in moved if each.kind == kind)
            assert -(await shelf.accounts()).get(account, 0) == in_lots
        totals = await ledger.totals(conn)
    assert (totals.debits_cents, totals.unbalanced_entries) == (totals.credits_cents, 0)


@pytest.mark.parametrize("choice", ["to_income", "to_state", "extend", "leave"])
async def test_the_lot_is_as_before_and_the_question_is_open_again(
    shelf: Shelf, choice: str
) -> None:
    lot_id, other = await shelf.units(), await shelf.money()
    before = (await shelf.accounts(), await shelf.left(), await shelf.found())
    assert before[2] == {lot_id, other}
    asked = await _answered(shelf, lot_id, choice)
    done = await _taken_back(shelf, asked)
    assert (done.effect, done.code) == ("undone", "BREAKAGE"), done
    # The sweep leaves it alone only because it is asked about again.
    assert (await shelf.accounts(), await shelf.left()) == before[:2]
    assert await shelf.found() == {other}
    assert await _taken_back(shelf, asked) == done
    assert (await shelf.accounts(), await shelf.left()) == before[:2]
    await _conserved(shelf)
    # Again another way, and that again: each time the whole value moves once.
    for other_way in ("to_state", "to_income", choice):
        asked = done.review_id
        await _answered(shelf, lot_id, other_way, asked)
        await _conserved(shelf)
        done = await _taken_back(shelf, asked)
        assert done.effect == "undone", done
    assert (await shelf.accounts(), await shelf.left()) == before[:2]
    await _conserved(shelf)


async def test_it_is_shown_before_it_is_done(shelf: Shelf) -> None:
    for choice, lots, said in (
        ("to_income", [("return", 150_000)], []),
        ("extend", [], ["The lot is good until 2026-09-30."]),
    ):
        asked = await _answered(shelf, await shelf.units(), choice)
        undo = Undo(review_id=asked, by="robin", reason="x", confirmed_by="eve")
        async with shelf.practice.world.pool.acquire() as conn:
            shown = await preview_undo(conn, undo, AT)
            assert (await reviews.get(conn, asked)).undone_by is None
        assert shown.problem is None
        assert [(each.act, each.cents) for each in shown.lots] == lots
        assert list(shown.follows[:-1]) == said


async def test_a_lot_that_was_used_since_keeps_its_new_last_day(
    shelf: Shelf, practice: Practice
) -> None:
    lot_id = await shelf.units()
    asked = await _answered(shelf, lot_id, "extend")
    case = practice.chart(shelf.who, ("FILLER-SYRINGE", "1"))
    assert (await practice.bill(case)).due_cents == 0
    done = await _taken_back(shelf, asked)
    assert (done.effect, done.note) == (
        "refused",
        "The lot was used since it has its new last day.",
    )
    assert await shelf.left() == [(2, 100_000)]
    assert await shelf.found() == set()


async def test_a_later_last_day_stands(shelf: Shelf, practice: Practice) -> None:
    lot_id = await shelf.units()
    asked = await _answered(shelf, lot_id, "extend")
    async with transaction(practice.world.pool) as conn:
        await set_expiry(conn, lot_id, date(2028, 1, 31), "dana", "moved", "another")
    assert "used since" in (await _taken_back(shelf, asked)).note
    assert await shelf.found() == set()


@pytest.mark.parametrize("choice", ["to_income", "extend"])
async def test_a_closed_month_keeps_what_was_decided(
    shelf: Shelf, practice: Practice, choice: str
) -> None:
    lot_id = await shelf.units()
    asked = await _answered(shelf, lot_id, choice)
    before = (await shelf.accounts(), await shelf.left())
    await month_signed(practice.world.pool, shelf.place)
    assert "month of this decision is closed" in (await _taken_back(shelf, asked)).note
    assert (await shelf.accounts(), await shelf.left()) == before
