"""`tieout demo --story financing`: seven plans of a group, from their first telling to their end.

The group has one clock, and every case is brought to it day by day, so that what one case does
happens at its time for the others too.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import TimeSkipper

from domain import calendar, ids
from domain.case import Channel, Decision
from domain.in_house import Terms, signed
from domain.plan_case import Lender, PlanStanding
from domain.plan_facts import FactSource
from starter.deciding import send_decision
from starter.demo.financing_cast import OURS, SESSIONS, Borrower, borrowers, series
from starter.demo.group import CALLS_PER_MINUTE, Centre
from starter.simulate.clock import Clock
from starter.wiring import wired
from store import consents, plans, processor, reviews
from store.db import transaction
from store.reviews import Review
from workflows.lender_sweeps import LenderSweepStart

Tell = Callable[[str, str], None]
"""Called with the plan's name and one sentence."""
Act = Callable[["Year"], Awaitable[None]]

INSTALLMENTS = 3
MORNING = time(10, 30)
DAILY_UNTIL, LAST_DAY, STRIDE_DAYS = 60, 250, 5
COORDINATOR = "coordinator"


class _Ended(Exception):
    """The list of running cases lags: this one runs no more."""


@dataclass
class Told:
    """A plan on its way, and the exceptions that a person solved."""

    borrower: Borrower
    plan_id: str = ""
    case_id: str = ""
    invoices: list[str] = field(default_factory=list)
    """Of sessions that are booked and lie ahead, by Zenoti's ids."""
    solved: list[tuple[str, str, str]] = field(default_factory=list)
    """(code, choice, who)"""


