"""Each kind of event: who is told, who is not, and that no money is dropped."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from connectors.ports import LoosePayment, ProviderUnavailable
from domain import ids
from domain.case import PaymentPosted
from store import payments
from store.db import transaction
from store.payments import PaymentFact
from tests.fakes import open_invoice, paid, stripe_event
from tests.web.conftest import Owed, World, bill
from tests.web.events import NOW, boulevard, keep, loose, stripe


async def allocate(world: World, owed: Owed, object_id: str, amount_cents: int) -> None:
    payment_id = ids.payment_id("stripe", object_id)
    fact = PaymentFact(
        payment_id=payment_id,
        source="stripe",
        object_id=object_id,
        kind="card",
        state="paid",
        amount_cents=amount_cents,
        occurred_at=NOW,
        case_id=owed.case_id,
        client_id=owed.client_id,
        location_id=world.location_id,
    )
    async with transaction(world.pool) as conn:
        await payments.record(conn, fact)
        await payments.allocate(conn, payment_id, owed.case_id, amount_cents, "test")


class TestVisits:
    async def test_a_second_event_amends(self, world: World) -> None:
        order = str(uuid4())
        case = await boulevard(world, "order.completed", {"id": f"urn:blvd:Order:{order}"})
        assert case == f"visit/{world.location_id}/boulevard/{order}"
        assert await boulevard(world, "order.completed", {"id": order.upper()}) == case
        assert len(world.engine.started) == 1
        [(workflow_id, signal, _)] = world.engine.signals
        assert (workflow_id, signal) == (case, "chart_amended")

    async def test_an_appointment_leads_to_its_order(self, world: World) -> None:
        order = str(uuid4())
        node = {"id": "urn:blvd:Appointment:7"}
        assert await boulevard(world, "appointment.completed", node) == "ignored: no order yet"
        world.pms.orders["urn:blvd:Appointment:7"] = order
        assert (await boulevard(world, "appointment.completed", node)).endswith(order)

    @pytest.mark.parametrize("event_type", ["ping", "client.updated", "order_refund.closed"])
    async def test_other_events_open_nothing(self, world: World, event_type: str) -> None:
        outcome = await boulevard(world, event_type, {"id": "urn:blvd:Client:1"})
        assert outcome == f"ignored: {event_type} opens no visit"
        assert world.engine.started == []

    @pytest.mark.parametrize("node", [None, {}, {"id": 7}, {"id": ""}, {"id": "Ada Quill"}, []])
    async def test_what_cannot_be_read_waits_for_a_person(self, world: World, node: Any) -> None:
        assert (await boulevard(world, "order.completed", node)).startswith("failed: ")
        assert world.engine.started == []

    async def test_a_body_that_is_not_json(self, world: World) -> None:
        inbox_id = await keep(world, "boulevard", "order.completed", b"\xff", world.location_id)
        assert await world.intake.dispatch(inbox_id) == "failed: The body is not JSON."

    async def test_the_pms_away_is_tried_again(self, world: World) -> None:
        world.pms.down = True
        with pytest.raises(ProviderUnavailable):
            await boulevard(world, "appointment.completed", {"id": "urn:blvd:Appointment:8"})
        world.pms.down = False
        await world.intake.redrive(0)
        query = "SELECT state, attempts FROM inbox WHERE location_id = $1"
        [row] = await world.pool.fetch(query, world.location_id)
        assert (row["state"], row["attempts"]) == ("ignored", 1)


class TestPayments:
    async def test_a_payment_tells_its_case(self, world: World) -> None:
        owed = await bill(world)
        told = await stripe(world, "invoice_payment.paid", id="inpay_1", invoice=owed.processor_id)
        assert told == owed.case_id
        assert await stripe(world, "invoice.paid", id=owed.processor_id) == owed.case_id
        assert await stripe(world, "invoice.payment_failed", id=owed.processor_id) == owed.case_id
        assert [(one[1], one[2]) for one in world.engine.signals] == [
            ("payment_posted", PaymentPosted(payment_id="inpay_1")),
            ("payment_posted", PaymentPosted(payment_id=owed.processor_id)),
            ("payment_posted", PaymentPosted(payment_id=owed.processor_id)),
        ]

    async def test_an_invoice_paid_by_payments_is_told_by_them(self, world: World) -> None:
        owed = await bill(world)
        outcome = await stripe(world, "invoice.paid", id=owed.processor_id, amount_paid=24000)
        assert outcome == "ignored: the payment's own event tells the case"
        assert world.engine.signals == []
        by_hand = {"amount_paid": 24000, "amount_paid_off_stripe": 24000}
        told = await stripe(world, "invoice.paid", id=owed.processor_id, **by_hand)
        assert told == owed.case_id

    async def test_a_remembered_intent_is_not_asked_about(self, world: World) -> None:
        owed, intent = await bill(world), f"pi_{uuid4().hex}"
        thing = {"invoice": owed.processor_id, "payment": {"payment_intent": intent}}
        assert await stripe(world, "invoice_payment.paid", id="inpay_1", **thing) == owed.case_id
        outcome = await stripe(world, "payment_intent.succeeded", id=intent)
        assert outcome == "ignored: applied to an invoice, whose own event tells the case"
        assert world.processor.asked == []

    async def test_metadata_finds_a_case_whose_row_a_crash_swallowed(self, world: World) -> None:
        world.processor.cases["in_lost"] = "visit/x/boulevard/1"
        world.engine.running.add("visit/x/boulevard/1")
        told = await stripe(world, "invoice_payment.paid", id="inpay_2", invoice="in_lost")
        assert told == "visit/x/boulevard/1"

    @pytest.mark.parametrize("event_type", ["invoice_payment.paid", "invoice.paid"])
    async def test_money_for_a_closed_case_is_not_dropped(
        self, world: World, event_type: str
    ) -> None:
        owed = await bill(world)
        world.engine.running.clear()
        inpay, intent = f"inpay_{uuid4().hex}", f"pi_{uuid4().hex}"
        world.processor.invoices[owed.processor_id] = open_invoice(
            owed.processor_id, 24000, 24000, payments=(paid(inpay, intent, 24000),)
        )
        thing = {"id": owed.processor_id}
        if event_type == "invoice_payment.paid":
            thing = {"id": inpay, "invoice": owed.processor_id}
        assert await stripe(world, event_type, **thing) == f"payment/stripe/{intent}"
        [(workflow, _, start, location_id)] = world.engine.started
        assert (workflow, location_id) == ("UnmatchedPayment", world.location_id)
        assert (start.payment_id, start.zone) == (intent, "America/Chicago")

    async def test_money_that_the_books_have_opens_nothing(self, world: World) -> None:
        owed = await bill(world)
        world.engine.running.clear()
        inpay = f"inpay_{uuid4().hex}"
        world.processor.invoices[owed.processor_id] = open_invoice(
            owed.processor_id, 24000, 24000, payments=(paid(inpay, "pi_1", 24000),)
        )
        await allocate(world, owed, inpay, 24000)
        outcome = await stripe(world, "invoice_payment.paid", id=inpay, invoice=owed.processor_id)
        assert outcome == "ignored: the money is already in the books"
        assert world.engine.started == []

    async def test_money_that_we_reported_ourselves_opens_nothing(self, world: World) -> None:
        owed = await bill(world)
        world.engine.running.clear()
        ours = paid("inpay_3", None, 24000).model_copy(update={"outside": True})
        world.processor.invoices[owed.processor_id] = open_invoice(
            owed.processor_id, 24000, 24000, payments=(ours,)
        )
        outcome = await stripe(world, "invoice.paid", id=owed.processor_id)
        assert outcome.startswith("ignored")
        assert world.engine.started == []

    async def test_an_invoice_that_is_not_ours(self, world: World) -> None:
        foreign, intent = f"in_{uuid4().hex}", f"pi_{uuid4().hex}"
        world.processor.invoices[foreign] = open_invoice(
            foreign, 500, 500, payments=(paid("inpay_4", intent, 500),)
        )
        told = await stripe(world, "invoice_payment.paid", id="inpay_4", invoice=foreign)
        assert told == f"payment/stripe/{intent}"

    async def test_a_loose_payment_is_opened_once(self, world: World) -> None:
        intent = f"pi_{uuid4().hex}"
        world.processor.payments[intent] = loose(intent)
        for _ in range(2):
            told = await stripe(world, "payment_intent.succeeded", id=intent)
            assert told == f"payment/stripe/{intent}"
        assert len(world.engine.started) == 1

    @pytest.mark.parametrize(
        ("payment", "reason"),
        [
            (loose("pi_a", "succeeded", "in_1"), "applied to an invoice"),
            (loose("pi_a", "canceled"), "canceled"),
            (None, "no longer knows"),
        ],
    )
    async def test_payments_that_are_not_loose(
        self, world: World, payment: LoosePayment | None, reason: str
    ) -> None:
        if payment:
            world.processor.payments["pi_a"] = payment
        outcome = await stripe(world, "payment_intent.succeeded", id="pi_a")
        assert outcome.startswith("ignored: ")
        assert reason in outcome
        assert world.engine.started == []

    async def test_a_failed_attempt_is_a_hint(self, world: World) -> None:
        owed = await bill(world)
        intent = f"pi_{uuid4().hex}"
        world.processor.payments[intent] = loose(intent, "processing", owed.processor_id)
        assert await stripe(world, "payment_intent.processing", id=intent) == owed.case_id
        world.engine.running.clear()
        outcome = await stripe(world, "payment_intent.processing", id=intent)
        assert outcome.startswith("ignored")
        assert world.engine.started == []

    async def test_events_without_a_case(self, world: World) -> None:
        assert await stripe(world, "customer.created", id="cus_1") == (
            "ignored: customer.created changes no case"
        )
        assert (await stripe(world, "invoice.paid")).startswith("failed: ")

    async def test_the_processor_away_is_tried_again(self, world: World) -> None:
        owed = await bill(world)
        world.engine.running.clear()
        world.processor.down = True
        with pytest.raises(ProviderUnavailable):
            await stripe(world, "invoice.paid", id=owed.processor_id)


class TestSweeps:
    async def test_catch_up_takes_what_the_webhook_missed(self, world: World) -> None:
        owed = await bill(world)
        event_id = f"evt_{uuid4().hex}"
        body = {
            "id": event_id,
            "type": "invoice_payment.paid",
            "data": {"object": {"id": "inpay_9", "invoice": owed.processor_id}},
        }
        world.processor.events.append(stripe_event(body, NOW))
        since = NOW - timedelta(hours=1)
        counts = await world.intake.catch_up(since)
        assert counts == {"found": 1, "dispatched": 1, "ignored": 0, "failed": 0}
        assert (await world.intake.catch_up(since))["found"] == 0
        assert len(world.engine.signals) == 1

    async def test_one_bad_row_does_not_stop_the_others(self, world: World) -> None:
        world.engine.down = True
        order = str(uuid4())
        with pytest.raises(ProviderUnavailable):
            await boulevard(world, "order.completed", {"id": order})
        world.engine.down = False
        world.pms.down = True
        with pytest.raises(ProviderUnavailable):
            await boulevard(world, "appointment.completed", {"id": "urn:blvd:Appointment:9"})
        counts = await world.intake.redrive(0)
        assert counts["found"] >= 2
        assert counts["failed"] >= 1
        assert f"visit/{world.location_id}/boulevard/{order}" in world.engine.running

    async def test_the_redrive_leaves_fresh_rows_to_the_shim(self, world: World) -> None:
        await keep(world, "boulevard", "ping", b"{}", world.location_id)
        await world.intake.redrive(3600)
        query = "SELECT state FROM inbox WHERE location_id = $1"
        assert await world.pool.fetchval(query, world.location_id) == "received"

    async def test_the_sweep_opens_what_has_no_case(self, world: World) -> None:
        known, missed = await bill(world), str(uuid4())
        world.pms.closed = [known.case_id.rpartition("/")[2], missed]
        counts = await world.intake.sweep_missed(world.location_id, NOW - timedelta(days=1), NOW)
        assert counts == {"closed": 2, "started": 1}
        assert [one[1] for one in world.engine.started] == [
            ids.visit_workflow_id(world.location_id, "boulevard", missed)
        ]
        assert world.engine.signals == []
        assert ("visits_closed", f"urn:blvd:Location:{world.location_id}") in world.pms.asked
