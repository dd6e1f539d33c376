"""Plays a case against the fake world on a real Temporal, in the case's own time."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from temporalio.client import (
    Client,
    WorkflowExecutionStatus,
    WorkflowHandle,
    WorkflowUpdateFailedError,
)
from temporalio.exceptions import ApplicationError
from temporalio.testing import TimeSkipper
from temporalio.worker import Worker

from domain.case import (
    ChartAmended,
    Decision,
    DeliveryFailed,
    Hold,
    PaymentPosted,
    UnmatchedInput,
    UnmatchedResult,
    VisitInput,
    VisitResult,
)
from domain.control_case import ControlInput, ControlResult
from domain.dispute_case import DisputeInput, DisputeMoved, DisputeResult
from domain.ids import (
    control_workflow_id,
    dispute_workflow_id,
    feed_workflow_id,
    loan_workflow_id,
    lot_workflow_id,
    payout_workflow_id,
    plan_workflow_id,
    refund_workflow_id,
    reply_workflow_id,
    unmatched_workflow_id,
    visit_workflow_id,
)
from domain.lender_case import FeedInput, FeedResult
from domain.lender_feed import Trouble
from domain.loan_case import LoanInput, LoanResult
from domain.lot_case import LotInput, LotResult
from domain.payout_case import PayoutInput, PayoutMoved, PayoutResult
from domain.plan_case import Lender, PlanInput, PlanResult
from domain.plan_policy import DEFAULT_PLAN
from domain.policies import DEFAULT_CHASE
from domain.refund_case import RefundInput, RefundMoved, RefundRequest, RefundResult
from domain.reply_case import ReplyHold, ReplyInput, ReplyReceived, ReplyResult
from tests.workflows.control_fakes import FakeControl
from tests.workflows.dispute_fakes import FakeDisputes
from tests.workflows.fakes import ZONE, World
from tests.workflows.lender_fakes import FakeLenders
from tests.workflows.loan_fakes import FakeLoans
from tests.workflows.lot_fakes import FakeLots
from tests.workflows.payout_fakes import FakePayouts
from tests.workflows.plan_fakes import FakePlans
from tests.workflows.refund_fakes import FakeRefunds
from tests.workflows.visit_fakes import activities
from worker import make_worker
from workflows import attributes

THURSDAY = datetime(2026, 10, 15, 14, 0, tzinfo=ZoneInfo(ZONE))
"""A working Thursday at 14:00, no holiday and no clock change within a month."""


@dataclass
class Clinic:
    """One test's world, worker and cases."""

    client: Client
    world: World = field(default_factory=World)
    queue: str = field(default_factory=lambda: f"test-{uuid4()}")
    worker: Worker | None = None
    payouts: FakePayouts = field(init=False)
    plans: FakePlans = field(init=False)
    lots: FakeLots = field(init=False)
    control_: FakeControl = field(init=False)
    refunds: FakeRefunds = field(init=False)
    lenders: FakeLenders = field(init=False)
    disputes: FakeDisputes = field(init=False)
    loans: FakeLoans = field(init=False)

    def __post_init__(self) -> None:
        self.payouts = FakePayouts(self.world)
        self.plans = FakePlans(self.world)
        self.lots = FakeLots(self.world)
        self.control_ = FakeControl(self.world)
        self.refunds = FakeRefunds(self.world)
        self.lenders = FakeLenders(self.world)
        self.disputes = FakeDisputes(self.world)
        self.loans = FakeLoans(self.world)

    async def work(self) -> None:
        """Start a worker, with an empty cache."""
        more = [activity for fake in self._fakes() for activity in fake.activities()]
        self.worker = make_worker(self.client, self.queue, [*activities(self.world), *more])
        self._polling = asyncio.ensure_future(self.worker.run())

    def _fakes(self) -> Sequence[Any]:
        return (
            self.payouts,
            self.plans,
            self.lots,
            self.control_,
            self.refunds,
            self.lenders,
            self.disputes,
            self.loans,
        )

    async def rest(self) -> None:
        """Stop the worker."""
        if self.worker is not None:
            await self.worker.shutdown()
            await self._polling
            self.worker = None

    async def visit(self, at: datetime = THURSDAY, visit_id: str = "", **changes: Any) -> "Case":
        """Open a case whose clock shows `at`."""
        start = VisitInput(
            keeps_end=True,
            location_id="lumin",
            pms="boulevard",
            visit_id=visit_id or str(uuid4()),
            zone=self.world.zone,
            chase=DEFAULT_CHASE.model_copy(update=changes),
            event_id="event-1",
            clock_shift_seconds=_shift_seconds(at),
        )
        case_id = visit_workflow_id(start.location_id, start.pms, start.visit_id)
        self.world.unmatched_visit = case_id
        return await self._start("TreatmentVisit", start, case_id, VisitResult, at)

    async def money(self, at: datetime = THURSDAY, payment_id: str = "") -> "Case":
        """Open a case of money without a reference."""
        start = UnmatchedInput(
            location_id="lumin",
            source="stripe",
            payment_id=payment_id or f"pi_{uuid4().hex[:12]}",
            zone=self.world.zone,
            clock_shift_seconds=_shift_seconds(at),
        )
        case_id = unmatched_workflow_id(start.source, start.payment_id)
        return await self._start("UnmatchedPayment", start, case_id, UnmatchedResult, at)

    async def payout(self, at: datetime = THURSDAY, payout_id: str = "") -> "Case":
        """Open the case of a payout."""
        start = PayoutInput(
            location_id="lumin",
            source="stripe",
            payout_id=payout_id or f"po_{uuid4().hex[:12]}",
            zone=self.world.zone,
            clock_shift_seconds=_shift_seconds(at),
        )
        case_id = payout_workflow_id(start.source, start.payout_id)
        return await self._start("PayoutTieOut", start, case_id, PayoutResult, at)

    async def lot(self, at: datetime = THURSDAY, lot_id: str = "") -> "Case":
        """Open the case of an expired lot."""
        start = LotInput(
            location_id="lumin",
            lot_id=lot_id or str(uuid4()),
            zone=self.world.zone,
            clock_shift_seconds=_shift_seconds(at),
        )
        case_id = lot_workflow_id(start.location_id, start.lot_id)
        return await self._start("ExpiredLot", start, case_id, LotResult, at)

    async def control(self, at: datetime = THURSDAY, location_id: str = "") -> "Case":
        """Open the case of a line of the daily control that is off."""
        start = ControlInput(
            location_id=location_id or f"lumin-{uuid4().hex[:8]}",
            line="BANK",
            since=at.date() - timedelta(days=1),
            zone=self.world.zone,
            clock_shift_seconds=_shift_seconds(at),
        )
        case_id = control_workflow_id(start.location_id, start.line)
        return await self._start("ControlTotal", start, case_id, ControlResult, at)

    async def loan(self, at: datetime = THURSDAY) -> "Case":
        """Open the case of a lender's part of a visit."""
        location_id = f"lumin-{uuid4().hex[:8]}"
        start = LoanInput(
            location_id=location_id,
            lender=Lender.CHERRY,
            loan_id="tx-1",
            payment_id="payment-1",
            zone=self.world.zone,
            clock_shift_seconds=_shift_seconds(at),
        )
        case_id = loan_workflow_id(location_id, start.lender, "visit-1")
        return await self._start("LenderLoan", start, case_id, LoanResult, at)

    async def feed(self, *troubles: Trouble, at: datetime = THURSDAY) -> "Case":
        """Open the case of a lender's feed that is not well."""
        location_id = f"lumin-{uuid4().hex[:8]}"
        start = FeedInput(
            location_id=location_id,
            lender=Lender.CARECREDIT,
            zone=self.world.zone,
            troubles=troubles,
            clock_shift_seconds=_shift_seconds(at),
        )
        case_id = feed_workflow_id(location_id, start.lender)
        return await self._start("LenderFeed", start, case_id, FeedResult, at)

    async def plan(self, at: datetime = THURSDAY, plan_id: str = "", **facts: Any) -> "Case":
        """Open the case of a financing plan that was approved just now."""
        start = PlanInput(
            location_id="lumin",
            lender=facts.get("lender", Lender.CHERRY),
            plan_id=plan_id or f"app_{uuid4().hex[:12]}",
            zone=self.world.zone,
            policy=DEFAULT_PLAN,
            event_id="event-1",
            clock_shift_seconds=_shift_seconds(at),
        )
        self.plans.plan(**{"approved_at": at, "status_as_of": at, **facts})
        case_id = plan_workflow_id(start.location_id, start.lender, start.plan_id)
        return await self._start("FinancingPlan", start, case_id, PlanResult, at)

    async def refund(self, at: datetime = THURSDAY, **start_: Any) -> "Case":
        """Open a case of a refund: one that is asked for, unless told otherwise."""
        asked = RefundRequest(
            client_id="client-1", by="desk-1", reason="unhappy", case_id="visit-1"
        )
        start = RefundInput.model_validate(
            {
                "location_id": "lumin",
                "zone": self.world.zone,
                "clock_shift_seconds": _shift_seconds(at),
                **(start_ or {"request": asked}),
            }
        )
        case_id = refund_workflow_id(start.source or "lumin", start.object_id or str(uuid4()))
        return await self._start("Refund", start, case_id, RefundResult, at)

    async def dispute(self, at: datetime = THURSDAY, dispute_id: str = "") -> "Case":
        """Open the case of a dispute."""
        start = DisputeInput(
            location_id="lumin",
            source="stripe",
            dispute_id=dispute_id or f"du_{uuid4().hex[:12]}",
            zone=self.world.zone,
            clock_shift_seconds=_shift_seconds(at),
        )
        case_id = dispute_workflow_id(start.source, start.dispute_id)
        return await self._start("Dispute", start, case_id, DisputeResult, at)

    async def reply(
        self, code: str = "REPLY_CALL", at: datetime = THURSDAY, client_id: str = ""
    ) -> "Case":
        """Open a case of a reply that a person has to read."""
        start = ReplyInput(
            location_id="lumin",
            zone=self.world.zone,
            reply=received(code, at),
            clock_shift_seconds=_shift_seconds(at),
        )
        case_id = reply_workflow_id(start.location_id, client_id or str(uuid4()))
        return await self._start("PatientReply", start, case_id, ReplyResult, at)

    async def _start(
        self, name: str, start: Any, case_id: str, result_type: type, at: datetime
    ) -> "Case":
        handle = await self.client.start_workflow(
            name,
            start,
            id=case_id,
            task_queue=self.queue,
            result_type=result_type,
            search_attributes=attributes.at_start("lumin"),
        )
        shift = timedelta(seconds=start.clock_shift_seconds)
        case = Case(self, handle, TimeSkipper(self.client), shift, at)
        if self.worker is not None:
            await case.settled()
        return case


