"""Refunds: booked by a decision, sent once through the twin, and followed to their end."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest

from activities.previews import preview
from connectors.ports import PmsPayment, ProviderUnavailable
from domain.case import Decision
from store import entitlements
from tests.activities.practice import AT, Practice
from tests.activities.reversals import Till
from tests.connectors.stripe_world import World as Twin

VISIT = (("TOXIN-UNIT", "50"), ("SERUM", "1"))
DUE_CENTS = 65_000 + 6_800 + 561


@pytest.fixture(scope="module")
def running() -> Iterator[Twin]:
    with Twin.served() as world:
        yield world


@pytest.fixture
async def till(running: Twin, practice: Practice) -> AsyncIterator[Till]:
    running.reset()
    stripe = running.processor()
    yield Till(practice, running, stripe)
    await stripe.close()


async def _billed(till: Till, *lines: tuple[str, str]):
    who = till.practice.client()
    case = till.practice.chart(who, *(lines or VISIT))
    await till.practice.bill(case)
    return who, case


async def test_a_paid_visit_goes_back_to_its_card(till: Till) -> None:
    who, case = await _billed(till)
    await till.pay(case, who, DUE_CENTS)
    before = await till.accounts()
    ref, done = await till.refund(case, who)
    assert (done.status, done.questions) == ("paid", ())
    [move] = await till.moves(ref)
    assert (move.state, move.amount_cents) == ("paid", DUE_CENTS)
    after = await till.accounts()
    assert after.pop("4920") == 71_800
    assert "1020" not in after
    assert "2070" not in after
    assert "2100" not in after
    del before["1020"], before["2070"]
    assert after == before
    for _ in range(2):
        assert (await till.settle(ref)).status == "paid"
    assert len(till.twin.stored("refund")) == 1


async def test_what_a_refund_would_do_is_shown_and_nothing_is_booked(till: Till) -> None:
    who, case = await _billed(till)
    await till.pay(case, who, DUE_CENTS)
    before = await till.shape()
    ref = till.ref()
    asked = await till.ask(case, who, ref, amount_cents=10_000)
    shown = await till.review(asked.review_id)
    assert (shown.code, shown.money_cents) == ("REFUND_ASKED", 10_000)
    assert shown.shown["facts"] == ["$100.00 goes back along the card payment of 2026-11-05."]
    assert shown.second_person == []
    back = Decision(review_id=shown.review_id, choice="pay_back", by="dana")
    async with till.practice.world.pool.acquire() as conn:
        seen = await preview(conn, back, AT)
    owed = {line.account: line.credit_cents for line in seen.entries[0].lines if line.credit_cents}
    assert owed == {"2100": 10_000}
    assert await till.shape() == before
    done = await till.decide(ref, asked.review_id, "drop", who)
    assert (done.effect, done.refund_ids) == ("dropped", ())
    assert await till.shape() == before


async def test_a_refund_above_the_limit_needs_a_second_person(till: Till) -> None:
    who, case = await _billed(till)
    await till.pay(case, who, DUE_CENTS)
    ref = till.ref()
    asked = await till.ask(case, who, ref)
    proposed = await till.decide(ref, asked.review_id, "pay_back", who, second=None)
    assert (proposed.effect, proposed.refund_ids) == ("proposed", ())
    assert await till.moves(ref) == []


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        ({"amount_cents": DUE_CENTS + 1}, "Only $723.61"),
        ({"line_ids": ["nose"]}, "no line nose"),
    ],
)
async def test_more_than_is_left_is_refused_in_one_sentence(
    till: Till, ask: dict[str, object], says: str
) -> None:
    who, case = await _billed(till)
    await till.pay(case, who, DUE_CENTS)
    refused = await till.ask(case, who, till.ref(), **ask)
    assert (refused.status, says in refused.why) == ("refused", True)


async def test_two_refunds_of_the_same_money_do_not_both_happen(till: Till) -> None:
    who, case = await _billed(till)
    await till.pay(case, who, DUE_CENTS)
    first, second = till.ref(), till.ref()
    one = await till.ask(case, who, first, amount_cents=50_000)
    two = await till.ask(case, who, second, amount_cents=50_000)
    assert (await till.decide(first, one.review_id, "pay_back", who)).refund_ids
    late = await till.decide(second, two.review_id, "pay_back", who)
    assert (late.effect, late.refund_ids) == ("failed", ())


async def test_a_lost_answer_is_looked_up_and_no_cent_goes_twice(till: Till) -> None:
    who, case = await _billed(till)
    await till.pay(case, who, DUE_CENTS)
    ref = till.ref()
    asked = await till.ask(case, who, ref)
    await till.decide(ref, asked.review_id, "pay_back", who)
    till.twin.fault("refunds.create", "error_after", times=1)
    with pytest.raises(Exception, match="stripe"):
        await till.settle(ref)
    assert (await till.accounts())["2100"] == -DUE_CENTS
    assert (await till.settle(ref)).status == "paid"
    assert len(till.twin.stored("refund")) == 1
    assert ProviderUnavailable.retryable


async def test_a_refund_that_fails_later_leaves_it_owed_and_asks(till: Till) -> None:
    who, case = await _billed(till)
    await till.pay(case, who, DUE_CENTS)
    await till.twin.control("/next_refund", status="pending")
    ref, waiting = await till.refund(case, who, amount_cents=20_000)
    assert waiting.status == "waits"
    [move] = await till.moves(ref)
    await till.twin.control(f"/refunds/{move.object_id}/fail")
    [asked] = (await till.settle(ref)).questions
    assert asked.code == "REFUND_FAILED"
    assert (await till.accounts())["2100"] == -20_000
    for _ in range(2):
        assert (await till.settle(ref)).questions == (asked,)
    await till.decide(ref, asked.review_id, "pay_again", who)
    assert (await till.settle(ref)).status == "paid"
    assert [one.state for one in await till.moves(ref)] == ["canceled", "paid"]
    assert "2100" not in await till.accounts()


async def test_what_came_back_is_given_by_hand_or_kept_as_credit(till: Till) -> None:
    who, case = await _billed(till)
    await till.pay(case, who, DUE_CENTS)
    for choice in ("by_hand", "refund_to_credit"):
        await till.twin.control("/next_refund", status="failed")
        ref, failed = await till.refund(case, who, amount_cents=10_000)
        [asked] = failed.questions
        await till.decide(ref, asked.review_id, choice, who, reason="card is gone")
        done = await till.settle(ref)
        if choice == "by_hand":
            [task] = done.questions
            assert task.code == "REFUND_BY_HAND"
            assert (await till.accounts())["2100"] == -10_000
            await till.decide(ref, task.review_id, "given_back", who)
            assert (await till.settle(ref)).status == "paid"
            assert (await till.accounts())["1040"] == -10_000
        else:
            assert done.status == "undone"
            assert (await till.accounts())["2060"] == -10_000
        assert "2100" not in await till.accounts()


async def test_cash_goes_back_as_a_task_of_the_desk(till: Till) -> None:
    who, case = await _billed(till)
    await till.pay(case, who, 30_000)
    await till.pay(case, who, DUE_CENTS - 30_000, kind="cash", at=AT + timedelta(hours=1))
    ref, done = await till.refund(case, who, amount_cents=50_000)
    [task] = done.questions
    assert task.code == "REFUND_BY_HAND"
    states = {move.way: (move.state, move.amount_cents) for move in await till.moves(ref)}
    assert states == {
        "desk": ("owed", DUE_CENTS - 30_000),
        "processor": ("paid", 50_000 - (DUE_CENTS - 30_000)),
    }
    await till.decide(ref, task.review_id, "given_back", who)
    assert (await till.settle(ref)).status == "paid"
    after = await till.accounts()
    assert "1040" not in after
    assert "2100" not in after


async def test_the_task_of_the_desk_is_done_when_the_pms_shows_the_refund(till: Till) -> None:
    who, case = await _billed(till)
    cash = PmsPayment(payment_id="till-1", kind="cash", amount_cents=DUE_CENTS)
    till.practice.tenders(case, cash)
    await till.practice.read(case, who)
    ref, done = await till.refund(case, who, amount_cents=20_000)
    assert [one.code for one in done.questions] == ["REFUND_BY_HAND"]
    assert (await till.practice.read(case, who)).mismatches == ()
    till.practice.tenders(case, cash.model_copy(update={"refunded_cents": 20_000}))
    for _ in range(2):
        read = await till.practice.read(case, who)
        assert (read.balance_cents, read.mismatches) == (0, ())
    assert (await till.settle(ref)).status == "paid"
    books = await till.accounts()
    assert books["1040"] == DUE_CENTS - 20_000
    assert "2100" not in books


async def test_units_and_credits_return_to_where_they_came_from(till: Till) -> None:
    who = till.practice.client()
    sold = till.practice.chart(who, ("FILLER-6", "1"), ("GIFT-CARD-100", "1"))
    await till.practice.bill(sold)
    await till.pay(sold, who, 370_000)
    case = till.practice.chart(who, ("FILLER-SYRINGE", "1"), ("TOXIN-UNIT", "50"))
    await till.practice.bill(case)
    await till.pay(case, who, 55_000)
    async with till.practice.world.pool.acquire() as conn:
        before = await entitlements.lot_statement(conn, till.practice.client_id(who))
    assert {(row.kind, row.drawn_cents) for row in before} == {
        ("unit", 60_000),
        ("gift_card", 10_000),
    }
    await till.refund(case, who)
    async with till.practice.world.pool.acquire() as conn:
        after = await entitlements.lot_statement(conn, till.practice.client_id(who))
    assert {(row.kind, row.remaining_cents, row.is_conserved) for row in after} == {
        ("unit", 360_000, True),
        ("gift_card", 10_000, True),
    }
    books = await till.accounts()
    assert (books["2010"], books["2040"]) == (-360_000, -10_000)


async def test_units_that_were_given_back_are_not_drawn_again_by_an_amended_chart(
    till: Till,
) -> None:
    who = till.practice.client()
    sold = till.practice.chart(who, ("FILLER-6", "1"))
    await till.practice.bill(sold)
    await till.pay(sold, who, 360_000)
    case = till.practice.chart(who, ("FILLER-SYRINGE", "1"), ("TOXIN-UNIT", "50"))
    await till.practice.bill(case)
    await till.pay(case, who, 65_000)
    await till.refund(case, who)
    till.practice.chart(who, ("FILLER-SYRINGE", "1"), ("TOXIN-UNIT", "60"), case=case)
    await till.practice.bill(case, number="run/2")
    async with till.practice.world.pool.acquire() as conn:
        [lot] = await entitlements.lot_statement(conn, till.practice.client_id(who))
    assert lot.remaining_quantity == 6


async def test_a_package_is_taken_back_with_what_is_unused(till: Till) -> None:
    who = till.practice.client()
    sold = till.practice.chart(who, ("FILLER-6", "1"))
    await till.practice.bill(sold)
    await till.pay(sold, who, 360_000)
    case = till.practice.chart(who, ("FILLER-SYRINGE", "2"))
    await till.practice.bill(case)
    ref = till.ref()
    asked = await till.ask(sold, who, ref, formula="list_price")
    shown = await till.review(asked.review_id)
    assert "$2,400.00 by unused value, $2,100.00 if" in " ".join(shown.shown["facts"])
    await till.decide(ref, asked.review_id, "pay_back", who)
    assert (await till.settle(ref)).status == "paid"
    books = await till.accounts()
    assert "2010" not in books
    assert books["4050"] == -30_000
    async with till.practice.world.pool.acquire() as conn:
        [lot] = await entitlements.lot_statement(conn, till.practice.client_id(who))
    assert (lot.remaining_quantity, lot.is_conserved) == (0, True)
    again = await till.ask(sold, who, till.ref())
    assert "Nothing of this" in again.why


async def test_a_clients_credit_goes_back_along_the_payment_that_it_was_too_much_of(
    till: Till,
) -> None:
    who, case = await _billed(till)
    await till.pay(case, who, DUE_CENTS + 5_000)
    assert (await till.accounts())["2060"] == -5_000
    _, done = await till.refund(None, who, credit=5_000)
    assert done.status == "paid"
    books = await till.accounts()
    assert "2060" not in books
    assert books["1020"] == DUE_CENTS
    again = await till.ask(None, who, till.ref(), credit=1)
    assert "less credit" in again.why


async def test_a_refund_of_a_debt_lowers_the_debt_and_tells_the_visit(till: Till) -> None:
    who, case = await _billed(till)
    await till.pay(case, who, 40_000)
    till.engine.running.add(case.case_id)
    ref, done = await till.refund(case, who, amount_cents=10_000)
    assert done.status == "paid"
    assert await till.moves(ref) == []
    assert (await till.accounts())["1100"] == DUE_CENTS - 50_000
    await till.settle(ref, tell=True)
    assert [(told, name) for told, name, _ in till.engine.signals] == [
        (case.case_id, "payment_posted")
    ]
