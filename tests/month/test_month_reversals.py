"""Refunds and disputes, through their own cases: the month still ties out."""

from collections.abc import AsyncIterator, Iterator

import pytest

from domain.month import parse_month
from domain.tie import Verdict
from starter.desk.month_end import month_report
from store.db import Pool
from tests.activities.reversals import Till
from tests.connectors.stripe_world import World as Twin
from tests.month.conftest import practice_in

VISIT = (("TOXIN-UNIT", "50"), ("SERUM", "1"))
DUE_CENTS = 65_000 + 6_800 + 561
# fmt: off
OF_A_PLACE = (
    "BALANCE", "SOURCES", "INVOICES", "RECEIVABLE", "CLEARING", "SUSPENSE", "REFUNDS", "DISPUTES",
    "OWED_2010", "OWED_2060", "UNITS",
)
# fmt: on


@pytest.fixture(scope="module")
def running() -> Iterator[Twin]:
    with Twin.served() as world:
        yield world


@pytest.fixture
async def till(running: Twin, pool: Pool) -> AsyncIterator[Till]:
    running.reset()
    stripe = running.processor()
    yield Till(await practice_in(pool), running, stripe)
    await stripe.close()


async def _paid(till: Till):
    who = till.practice.client()
    case = till.practice.chart(who, *VISIT)
    await till.practice.bill(case)
    return who, case, await till.pay(case, who, DUE_CENTS)


async def _off(till: Till) -> dict[str, list[str]]:
    """What is off at this practice, by line."""
    place = till.practice.world.location_id
    async with till.practice.world.pool.acquire() as conn:
        report = await month_report(conn, parse_month("2026-11"), place)
    ties = {tie.code: tie for tie in report.ties if tie.code in OF_A_PLACE}
    assert set(ties) == set(OF_A_PLACE)
    return {
        code: [f"{item.off_cents} {item.name}: {item.why}" for item in tie.items]
        for code, tie in ties.items()
        if tie.verdict is Verdict.OFF
    }


async def test_a_refund_ties_out_before_and_after_it_has_left(till: Till) -> None:
    who, case, _ = await _paid(till)
    assert await _off(till) == {}
    _, done = await till.refund(case, who, amount_cents=10_000)
    assert done.status == "paid"
    assert await _off(till) == {}


async def test_credit_instead_of_a_refund_that_was_taken_back_ties_out(till: Till) -> None:
    who, case, _ = await _paid(till)
    await till.twin.control("/next_refund", status="failed")
    ref, done = await till.refund(case, who, amount_cents=10_000)
    [asked] = done.questions
    await till.decide(ref, asked.review_id, "refund_to_credit", who, reason="by phone")
    assert await _off(till) == {}
    undone = await till.taken_back(asked.review_id)
    assert await _off(till) == {}
    await till.decide(ref, undone.review_id, "refund_to_credit", who, reason="after all")
    assert await _off(till) == {}


async def test_a_refund_that_is_owed_again_ties_out(till: Till) -> None:
    _, case, payment = await _paid(till)
    ref = await till.refunded_outside(payment, 10_000)
    [asked] = (await till.settle(ref)).questions
    await till.decide(ref, asked.review_id, "owe_again", reason="made by mistake")
    assert await till.owed(case) == (10_000,)
    assert await _off(till) == {}


@pytest.mark.parametrize("choice", ["allow", "owe_again"])
async def test_what_a_refund_was_for_ties_out_while_it_is_asked_again(
    till: Till, choice: str
) -> None:
    _, _, payment = await _paid(till)
    ref = await till.refunded_outside(payment, 10_000)
    [asked] = (await till.settle(ref)).questions
    await till.decide(ref, asked.review_id, choice, reason="by phone")
    assert await _off(till) == {}
    undone = await till.taken_back(asked.review_id)
    assert await _off(till) == {}
    await till.decide(ref, undone.review_id, "owe_again", reason="after all")
    assert await _off(till) == {}


async def test_a_refund_that_came_back_before_anybody_explained_it_ties_out(till: Till) -> None:
    _, _, payment = await _paid(till)
    ref = await till.refunded_outside(payment, 10_000)
    await till.settle(ref)
    assert await _off(till) == {}
    await till.twin.control(f"/refunds/{ref.object_id}/fail")
    assert (await till.settle(ref)).status == "undone"
    assert await _off(till) == {}


async def test_a_dispute_ties_out_while_it_is_open(till: Till) -> None:
    _, _, payment = await _paid(till)
    await till.follow(await till.disputed(payment))
    assert await _off(till) == {}


@pytest.mark.parametrize("choice", ["rebill", "write_off"])
async def test_a_lost_dispute_ties_out_wherever_its_loss_is_placed(till: Till, choice: str) -> None:
    _, _, payment = await _paid(till)
    ref = await till.disputed(payment)
    await till.follow(ref)
    await till.bank(ref, "lost")
    [asked] = (await till.follow(ref)).questions
    await till.decide(ref, asked.review_id, choice, reason="the bank has decided")
    assert await _off(till) == {}
    undone = await till.taken_back(asked.review_id)
    assert await _off(till) == {}
    await till.decide(ref, undone.review_id, "block", reason="after all")
    assert await _off(till) == {}
