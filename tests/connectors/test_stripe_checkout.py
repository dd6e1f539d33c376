"""A payment page for one amount: opened once, paid once, closed for good."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import httpx
import pytest

from connectors.payments.stripe import StripeProcessor
from connectors.ports import BadRequest, OutcomeUnknown, ProviderUnavailable
from sandbox.stripe.twin import Twin
from tests.connectors.stripe_world import CHECKOUTS, CLIENT, World, order

CARD = "4242424242424242"
DECLINED = "4000000000000002"


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
    processor = world.processor(timeout_seconds=1)
    yield processor
    await processor.close()


@pytest.fixture
async def customer(stripe: StripeProcessor) -> str:
    return await stripe.ensure_customer(f"client:{CLIENT}", CLIENT)


async def submit(url: str, card: str = CARD, accept: str = "text/html") -> httpx.Response:
    async with httpx.AsyncClient(verify=False) as http:
        return await http.post(url, data={"card": card}, headers={"accept": accept})


async def test_the_same_order_is_the_same_page(stripe: StripeProcessor, customer: str) -> None:
    asked = order(customer)
    first = await stripe.open_checkout(asked)
    assert (first.state, first.amount_cents, first.currency) == ("open", 9000, "usd")
    assert first.checkout_id == CHECKOUTS["paid"]
    assert await stripe.open_checkout(asked) == first
    other = await stripe.open_checkout(order(customer, checkout_id=CHECKOUTS["closed"]))
    assert other.session_id != first.session_id


@pytest.mark.parametrize("kind", ["timeout_after", "reset_after", "reset_before"])
async def test_an_answer_that_got_lost_opens_no_second_page(
    world: World, stripe: StripeProcessor, customer: str, kind: str
) -> None:
    asked = order(customer)
    world.fault("checkout.sessions.create", kind, seconds=1.5)
    with pytest.raises(ProviderUnavailable):
        await stripe.open_checkout(asked)
    await stripe.open_checkout(asked)
    assert len(world.stored("checkout.session")) == 1


async def test_a_burnt_key_gets_a_new_version(
    world: World, stripe: StripeProcessor, customer: str
) -> None:
    await world.control("/saved_failure", operation="checkout.sessions.create")
    with pytest.raises(ProviderUnavailable):
        await stripe.open_checkout(order(customer, language="es"))
    page = await stripe.open_checkout(order(customer, language="es"))
    assert page.state == "open"
    with pytest.raises(OutcomeUnknown):
        await stripe.open_checkout(order(customer, amount_cents=9100))


async def test_a_paid_page_takes_nothing_more_and_names_our_checkout(
    world: World, stripe: StripeProcessor, customer: str
) -> None:
    page = await stripe.open_checkout(order(customer))
    assert page.pay_url is not None
    declined = await submit(page.pay_url, DECLINED)
    assert declined.status_code == 402
    assert "declined" in declined.text
    assert (await stripe.read_checkout(page.session_id)).state == "open"
    done = await submit(page.pay_url)
    assert done.status_code == 303
    assert done.headers["location"].endswith(f"/done/{CHECKOUTS['paid']}")
    read = await stripe.read_checkout(page.session_id)
    assert (read.state, read.payment_state, read.paid_cents) == ("complete", "succeeded", 9000)
    assert read.paid_at is not None
    assert (await submit(page.pay_url)).status_code == 410
    assert await stripe.expire_checkout(page.session_id) == read
    payment = await stripe.read_payment(read.intent_id or "")
    assert (payment.checkout_id, payment.invoice_ids) == (CHECKOUTS["paid"], ())  # type: ignore[union-attr]
    assert len(world.stored("charge")) == 2
    assert len(world.stored("payment_intent")) == 1


async def test_a_closed_page_takes_no_money(
    world: World, stripe: StripeProcessor, customer: str
) -> None:
    page = await stripe.open_checkout(order(customer))
    assert (await stripe.expire_checkout(page.session_id)).state == "expired"
    assert (await stripe.expire_checkout(page.session_id)).state == "expired"
    assert (await submit(page.pay_url or "")).status_code == 410
    assert world.stored("charge") == []


async def test_a_page_expires_by_itself(
    world: World, stripe: StripeProcessor, customer: str
) -> None:
    page = await stripe.open_checkout(order(customer))
    world.box.shift = timedelta(minutes=41)
    assert (await submit(page.pay_url or "")).status_code == 410
    assert (await stripe.read_checkout(page.session_id)).state == "expired"
    types = [event["type"] for event in Twin(world.box).events(0)]
    assert types.count("checkout.session.expired") == 1


async def test_a_debit_is_complete_long_before_it_is_money(
    world: World, stripe: StripeProcessor, customer: str
) -> None:
    page = await stripe.open_checkout(order(customer))
    await world.control(f"/sessions/{page.session_id}/processing")
    read = await stripe.read_checkout(page.session_id)
    assert (read.state, read.payment_state, read.paid_cents) == ("complete", "processing", 0)
    await world.control(f"/sessions/{page.session_id}/settle", succeeded=True)
    assert (await stripe.read_checkout(page.session_id)).paid_cents == 9000


async def test_a_debit_that_the_bank_refuses_brings_nothing(
    world: World, stripe: StripeProcessor, customer: str
) -> None:
    page = await stripe.open_checkout(order(customer))
    await world.control(f"/sessions/{page.session_id}/processing")
    await world.control(f"/sessions/{page.session_id}/settle", succeeded=False)
    read = await stripe.read_checkout(page.session_id)
    assert (read.payment_state, read.paid_cents) == ("requires_payment_method", 0)


async def test_a_time_that_stripe_would_refuse_is_refused(
    stripe: StripeProcessor, customer: str
) -> None:
    soon = order(customer).expires_at - timedelta(minutes=20)
    with pytest.raises(BadRequest):
        await stripe.open_checkout(order(customer, expires_at=soon))
    with pytest.raises(BadRequest):
        await stripe.open_checkout(order(customer, amount_cents=49))
