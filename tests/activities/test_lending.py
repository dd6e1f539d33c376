"""Lenders' news in real books: polls, webhooks, files; who is told, what is asked."""

import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from temporalio.exceptions import ApplicationError

from activities.feed import FeedActivities
from activities.lender_intake import LenderIntake
from activities.lending import LenderActivities
from activities.lending_contracts import (
    ApplyFeedIn,
    AskFeedIn,
    CheckFeedIn,
    FeedRef,
    ImportFileIn,
    ListFilesIn,
    ReadOneIn,
    ReadPageIn,
)
from activities.plan_intake import PlanIntake
from connectors.lenders.alphaeon import alphaeon
from connectors.lenders.carecredit import CareCredit
from connectors.lenders.cherry import cherry
from connectors.lenders.patientfi import patientfi
from connectors.ports import ProviderUnavailable
from domain import ids
from domain.case import Decision
from domain.lender_feed import HINT, MISSING, REFUNDED, ROWS, UNREAD, Trouble
from domain.lender_news import Thing
from domain.plan_case import Lender, PlanStatus
from sandbox.faults import Fault
from store import inbox, lender_money, lenders, locations, plans, reviews
from store.db import Pool, transaction
from store.inbox import InboxEvent
from store.vault import Vault
from tests.connectors.lender_world import ACCOUNT, Twins, serving
from tests.fakes import FakeEngine
from tests.web.conftest import location

MAKE = {"cherry": cherry, "patientfi": patientfi, "alphaeon": alphaeon, "carecredit": CareCredit}
VAULT = Vault({"k1": b"1" * 32}, "k1")


@pytest.fixture(scope="module")
def served() -> Iterator[Twins]:
    with serving() as made:
        yield made


@dataclass
class House:
    """A location of its own, its lenders' twins, and an engine that is only noted."""

    pool: Pool
    twins: Twins
    known: dict[str, Any]
    location_id: str
    engine: FakeEngine = field(default_factory=FakeEngine)

    @property
    def plans(self) -> PlanIntake:
        return PlanIntake(self.pool, self.engine)

    @property
    def calls(self) -> LenderActivities:
        return LenderActivities(self.pool, self.known, self.plans)

    @property
    def feeds(self) -> FeedActivities:
        return FeedActivities(self.pool, self.engine, self.known, self.plans)

    def act(self, name: str, verb: str, **body: Any) -> Any:
        return self.twins.act(name, verb, **body)

    def feed(self, name: str) -> FeedRef:
        return FeedRef(location_id=self.location_id, lender=Lender(name))

    async def poll(self, name: str, *things: Thing) -> int:
        """Every page of each list; how many plans were told."""
        told = 0
        for thing in things or tuple(Thing):
            since = following = None
            began_at = datetime.now(UTC)
            while True:
                page = await self.calls.read_lender_page(
                    ReadPageIn(
                        feed=self.feed(name),
                        thing=thing,
                        since=since,
                        following=following,
                        began_at=began_at,
                    )
                )
                told, since, following = told + page.told, page.since, page.following
                if following is None:
                    break
        return told

    async def fetch(self) -> list[tuple[int, int, int]]:
        """Rows, rows for a person and plans told, of each new file."""
        at, feed = datetime.now(UTC), self.feed("carecredit")
        listed = await self.calls.list_lender_files(ListFilesIn(feed=feed, at=at))
        found = []
        for file in listed.files:
            done = await self.calls.import_lender_file(ImportFileIn(feed=feed, file=file, at=at))
            found.append((done.rows, done.bad, done.told))
        return found

    async def check(self, name: str, at: datetime | None = None, **said: Any) -> list[Trouble]:
        """What the feed's case has been told until now."""
        ask = CheckFeedIn(feed=self.feed(name), at=at or datetime.now(UTC), **said)
        await self.feeds.check_feed(ask)
        started = [
            start.troubles for kind, _, start, _ in self.engine.started if kind == "LenderFeed"
        ]
        more = [one.trouble for _, signal, one in self.engine.signals if signal == "troubled"]
        return [*itertools.chain(*started), *more]

    async def standing(self, name: str, plan_id: str) -> Any:
        async with self.pool.acquire() as conn:
            return await plans.standing(conn, self.location_id, name, plan_id)

    async def webhook(self, name: str, place: int = -1) -> str:
        """Dispatch one of the webhooks that the twin has sent."""
        _, raw, headers = (await self.twins.heard(1))[place]
        port = self.known[name]
        event = port.verify(raw, headers, self.location_id, datetime.now(UTC))
        stored = InboxEvent(
            inbox_id=str(uuid4()),
            source=name,
            location_id=self.location_id,
            event_id=event.event_id,
            event_type=event.event_type,
            occurred_at=event.occurred_at,
            received_at=datetime.now(UTC),
            body=raw,
        )
        intake = LenderIntake(self.pool, self.engine, self.known, self.plans)
        return await intake.translate(stored)

    def case(self, name: str, plan_id: str) -> str:
        return ids.plan_workflow_id(self.location_id, name, plan_id)


