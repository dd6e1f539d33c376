"""Payouts of the twin, as a stranger to our connector would see them."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from tests.connectors.stripe_world import KEY, World


@pytest.fixture(scope="module")
def running() -> Iterator[World]:
    with World.served() as world:
        yield world


@pytest.fixture
def world(running: World) -> World:
    running.reset()
    return running


@pytest.fixture
async def http(world: World) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(
        verify=False, headers=headers, base_url=f"{world.url}/stripe/v1"
    ) as client:
        yield client


async def money(world: World, cents: int) -> dict:
    return await world.control("/loose_payment", amount_cents=cents, currency="usd")


async def parts(http: httpx.AsyncClient, payout: dict) -> list[dict]:
    asked = {"payout": payout["id"], "limit": "100", "expand[]": "data.source"}
    answer = await http.get("/balance_transactions", params=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


async def test_a_payout_is_what_its_parts_are_and_takes_each_once(world, http):
    first, second = await money(world, 10_000), await money(world, 5_000)
    await world.control("/refund", payment_intent=second["id"], amount_cents=1_000)
    await world.control("/adjustment", amount_cents=-200, category="fee")
    payout = await world.control("/payouts")
    # 10,000 - (290 + 30), 5,000 - (145 + 30), less a refund and a fee of Stripe's own.
    assert payout["amount"] == 9_680 + 4_825 - 1_000 - 200
    assert (payout["status"], payout["reconciliation_status"]) == ("paid", "completed")
    rows = await parts(http, payout)
    assert sum(row["net"] for row in rows) == 0
    assert [row["reporting_category"] for row in rows] == [
        "payout",
        "fee",
        "refund",
        "charge",
        "charge",
    ]
    assert rows[4]["source"]["payment_intent"] == first["id"]
    assert rows[2]["source"]["payment_intent"] == second["id"]
    await money(world, 2_000)
    again = await world.control("/payouts")
    assert again["amount"] == 2_000 - 88
    assert len(await parts(http, again)) == 2


async def test_it_goes_its_way_with_an_event_for_each_step(world, http):
    await money(world, 10_000)
    payout = await world.control("/payouts", paid=False, reconciled=False, arrives_in_days=2)
    assert (payout["status"], payout["reconciliation_status"]) == ("in_transit", "in_progress")
    await world.control(f"/payouts/{payout['id']}/reconcile")
    await world.control(f"/payouts/{payout['id']}/pay")
    failed = await world.control(f"/payouts/{payout['id']}/fail")
    assert (failed["status"], failed["failure_code"]) == ("failed", "account_closed")
    names = [e["type"] for e in await world.events() if e["type"].startswith("payout")]
    assert names == [
        "payout.created",
        "payout.reconciliation_completed",
        "payout.paid",
        "payout.failed",
    ]
    after = await world.control("/payouts")
    assert after["amount"] == payout["amount"]
    rows = await parts(http, after)
    assert [row["reporting_category"] for row in rows] == ["payout", "payout_reversal"]
    assert rows[1]["source"]["id"] == payout["id"]


async def test_what_a_payout_by_hand_consists_of_is_not_told(world, http):
    await money(world, 10_000)
    payout = await world.control("/payouts", amount_cents=3_000)
    assert (payout["automatic"], payout["reconciliation_status"]) == (False, "not_applicable")
    answer = await http.get("/balance_transactions", params={"payout": payout["id"]})
    assert answer.status_code == 400
    listed = (await http.get("/payouts", params={"status": "paid"})).json()["data"]
    assert [row["id"] for row in listed] == [payout["id"]]
    assert (await http.get("/payouts", params={"status": "failed"})).json()["data"] == []


@pytest.mark.parametrize("where", ["payout", "payment_intent"])
async def test_a_cent_can_be_planted(world, http, where):
    intent = await money(world, 10_000)
    payout = await world.control("/payouts")
    named = payout["id"] if where == "payout" else intent["id"]
    await world.control("/wrong_cent", **{where: named}, cents=-1)
    now = (await http.get(f"/payouts/{payout['id']}")).json()
    rows = [row for row in await parts(http, payout) if row["type"] != "payout"]
    assert sum(row["net"] for row in rows) - now["amount"] == (1 if where == "payout" else -1)
