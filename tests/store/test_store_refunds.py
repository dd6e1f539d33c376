"""Refunds and disputes in the database: never more than was paid, and never a step back."""

import asyncio
from datetime import UTC, datetime
from uuid import uuid4

import asyncpg
import pytest

from domain.refund_types import RefundPlan
from store import db, disputes, payments, refund_facts, refunds
from store.db import KeyReused
from store.disputes import Dispute
from store.payments import PaymentFact
from store.refunds import RefundMove, RefundRow, TooMuch

AT = datetime(2026, 3, 6, 15, 0, tzinfo=UTC)


async def _payment(conn, practice, cents=10_000):
    fact = PaymentFact(
        payment_id=str(uuid4()),
        source="stripe",
        object_id=f"pi_{uuid4().hex}",
        kind="card",
        state="paid",
        amount_cents=cents,
        occurred_at=AT,
        client_id=practice.client_id,
        location_id=practice.location_id,
    )
    await payments.record(conn, fact)
    return fact.payment_id


def _refund(practice, **changes):
    base = {
        "refund_id": str(uuid4()),
        "location_id": practice.location_id,
        "client_id": practice.client_id,
        "origin": "desk",
        "amount_cents": 4_000,
        "plan": RefundPlan(lines=()),
        "decided_by": "dana",
    }
    return RefundRow.model_validate({**base, **changes})


def _move(practice, payment_id, cents=4_000, **changes):
    base = {
        "move_id": str(uuid4()),
        "location_id": practice.location_id,
        "way": "processor",
        "source": "stripe",
        "payment_id": payment_id,
        "client_id": practice.client_id,
        "kind": "card",
        "amount_cents": cents,
        "state": "owed",
    }
    return RefundMove.model_validate({**base, **changes})


async def test_a_refund_is_kept_once_and_is_not_another_one(conn, practice):
    payment_id = await _payment(conn, practice)
    refund = _refund(practice)
    move = _move(practice, payment_id, refund_id=refund.refund_id)
    assert await refunds.book(conn, refund, [move])
    assert not await refunds.book(conn, refund, [move])
    assert await refunds.moves_of(conn, refund.refund_id) == [move]
    assert await refunds.get(conn, refund.refund_id) == refund
    with pytest.raises(KeyReused):
        await refunds.book(conn, refund.model_copy(update={"amount_cents": 1}))
    with pytest.raises(asyncpg.PostgresError):
        await conn.execute("DELETE FROM refunds")


async def test_a_payment_gives_back_no_more_than_it_brought(conn, practice):
    payment_id = await _payment(conn, practice)
    first = _move(practice, payment_id, 6_000)
    await refunds.add(conn, first)
    with pytest.raises(TooMuch):
        await refunds.add(conn, _move(practice, payment_id, 4_001))
    await refunds.add(conn, _move(practice, payment_id, 4_000))
    assert await refunds.gone(conn, payment_id) == 10_000
    await refunds.advance(conn, first.move_id, "canceled")
    assert await refunds.gone(conn, payment_id) == 4_000
    await refunds.add(conn, _move(practice, payment_id, 6_000))


async def test_two_refunds_at_once_do_not_both_get_the_last_cent(pool, practice):
    async with pool.acquire() as conn:
        payment_id = await _payment(conn, practice)

    async def one():
        async with db.transaction(pool) as conn:
            await refunds.add(conn, _move(practice, payment_id, 6_000))
            await asyncio.sleep(0.05)

    done = await asyncio.gather(one(), one(), return_exceptions=True)
    assert [type(each) for each in done if each is not None] == [TooMuch]


async def test_money_on_its_way_only_goes_forward(conn, practice):
    move = _move(practice, await _payment(conn, practice))
    await refunds.add(conn, move)
    assert await refunds.advance(conn, move.move_id, "sent", object_id="re_1")
    assert await refunds.advance(conn, move.move_id, "paid")
    for older in ("owed", "sent"):
        assert not await refunds.advance(conn, move.move_id, older)
    assert await refunds.advance(conn, move.move_id, "returned", code="lost_card")
    assert not await refunds.advance(conn, move.move_id, "paid")
    kept = await refunds.move(conn, move.move_id)
    assert (kept.state, kept.object_id, kept.code) == ("returned", "re_1", "lost_card")
    for change in ("state = 'paid'", "amount_cents = 1", "object_id = 're_2'"):
        with pytest.raises(asyncpg.PostgresError):
            await conn.execute(
                f"UPDATE refund_moves SET {change} WHERE move_id = $1",
                move.move_id,
            )
    states = await conn.fetch("SELECT state FROM refund_facts WHERE move_id = $1", move.move_id)
    assert [row["state"] for row in states] == ["owed", "sent", "paid", "returned"]


