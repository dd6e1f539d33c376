"""Declined cards, read from the twin over HTTP: for good with a class, else nothing to ask."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime

import pytest

from connectors.payments.stripe import StripeProcessor
from connectors.payments.stripe_declines import CLASSES, for_good
from connectors.payments.stripe_shapes import to_payment
from connectors.ports import Decline, LoosePayment
from tests.connectors.stripe_world import World, order

LOST, EXPIRED = "4000 0000 0000 9987", "4000 0000 0000 0069"
SOFT = {
    "no reason": "4000 0000 0000 0002",
    "insufficient_funds": "4000 0000 0000 9995",
    "incorrect_cvc": "4000 0000 0000 0127",
    "processing_error": "4000 0000 0000 0119",
}


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
    processor = world.processor()
    yield processor
    await processor.close()


async def opened(stripe: StripeProcessor) -> str:
    customer = await stripe.ensure_customer("client:c", "c")
    bill = await stripe.open_invoice("document:d", customer, 9_000, "USD", "d", "case", 14)
    return bill.processor_id


async def shown(stripe: StripeProcessor, invoice_id: str) -> Decline | None:
    """The same of the invoice and of the payment alone."""
    [payment] = (await stripe.read_invoice(invoice_id)).payments
    alone = await stripe.read_payment(payment.intent_id or "")
    assert isinstance(alone, LoosePayment)
    assert alone.declined == payment.declined
    assert payment.failure_code is None
    return payment.declined


async def charges(world: World) -> list[str]:
    events = await world.events()
    return [e["data"]["object"]["id"] for e in events if e["type"] == "charge.failed"]


@pytest.mark.parametrize(
    ("card", "reason"),
    [(LOST, "lost or stolen"), ("4000 0000 0000 9979", "lost or stolen"), (EXPIRED, "expired")],
)
async def test_a_card_that_will_not_pay_later_says_its_class(
    world: World, stripe: StripeProcessor, card: str, reason: str
) -> None:
    invoice_id = await opened(stripe)
    assert await shown(stripe, invoice_id) is None
    await world.control(f"/invoices/{invoice_id}/pay", card=card)
    declined = await shown(stripe, invoice_id)
    assert declined is not None
    assert (declined.reason, [declined.attempt_id]) == (reason, await charges(world))


@pytest.mark.parametrize("card", SOFT.values(), ids=SOFT)
async def test_a_card_that_may_pay_later_says_nothing(
    world: World, stripe: StripeProcessor, card: str
) -> None:
    invoice_id = await opened(stripe)
    await world.control(f"/invoices/{invoice_id}/pay", card=card)
    assert len(await charges(world)) == 1
    assert await shown(stripe, invoice_id) is None


async def test_each_attempt_has_an_id_and_a_payment_ends_it(
    world: World, stripe: StripeProcessor
) -> None:
    invoice_id = await opened(stripe)
    attempts = []
    for card in (LOST, EXPIRED):
        await world.control(f"/invoices/{invoice_id}/pay", card=card)
        declined = await shown(stripe, invoice_id)
        assert declined is not None
        attempts.append(declined.attempt_id)
    assert attempts == await charges(world)
    assert len(set(attempts)) == 2
    await world.control(f"/invoices/{invoice_id}/pay")
    assert await shown(stripe, invoice_id) is None


async def test_money_from_elsewhere_ends_it_too(world: World, stripe: StripeProcessor) -> None:
    invoice_id = await opened(stripe)
    await world.control(f"/invoices/{invoice_id}/pay", card=LOST)
    at = datetime(2026, 11, 5, 18, tzinfo=UTC)
    assert await stripe.record_outside_payment("k", invoice_id, 9_000, "USD", "r-1", at) is None
    read = await stripe.read_invoice(invoice_id)
    assert (read.state, {one.declined for one in read.payments}) == ("paid", {None})


async def test_a_bank_debit_that_comes_back_is_no_card(
    world: World, stripe: StripeProcessor
) -> None:
    invoice_id = await opened(stripe)
    await world.control(f"/invoices/{invoice_id}/processing")
    await world.control(f"/invoices/{invoice_id}/settle", succeeded=False, code="invalid_account")
    [payment] = (await stripe.read_invoice(invoice_id)).payments
    assert (payment.failure_code, payment.declined) == ("invalid_account", None)


async def test_a_page_for_one_amount_says_the_same(world: World, stripe: StripeProcessor) -> None:
    customer = await stripe.ensure_customer("client:c", "c")
    page = await stripe.open_checkout(order(customer))
    await world.control(f"/sessions/{page.session_id}/pay", card=LOST)
    events = await world.events()
    [intent] = [e for e in events if e["type"] == "payment_intent.payment_failed"]
    read = await stripe.read_payment(intent["data"]["object"]["id"])
    assert isinstance(read, LoosePayment)
    assert read.declined is not None
    assert read.declined.reason == "lost or stolen"


@pytest.mark.parametrize(
    "code",
    [
        "insufficient_funds",
        "try_again_later",
        "processing_error",
        "incorrect_cvc",
        "incorrect_number",
        "generic_decline",
        "do_not_honor",
        "call_issuer",
        "authentication_required",
        "approve_with_id",
        "card_velocity_exceeded",
        "fraudulent",
        "a_code_of_tomorrow",
    ],
)
def test_what_may_pass_or_is_not_known_is_no_end(code: str) -> None:
    assert code not in CLASSES
    assert for_good(_intent(code)) is None


def test_the_bank_s_word_goes_before_the_error_s() -> None:
    assert for_good(_intent("transaction_not_allowed")) == Decline(
        attempt_id="ch_1", reason="not permitted"
    )
    assert for_good(_intent("invalid_account")) == Decline(
        attempt_id="ch_1", reason="account closed"
    )
    assert for_good(_intent("insufficient_funds", code="expired_card")) is None


def _intent(decline_code: str, code: str = "card_declined") -> dict[str, object]:
    error = {
        "type": "card_error",
        "code": code,
        "decline_code": decline_code,
        "charge": "ch_1",
        "payment_method": {"type": "card", "card": {"last4": "0002"}},
    }
    return {"id": "pi_1", "status": "requires_payment_method", "last_payment_error": error}


@pytest.mark.parametrize(("tried", "code"), [("card", None), ("us_bank_account", "debit_back")])
def test_an_intent_that_takes_both_says_which_of_them_failed(tried: str, code: str | None) -> None:
    intent = {
        "id": "pi_1",
        "status": "requires_payment_method",
        "payment_method_types": ["card", "us_bank_account"],
        "last_payment_error": {"code": "debit_back", "payment_method": {"type": tried}},
    }
    row = {
        "id": "inpay_1",
        "status": "open",
        "amount_paid": None,
        "amount_requested": 9_000,
        "payment": {"type": "payment_intent", "payment_intent": intent},
        "status_transitions": {"paid_at": None},
    }
    assert to_payment(row, None).failure_code == code