class Year:
    """The plans' lives, told as they happen."""

    def __init__(self, centres: Sequence[Centre], tell: Tell) -> None:
        self.centres, self._tell = centres, tell
        self.practice = centres[0]
        """Through it the vendors and the engine are reached, which all of them share."""
        self._skipper = TimeSkipper(self.practice.engine)
        self._shifts: dict[str, timedelta] = {}
        self.told: dict[str, Told] = {}
        self._day0: date

    async def play(self, acts: Mapping[int, Sequence[Act]]) -> list[Told]:
        """Day by day to the end of the last plan; `acts` are what happens on a morning."""
        practice, begins = self.practice, self.practice.now()
        await practice.quick_vendor("zenoti", per_minute=CALLS_PER_MINUTE)
        self._clocks = [Clock(practice.pool, one.location_id, begins) for one in self.centres]
        self._clock = self._clocks[0]
        for clock in self._clocks:
            await clock.start()
        self._day0 = calendar.local_date(self._clock.now(), practice.location.zone)
        for borrower in borrowers("plans"):
            await self._admit(borrower)
        days = [*range(DAILY_UNTIL), *range(DAILY_UNTIL, LAST_DAY, STRIDE_DAYS)]
        for day in days:
            await self._reach(day)
            for act in acts.get(day, ()):
                await act(self)
        return list(self.told.values())

    # -- time

    async def _reach(self, day: int) -> None:
        """The practice's clock to a morning, then every case of a plan to the clock."""
        at = calendar.instant(self.on(day), MORNING, self.practice.location.zone)
        for clock in self._clocks:
            await clock.reach(at)
        running, ours = await self._running(), self.told[OURS].plan_id
        apart = [one for one in running if one.startswith("plan/") and not one.endswith(f"/{ours}")]
        await asyncio.gather(*map(self._bring, apart))
        for case_id in (one for one in running if one not in apart):
            await self._bring(case_id)
            await self._note_installments()

    async def _running(self) -> list[str]:
        """Plans, their instalments and visits that have not ended, plans first."""
        found = [
            each.id
            async for each in self.practice.engine.list_workflows(
                "WorkflowType IN ('FinancingPlan', 'TreatmentVisit') AND ExecutionStatus='Running'"
            )
        ]
        for case_id in found:
            # A case begins at what the practice's clock showed when it was opened.
            self._shifts.setdefault(case_id, self._clock.shift)
        return sorted(found)

    async def _note_installments(self) -> None:
        """An instalment's case that was opened just now begins at the practice's clock."""
        told = self.told[OURS]
        for number in range(1, INSTALLMENTS + 1):
            where = self.practice.location_id
            case_id = ids.installment_workflow_id(where, told.plan_id, number)
            if case_id not in self._shifts and await self._is_there(case_id):
                self._shifts[case_id] = self._clock.shift
                await self.practice.until(partial(self._rests, case_id), "an instalment")

    async def _is_there(self, case_id: str) -> bool:
        with contextlib.suppress(RPCError):
            await self.practice.case(case_id).describe()
            return True
        return False

    async def _bring(self, case_id: str) -> None:
        """The case to the practice's clock; one that has just ended is left alone."""
        with contextlib.suppress(_Ended):
            await self._forward(case_id)

    async def _forward(self, case_id: str) -> None:
        handle = self.practice.case(case_id)
        own = await self._skipper.get_current_time(handle) + self._shifts[case_id]
        behind = self._clock.now() - own
        if behind > timedelta(seconds=1):
            try:
                await self._skipper.fast_forward(handle, behind)
            except RPCError as error:
                raise _Ended if error.status is RPCStatusCode.NOT_FOUND else error from None
        await self.practice.until(lambda: self._rests(case_id), f"{case_id} to rest")

    async def _rests(self, case_id: str) -> bool:
        try:
            found = await self.practice.case(case_id).describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise
        if found.status != WorkflowExecutionStatus.RUNNING:
            return True
        raw = found.raw_description
        is_busy = raw.pending_activities or raw.HasField("pending_workflow_task")
        return raw.workflow_execution_info.history_length > 1 and not is_busy

    # -- what happens

    async def _admit(self, borrower: Borrower) -> None:
        """A patient who is known, has agreed to hear from us, and has paid for a series."""
        practice = self.centres[borrower.place]
        guest_id = await practice.admit(borrower.patient, series(self._clock.now()))
        client_id = ids.client_id(practice.location_id, practice.location.pms, guest_id)
        async with transaction(practice.pool) as conn:
            for channel in Channel:
                for scope in ("care", "marketing"):
                    await consents.opt_in(conn, client_id, channel, scope, "written", "form")
        known = replace(borrower, guest_id=guest_id, client_id=client_id)
        self.told[borrower.name] = Told(known)

    def at(self, name: str) -> Centre:
        """Where a plan is."""
        return self.centres[self.told[name].borrower.place]

    async def lender(self, name: str, verb: str, **fields: Any) -> Any:
        """Something happens at a plan's lender, which announces it to the plan's location."""
        lender, where = self.told[name].borrower.lender, self.at(name).location_id
        known = {name: keys.accounts for name, keys in self.practice.settings.lenders.items()}
        account = next(held for owner, held in known.items() if owner == lender)[where]
        at = self._clock.now().isoformat()
        body = {"updated_at": at, "merchant_id": account, **fields}
        if fields.get("status") == "accepted":
            body["accepted_at"] = at
        return await self.practice.control(f"lenders/{lender}/{verb}", body)

    async def opened(self, name: str) -> None:
        """The plan's case stands, and has read what was told."""
        told = self.told[name]
        lender = told.borrower.lender

        async def found() -> str | None:
            async with self.practice.pool.acquire() as conn:
                rows = await plans.list_plans(conn, None, lender, None, told.borrower.client_id)
            return rows[0].standing.plan_id if rows else None

        told.plan_id = await self.practice.until(found, f"a plan of {name}")
        told.case_id = ids.plan_workflow_id(self.at(name).location_id, lender, told.plan_id)
        self._shifts.setdefault(told.case_id, self._clock.shift)
        await self.rested(name)

    async def rested(self, name: str) -> None:
        """The plan's case has done what it has to do by now."""
        case_id = self.told[name].case_id
        await self.practice.until(lambda: self._rests(case_id), f"the case of {name}")

    async def status(self, name: str, *wanted: str) -> None:
        """The books have heard it, and the case has acted on it."""
        what = f"{name} to be {' or '.join(wanted)}"
        await self._heard(name, lambda now: now.status in wanted, what)

    async def first_payment(self, name: str, on: date) -> None:
        """The books have heard of another first payment date."""
        await self._heard(name, lambda now: now.first_payment_on == on, f"{name} to move its date")

    async def _heard(self, name: str, is_so: Callable[[PlanStanding], bool], what: str) -> None:
        told, where = self.told[name], self.at(name).location_id

        async def heard() -> bool:
            async with self.practice.pool.acquire() as conn:
                now = await plans.standing(conn, where, told.borrower.lender, told.plan_id)
            return now is not None and is_so(now)

        await self.practice.until(heard, what)
        await self.rested(name)

    async def session(self, name: str) -> None:
        """A visit of the plan: redeemed in Zenoti, drawn from the series, nothing to pay."""
        told, centre = self.told[name], self.at(name)
        invoice_id = told.invoices.pop(0) if told.invoices else None
        if invoice_id is None:
            invoice_id = await centre.appoint(told.borrower.guest_id, self._clock.now())
        case_id = await centre.complete(invoice_id)
        await self.practice.until(lambda: self._begun(case_id), "the visit's case")
        self._shifts[case_id] = self._clock.shift
        await self.practice.until(lambda: self._rests(case_id), "the visit")
        await self.rested(name)
        self.say(name, "a session is done: Zenoti closed its invoice")

    async def _begun(self, case_id: str) -> bool:
        found = self.practice.engine.list_workflows(f"WorkflowId='{case_id}'")
        return bool([each async for each in found])

    async def book(self, name: str, in_days: int) -> None:
        """An appointment that lies ahead, and is the next session when its day comes."""
        starts, told = self._clock.now() + timedelta(days=in_days), self.told[name]
        told.invoices.append(await self.at(name).appoint(told.borrower.guest_id, starts))
        self.say(name, f"booked for {calendar.local_date(starts, self.practice.location.zone)}")

    async def decide(self, name: str, code: str, choice: str, **more: Any) -> None:
        """A person solves an exception through the path of `tieout review decide`."""
        told = self.told[name]

        async def asked() -> Review | None:
            async with self.practice.pool.acquire() as conn:
                waiting = await reviews.open_of_case(conn, told.case_id)
            return next((one for one in waiting if one.code == code), None)

        review = await self.practice.until(asked, f"{name}: {code}")
        decision = Decision(review_id=review.review_id, choice=choice, by=COORDINATOR, **more)
        await send_decision(self.practice.engine, review, decision)
        await self.rested(name)
        told.solved.append((code, choice, COORDINATOR))
        self.say(name, f"{code.replace('_', ' ').lower()}: {COORDINATOR} answers {choice}")

    async def pay_installment(self, number: int) -> None:
        """An instalment of our own is paid by its link."""
        told = self.told[OURS]
        where = self.practice.location_id
        case_id = ids.installment_workflow_id(where, told.plan_id, number)

        async def invoice() -> str | None:
            async with self.practice.pool.acquire() as conn:
                known = await processor.invoices_of_case(conn, case_id)
            return known[0] if known else None

        found = await self.practice.until(invoice, f"the invoice of instalment {number}")
        await self.practice.control(f"stripe/invoices/{found}/pay", {})
        self.say(OURS, f"instalment {number} is paid by link")

    async def sign_own(self) -> None:
        """The desk enters a plan of the practice's own."""
        told = self.told[OURS]
        terms = Terms(
            total_cents=60_000, installments=INSTALLMENTS, first_due_on=self.on(10), every="2 weeks"
        )
        now = self._clock.now()
        fact = signed(
            terms,
            location_id=self.practice.location_id,
            plan_id=str(uuid4()),
            key="signed",
            as_of=now,
            observed_at=now,
            source=FactSource.STAFF,
            client_id=told.borrower.client_id,
            sessions=SESSIONS,
        )
        async with wired(self.practice.settings, self.practice.engine) as wiring:
            await wiring.plans.take([fact], f"desk by {COORDINATOR}")

    async def import_files(self) -> None:
        """The sweep that fetches CareCredit's files."""
        start = LenderSweepStart(location_id=self.practice.location_id, lender=Lender.CARECREDIT)
        await self.practice.engine.execute_workflow(
            "LenderImport",
            start,
            id=f"demo/import/{datetime.now(UTC).timestamp():.0f}",
            task_queue=self.practice.settings.temporal_task_queue,
        )

    def say(self, name: str, sentence: str) -> None:
        """One line of the story, dated by the practice's clock."""
        day = calendar.local_date(self._clock.now(), self.practice.location.zone)
        self._tell(name, f"{day}  {sentence}")

    def on(self, days: int) -> date:
        """A civil day, some days after the first one."""
        return self._day0 + timedelta(days=days)

    def day(self, days: int) -> str:
        """The same as a lender writes it."""
        return self.on(days).isoformat()
