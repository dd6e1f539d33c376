"""What the verbs of the simulation share: the running practice, its clock, cases and truth."""

import asyncio
import heapq
import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import httpx

from domain import ids
from starter.dev import Stack
from starter.rehearsal import PMS, Rehearsal
from starter.simulate.cases import Cases
from starter.simulate.clock import Clock
from starter.simulate.plan import Act, Client, Plan, Visit
from starter.simulate.truth import Truth

ROUND_SECONDS = 0.01
SETTLE_SECONDS = 180
_PULSE = (
    "SELECT count(*), max(changed_at), count(*) FILTER (WHERE state = 'received'"
    " AND event_type <> 'payment_intent.succeeded') AS waiting,"
    " count(*) FILTER (WHERE state = 'failed') AS failed FROM inbox"
)
"""The event left out is kept back by some seconds on purpose and changes nothing here."""


class NotSettled(Exception):
    """Webhooks went on arriving for longer than anything should take."""


class World:
    """A practice under simulation. Acts of the future wait in `agenda`."""

    def __init__(self, stack: Stack, practice: Rehearsal, plan: Plan) -> None:
        self.stack = stack
        self.practice = practice
        self.plan = plan
        self.clock = Clock(practice.pool, practice.location_id, plan.begins)
        self.cases = Cases(practice, self.clock)
        self.truth = Truth()
        self.struck: Counter[str] = Counter()
        """Faults that the driver itself brought about, by kind."""
        self.agenda: list[tuple[datetime, int, Act]] = []
        self.case_owner: dict[str, tuple[int, int]] = {}
        self.client_number: dict[str, int] = {}
        self.writers: dict[str, int] = {}
        """Who wrote each text: the desk asks a caller for the name."""
        self.invoice_owner: dict[str, tuple[int, int]] = {}
        self.instant = plan.begins
        """The present instant, to the second: the clock itself moves on while things happen."""
        self.wakes: dict[str, list[datetime]] = defaultdict(list)
        """The instants at which each case announced that it would act, one after the other."""
        self.unseen: set[str] = set()
        """Cases of closed visits that nobody may have been told of yet."""
        self.unheard: set[int] = set()
        """Clients with a payment whose news was lost or is late."""
        self.touched: set[str] = set()
        """Cases that something happened to in this instant, besides those of its clients."""
        self.began = datetime.now(UTC)
        self.swept: dict[str, datetime] = {}
        """When each sweep ran last, by the wall clock."""
        self.struck_at: datetime | None = None
        """When texts met a vendor that did not answer, or a dying worker, last."""
        self.off: set[str] = set()
        """Kill switches that are off."""
        self.outages: set[str] = set()
        """Labels of the outages in force."""
        self.closed_until: datetime | None = None
        """When an outage of the PMS and the processor ends, while there is one."""
        self._count = itertools.count()
        for client in plan.clients:
            self._enrol(client)
        for act in plan.acts:
            self.push(act)

    def _enrol(self, client: Client) -> None:
        number, location_id = client.person.number, self.practice.location_id
        self.client_number[self.client_id(client)] = number
        for visit in client.visits:
            case_id = ids.visit_workflow_id(location_id, PMS, visit.order_id)
            self.case_owner[case_id] = (number, visit.index)
        for act in client.acts:
            self.push(act)

    # -- names

    def client_id(self, client: Client) -> str:
        """The product's id of a client."""
        return ids.client_id(self.practice.location_id, PMS, self.urn(client))

    @staticmethod
    def urn(client: Client) -> str:
        """The PMS's id of a client."""
        return f"urn:blvd:Client:{client.urn_id}"

    def case_id(self, visit: Visit) -> str:
        """The product's id of a visit."""
        return ids.visit_workflow_id(self.practice.location_id, PMS, visit.order_id)

    def visit(self, client: int, index: int) -> Visit:
        """A client's visit by its number."""
        visits = self.plan.client(client).visits
        return next(visit for visit in visits if visit.index == index)

    def cases_of(self, client: int) -> list[str]:
        """The cases of a client's visits, running or not."""
        return [self.case_id(visit) for visit in self.plan.client(client).visits]

    # -- the future

    def push(self, act: Act) -> None:
        """Put an act on the agenda."""
        heapq.heappush(self.agenda, (act.at, next(self._count), act))

    # -- the twins

    async def fault(self, rule: Mapping[str, Any]) -> None:
        """Plant a rule at a twin."""
        await self.practice.control("faults", dict(rule))

    async def end_fault(self, label: str) -> None:
        """End the rules of a label."""
        answer = await self.practice.http.delete("/faults", params={"label": label})
        answer.raise_for_status()

    async def hits(self) -> Counter[str]:
        """Strikes so far, by label."""
        rules = (await self.practice.http.get("/faults")).json()
        found: Counter[str] = Counter()
        for rule in rules:
            found[rule["label"]] += rule["hits"]
        return found

    async def try_control(self, path: str, body: Mapping[str, Any]) -> dict[str, Any] | None:
        """A control verb that a twin may refuse; None when it did."""
        answer: httpx.Response = await self.practice.http.post(f"/{path}", json=dict(body))
        return dict(answer.json()) if answer.is_success else None

    # -- rest

    async def heard(self) -> tuple[Any, ...]:
        """Wait until every webhook under way is in and handed on; what the inbox then holds."""
        deadline = asyncio.get_running_loop().time() + SETTLE_SECONDS
        while True:
            (await self.practice.http.post("/flush")).raise_for_status()
            async with self.practice.pool.acquire() as conn:
                row = await conn.fetchrow(_PULSE)
            if row is None or row["waiting"] == 0:
                return tuple(row) if row else ()
            if asyncio.get_running_loop().time() > deadline:
                raise NotSettled(f"{row['waiting']} events wait in the inbox")
            await asyncio.sleep(ROUND_SECONDS)

    async def settle(
        self, case_ids: Iterable[str], before: tuple[Any, ...] | None = None
    ) -> tuple[Any, ...]:
        """Wait until these cases rest and nothing is on its way to them.

        Answers what the inbox holds. When that is what it held `before` all this began, one look
        at the cases is enough.
        """
        wanted = sorted(set(case_ids))
        while True:
            await self.cases.idle(wanted)
            await asyncio.sleep(ROUND_SECONDS)
            now = await self.heard()
            if now == before:
                return now
            before = now
