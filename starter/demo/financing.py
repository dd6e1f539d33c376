"""`tieout demo --story financing`: a plan of each lender, from its first telling to its end.

The practice has one clock, and every case is brought to it day by day, so that what one case does
happens at its time for the others too.
"""

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
from domain.plan_case import Lender
from domain.plan_facts import FactSource
from starter.deciding import send_decision
from starter.demo.cast import LASER, line
from starter.demo.financing_cast import SESSIONS, Borrower, borrowers, series
from starter.rehearsal import PMS, Rehearsal
from starter.simulate.clock import Clock
from starter.wiring import wired
from store import consents, plans, processor, reviews
from store.db import transaction
from store.reviews import Review
from workflows.lender_sweeps import LenderSweepStart

Tell = Callable[[str, str], None]
"""Called with the lender and one sentence."""
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
    solved: list[tuple[str, str, str]] = field(default_factory=list)
    """(code, choice, who)"""


class Year:
    """The plans' lives, told as they happen."""

    def __init__(self, practice: Rehearsal, tell: Tell) -> None:
        self.practice, self._tell = practice, tell
        self._skipper = TimeSkipper(practice.engine)
        self._shifts: dict[str, timedelta] = {}
        self.told: dict[Lender, Told] = {}
        self._day0: date

    async def play(self, acts: Mapping[int, Sequence[Act]]) -> list[Told]:
        """Day by day to the end of the last plan; `acts` are what happens on a morning."""
        practice = self.practice
        self._clock = Clock(practice.pool, practice.location_id, practice.now())
        await self._clock.start()
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
        await self._clock.reach(at)
        for case_id in await self._running():
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
        told = self.told[Lender.IN_HOUSE]
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
        practice = self.practice
        urn = await practice.admit(borrower.patient, series(self._clock.now()))
        client_id = ids.client_id(practice.location_id, PMS, urn)
        async with transaction(practice.pool) as conn:
            for channel in Channel:
                for scope in ("care", "marketing"):
                    await consents.opt_in(conn, client_id, channel, scope, "written", "form")
        known = replace(borrower, urn=urn, client_id=client_id)
        self.told[borrower.lender] = Told(known)

    async def lender(self, lender: Lender, verb: str, **fields: Any) -> Any:
        """Something happens at a lender, which announces it."""
        at = self._clock.now().isoformat()
        body = {"updated_at": at, **fields}
        if fields.get("status") == "accepted":
            body["accepted_at"] = at
        return await self.practice.control(f"lenders/{lender}/{verb}", body)

    async def opened(self, lender: Lender) -> None:
        """The plan's case stands, and has read what was told."""
        told = self.told[lender]

        async def found() -> str | None:
            async with self.practice.pool.acquire() as conn:
                rows = await plans.list_plans(conn, None, lender, None, told.borrower.client_id)
            return rows[0].standing.plan_id if rows else None

        told.plan_id = await self.practice.until(found, f"a plan of {lender}")
        where = self.practice.location_id
        told.case_id = ids.plan_workflow_id(where, lender, told.plan_id)
        self._shifts.setdefault(told.case_id, self._clock.shift)
        await self.practice.until(lambda: self._rests(told.case_id), f"the case of {lender}")

    async def status(self, lender: Lender, *wanted: str) -> None:
        """The books have heard it, and the case has acted on it."""
        told = self.told[lender]

        async def heard() -> bool:
            async with self.practice.pool.acquire() as conn:
                now = await plans.standing(conn, self.practice.location_id, lender, told.plan_id)
            return now is not None and now.status in wanted

        await self.practice.until(heard, f"{lender} to be {' or '.join(wanted)}")
        await self.practice.until(lambda: self._rests(told.case_id), f"the case of {lender}")

    async def first_payment(self, lender: Lender, on: date) -> None:
        """The books have heard of another first payment date."""
        told = self.told[lender]

        async def heard() -> bool:
            async with self.practice.pool.acquire() as conn:
                now = await plans.standing(conn, self.practice.location_id, lender, told.plan_id)
            return now is not None and now.first_payment_on == on

        await self.practice.until(heard, f"{lender} to move its date")
        await self.practice.until(lambda: self._rests(told.case_id), f"the case of {lender}")

    async def session(self, lender: Lender) -> None:
        """A visit of the plan: drawn from the series, nothing to pay."""
        told = self.told[lender]
        laser = [line(LASER, "Laser", 1, 32_000)]
        start = {"startAt": self._clock.now().isoformat()}
        visit_id = await self.practice.treat(told.borrower.urn, laser, **start)
        case_id = await self.practice.check_out(visit_id)
        await self.practice.until(lambda: self._begun(case_id), "the visit's case")
        self._shifts[case_id] = self._clock.shift
        await self.practice.until(lambda: self._rests(case_id), "the visit")
        await self.practice.until(lambda: self._rests(told.case_id), f"the case of {lender}")
        self.say(lender, "a session is done")

    async def _begun(self, case_id: str) -> bool:
        found = self.practice.engine.list_workflows(f"WorkflowId='{case_id}'")
        return bool([each async for each in found])

    async def book(self, lender: Lender, in_days: int) -> None:
        """An appointment that lies ahead."""
        starts = self._clock.now() + timedelta(days=in_days)
        laser = [line(LASER, "Laser", 1, 32_000)]
        await self.practice.treat(self.told[lender].borrower.urn, laser, startAt=starts.isoformat())
        self.say(lender, f"booked for {calendar.local_date(starts, self.practice.location.zone)}")

    async def decide(self, lender: Lender, code: str, choice: str, **more: Any) -> None:
        """A person solves an exception through the path of `tieout review decide`."""
        told = self.told[lender]

        async def asked() -> Review | None:
            async with self.practice.pool.acquire() as conn:
                waiting = await reviews.open_of_case(conn, told.case_id)
            return next((one for one in waiting if one.code == code), None)

        review = await self.practice.until(asked, f"{lender}: {code}")
        decision = Decision(review_id=review.review_id, choice=choice, by=COORDINATOR, **more)
        await send_decision(self.practice.engine, review, decision)
        await self.practice.until(lambda: self._rests(told.case_id), f"the case of {lender}")
        told.solved.append((code, choice, COORDINATOR))
        self.say(lender, f"{code.replace('_', ' ').lower()}: {COORDINATOR} answers {choice}")

    async def pay_installment(self, number: int) -> None:
        """An instalment of our own is paid by its link."""
        told = self.told[Lender.IN_HOUSE]
        where = self.practice.location_id
        case_id = ids.installment_workflow_id(where, told.plan_id, number)

        async def invoice() -> str | None:
            async with self.practice.pool.acquire() as conn:
                known = await processor.invoices_of_case(conn, case_id)
            return known[0] if known else None

        found = await self.practice.until(invoice, f"the invoice of instalment {number}")
        await self.practice.control(f"stripe/invoices/{found}/pay", {})
        self.say(Lender.IN_HOUSE, f"instalment {number} is paid by link")

    async def sign_own(self) -> None:
        """The desk enters a plan of the practice's own."""
        told = self.told[Lender.IN_HOUSE]
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

    def say(self, lender: Lender, sentence: str) -> None:
        """One line of the story, dated by the practice's clock."""
        day = calendar.local_date(self._clock.now(), self.practice.location.zone)
        self._tell(lender, f"{day}  {sentence}")

    def on(self, days: int) -> date:
        """A civil day, some days after the first one."""
        return self._day0 + timedelta(days=days)

    def day(self, days: int) -> str:
        """The same as a lender writes it."""
        return self.on(days).isoformat()