async def test_what_has_not_arrived_is_listed(conn, practice):
    payment_id = await _payment(conn, practice)
    refund = _refund(practice)
    known = _move(practice, payment_id, 1_000, refund_id=refund.refund_id)
    stray = _move(practice, payment_id, 2_000, state="paid", object_id=f"re_{uuid4().hex}")
    await refunds.book(conn, refund, [known])
    await refunds.add(conn, stray)
    waiting = await refunds.unfinished(conn, practice.location_id)
    assert [(one.move_id, one.decided_by) for one in waiting] == [
        (known.move_id, "dana"),
        (stray.move_id, None),
    ]
    await refunds.explain(conn, stray.move_id, refund.refund_id)
    await refunds.advance(conn, known.move_id, "paid")
    assert await refunds.unfinished(conn, practice.location_id) == []


async def test_what_is_left_of_a_payment_on_a_case(conn, practice):
    payment_id, case = await _payment(conn, practice), practice.case()
    await payments.allocate(conn, payment_id, case, 8_000, "test")
    refund = _refund(practice, case_id=case)
    move = _move(practice, payment_id, 3_000, refund_id=refund.refund_id)
    await refunds.book(conn, refund, [move])
    [part] = await refund_facts.given(conn, case)
    assert (part.left_cents, part.is_disputed) == (5_000, False)
    await refunds.add(
        conn, _move(practice, payment_id, 6_000, state="paid", object_id=str(uuid4()))
    )
    [part] = await refund_facts.given(conn, case)
    assert part.left_cents == 1_000


def _dispute(practice, **changes):
    base = {
        "source": "stripe",
        "dispute_id": f"du_{uuid4().hex}",
        "location_id": practice.location_id,
        "amount_cents": 10_000,
        "state": "needs_response",
        "is_chargeback": True,
        "reason": "fraudulent",
        "respond_by": AT,
    }
    return Dispute.model_validate({**base, **changes})


async def test_the_bank_does_not_take_back_its_word(conn, practice):
    payment_id = await _payment(conn, practice)
    seen = _dispute(practice, state="inquiry", is_chargeback=False)
    assert not (await disputes.put(conn, seen)).is_open
    known = seen.model_copy(
        update={
            "state": "under_review",
            "is_chargeback": True,
            "payment_id": payment_id,
            "client_id": practice.client_id,
        }
    )
    assert (await disputes.put(conn, known)).is_open
    older = await disputes.put(conn, seen.model_copy(update={"state": "needs_response"}))
    assert (older.state, older.is_chargeback, older.payment_id) == (
        "under_review",
        True,
        payment_id,
    )
    for said in ("contest", "accept"):
        await disputes.answer(conn, "stripe", seen.dispute_id, said, "dana")
    assert (await disputes.get(conn, "stripe", seen.dispute_id)).answer == "contest"
    assert (await disputes.put(conn, known.model_copy(update={"state": "won"}))).state == "won"
    with pytest.raises(asyncpg.PostgresError):
        await disputes.put(conn, known.model_copy(update={"state": "lost"}))


async def test_a_disputed_payment_is_marked_and_a_lost_one_is_gone(conn, practice):
    payment_id, case = await _payment(conn, practice), practice.case()
    await payments.allocate(conn, payment_id, case, 10_000, "test")
    seen = _dispute(practice, payment_id=payment_id, client_id=practice.client_id)
    await disputes.put(conn, seen)
    assert [one.is_disputed for one in await refund_facts.given(conn, case)] == [True]
    assert [one.dispute_id for one in await disputes.of_case(conn, case)] == [seen.dispute_id]
    await disputes.put(conn, seen.model_copy(update={"state": "lost"}))
    [part] = await refund_facts.given(conn, case)
    assert (part.left_cents, part.is_disputed) == (0, False)
