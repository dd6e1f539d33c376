"""What Twilio tells of texts: reports, replies, and the words that stop us."""

from datetime import date, timedelta
from urllib.parse import urlencode
from uuid import uuid4

import pytest

from connectors.ports import DeliveryReport, ProviderUnavailable
from domain.case import Channel, DeliveryFailed, PaymentPosted
from domain.reply_case import ReplyInput
from store import consents, holds, touchpoints
from store.db import transaction
from store.touchpoints import Touchpoint
from tests.agreed import channels_on
from tests.web.conftest import Owed, World, add_client, add_plan, bill, new_phone, settle
from tests.web.events import NOW, keep, twilio

SENT = NOW - timedelta(hours=1)
"""When a text of `NOW` went out by the wall clock: the location is an hour ahead of it."""


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

    async def test_a_stranger_is_read_by_a_person_too(self, world: World) -> None:
        phone = new_phone()
        for body in ("who is this", "my face is swollen"):
            told = await twilio(world, "message.received", From=phone, Body=body)
            assert told.startswith("reply/")
            _, _, start, _ = world.engine.started[-1]
            assert isinstance(start, ReplyInput)
            assert start.reply.holds == ()

    async def test_a_wrong_number_of_nobody_is_barred_and_asked_of_nobody(
        self, world: World
    ) -> None:
        phone = new_phone()
        unknown = await twilio(world, "message.received", From=phone, Body="wrong number")
        assert unknown == "ignored: no client has the number"
        assert not await self.may_send(world, await add_client(world, phone))

    async def holds(self, world: World, client_id: str) -> list[tuple[str, str]]:
        async with world.pool.acquire() as conn:
            return [(one.kind, one.reason) for one in await holds.of_client(conn, client_id)]