@asynccontextmanager
async def built(pool: Pool, twins: Twins) -> AsyncIterator[House]:
    location_id = f"len-{uuid4().hex[:10]}"
    async with transaction(pool) as conn:
        await locations.put_location(conn, location(location_id))
    known = {
        name: make(twins.access(name, accounts={location_id: ACCOUNT[name]}))
        for name, make in MAKE.items()
    }
    yield House(pool, twins, known, location_id)
    for port in known.values():
        await port.aclose()
    async with pool.acquire() as conn:
        await conn.execute("UPDATE lender_calls SET pause_until = NULL")


@pytest.fixture
async def house(pool: Pool, served: Twins) -> AsyncIterator[House]:
    served.forget()
    async with built(pool, served) as made:
        yield made


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
        said = await self._decide(house, told, "confirm")
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


def buy(house: House, ref: str, **cells: str) -> None:
    base = {"transaction_type": "purchase", "status": "completed", "ehr_patient_id": f"pat-{ref}"}
    base |= {"transaction_date": "2026-11-02", "patient_last": "Abbott"}
    base |= {"gross_amount": "2,800.00", "fee_amount": "277.20", "net_amount": "2,522.80"}
    house.act("carecredit", "transaction", ref_id=ref, **base | cells)


def give_back(house: House, ref: str, of: str, gross: str) -> None:
    amounts = {"gross_amount": gross, "fee_amount": "0.00", "net_amount": gross}
    buy(house, ref, transaction_type="refund", original_ref_id=of, **amounts)


def fault_files(house: House) -> None:
    """Five days of CareCredit with every fault of the export."""
    buy(house, "T0", transaction_date="2026-11-01", posted_date="2026-11-01")
    # The day on which the clocks go back, before and after they do.
    house.act("carecredit", "cut", day="2026-11-01", no=1, faults=[])
    house.act("carecredit", "cut", day="2026-11-01", no=2, faults=["repeat", "bom"])
    buy(house, "T1", status="requested")
    house.act("carecredit", "cut", day="2026-11-03", no=1, faults=["missing"])
    house.act("carecredit", "cut", day="2026-11-03", no=2, faults=["bom", "crlf"])
    buy(house, "T1")
    give_back(house, "R2", "T2", "-500.00")
    house.act("carecredit", "cut", day="2026-11-04", no=1, faults=[])
    buy(house, "T2")
    buy(house, "T3", practice_memo="no such memo")
    buy(house, "T4", transaction_date="soon")
    house.act("carecredit", "cut", day="2026-11-04", no=2, faults=["repeat"])
    buy(house, "T3", status="canceled")
    buy(house, "T5", transaction_date="2026-10-30")
    house.act("carecredit", "cut", day="2026-11-05", no=1, faults=["repeat", "crlf"])
    give_back(house, "R5", "T5", "-9,000.00")
    buy(house, "T6", status="odd word")
    house.act("carecredit", "cut", day="2026-11-05", no=2, faults=["late"])
    buy(house, "T1", funding_date="2026-11-06", funding_batch_id="B1")
    buy(house, "T7")
    house.act("carecredit", "cut", day="2026-11-06", no=1, faults=["truncate"])
    buy(house, "T8")
    house.act("carecredit", "cut", day="2026-11-06", no=2, faults=["trailer", "repeat"])
    house.act("carecredit", "release")


