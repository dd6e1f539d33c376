"""Plays a plan: instant after instant, everything that is due then, and nothing before its time.

An instant begins with nothing under way and ends so. Clients are independent of each other and
run side by side; what happens to one client, and what its cases do, is strictly in order.
"""

import asyncio
import heapq
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from starter.schedules import SWEEPS
from starter.simulate import acts, money, practice_acts
from starter.simulate.desk import Desk
from starter.simulate.plan import Act, Moment
from starter.simulate.world import World
from store import locations
from store.db import transaction

_TOGETHER = timedelta(seconds=2)
"""What falls due within so little is one instant."""
_WAKING_TOGETHER = timedelta(milliseconds=300)
_LEAD, _LEAD_EACH = timedelta(milliseconds=100), timedelta(milliseconds=15)
"""How long before it wakes a case is where it should be; moving many takes longer."""
_AFTERWARDS_SECONDS = 4
"""Long enough for a case to have looked up, twice, what became of a message."""
_LOOKUP_SECONDS, _LOOKS_MAX = 1, 4
_DURING_OUTAGE = timedelta(hours=6)
"""A call that fails all the time is not seen at each of its repetitions, but of all cases at once,
so often."""
_WHILE_CLOSED = timedelta(hours=1)
"""While nothing is known about money, nobody is asked for any: who looks whether it is known
again, looks at its own time, and is seen once an hour."""
_UNSURE = "SELECT case_id FROM touchpoints WHERE state IN ('sending', 'unknown')"
_BEFORE = timedelta(seconds=5)
_REOPENS = timedelta(minutes=20)
_NEEDS_PMS = frozenset(
    {"check_out", "pay", "pay_desk", "pay_bank", "pay_declined", "bank_answers", "answer", "sweep"}
)
"""What nobody can do while the PMS and the processor are down, and does afterwards.

A sweep would wait for the end of an outage that only this driver can bring.
"""
_OF_THE_TWINS = frozenset({"plant"})
"""Acts that no case hears of."""
_MEANINGFUL = timedelta(minutes=30)

Progress = Callable[[str], None]


