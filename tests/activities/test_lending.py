"""Lenders' news in real books: polls, webhooks; who is told, what is asked."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from temporalio.exceptions import ApplicationError

from activities.lender_intake import LenderIntake
from activities.lending import LenderActivities
from activities.lending_contracts import ApplyFeedIn, AskFeedIn, ReadOneIn, ReadPageIn
from connectors.ports import ProviderUnavailable
from domain import ids
from domain.case import Decision
from domain.lender_feed import HINT, UNREAD, Trouble
from domain.lender_news import Thing
from domain.plan_case import Lender, PlanStatus
from sandbox.faults import Fault
from store import inbox, lender_money, lenders
from store.vault import Vault
from tests.activities.house import MAKE, House, house, served

__all__ = ["house", "served"]
VAULT = Vault({"k1": b"1" * 32}, "k1")


class TestPolls:
    async def test_what_changed_is_told_once_however_often_it_is_read(self, house):
        app = house.act("cherry", "apply", patient="pat-7", quiet=True)
        house.act("cherry", "decide", id=app["id"], status="approved", quiet=True)
        assert await house.poll("cherry") == 1
        ((kind, case_id, start, _),) = house.engine.started
        assert (kind, case_id) == ("FinancingPlan", house.case("cherry", app["id"]))
        assert (start.lender, start.plan_id) == (Lender.CHERRY, app["id"])
        assert await house.poll("cherry") == 0
        assert house.engine.signals == []
        house.act("cherry", "decide", id=app["id"], status="declined", quiet=True)
        assert await house.poll("cherry") == 1
        ((_, signal, message),) = house.engine.signals
        assert (signal, message.status) == ("status_changed", PlanStatus.DECLINED)

    async def test_a_date_that_comes_late_is_told_as_a_date(self, house):
        signed = house.act("cherry", "transact", application="app_1", amount=5_000, quiet=True)
        house.act("cherry", "answer", id=signed["id"], status="accepted", quiet=True)
        await house.poll("cherry", Thing.CONTRACT)
        day = "2026-12-24"
        house.act(
            "cherry", "answer", id=signed["id"], quiet=True, first_payment_date=day,
            updated_at=house.act("cherry", "answer", id=signed["id"], quiet=True)["updated_at"],
        )  # fmt: skip
        await house.poll("cherry", Thing.CONTRACT)
        told = [(signal, one) for _, signal, one in house.engine.signals]
        assert [signal for signal, _ in told][-1] == "dates_known"
        assert told[-1][1].first_payment_on.isoformat() == day

    async def test_a_death_between_books_and_case_is_made_good_by_the_next_read(self, house):
        house.act("cherry", "apply", patient="pat-7", quiet=True)
        house.engine.down = True
        with pytest.raises(ApplicationError):
            await house.poll("cherry", Thing.APPLICATION)
        house.engine.down = False
        assert await house.poll("cherry", Thing.APPLICATION) == 1
        assert await house.poll("cherry", Thing.APPLICATION) == 0

    async def test_windows_overlap_so_that_a_change_under_the_read_is_seen(self, house):
        await house.poll("cherry", Thing.APPLICATION)
        earlier = (datetime.now(UTC) - timedelta(minutes=90)).isoformat()
        house.act("cherry", "apply", patient="pat-7", updated_at=earlier, quiet=True)
        assert await house.poll("cherry", Thing.APPLICATION) == 1

    async def test_what_could_not_be_understood_is_told_to_the_desk(self, house):
        house.act("cherry", "transact", application="app_1", amount=-5, quiet=True)
        ask = ReadPageIn(
            feed=house.feed("cherry"), thing=Thing.CONTRACT, began_at=datetime.now(UTC)
        )
        page = await house.calls.read_lender_page(ask)
        assert "amount is no amount in cents" in page.unread[0]
        (told,) = await house.check("cherry", unread=page.unread)
        assert (told.code, told.says) == (UNREAD, page.unread)


class TestWebhooks:
    async def test_a_webhook_is_a_hint_until_the_lender_says_so(self, house):
        app = house.act("cherry", "apply", patient="pat-7", quiet=True)
        house.act("cherry", "decide", id=app["id"], status="approved", approved_amount=300_000)
        assert await house.webhook("cherry") == house.case("cherry", app["id"])
        assert not (await house.standing("cherry", app["id"])).is_confirmed
        look = next(start for kind, _, start, _ in house.engine.started if kind == "LenderLook")
        ask = ReadOneIn(
            feed=house.feed("cherry"),
            thing=look.thing,
            thing_id=look.thing_id,
            at=datetime.now(UTC),
        )
        assert (await house.calls.read_lender_thing(ask)).status == "read"
        standing = await house.standing("cherry", app["id"])
        assert standing.is_confirmed
        assert standing.approved_cents == 300_000
        assert (await house.calls.read_lender_thing(ask)).status == "read"

    async def test_a_contract_without_its_application_is_placed_by_the_read(self, house):
        signed = house.act("patientfi", "transact", amount=5_000)
        workflow_id = await house.webhook("patientfi")
        assert workflow_id == ids.look_workflow_id(
            house.location_id, "patientfi", Thing.CONTRACT, signed["id"]
        )
        assert await house.standing("patientfi", signed["id"]) is None

    async def test_webhooks_twice_late_and_in_the_wrong_order_end_in_the_same_plan(self, house):
        app = house.act("patientfi", "apply", patient="pat-7")
        house.act("patientfi", "decide", id=app["id"], status="approved", approved_amount=9_000)
        signed = house.act("patientfi", "transact", application=app["id"], amount=9_000)
        house.act("patientfi", "answer", id=signed["id"], status="rejected")
        house.act("patientfi", "answer", id=signed["id"], status="accepted")
        await house.twins.heard(5)
        for place in (4, 3, 0, 2, 1, 3, 4):
            await house.webhook("patientfi", place)
        assert (await house.standing("patientfi", app["id"])).status is PlanStatus.ACCEPTED

    async def test_a_body_without_sense_goes_to_the_desk_and_not_to_the_plan(self, house):
        house.act("cherry", "transact", application="app_1", amount=-5)
        workflow_id = await house.webhook("cherry")
        assert workflow_id == ids.feed_workflow_id(house.location_id, "cherry")

    async def test_money_that_a_webhook_tells_of_is_kept_and_read(self, house):
        signed = house.act("cherry", "transact", application="app_1", amount=10_000, quiet=True)
        house.act("cherry", "fund", id=signed["id"])
        await house.twins.heard(1)
        await house.webhook("cherry", 0)
        async with house.pool.acquire() as conn:
            (told,) = await lender_money.tellings(conn, "cherry", signed["id"])
        assert (told.source, told.net_cents) == ("webhook", 9_010)
        looked = {start.thing for kind, _, start, _ in house.engine.started if kind == "LenderLook"}
        assert looked == {Thing.FUNDING, Thing.CONTRACT}

    async def test_a_hint_that_is_not_confirmed_is_asked_and_a_person_may_say_so(self, house):
        app = house.act("cherry", "apply", patient="pat-7", quiet=True)
        house.act("cherry", "decide", id=app["id"], status="approved")
        await house.webhook("cherry")
        assert await house.check("cherry") == []
        later = datetime.now(UTC) + timedelta(hours=5)
        (told,) = await house.check("cherry", later)
        assert (told.code, told.plan_id) == (HINT, app["id"])
        said = await self._decide(house, told, "confirm_hint")
        assert said.effect == "done"
        assert (await house.standing("cherry", app["id"])).is_confirmed

    @staticmethod
    async def _decide(house: House, trouble: Trouble, choice: str) -> Any:
        at, case_id = datetime.now(UTC), ids.feed_workflow_id(house.location_id, "cherry")
        feed = house.feed("cherry")
        asked = await house.feeds.ask_feed(
            AskFeedIn(feed=feed, case_id=case_id, trouble=trouble, number="1", at=at)
        )
        decision = Decision(review_id=asked.review_id, choice=choice, by="dana", reason="phoned")
        return await house.feeds.apply_feed(
            ApplyFeedIn(feed=feed, trouble=trouble, decision=decision, at=at)
        )


class TestPace:
    async def test_a_pause_that_the_lender_names_holds_for_every_worker(self, house):
        limits = {"calls": 1, "window_seconds": 600, "kind": "sliding", "retry_after": "seconds"}
        house.twins.set("alphaeon", limits=limits)
        await house.poll("alphaeon", Thing.CONTRACT)
        with pytest.raises(ApplicationError) as first:
            await house.poll("alphaeon", Thing.CONTRACT)
        other = LenderActivities(house.pool, house.known, house.plans)
        ask = ReadPageIn(
            feed=house.feed("alphaeon"), thing=Thing.CONTRACT, began_at=datetime.now(UTC)
        )
        with pytest.raises(ApplicationError) as second:
            await other.read_lender_page(ask)
        for refused in (first.value, second.value):
            assert refused.type == "RateLimited"
            assert not refused.non_retryable
            assert timedelta(seconds=590) < (refused.next_retry_delay or timedelta(0))
        assert house.twins.calls("alphaeon")["calls"] == 2

    async def test_each_call_is_counted_with_its_outcome(self, house):
        before = await self._count(house, "patientfi")
        house.twins.set("patientfi", key={"activated": False})
        with pytest.raises(ApplicationError, match="activated"):
            await house.poll("patientfi", Thing.CONTRACT)
        house.twins.set("patientfi", key={"activated": True})
        await house.poll("patientfi", Thing.CONTRACT)
        assert await self._count(house, "patientfi") == before + 2

    @staticmethod
    async def _count(house: House, name: str) -> int:
        async with house.pool.acquire() as conn:
            return await lenders.calls_within(conn, name)


async def test_an_inbox_row_of_a_lender_goes_to_its_translator(house):
    assert LenderIntake(house.pool, house.engine, house.known, house.plans).sources == set(MAKE)
    async with house.pool.acquire() as conn:
        inbox_id, is_new = await inbox.receive(
            conn, VAULT, "cherry", house.location_id, uuid4().hex, "x", None, {}, b"{}"
        )
    assert is_new
    assert inbox_id


async def test_an_outage_is_told_to_the_desk_in_words(house):
    house.twins.box.faults.add(Fault("cherry", "*", "error_before"))
    with pytest.raises(ApplicationError) as refused:
        await house.poll("cherry", Thing.CONTRACT)
    assert refused.value.type == ProviderUnavailable.__name__
    (told,) = await house.check("cherry", failed="it has not answered for hours")
    assert "it has not answered for hours" in told.says[0]
