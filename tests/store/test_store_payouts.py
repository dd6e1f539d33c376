"""A payout moves forward only, its movements never change, and a payment is found by any name."""

from datetime import UTC, date, datetime
from uuid import uuid4

import asyncpg
import pytest

from domain import ids
from store import payments, payouts, reviews
from store.payments import PaymentFact
from store.payouts import MovementRow, PayoutRow

AT = datetime(2026, 3, 6, 15, 0, tzinfo=UTC)


def payout(practice, **changes) -> PayoutRow:
    base = {
        "source": "stripe",
        "payout_id": f"po_{uuid4().hex}",
        "location_id": practice.location_id,
        "amount_cents": 9_680,
        "currency": "USD",
        "automatic": True,
        "state": "in_transit",
        "arrival_on": date(2026, 3, 9),
    }
    return PayoutRow.model_validate({**base, **changes})


def movement(payout_id: str, **changes) -> MovementRow:
    base = {
        "movement_id": f"txn_{uuid4().hex}",
        "payout_id": payout_id,
        "kind": "charge",
        "vendor_kind": "charge",
        "amount_cents": 10_000,
        "fee_cents": 320,
        "net_cents": 9_680,
        "currency": "USD",
        "at": AT,
        "object_id": "ch_1",
        "payment_id": "pi_1",
    }
    return MovementRow.model_validate({**base, **changes})


async def test_states_move_forward_and_news_that_is_older_changes_nothing(conn, practice):
    made = payout(practice)
    assert await payouts.put(conn, made) == made
    paid = made.model_copy(update={"state": "paid", "arrival_on": date(2026, 3, 10)})
    assert await payouts.put(conn, paid) == paid
    assert await payouts.put(conn, made) == paid
    failed = paid.model_copy(update={"state": "failed", "failed_on": date(2026, 3, 12)})
    assert await payouts.put(conn, failed) == failed
    assert await payouts.put(conn, paid) == failed
    assert await payouts.states(conn, "stripe", [made.payout_id, "po_none"]) == {
        made.payout_id: "failed"
    }
    with pytest.raises(asyncpg.RestrictViolationError):
        await conn.execute("UPDATE payouts SET state = 'paid' WHERE payout_id = $1", made.payout_id)


async def test_settled_is_what_the_books_followed(conn, practice):
    made = payout(practice, state="paid")
    await payouts.put(conn, made)
    assert [row.payout_id for row in await payouts.unsettled(conn, practice.location_id)] == [
        made.payout_id
    ]
    await payouts.settle(conn, "stripe", made.payout_id, "paid", {"a": 9_000, "b": 680})
    kept = await payouts.put(conn, made.model_copy(update={"amount_cents": 1}))
    assert (kept.is_settled, kept.amount_cents, kept.shares) == (True, 9_680, {"a": 9000, "b": 680})
    assert await payouts.unsettled(conn, practice.location_id) == []
    assert await payouts.shares_of(conn, "stripe", [made.payout_id, "po_none"]) == {
        made.payout_id: {"a": 9_000, "b": 680}
    }
    failed = await payouts.put(conn, made.model_copy(update={"state": "failed"}))
    assert not failed.is_settled
    await payouts.settle(conn, "stripe", made.payout_id, "failed", {"c": 1})
    assert (await payouts.get(conn, "stripe", made.payout_id)).shares == {"a": 9_000, "b": 680}


async def test_accepting_means_the_difference_that_was_shown(conn, practice):
    made = payout(practice)
    await payouts.put(conn, made)
    await payouts.note_asked(conn, "stripe", made.payout_id, -3)
    asked, at = str(uuid4()), AT
    await conn.execute(
        "INSERT INTO reviews (review_id, case_id, workflow_id, location_id, code, opened_at,"
        " shown, choices, money_cents) VALUES ($1, $1, $1, $2, 'PAYOUT_DIFF', $3, '{}', '[]', 3)",
        asked,
        practice.location_id,
        at,
    )
    async with conn.transaction():
        given = {"choice": "accept", "by": "Dana"}
        await reviews.decide(conn, asked, given, "Dana", "theirs", at)
    await payouts.accept(conn, "stripe", made.payout_id, "Dana", asked)
    kept = await payouts.get(conn, "stripe", made.payout_id)
    assert (kept.accepted_cents, kept.accepted_by, kept.accepted_review) == (-3, "Dana", asked)
    with pytest.raises(asyncpg.CheckViolationError):
        await conn.execute(
            "UPDATE payouts SET accepted_by = NULL WHERE payout_id = $1", made.payout_id
        )


async def test_a_movement_stays_as_it_was_read_first(conn, practice):
    made = payout(practice)
    await payouts.put(conn, made)
    first, second = movement(made.payout_id), movement(made.payout_id, payment_id=None)
    assert await payouts.put_movements(conn, "stripe", [first, second]) == set()
    other = first.model_copy(update={"net_cents": 9_679})
    assert await payouts.put_movements(conn, "stripe", [other, second]) == {first.movement_id}
    kept = await payouts.movements_of(conn, "stripe", made.payout_id)
    assert sorted(kept, key=str) == sorted([first, second], key=str)
    for sql in ("UPDATE balance_movements SET fee_cents = 0", "DELETE FROM balance_movements"):
        with pytest.raises(asyncpg.RestrictViolationError):
            await conn.execute(sql)


async def test_a_payment_is_found_by_any_of_its_names_and_only_when_it_was_paid(conn, practice):
    def fact(object_id: str, cents: int, state: str = "paid") -> PaymentFact:
        return PaymentFact(
            payment_id=ids.payment_id("stripe", object_id),
            source="stripe",
            object_id=object_id,
            kind="card",
            state=state,
            amount_cents=cents,
            occurred_at=AT,
            client_id=practice.client_id,
            location_id=practice.location_id,
        )

    loose, one, two, under_way = (f"{kind}_{uuid4().hex}" for kind in ("pi", "in1", "in2", "pi"))
    for made in (fact(loose, 700), fact(one, 300), fact(two, 200), fact(under_way, 9, "pending")):
        await payments.record(conn, made)
    names = {
        loose: (loose, "inpay_unknown"),
        "pi_of_two": ("pi_of_two", one, two),
        under_way: (under_way,),
        "pi_unknown": ("pi_unknown",),
    }
    found = await payouts.booked(conn, "stripe", names)
    assert {name: each.amount_cents for name, each in found.items()} == {
        loose: 700,
        "pi_of_two": 500,
    }
    assert found[loose].client_id == practice.client_id
    assert await payouts.booked(conn, "boulevard", names) == {}
