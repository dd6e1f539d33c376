"""A location among its lenders' twins."""

import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from activities.feed import FeedActivities
from activities.lender_intake import LenderIntake
from activities.lending import LenderActivities
from activities.lending_contracts import CheckFeedIn, FeedRef, ImportFileIn, ListFilesIn, ReadPageIn
from activities.plan_intake import PlanIntake
from connectors.lenders.alphaeon import alphaeon
from connectors.lenders.carecredit import CareCredit
from connectors.lenders.cherry import cherry
from connectors.lenders.patientfi import patientfi
from domain import ids
from domain.lender_feed import Trouble
from domain.lender_news import Thing
from domain.plan_case import Lender
from store import locations, plans
from store.db import Pool, transaction
from store.inbox import InboxEvent
from tests.connectors.lender_world import ACCOUNT, Twins, serving
from tests.fakes import FakeEngine
from tests.web.conftest import location

MAKE = {"cherry": cherry, "patientfi": patientfi, "alphaeon": alphaeon, "carecredit": CareCredit}


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