class TestFiles:
    async def test_fault_files_in_any_order_and_twice_end_in_the_same_plans(
        self, pool, served, house
    ):
        fault_files(house)
        names = [f.name for f in await house.known["carecredit"].list_files(house.location_id)]
        orders = [names, names[::-1], [*names[3:], *names[:3]]]
        ends, rows, asked = set(), set(), set()
        for order in orders:
            async with built(pool, served) as other:
                for name in (*order, *order[::-1]):
                    await self._take(other, name)
                ends.add(await self._plans(other))
                rows.add(await self._rows(other))
                asked.add(tuple(sorted((t.code, t.key) for t in await other.check("carecredit"))))
        assert len(ends) == 1
        assert dict(*ends) == {
            "T0": "accepted",
            "T1": "funded",
            "T2": "partly_refunded",
            "T3": "cancelled",
            "T5": "refunded",
            "T6": "unknown",
            "T7": "accepted",
            "T8": "accepted",
        }
        # Nothing is skipped in silence: every row is a fact of a plan, or named with its line.
        assert len(rows) == 1
        told = "\n".join(*rows)
        for says in (
            "transaction date is no date",
            "ends without a trailer, inside a row",
            "its trailer counts other",
            "fewer columns than the first row",
        ):
            assert says in told
        assert len(asked) == 1
        assert (REFUNDED, "T5/900000") in dict.fromkeys(*asked)

    @staticmethod
    async def _take(house: House, name: str) -> None:
        at = datetime.now(UTC)
        ask = ImportFileIn(
            feed=house.feed("carecredit"), file={"name": name, "made_at": "x"}, at=at
        )
        await house.calls.import_lender_file(ask)

    @staticmethod
    async def _plans(house: House) -> tuple[tuple[str, str], ...]:
        async with house.pool.acquire() as conn:
            found = await plans.list_plans(conn, house.location_id)
        return tuple(sorted((row.standing.plan_id, str(row.standing.status)) for row in found))

    @staticmethod
    async def _rows(house: House) -> tuple[str, ...]:
        async with house.pool.acquire() as conn:
            long_ago = datetime(2020, 1, 1, tzinfo=UTC)
            seen = await lenders.files_since(conn, house.location_id, "carecredit", long_ago)
        return tuple(f"{f.name} {f.fault} {[why for _, why in f.bad]}" for f in seen)

    async def test_a_file_is_fetched_once_and_again_when_it_was_made_anew(self, house):
        buy(house, "T1")
        house.act("carecredit", "cut", day="2026-11-03", no=1)
        assert await house.fetch() == [(1, 0, 1)]
        assert await house.fetch() == []
        buy(house, "T2")
        house.act("carecredit", "cut", day="2026-11-03", no=1, faults=["repeat"])
        assert await house.fetch() == [(2, 0, 1)]

    async def test_a_refund_waits_for_its_purchase_before_anybody_is_told(self, house):
        give_back(house, "R1", "T1", "-500.00")
        house.act("carecredit", "cut", day="2026-11-03", no=1)
        assert await house.fetch() == [(1, 0, 0)]
        buy(house, "T1")
        house.act("carecredit", "cut", day="2026-11-03", no=2)
        assert await house.fetch() == [(1, 0, 1)]

    async def test_a_file_that_is_none_of_ours_is_named_and_not_fetched_again(self, house):
        house.twins.box.state.put(
            "carecredit_file",
            "report.csv",
            {"name": "report.csv", "made_at": "2026", "refs": [], "text": "a,b", "listed": True},
        )
        assert await house.fetch() == [(0, 0, 0)]
        assert await house.fetch() == []
        (told,) = await house.check("carecredit")
        assert (told.code, told.key.startswith("report.csv/")) == (ROWS, True)

    async def test_a_missing_file_is_asked_about_once_and_heals_when_it_comes(self, house):
        await house.fetch()
        began = datetime.now(UTC)
        ten = began.replace(hour=17, minute=0) + timedelta(days=2)
        missing = [each for each in await house.check("carecredit", ten) if each.code == MISSING]
        assert missing
        again = await house.check("carecredit", ten + timedelta(minutes=15))
        assert len([each for each in again if each.code == MISSING]) == 2 * len(missing)
        # Told twice, asked once: the case knows a trouble by its key, the books by its question.
        day, no = missing[0].key.split("/")
        await self._ask(house, missing[0])
        buy(house, "T1", transaction_date="2026-11-02")
        house.act("carecredit", "cut", day=day, no=int(no))
        await house.fetch()
        await house.check("carecredit", ten + timedelta(minutes=30))
        healed = [one for _, signal, one in house.engine.signals if signal == "healed"]
        assert [(one.code, one.key) for one in healed] == [(MISSING, missing[0].key)]

    @staticmethod
    async def _ask(house: House, trouble: Trouble) -> None:
        case_id = ids.feed_workflow_id(house.location_id, "carecredit")
        await house.feeds.ask_feed(
            AskFeedIn(
                feed=house.feed("carecredit"),
                case_id=case_id,
                trouble=trouble,
                number="1",
                at=datetime.now(UTC),
            )
        )
        async with house.pool.acquire() as conn:
            (asked,) = await reviews.of_case(conn, case_id)
        assert asked.shown["subject"] == trouble.key


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