class Driver:
    """One run of one plan."""

    def __init__(self, world: World, progress: Progress) -> None:
        self.world = world
        self._desk = Desk(world)
        self._progress = progress
        self._pulse: tuple[Any, ...] = ()
        self.instants = 0
        self.questions = self._desk.asked

    async def run(self) -> None:
        """From the plan's first moment to its last."""
        await self._prepare()
        end = self.world.plan.ends
        day = 0
        while (at := self._next()) is not None and at < end:
            await self._instant(at)
            today = (self.world.clock.now() - self.world.plan.begins).days
            if today > day:
                day = today
                self._progress(
                    f"day {day}: {self.instants} instants, {self.world.cases.skips} skips"
                )
        await self.world.clock.reach(end)
        await practice_acts.lived(self.world)

    async def _prepare(self) -> None:
        """Quick vendors, no sweeps of their own time, and short look-ups of lost messages."""
        world, practice = self.world, self.world.practice
        await practice.generous_vendors()
        pace = {"sent_seconds": 0, "delivered_seconds": 0}
        (await practice.http.put("/twilio/pace", json=pace)).raise_for_status()
        for sweep in SWEEPS:
            place_name = practice.location_id if sweep.per_location else "all"
            name = f"{sweep.name or sweep.workflow}/{place_name}"
            await practice.engine.get_schedule_handle(name).pause()
        place = practice.location
        chase = place.chase.model_copy(update={"unknown_lookup_seconds": _LOOKUP_SECONDS})
        async with transaction(practice.pool) as conn:
            await locations.put_location(conn, place.model_copy(update={"chase": chase}))
        await world.clock.start()
        await world.heard()

    # -- time

    def _next(self) -> datetime | None:
        """When something happens next."""
        times = [self.world.agenda[0][0]] if self.world.agenda else []
        times += [wake for case_id in self.world.cases.known if (wake := self._wake(case_id))]
        return min(times) if times else None

    def _wake(self, case_id: str) -> datetime | None:
        known = self.world.cases.known[case_id]
        if not known.running or known.wake is None or known.wake == known.passed:
            return None
        if known.retrying and self.world.outages:
            now = datetime.now(UTC) + known.ahead
            return _next_look(max(known.wake, now + _TOGETHER), _DURING_OUTAGE)
        if self.world.closed_until is not None:
            together = _next_look(known.wake, _WHILE_CLOSED)
            return together if together < self.world.closed_until else known.wake
        return known.wake

    # -- one instant

    async def _instant(self, at: datetime) -> None:
        """What people do at a time; or what cases do at it by themselves."""
        self.instants += 1
        self.world.instant = at.replace(microsecond=0)
        if self.world.agenda and self.world.agenda[0][0] <= at:
            await self.world.clock.reach(at)
            touched = await self._people_act(at + _TOGETHER)
        else:
            touched = await self._cases_act(at)
        silent = self.world.cases.silent() - touched
        self._pulse = await self.world.settle(touched | silent, self._pulse)
        self.world.unseen -= set(self.world.cases.known)
        await self._look_up(touched | await self._unsure(silent))
        touched |= silent
        await self._desk.look()
        await self._strike_moments(touched)

    async def _people_act(self, until: datetime) -> set[str]:
        everyone, of_client = self._due_acts(until)
        for act in everyone:
            verb = practice_acts.VERBS.get(act.kind) or acts.VERBS[act.kind]
            await verb(self.world, act)
        await asyncio.gather(*(self._client(due) for due in of_client.values()))
        numbers = set(of_client) - {None}
        touched = {case_id for number in numbers for case_id in self.world.cases_of(number or 0)}
        touched |= self.world.touched
        self.world.touched = set()
        return touched

    async def _cases_act(self, at: datetime) -> set[str]:
        """Bring those that wake to the moment before it; then time passes by itself.

        A clock that is being moved while its case acts has been seen to be moved too far.
        """
        waking = {
            case_id
            for case_id in self.world.cases.known
            if (wake := self._wake(case_id)) is not None and wake <= at + _WAKING_TOGETHER
        }
        if "chase" in self.world.off:
            self.world.struck["kill_switch"] += len(waking)
        await self.world.clock.reach(at - _LEAD - _LEAD_EACH * len(waking))
        await asyncio.gather(*(self.world.cases.sync(case_id) for case_id in sorted(waking)))
        return waking

    def _due_acts(self, until: datetime) -> tuple[list[Act], dict[int | None, list[Act]]]:
        everyone: list[Act] = []
        sweeps: set[str] = set()
        of_client: dict[int | None, list[Act]] = defaultdict(list)
        while self.world.agenda and self.world.agenda[0][0] <= until:
            act = heapq.heappop(self.world.agenda)[2]
            if self.world.closed_until is not None and act.kind in _NEEDS_PMS:
                self.world.push(replace(act, at=self.world.closed_until + _REOPENS))
            elif act.kind == "sweep" and act.data["name"] in sweeps:
                continue  # one run finds it all
            elif act.kind in practice_acts.VERBS or act.kind == "sweep":
                sweeps.add(act.data["name"] if act.kind == "sweep" else "")
                everyone.append(act)
            else:
                of_client[act.client].append(act)
        return everyone, of_client

    async def _client(self, due: list[Act]) -> None:
        """A client's acts, one after the other, each with all cases in the present and at rest."""
        is_first = True
        for act in due:
            cases = self.world.cases_of(act.client) if act.client is not None else []
            if act.kind in _OF_THE_TWINS:
                cases = []
            elif not is_first:
                await self.world.settle(cases)
            await asyncio.gather(*(self.world.cases.sync(case_id) for case_id in cases))
            is_first = is_first and not cases
            if act.kind == "answer":
                await self._desk.answer(self.world, act)
            else:
                await acts.VERBS[act.kind](self.world, act)

    async def _look_up(self, touched: set[str]) -> None:
        """Who acts in a moment, does so now: a call is tried again after a second; a case that
        does not know whether its message went out looks twice, soon after."""
        cases = self.world.cases
        for turn in range(_LOOKS_MAX):
            now = self.world.clock.now()
            soon = cases.soon(touched, now + timedelta(seconds=_AFTERWARDS_SECONDS))
            if turn:
                soon -= cases.silent()  # nothing came of it
            soon |= await self._unsure(touched)
            if not soon:
                return
            await self.world.clock.reach(now + timedelta(seconds=_AFTERWARDS_SECONDS))
            await asyncio.gather(*(cases.sync(case_id) for case_id in sorted(soon)))
            self._pulse = await self.world.settle(soon, self._pulse)

    async def _unsure(self, touched: set[str]) -> set[str]:
        """Those that do not know what became of a message, and look it up by themselves."""
        async with self.world.practice.pool.acquire() as conn:
            found = {row["case_id"] for row in await conn.fetch(_UNSURE)}
        known = self.world.cases.known
        return {one for one in found & touched if one in known and known[one].looks_up}

    # -- moments

    async def _strike_moments(self, touched: set[str]) -> None:
        """Count a case's wake-ups; a moment that waits for the next one is made ready."""
        now = self.world.clock.now()
        for case_id in sorted(touched):
            known = self.world.cases.known.get(case_id)
            if known is None or not known.running or known.wake is None or known.retrying:
                continue
            seen = self.world.wakes[case_id]
            if known.wake in seen or known.wake < now + _MEANINGFUL:
                continue
            seen.append(known.wake)
            await self._strike(case_id, len(seen), known.wake)

    async def _strike(self, case_id: str, count: int, wake: datetime) -> None:
        owner = self.world.case_owner.get(case_id)
        if owner is None:
            return
        number, index = owner
        for moment in self.world.plan.client(number).moments:
            if moment.visit == index and moment.wake == count:
                await self._make_ready(number, moment, wake)

    async def _make_ready(self, number: int, moment: Moment, wake: datetime) -> None:
        at, index, kind = wake - _BEFORE, moment.visit, moment.kind
        if kind == "just_before":
            data = {"share": 100, "moment": "paid_just_before_step", "hook": moment.hook}
            self.world.push(Act(at, "pay", number, index, data))
        elif kind == "desk_before":
            data = {"share": 100, "moment": "desk_payment_just_before_step"}
            self.world.push(Act(at, "pay_desk", number, index, data))
        elif kind == "stop_before":
            text = {"means": "stop", "body": "STOP", "moment": "opt_out_just_before_step"}
            self.world.push(Act(at, "text", number, index, text))
        elif kind == "race":
            await money.plant_race(self.world, number, index)


def _next_look(at: datetime, every: timedelta) -> datetime:
    """The first of the instants, so far from each other, that is not before a time."""
    past = (at - datetime.min.replace(tzinfo=UTC)) % every
    return at - past + every if past else at
