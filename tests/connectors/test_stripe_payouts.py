"""Payouts and movements of the balance, read from the twin over HTTP."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from connectors.payments.stripe import StripeProcessor
from connectors.payments.stripe_payouts import to_movement
from connectors.ports import ProviderUnavailable, Refused
from tests.connectors.stripe_world import CASE, CLIENT, DOCUMENT, OPEN_KEY, World


@pytest.fixture(scope="module")
def running() -> Iterator[World]:
    with World.served() as world:
        yield world


@pytest.fixture
def world(running: World) -> World:
    running.reset()
    return running


@pytest.fixture
async def stripe(world: World) -> AsyncIterator[StripeProcessor]:
    connector = world.processor()
    yield connector
    await connector.close()


async def money(world: World, cents: int) -> str:
    intent = await world.control("/loose_payment", amount_cents=cents, currency="usd")
    return intent["id"]


async def test_a_payout_and_its_parts(world, stripe):
    intent_id = await money(world, 10_000)
    await world.control("/refund", payment_intent=intent_id, amount_cents=1_000)
    await world.control("/adjustment", amount_cents=-200, category="fee")
    await world.control("/adjustment", amount_cents=50, category="reserve_hold")
    made = await world.control("/payouts", arrives_in_days=2)
    payout = await stripe.payouts.read_payout(made["id"])
    today = datetime.now(UTC).date()
    assert (payout.amount_cents, payout.currency, payout.state) == (8_530, "USD", "paid")
    assert (payout.automatic, payout.listed) == (True, True)
    assert payout.arrival_on == today + timedelta(days=2)
    parts = await stripe.payouts.movements_of(made["id"])
    assert [(p.kind, p.amount_cents, p.fee_cents, p.net_cents) for p in parts] == [
        ("charge", 10_000, 320, 9_680),
        ("refund", -1_000, 0, -1_000),
        ("fee", -200, 0, -200),
        ("other", 50, 0, 50),
    ]
    assert [p.payment_id for p in parts] == [intent_id, intent_id, None, None]
    assert parts[0].object_id.startswith("ch_")
    assert parts[1].object_id.startswith("re_")
    assert parts[3].vendor_kind == "reserve_hold"


async def test_a_failed_payout_says_when_it_came_back(world, stripe):
    await money(world, 10_000)
    first = await world.control("/payouts")
    await world.control(f"/payouts/{first['id']}/fail")
    second = await world.control("/payouts", paid=False, reconciled=False)
    since = datetime.now(UTC) - timedelta(minutes=1)
    failed, open_ = await stripe.payouts.payouts_since(since)
    assert (failed.payout_id, failed.state, failed.failure_code) == (
        first["id"],
        "failed",
        "account_closed",
    )
    assert abs((failed.failed_at - datetime.now(UTC)).total_seconds()) < 60
    assert (open_.payout_id, open_.state, open_.listed) == (second["id"], "in_transit", False)
    [back] = await stripe.payouts.movements_of(second["id"])
    assert (back.kind, back.object_id, back.net_cents) == (
        "payout_returned",
        first["id"],
        first["amount"],
    )
    assert await stripe.payouts.payouts_since(datetime.now(UTC) + timedelta(hours=1)) == []


async def test_more_parts_than_one_page_holds(world, stripe):
    for cents in range(1_000, 1_105):
        await world.control("/adjustment", amount_cents=cents)
    made = await world.control("/payouts")
    parts = await stripe.payouts.movements_of(made["id"])
    assert [part.net_cents for part in parts] == list(range(1_000, 1_105))
    since = datetime.now(UTC) - timedelta(minutes=1)
    assert len(await stripe.payouts.movements_since(since)) == 106


async def test_an_invoices_payment_is_known_by_its_other_name(world, stripe):
    customer = await stripe.ensure_customer(f"customer:{CLIENT}", CLIENT)
    invoice = await stripe.open_invoice(OPEN_KEY, customer, 52000, "usd", DOCUMENT, CASE, 14)
    await world.control(f"/invoices/{invoice.processor_id}/pay")
    [payment] = (await stripe.read_invoice(invoice.processor_id)).payments
    assert await stripe.payouts.other_names(payment.intent_id) == (payment.payment_id,)
    assert await stripe.payouts.other_names(await money(world, 500)) == ()


async def test_what_is_not_there_and_who_does_not_answer(world, stripe):
    assert isinstance(await stripe.payouts.read_payout("po_unknown"), Refused)
    world.fault("payouts.retrieve", "error_before", times=1)
    with pytest.raises(ProviderUnavailable):
        await stripe.payouts.read_payout("po_unknown")


def test_a_dispute_names_the_payment_that_was_disputed():
    row = {
        "id": "txn_1",
        "type": "adjustment",
        "reporting_category": "dispute",
        "amount": -5000,
        "fee": 1500,
        "net": -6500,
        "currency": "usd",
        "created": 1_790_000_000,
        "source": {"id": "dp_1", "object": "dispute", "payment_intent": "pi_1"},
    }
    found = to_movement(row)
    assert (found.kind, found.object_id, found.payment_id) == ("dispute", "dp_1", "pi_1")
    assert to_movement({**row, "source": None}).object_id is None
    assert to_movement({**row, "source": "dp_1"}).payment_id is None
