"""Refunds and disputes: the connector and the twin, over HTTP."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from connectors.payments.stripe import StripeProcessor
from connectors.ports import (
    Movement,
    OutcomeUnknown,
    ProcessorDispute,
    ProcessorRefund,
    ProviderUnavailable,
    Refused,
)
from tests.connectors.stripe_world import World

REF = "0c0c0c0c-1111-2222-3333-444444444444"


@pytest.fixture(scope="module")
def running() -> Iterator[World]:
    with World.served() as world:
        yield world


@pytest.fixture
async def stripe(running: World) -> AsyncIterator[StripeProcessor]:
    running.reset()
    made = running.processor()
    yield made
    await made.close()


async def charged(world: World, cents: int = 10_000) -> str:
    body = {"amount_cents": cents, "currency": "usd"}
    return (await world.control("/loose_payment", **body))["id"]


async def refunded(stripe: StripeProcessor, payment: str, cents: int = 4_000) -> ProcessorRefund:
    made = await stripe.reversals.refund(f"refund:{REF}", payment, cents, REF)
    assert isinstance(made, ProcessorRefund)
    return made


def moved(read: ProcessorRefund | ProcessorDispute | Refused) -> list[tuple[str, int, int]]:
    assert not isinstance(read, Refused)
    return [(one.kind, one.amount_cents, one.fee_cents) for one in read.movements]


async def test_a_refund_is_made_once_and_read_with_what_it_moved(
    running: World, stripe: StripeProcessor
) -> None:
    payment = await charged(running)
    first = await refunded(stripe, payment)
    assert (first.state, first.amount_cents, first.reference) == ("succeeded", 4_000, REF)
    assert first.payment_id == payment
    assert moved(first) == [("refund", -4_000, 0)]
    running.box.shift = timedelta(hours=30)  # past the life of the key
    again = await refunded(stripe, payment)
    assert again == first
    [movement] = first.movements
    since = datetime.now(UTC) - timedelta(hours=1)
    assert movement in await stripe.payouts.movements_since(since)


@pytest.mark.parametrize("kind", ["error_before", "error_after", "reset_after"])
async def test_a_lost_answer_moves_no_money_twice(
    running: World, stripe: StripeProcessor, kind: str
) -> None:
    payment = await charged(running)
    running.fault("refunds.create", kind, times=1)
    with pytest.raises(ProviderUnavailable):
        await refunded(stripe, payment)
    assert (await refunded(stripe, payment)).state == "succeeded"
    assert len(running.stored("refund")) == 1


async def test_a_failure_that_the_key_remembers_is_looked_up(
    running: World, stripe: StripeProcessor
) -> None:
    payment = await charged(running)
    await running.control("/saved_failure", operation="refunds.create")
    with pytest.raises(ProviderUnavailable):
        await refunded(stripe, payment)
    assert (await refunded(stripe, payment)).state == "succeeded"
    assert len(running.stored("refund")) == 1


async def test_a_payment_is_refunded_by_its_application_to_an_invoice(
    running: World, stripe: StripeProcessor
) -> None:
    customer = await stripe.ensure_customer("client:c", "c")
    bill = await stripe.open_invoice("document:d", customer, 9_000, "USD", "d", "case", 14)
    await running.control(f"/invoices/{bill.processor_id}/pay")
    [row] = (await stripe.read_invoice(bill.processor_id)).payments
    made = await refunded(stripe, row.payment_id)
    assert made.payment_id == row.intent_id


async def test_what_cannot_be_refunded_is_refused(running: World, stripe: StripeProcessor) -> None:
    payment = await charged(running)
    await running.control("/refund", payment_intent=payment, amount_cents=9_000)
    refused = await stripe.reversals.refund("refund:x", payment, 2_000, "x")
    assert refused == Refused(code="charge_already_refunded", kind="closed")
    disputed = await charged(running)
    await running.control("/disputes", payment_intent=disputed)
    refused = await stripe.reversals.refund("refund:y", disputed, 2_000, "y")
    assert refused == Refused(code="charge_disputed", kind="declined")
    refused = await stripe.reversals.refund("refund:z", "pi_nowhere", 2_000, "z")
    assert refused == Refused(code="resource_missing", kind="not_found")
    missing = await stripe.reversals.read_refund("re_nowhere")
    assert isinstance(missing, Refused)


async def test_a_refund_that_fails_later_is_back_in_the_balance(
    running: World, stripe: StripeProcessor
) -> None:
    payment = await charged(running)
    await running.control("/next_refund", status="pending")
    made = await refunded(stripe, payment)
    assert made.state == "pending"
    await running.control(f"/refunds/{made.refund_id}/succeed")
    await running.control(f"/refunds/{made.refund_id}/fail", reason="expired_or_canceled_card")
    read = await stripe.reversals.read_refund(made.refund_id)
    assert isinstance(read, ProcessorRefund)
    assert (read.state, read.failure_code) == ("failed", "expired_or_canceled_card")
    assert moved(read) == [("refund", -4_000, 0), ("refund_returned", 4_000, 0)]
    assert (await stripe.reversals.refund("refund:2", payment, 10_000, "2")).state == "succeeded"  # type: ignore[union-attr]


async def test_a_refund_that_waits_for_its_payer_has_moved_nothing(
    running: World, stripe: StripeProcessor
) -> None:
    payment = await charged(running)
    await running.control("/next_refund", status="requires_action")
    made = await refunded(stripe, payment)
    assert (made.state, made.movements) == ("requires_action", ())


async def test_a_dispute_is_read_answered_and_won(running: World, stripe: StripeProcessor) -> None:
    payment = await charged(running)
    opened = await running.control("/disputes", payment_intent=payment, reason="fraudulent")
    read = await stripe.reversals.read_dispute(opened["id"])
    assert isinstance(read, ProcessorDispute)
    assert (read.state, read.reason, read.is_chargeback) == ("needs_response", "fraudulent", True)
    assert (read.payment_id, read.evidence_count) == (payment, 0)
    assert moved(read) == [("dispute", -10_000, 1_500)]
    since = datetime.now(UTC) - timedelta(hours=1)
    listed: list[Movement] = list(await stripe.payouts.movements_since(since))
    assert read.movements[0] in listed
    said = {"service_date": "2026-11-05", "uncategorized_text": "visit 1"}
    answered = await stripe.reversals.submit_evidence("dispute:1", read.dispute_id, said)
    assert isinstance(answered, ProcessorDispute)
    assert (answered.state, answered.evidence_count) == ("under_review", 1)
    await running.control(f"/disputes/{read.dispute_id}/decide", outcome="won")
    won = await stripe.reversals.read_dispute(read.dispute_id)
    assert isinstance(won, ProcessorDispute)
    assert won.state == "won"
    assert moved(won) == [("dispute", -10_000, 1_500), ("dispute_won", 10_000, 0)]
    late = await stripe.reversals.submit_evidence("dispute:2", read.dispute_id, said)
    assert late == Refused(code="dispute_won", kind="closed")


async def test_a_dispute_is_given_up_once(running: World, stripe: StripeProcessor) -> None:
    payment = await charged(running)
    opened = await running.control("/disputes", payment_intent=payment, amount_cents=3_000)
    lost = await stripe.reversals.accept_dispute("accept:1", opened["id"])
    assert isinstance(lost, ProcessorDispute)
    assert (lost.state, moved(lost)) == ("lost", [("dispute", -3_000, 1_500)])
    again = await stripe.reversals.accept_dispute("accept:2", opened["id"])
    assert again == Refused(code="dispute_lost", kind="closed")


async def test_an_inquiry_moves_nothing_until_it_becomes_a_chargeback(
    running: World, stripe: StripeProcessor
) -> None:
    payment = await charged(running)
    body = {"payment_intent": payment, "status": "warning_needs_response"}
    opened = await running.control("/disputes", **body)
    read = await stripe.reversals.read_dispute(opened["id"])
    assert isinstance(read, ProcessorDispute)
    assert (read.state, read.is_chargeback, read.movements) == ("inquiry", False, ())
    await running.control(f"/disputes/{opened['id']}/escalate")
    read = await stripe.reversals.read_dispute(opened["id"])
    assert isinstance(read, ProcessorDispute)
    assert (read.state, read.is_chargeback) == ("needs_response", True)
    assert moved(read) == [("dispute", -10_000, 1_500)]


async def test_a_part_may_come_back_of_a_lost_dispute(
    running: World, stripe: StripeProcessor
) -> None:
    payment = await charged(running)
    opened = await running.control("/disputes", payment_intent=payment)
    body = {"outcome": "lost", "won_cents": 2_500}
    await running.control(f"/disputes/{opened['id']}/decide", **body)
    read = await stripe.reversals.read_dispute(opened["id"])
    assert isinstance(read, ProcessorDispute)
    assert (read.state, sum(one.amount_cents for one in read.movements)) == ("lost", -7_500)


async def test_a_bank_debit_that_failed_says_why(running: World, stripe: StripeProcessor) -> None:
    customer = await stripe.ensure_customer("client:c", "c")
    bill = await stripe.open_invoice("document:d", customer, 9_000, "USD", "d", "case", 14)
    path = f"/invoices/{bill.processor_id}"
    await running.control(f"{path}/processing")
    assert (await stripe.read_invoice(bill.processor_id)).in_flight
    await running.control(f"{path}/settle", succeeded=False, code="account_closed")
    read = await stripe.read_invoice(bill.processor_id)
    assert (read.in_flight, [one.failure_code for one in read.payments]) == (
        False,
        ["account_closed"],
    )


async def test_the_processor_does_not_answer(running: World, stripe: StripeProcessor) -> None:
    running.fault("refunds.retrieve", "error_before", times=9)
    with pytest.raises((ProviderUnavailable, OutcomeUnknown)):
        await stripe.reversals.read_refund("re_1")
