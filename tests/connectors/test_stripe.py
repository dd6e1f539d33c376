"""The connector against the twin over real HTTP: recipe, repeats, look-ups, refusals."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from connectors.payments.stripe import StripeProcessor
from connectors.ports import (
    BadRequest,
    Misconfigured,
    OutcomeUnknown,
    ProcessorInvoice,
    ProviderUnavailable,
    RateLimited,
    Refused,
)
from tests.connectors.stripe_world import CASE, CLIENT, DOCUMENT, OPEN_KEY, SECRET, World

PAID_AT = datetime(2026, 11, 3, 18, 0, tzinfo=UTC)


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


async def open_one(stripe: StripeProcessor, cents: int = 52000, key: str = OPEN_KEY) -> str:
    return (await open_invoice(stripe, cents, key)).processor_id


async def open_invoice(
    stripe: StripeProcessor, cents: int = 52000, key: str = OPEN_KEY
) -> ProcessorInvoice:
    customer = await stripe.ensure_customer(f"customer:{CLIENT}", CLIENT)
    return await stripe.open_invoice(key, customer, cents, "usd", DOCUMENT, CASE, 14)


async def test_opens_one_neutral_invoice(world: World, stripe: StripeProcessor) -> None:
    invoice = await open_invoice(stripe)
    assert (invoice.state, invoice.amount_cents, invoice.remaining_cents) == ("open", 52000, 52000)
    assert invoice.pay_url is not None
    assert invoice.pay_url.startswith(f"{world.url}/stripe/pay/")
    assert invoice.processor_id not in invoice.pay_url
    assert world.operations() == [
        "customers.create",
        "invoices.create",
        "invoiceitems.create",
        "invoices.finalize",
    ]
    [stored] = world.stored("invoice")
    assert stored["auto_advance"] is False
    assert stored["collection_method"] == "send_invoice"
    assert stored["metadata"] == {"case": CASE, "document": DOCUMENT}
    assert stored["due_date"] - stored["created"] == 14 * 86400
    [line] = stored["lines"]["data"]
    assert line["description"].startswith("Services, visit ")
    assert len(line["description"]) == len("Services, visit 7F3K")
    assert (await stripe.case_of_invoice(invoice.processor_id)) == CASE


async def test_each_call_has_its_own_key_and_retries_repeat_it(
    world: World, stripe: StripeProcessor
) -> None:
    world.fault("invoices.finalize", "error_before")
    with pytest.raises(ProviderUnavailable):
        await open_one(stripe)
    await open_one(stripe)
    keys = [row["request"]["idempotency_key"] for row in world.calls()]
    first, again = keys[:3], keys[3:]
    assert len(set(first)) == 3
    assert again == [*first[:2], None, f"{OPEN_KEY}:finalize"]
    assert world.operations()[5] == "invoices.retrieve"


async def test_one_document_has_one_invoice_whatever_the_key(
    world: World, stripe: StripeProcessor
) -> None:
    first = await open_one(stripe, key="a")
    assert await open_one(stripe, key="b") == first
    assert len(world.stored("invoice")) == 1


STEPS = ("customers.create", "invoices.create", "invoiceitems.create", "invoices.finalize")
FAULTS = ("error_before", "error_after", "reset_before", "reset_after", "rate_limit")


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("step", STEPS)
async def test_a_fault_at_any_step_leaves_one_invoice(
    world: World, stripe: StripeProcessor, step: str, kind: str
) -> None:
    world.fault(step, kind)
    with pytest.raises((ProviderUnavailable, RateLimited)) as caught:
        await open_one(stripe)
    assert caught.value.retryable
    invoice = await open_invoice(stripe)
    assert invoice.remaining_cents == 52000
    assert len(world.stored("customer")) == len(world.stored("invoice")) == 1
    assert len(world.stored("invoiceitem")) == 1


async def test_a_timeout_after_the_effect_is_safe_to_repeat(world: World) -> None:
    stripe = world.processor(timeout_seconds=1)
    world.fault("invoices.create", "timeout_after", seconds=1.5)
    with pytest.raises(ProviderUnavailable):
        await open_one(stripe)
    await open_one(stripe)
    assert len(world.stored("invoice")) == 1
    await stripe.close()


async def test_nobody_listening_is_unavailable() -> None:
    stripe = StripeProcessor("sk_test_x", SECRET, "http://127.0.0.1:9", timeout_seconds=2)
    with pytest.raises(ProviderUnavailable):
        await stripe.ensure_customer("k", CLIENT)
    await stripe.close()


@pytest.mark.parametrize("step", STEPS[1:])
async def test_a_saved_failure_is_looked_up_not_repeated(
    world: World, stripe: StripeProcessor, step: str
) -> None:
    await world.control("/saved_failure", operation=step)
    with pytest.raises(ProviderUnavailable):
        await open_one(stripe)
    invoice = await open_invoice(stripe)
    assert invoice.state == "open"
    assert len(world.stored("invoice")) == len(world.stored("invoiceitem")) == 1


async def test_a_saved_failure_without_effect_gets_a_new_key(
    world: World, stripe: StripeProcessor
) -> None:
    await world.control("/saved_failure", operation="payment_records.report_payment")
    invoice_id = await open_one(stripe)
    pay = ("desk:1", invoice_id, 10000, "usd", "TO-ABC", PAID_AT)
    with pytest.raises(ProviderUnavailable):
        await stripe.record_outside_payment(*pay)
    await stripe.record_outside_payment(*pay)
    assert (await stripe.read_invoice(invoice_id)).remaining_cents == 42000
    keys = [
        row["request"]["idempotency_key"] for row in world.calls("payment_records.report_payment")
    ]
    assert keys == ["desk:1:report", "desk:1:report", "desk:1:report:v2"]


async def test_past_the_life_of_keys_the_look_up_finds_the_document(world: World) -> None:
    first = world.processor()
    opened = await open_invoice(first)
    world.box.shift = timedelta(hours=30)
    second = world.processor()
    customer = world.stored("customer")[0]["id"]
    again = await second.open_invoice(OPEN_KEY, customer, 52000, "usd", DOCUMENT, CASE, 14)
    assert again.processor_id == opened.processor_id
    assert len(world.stored("invoice")) == 1
    await first.close()
    await second.close()


async def test_a_half_made_draft_is_finished_past_the_life_of_keys(world: World) -> None:
    first, second = world.processor(), world.processor()
    world.fault("invoiceitems.create", "error_before")
    with pytest.raises(ProviderUnavailable):
        await open_one(first)
    world.box.shift = timedelta(hours=30)
    customer = world.stored("customer")[0]["id"]
    invoice = await second.open_invoice(OPEN_KEY, customer, 52000, "usd", DOCUMENT, CASE, 14)
    assert (invoice.state, invoice.remaining_cents) == ("open", 52000)
    assert len(world.stored("invoice")) == len(world.stored("invoiceitem")) == 1
    await first.close()
    await second.close()


async def test_a_repeat_shows_the_invoice_as_it_now_is(
    world: World, stripe: StripeProcessor
) -> None:
    invoice_id = await open_one(stripe)
    await world.control(f"/invoices/{invoice_id}/pay", amount_cents=20000)
    again = await open_invoice(stripe)
    assert (again.paid_cents, again.remaining_cents) == (20000, 32000)
    assert [row.amount_cents for row in again.payments if row.state == "paid"] == [20000]


async def test_a_repeat_sees_a_payment_on_its_way(world: World, stripe: StripeProcessor) -> None:
    invoice_id = await open_one(stripe)
    await world.control(f"/invoices/{invoice_id}/processing")
    assert (await open_invoice(stripe)).in_flight


async def test_another_amount_for_the_same_document_is_refused(
    world: World, stripe: StripeProcessor
) -> None:
    await open_one(stripe)
    with pytest.raises(BadRequest):
        await open_one(stripe, cents=99900, key="another")


async def test_a_key_used_for_another_client_is_unknown(
    world: World, stripe: StripeProcessor
) -> None:
    await stripe.ensure_customer("same", CLIENT)
    with pytest.raises(OutcomeUnknown):
        await stripe.ensure_customer("same", DOCUMENT)
    assert len(world.stored("customer")) == 1


async def test_two_workers_at_once_open_one_invoice(world: World, stripe: StripeProcessor) -> None:
    other = world.processor()
    first, second = await asyncio.gather(open_one(stripe), open_one(other))
    assert first == second
    assert len(world.stored("invoice")) == len(world.stored("invoiceitem")) == 1
    await other.close()


async def test_reads_an_invoice_in_one_call(world: World, stripe: StripeProcessor) -> None:
    invoice_id = await open_one(stripe)
    await world.control(f"/invoices/{invoice_id}/pay", amount_cents=20000)
    before = len(world.calls())
    invoice = await stripe.read_invoice(invoice_id)
    assert len(world.calls()) == before + 1
    [part] = [payment for payment in invoice.payments if payment.state == "paid"]
    assert part.amount_cents == 20000
    assert part.payment_id.startswith("inpay_")
    assert part.intent_id is not None
    assert part.intent_id.startswith("pi_")
    assert part.paid_at is not None
    assert not part.outside
    assert not invoice.in_flight


async def test_pages_through_many_payments(world: World, stripe: StripeProcessor) -> None:
    invoice_id = await open_one(stripe)
    for _ in range(12):
        await world.control(f"/invoices/{invoice_id}/pay", amount_cents=100)
    invoice = await stripe.read_invoice(invoice_id)
    assert len([row for row in invoice.payments if row.state == "paid"]) == 12


async def test_a_bank_debit_is_in_flight_until_it_settles(
    world: World, stripe: StripeProcessor
) -> None:
    invoice_id = await open_one(stripe)
    await world.control(f"/invoices/{invoice_id}/processing")
    invoice = await stripe.read_invoice(invoice_id)
    assert invoice.in_flight
    assert invoice.remaining_cents == 52000
    await world.control(f"/invoices/{invoice_id}/settle", succeeded=True)
    invoice = await stripe.read_invoice(invoice_id)
    assert (invoice.in_flight, invoice.state) == (False, "paid")


async def test_credits_once_even_past_the_life_of_the_key(
    world: World, stripe: StripeProcessor
) -> None:
    invoice_id = await open_one(stripe)
    assert await stripe.credit_invoice("credit:1", invoice_id, 12000) is None
    world.box.shift = timedelta(hours=30)
    assert await stripe.credit_invoice("credit:1", invoice_id, 12000) is None
    assert (await stripe.read_invoice(invoice_id)).remaining_cents == 40000


async def test_a_credit_on_a_paid_invoice_is_a_business_no(
    world: World, stripe: StripeProcessor
) -> None:
    invoice_id = await open_one(stripe)
    await world.control(f"/invoices/{invoice_id}/pay", amount_cents=50000)
    above = await stripe.credit_invoice("credit:1", invoice_id, 12000)
    assert isinstance(above, Refused)
    assert above.code == "amount_above_remaining"
    await world.control(f"/invoices/{invoice_id}/pay")
    paid = await stripe.credit_invoice("credit:2", invoice_id, 12000)
    assert isinstance(paid, Refused)
    assert (paid.kind, paid.code) == ("closed", "invoice_paid")


@pytest.mark.parametrize("step", ["payment_records.report_payment", "invoices.attach_payment"])
@pytest.mark.parametrize("kind", FAULTS)
async def test_outside_money_counts_once(
    world: World, stripe: StripeProcessor, step: str, kind: str
) -> None:
    invoice_id = await open_one(stripe)
    pay = ("desk:1", invoice_id, 15000, "usd", "TO-ABC", PAID_AT)
    world.fault(step, kind)
    with pytest.raises((ProviderUnavailable, RateLimited)):
        await stripe.record_outside_payment(*pay)
    assert await stripe.record_outside_payment(*pay) is None
    world.box.shift = timedelta(hours=30)
    assert await stripe.record_outside_payment(*pay) is None
    invoice = await stripe.read_invoice(invoice_id)
    assert (invoice.paid_cents, invoice.remaining_cents) == (15000, 37000)
    [outside] = [payment for payment in invoice.payments if payment.outside]
    assert (outside.amount_cents, outside.intent_id) == (15000, None)


async def test_outside_money_on_a_closed_invoice_is_a_business_no(
    world: World, stripe: StripeProcessor
) -> None:
    invoice_id = await open_one(stripe)
    await world.control(f"/invoices/{invoice_id}/pay")
    refused = await stripe.record_outside_payment(
        "desk:1", invoice_id, 15000, "usd", "TO-ABC", PAID_AT
    )
    assert isinstance(refused, Refused)
    assert refused.kind == "closed"


async def test_reads_a_loose_payment_and_an_applied_one(
    world: World, stripe: StripeProcessor
) -> None:
    loose = await world.control("/loose_payment", amount_cents=9900, currency="usd")
    payment = await stripe.read_payment(loose["id"])
    assert not isinstance(payment, Refused)
    assert (payment.amount_cents, payment.state, payment.invoice_ids) == (9900, "succeeded", ())
    assert payment.paid_at is not None
    invoice_id = await open_one(stripe)
    await world.control(f"/invoices/{invoice_id}/pay")
    [row] = (await stripe.read_invoice(invoice_id)).payments
    applied = await stripe.read_payment(row.intent_id or "")
    assert not isinstance(applied, Refused)
    assert applied.invoice_ids == (invoice_id,)
    missing = await stripe.read_payment("pi_none")
    assert isinstance(missing, Refused)
    assert missing.kind == "not_found"


async def test_catches_up_on_dropped_webhooks(world: World, stripe: StripeProcessor) -> None:
    world.box.webhook_urls["stripe"] = f"{world.url}/hook"
    world.fault("webhook:invoice.paid", "drop")
    since = datetime.now(UTC) - timedelta(seconds=2)
    invoice_id = await open_one(stripe)
    await world.control(f"/invoices/{invoice_id}/pay")
    received = {body["type"] for body in await world.flush()}
    assert "invoice_payment.paid" in received
    assert "invoice.paid" not in received
    events = await stripe.events_since(since)
    types = [event.event_type for event in events]
    assert types.count("invoice.paid") == 1
    assert types.index("invoice_payment.paid") < types.index("invoice.paid")
    [paid] = [event for event in events if event.event_type == "invoice.paid"]
    assert paid.body["data"]["object"]["id"] == invoice_id
    assert paid.source == "stripe"
    assert paid.occurred_at.tzinfo is not None


async def test_catches_up_over_several_pages(world: World, stripe: StripeProcessor) -> None:
    since = datetime.now(UTC) - timedelta(seconds=2)
    for _ in range(130):
        await world.control("/loose_payment", amount_cents=100, currency="usd")
    events = await stripe.events_since(since)
    assert len([e for e in events if e.event_type == "payment_intent.succeeded"]) == 130
    assert len({event.event_id for event in events}) == len(events)


async def test_a_real_webhook_verifies(world: World, stripe: StripeProcessor) -> None:
    world.box.webhook_urls["stripe"] = f"{world.url}/hook"
    await world.control("/loose_payment", amount_cents=100, currency="usd")
    await world.flush()
    headers, raw = world.hooks[0]
    event = stripe.verify(raw, headers, datetime.now(UTC))
    assert event.event_type == "payment_intent.succeeded"


async def test_case_of_a_foreign_or_missing_invoice_is_none(
    world: World, stripe: StripeProcessor
) -> None:
    assert await stripe.case_of_invoice("in_none") is None


async def test_a_wrong_key_is_misconfigured(world: World) -> None:
    stripe = StripeProcessor("sk_test_wrong", SECRET, f"{world.url}/stripe")
    with pytest.raises(Misconfigured):
        await stripe.ensure_customer("k", CLIENT)
    await stripe.close()


async def test_never_sends(world: World, stripe: StripeProcessor) -> None:
    await open_one(stripe)
    assert "invoices.send" not in world.operations()
    assert not [event for event in await world.events() if event["type"] == "invoice.sent"]
