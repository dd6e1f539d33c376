"""A rest that the patient signed for in instalments: one answer, from queue to processor."""

from datetime import timedelta

import pytest

from domain.plan_case import Lender
from store import plans

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


async def test_the_rest_of_a_bill_becomes_a_plan_and_the_bill_again(play):
    case = await play.billed()
    owed_cents = await play.balance(case)
    await play.pay_online(case, 10_000)
    await play.until_balance(case, owed_cents - 10_000)
    await play.practice.skip(case.case_id, 16)
    short = (await play.question(case, "UNDERPAID")).review_id[:8]
    first = play.practice.now().date() + timedelta(days=40)
    answer = ("review", "decide", short, "plan", "--by", "dana", "--until", first.isoformat())

    said = await play.run(*answer, "--amount", "20")
    assert (said.code, "`tieout plan add` enters such a plan." in said.err) == (1, True), said
    said = await play.run(*answer, "--amount", "210", "--dry-run")
    assert said.code == 0, said
    assert f"$210.00 fall due on {first}." in said.words
    assert await play.balance(case) == owed_cents - 10_000
    said = await play.run(*answer, "--amount", "210")
    assert "Decided: plan, by dana." in said.words, said
    await play.until_balance(case, 0)

    async def told():
        async with play.practice.pool.acquire() as conn:
            found = await plans.list_plans(conn, lender=Lender.IN_HOUSE, client_id=case.client_id)
        return next((row.standing for row in found), None)

    async def asks_nothing():
        return await play.stripe_asks(case) == 0

    await play.until(asks_nothing, "the processor to ask for nothing", case)
    plan = await told()
    assert sum(part.amount_cents for part in plan.installments) == owed_cents - 10_000
    said = await play.run("plan", "show", plan.plan_id)
    assert (said.code, str(first) in said.words) == (0, True), said
    # The plan's case runs: a person can pause it.
    said = await play.run("plan", "pause", plan.plan_id, "--by", "dana", "--reason", "checking")
    assert said.code == 0, said

    said = await play.run("review", "undo", short, "--by", "robin", "--reason", "not signed")
    assert said.code == 0, said
    await play.until_balance(case, owed_cents - 10_000)
    assert (await told()).status == "cancelled"
    await play.question(case, "UNDERPAID")