def received(code: str, at: datetime = THURSDAY, inbox_id: str = "inbox-1") -> ReplyReceived:
    """A reply with the hold that its intake placed."""
    hold = ReplyHold(hold_id=f"hold-of-{inbox_id}", client_id="client-1")
    return ReplyReceived(inbox_id=inbox_id, code=code, at=at, holds=(hold,))


@dataclass
class Case:
    """One running case. Every verb returns when the case has nothing more to do for now."""

    clinic: Clinic
    handle: WorkflowHandle[Any, Any]
    skipper: TimeSkipper
    shift: timedelta
    began: datetime

    @property
    def world(self) -> World:
        return self.clinic.world

    async def settled(self) -> None:
        """Wait until neither a task nor an activity is under way."""
        for _ in range(2_000):
            found = (await self.handle.describe()).raw_description
            is_begun = found.workflow_execution_info.history_length > 1
            is_busy = found.pending_activities or found.HasField("pending_workflow_task")
            if is_begun and not is_busy:
                return
            await asyncio.sleep(0.005)
        raise TimeoutError(f"the case never came to rest: {found.pending_activities}")

    async def now(self) -> datetime:
        """The case's clock, local."""
        at = await self.skipper.get_current_time(self.handle) + self.shift
        return at.astimezone(ZoneInfo(self.world.zone))

    async def pass_(self, **time: float) -> None:
        """Let time pass: `days=3`, `hours=1`."""
        await self.skipper.fast_forward(self.handle, timedelta(**time))
        await self.settled()

    async def day(self, days: int, hour: int = 14, minute: int = 0) -> None:
        """Let time pass until a local hour, some civil days after the case began."""
        local = self.began.astimezone(ZoneInfo(self.world.zone)) + timedelta(days=days)
        await self.clock(local.replace(hour=hour, minute=minute))

    async def clock(self, local: datetime) -> None:
        """Let time pass until a local time."""
        left = local.astimezone(UTC) - (await self.now()).astimezone(UTC)
        if left > timedelta(0):
            await self.pass_(seconds=left.total_seconds())

    async def pay(
        self, cents: int | None = None, kind: str = "card", announce: bool = True
    ) -> None:
        """Money arrives (all that is owed unless told), and is announced."""
        owed = self.world.balance_cents if cents is None else cents
        self.world.announced.append((owed, kind))
        if announce:
            await self.announced()

    async def announced(self) -> None:
        await self._signal("payment_posted", PaymentPosted(payment_id="pi_1"))

    async def amended(self, event_id: str = "event-2") -> None:
        await self._signal("chart_amended", ChartAmended(event_id=event_id))

    async def moved(self, state: str) -> None:
        await self._signal("payout_moved", PayoutMoved(state=state))

    async def dispute_moved(self, state: str) -> None:
        await self._signal("dispute_moved", DisputeMoved(state=state))

    async def refund_moved(self, state: str) -> None:
        await self._signal("refund_moved", RefundMoved(state=state))

    async def bounced(self, channel: str = "sms", code: str = "unreachable", nth: int = -1) -> None:
        """A message (the newest of the channel, unless told) did not arrive."""
        sent = [message.key for message in self.world.messages if message.channel == channel]
        failure = DeliveryFailed(
            message_key=sent[nth] if sent else "key", channel=channel, code=code
        )
        await self._signal("delivery_failed", failure)

    async def _signal(self, name: str, message: Any) -> None:
        await self.handle.signal(name, message)
        await self.settled()

    signal = _signal

    async def update(self, name: str, message: Any) -> Any:
        answer = await self.handle.execute_update(name, message)
        await self.settled()
        return answer

    async def hold(self) -> None:
        await self.update("hold", Hold(by="desk-1", reason="CALLED"))

    def answer(self, choice: str, code: str | None = None, **more: Any) -> Decision:
        """A decision on the open question (of a code)."""
        codes = self.world.open_codes
        if code is None:
            assert len(codes) == 1, f"one open question expected, found {codes}"
            code = codes[0]
        review_id = self.world.question(code).review_id
        return Decision(review_id=review_id, choice=choice, by="desk-1", **more)

    async def decide(self, choice: str, code: str | None = None, **more: Any) -> None:
        assert await self.update("review_decided", self.answer(choice, code, **more)) == "accepted"

    async def refused(self, decision: Decision) -> ApplicationError:
        """The sentence with which a decision is refused."""
        with pytest.raises(WorkflowUpdateFailedError) as caught:
            await self.update("review_decided", decision)
        assert isinstance(caught.value.cause, ApplicationError)
        return caught.value.cause

    async def details(self) -> str:
        """The page that operators read in the Temporal UI."""
        await self.settled()
        read = await self.handle.query("__temporal_workflow_metadata")
        return str(read["currentDetails"] if isinstance(read, dict) else read.current_details)

    async def runs(self) -> bool:
        return (await self.handle.describe()).status == WorkflowExecutionStatus.RUNNING

    async def ended(self) -> Any:
        """The result, within a few real seconds; time does not pass."""
        return await asyncio.wait_for(self.handle.result(), 5)

    async def pass_to_the_end(self) -> Any:
        """Skip time without bound until the case ends."""
        await asyncio.wait_for(self.skipper.fast_forward(self.handle), 20)
        return await self.ended()


def _shift_seconds(at: datetime) -> int:
    """Whole seconds; the case begins within the second after `at`."""
    return ceil((at - datetime.now(UTC)).total_seconds())
