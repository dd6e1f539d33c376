"""Each kind of event: who is told, who is not, and that no money is dropped."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest

from connectors.ports import DeliveryReport, LoosePayment, ProviderUnavailable
from domain import ids
from domain.case import Channel, DeliveryFailed, PaymentPosted
from domain.reply_case import ReplyInput
from store import consents, holds, inbox, payments, touchpoints
from store.db import transaction
from store.payments import PaymentFact
from store.touchpoints import Touchpoint
from tests.agreed import channels_on
from tests.fakes import open_invoice, paid, stripe_event
from tests.web.conftest import Owed, World, add_client, add_plan, bill, new_phone, settle

NOW = datetime(2026, 11, 5, 18, 0, tzinfo=UTC)
SENT = NOW - timedelta(hours=1)
"""When a text of `NOW` went out by the wall clock: the location is an hour ahead of it."""


async def keep(
    world: World, source: str, event_type: str, body: bytes, location_id: str | None = None
) -> str:
    async with transaction(world.pool) as conn:
        inbox_id, _ = await inbox.receive(
            conn, world.vault, source, location_id, f"evt-{uuid4()}", event_type, NOW, {}, body
        )
    return inbox_id


async def stripe(world: World, event_type: str, **thing: Any) -> str:
    body = json.dumps({"type": event_type, "data": {"object": thing}}).encode()
    return await world.intake.dispatch(await keep(world, "stripe", event_type, body))


async def twilio(world: World, event_type: str, **form: str) -> str:
    body = urlencode({"MessageSid": f"SM{uuid4().hex}"} | form).encode()
    return await world.intake.dispatch(await keep(world, "twilio", event_type, body))


async def boulevard(world: World, event_type: str, node: Any) -> str:
    body = json.dumps({"event": event_type, "data": {"node": node}}).encode()
    inbox_id = await keep(world, "boulevard", event_type, body, world.location_id)
    return await world.intake.dispatch(inbox_id)


def loose(payment_id: str, state: str = "succeeded", *invoices: str) -> LoosePayment:
    return LoosePayment(
        payment_id=payment_id,
        amount_cents=24000,
        currency="usd",
        state=state,
        invoice_ids=invoices,
        customer_id=None,
        paid_at=NOW,
    )


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


class TestTexts:
    async def sent(self, world: World, owed: Owed) -> str:
        key = uuid4().hex
        message = Touchpoint(
            message_key=key,
            case_id=owed.case_id,
            client_id=owed.client_id,
            location_id=world.location_id,
            step="invoice",
            channel=Channel.SMS,
            template_version=1,
            local_date=date(2026, 11, 5),
            at=NOW,
        )
        async with transaction(world.pool) as conn:
            await touchpoints.open_intent(conn, message)
            await touchpoints.mark_sending(conn, key, 1)
        return key

    async def state(self, world: World, key: str) -> str:
        async with world.pool.acquire() as conn:
            return (await touchpoints.get(conn, key)).state

    async def may_send(self, world: World, client_id: str, message_class: str = "billing") -> bool:
        async with world.pool.acquire() as conn:
            return (await consents.may_send(conn, world.vault, client_id, "sms", message_class))[0]

    async def test_a_report_advances_the_message(self, world: World) -> None:
        key = await self.sent(world, await bill(world))
        sid = f"SM{uuid4().hex}"
        for status, state in (("sent", "accepted"), ("delivered", "delivered")):
            await twilio(world, "message.status", key=key, MessageStatus=status, MessageSid=sid)
            assert await self.state(world, key) == state
        await twilio(world, "message.status", key=key, MessageStatus="sent", MessageSid=sid)
        assert await self.state(world, key) == "delivered"
        assert world.engine.signals == []

    @pytest.mark.parametrize("status", ["undelivered", "failed"])
    async def test_a_failure_tells_the_case(self, world: World, status: str) -> None:
        owed = await bill(world)
        key = await self.sent(world, owed)
        form = {"key": key, "MessageStatus": status, "ErrorCode": "30005"}
        told = await twilio(world, "message.status", **form, Kind="invalid_address")
        assert told == owed.case_id
        assert await self.state(world, key) == "failed"
        failed = DeliveryFailed(message_key=key, channel=Channel.SMS, code="invalid_address")
        assert world.engine.signals == [(owed.case_id, "delivery_failed", failed)]
        # Nobody texts a dead number again; one that the desk changed since is another number.
        assert not await self.may_send(world, owed.client_id)

    async def taken(self, world: World, owed: Owed) -> tuple[str, str]:
        async with transaction(world.pool) as conn:
            await channels_on(conn, world.location_id)
        key, sid = await self.sent(world, owed), f"SM{uuid4().hex}"
        async with transaction(world.pool) as conn:
            await touchpoints.mark(conn, key, "accepted", provider_id=sid)
        return key, sid

    @pytest.mark.parametrize(
        ("state", "becomes", "outcome"),
        [
            ("undelivered", "failed", "told"),
            ("delivered", "delivered", "ended"),
            ("sent", "accepted", "open"),
            (None, "accepted", "open"),
        ],
    )
    async def test_a_report_that_was_lost_is_asked_for(
        self, world: World, state: str | None, becomes: str, outcome: str
    ) -> None:
        owed = await bill(world)
        key, sid = await self.taken(world, owed)
        if state is not None:
            world.text.reports[sid] = DeliveryReport(
                message_key="",
                provider_id=sid,
                state=state,
                failure_kind="invalid_address" if state == "undelivered" else None,
            )
        await world.intake.find_text_reports(SENT - timedelta(hours=72), SENT)
        assert await self.state(world, key) == "accepted"
        late = SENT + timedelta(seconds=1)
        found = await world.intake.find_text_reports(SENT, late)
        assert found[outcome] >= 1
        assert await self.state(world, key) == becomes
        failed = DeliveryFailed(message_key=key, channel=Channel.SMS, code="invalid_address")
        told = [(owed.case_id, "delivery_failed", failed)] if outcome == "told" else []
        assert world.engine.signals == told
        again = await world.intake.find_text_reports(SENT, late)
        assert again["told"] == 0

    async def test_a_provider_that_does_not_answer_is_asked_by_the_next_pass(
        self, world: World
    ) -> None:
        key, _ = await self.taken(world, await bill(world))

        async def away(_: str) -> None:
            raise ProviderUnavailable("away")

        world.text.report = away  # type: ignore[method-assign]
        found = await world.intake.find_text_reports(SENT, SENT + timedelta(seconds=1))
        assert found["away"] >= 1
        assert await self.state(world, key) == "accepted"

    async def test_a_failure_after_the_delivery_changes_nothing(self, world: World) -> None:
        key = await self.sent(world, await bill(world))
        sid = f"SM{uuid4().hex}"
        await twilio(world, "message.status", key=key, MessageStatus="delivered", MessageSid=sid)
        await twilio(world, "message.status", key=key, MessageStatus="failed", MessageSid=sid)
        assert await self.state(world, key) == "delivered"
        assert world.engine.signals == []

    async def test_the_carriers_opt_out_is_kept(self, world: World) -> None:
        owed = await bill(world)
        key = await self.sent(world, owed)
        assert await self.may_send(world, owed.client_id)
        form = {"key": key, "MessageStatus": "failed", "Kind": "opted_out"}
        await twilio(world, "message.status", **form)
        assert not await self.may_send(world, owed.client_id)

    async def test_a_report_on_a_message_that_is_not_ours(self, world: World) -> None:
        outcome = await twilio(world, "message.status", key="none", MessageStatus="failed")
        assert outcome.startswith("ignored: no message")
        assert (await twilio(world, "message.status", MessageStatus="sent")).startswith("failed: ")

    async def test_stop_acts_at_once_for_everyone_with_the_number(self, world: World) -> None:
        phone = new_phone()
        family = [await add_client(world, phone), await add_client(world, phone)]
        stranger = await add_client(world, new_phone())
        await twilio(world, "message.received", From=phone, Body="STOP")
        assert [await self.may_send(world, one) for one in family] == [False, False]
        assert await self.may_send(world, stranger)
        later = await add_client(world, phone)
        assert not await self.may_send(world, later)

    async def test_start_restores_billing_and_nothing_more(self, world: World) -> None:
        phone = new_phone()
        client_id = await add_client(world, phone)
        await twilio(world, "message.received", From=phone, Body="STOP")
        await twilio(world, "message.received", From=phone, Body="START")
        assert await self.may_send(world, client_id)
        assert not await self.may_send(world, client_id, "marketing")

    async def test_a_marketing_stop_leaves_billing(self, world: World) -> None:
        phone = new_phone()
        client_id = await add_client(world, phone)
        await twilio(world, "message.received", From=phone, Body="stop sending me offers")
        assert await self.may_send(world, client_id)
        async with world.pool.acquire() as conn:
            answer = await consents.permission(conn, client_id, Channel.SMS, "marketing")
        assert answer.reason == "opted_out"

    async def test_a_start_that_is_redriven_after_a_later_stop_restores_nothing(
        self, world: World
    ) -> None:
        phone = new_phone()
        client_id = await add_client(world, phone)
        body = urlencode({"MessageSid": "SM1", "From": phone, "Body": "START"}).encode()
        start = await keep(world, "twilio", "message.received", body)
        await twilio(world, "message.received", From=phone, Body="STOP")
        await world.intake.dispatch(start)
        assert not await self.may_send(world, client_id)

    async def test_a_reply_silences_everybody_with_the_number_and_asks(self, world: World) -> None:
        phone = new_phone()
        settled, owed = await bill(world, phone=phone), await bill(world, phone=phone)
        await settle(world, settled, 24000)
        told = await twilio(world, "message.received", From=phone, Body="I paid at the desk")
        first = min(settled.client_id, owed.client_id)
        assert told == f"reply/{world.location_id}/{first}"
        [(workflow, _, start, location_id)] = world.engine.started
        assert isinstance(start, ReplyInput)
        assert (workflow, location_id) == ("PatientReply", world.location_id)
        assert start.reply.code == "REPLY_PAID"
        [(case_id, signal, _)] = world.engine.signals
        assert (case_id, signal) == (owed.case_id, "payment_posted")
        assert await self.holds(world, settled.client_id) == [("reply", "reply: paid")]
        assert await self.holds(world, owed.client_id) == [("reply", "reply: paid")]
        assert await self.may_send(world, owed.client_id)
        assert "desk" not in start.model_dump_json()

    async def test_i_paid_makes_the_visits_read_the_books(self, world: World) -> None:
        owed = await bill(world)
        await twilio(world, "message.received", From=owed.phone, Body="Ya pagué")
        [(case_id, signal, hint)] = world.engine.signals
        assert (case_id, signal) == (owed.case_id, "payment_posted")
        assert isinstance(hint, PaymentPosted)

    @pytest.mark.parametrize(
        ("body", "code", "kind"),
        [
            ("my lips are swollen", "ADVERSE_EVENT", "adverse_event"),
            ("this amount is wrong", "REPLY_DISPUTE", "dispute"),
            ("call me", "REPLY_CALL", "reply"),
            ("thanks", "REPLY_UNCLEAR", "reply"),
        ],
    )
    async def test_each_kind_of_reply_holds_and_asks(
        self, world: World, body: str, code: str, kind: str
    ) -> None:
        phone = new_phone()
        client_id = await add_client(world, phone)
        await twilio(world, "message.received", From=phone, Body=body)
        [(_, _, start, _)] = world.engine.started
        assert isinstance(start, ReplyInput)
        assert start.reply.code == code
        assert [held for held, _ in await self.holds(world, client_id)] == [kind]

    async def test_a_reply_reaches_the_plans_of_everybody_it_silences_at_once(
        self, world: World
    ) -> None:
        phone = new_phone()
        family = [await add_client(world, phone), await add_client(world, phone)]
        sleeping = [await add_plan(world, client_id) for client_id in family]
        world.engine.running |= set(sleeping)
        await twilio(world, "message.received", From=phone, Body="my lips are swollen")
        heard = [(case_id, signal) for case_id, signal, _ in world.engine.signals]
        assert sorted(heard) == sorted((plan, "client_held") for plan in sleeping)

    @pytest.mark.parametrize("body", ["Wrong number!", "Wrong number, my head hurts from these"])
    async def test_a_wrong_number_is_barred_for_everyone_and_no_start_frees_it(
        self, world: World, body: str
    ) -> None:
        phone = new_phone()
        family = [await add_client(world, phone), await add_client(world, phone)]
        await twilio(world, "message.received", From=phone, Body=body)
        assert [await self.may_send(world, one) for one in family] == [False, False]
        await twilio(world, "message.received", From=phone, Body="START")
        assert [await self.may_send(world, one) for one in family] == [False, False]

    async def test_a_reply_that_comes_twice_holds_once(self, world: World) -> None:
        phone = new_phone()
        client_id = await add_client(world, phone)
        body = urlencode({"MessageSid": "SM1", "From": phone, "Body": "call me"}).encode()
        inbox_id = await keep(world, "twilio", "message.received", body)
        assert await world.intake.dispatch(inbox_id) == await world.intake.dispatch(inbox_id)
        assert len(await self.holds(world, client_id)) == 1

    async def test_a_stranger_is_nobody_unless_they_write_of_a_reaction(self, world: World) -> None:
        phone = new_phone()
        unknown = await twilio(world, "message.received", From=phone, Body="who is this")
        assert unknown == "ignored: no client has the number"
        assert world.engine.started == []
        told = await twilio(world, "message.received", From=phone, Body="my face is swollen")
        assert told.startswith("reply/")
        [(_, _, start, _)] = world.engine.started
        assert isinstance(start, ReplyInput)
        assert start.reply.holds == ()

    async def holds(self, world: World, client_id: str) -> list[tuple[str, str]]:
        async with world.pool.acquire() as conn:
            return [(one.kind, one.reason) for one in await holds.of_client(conn, client_id)]


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
