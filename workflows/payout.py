"""One payout: what it consists of, to the cent, or a question for a named person.

The promise: the bank account in the books moves only for a payout that is explained or that
somebody has accepted, and a payout that comes back is undone. Ends when the books have followed.
"""

from datetime import datetime, timedelta

from pydantic import ValidationError
from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.payout_contracts import ApplyPayoutIn, PayoutRef, TieIn
    from activities.payouts import PayoutActivities
    from domain.case import Attention, Decision, Stage, Undo
    from domain.payout_case import PayoutInput, PayoutMoved, PayoutResult
    from workflows.case_room import CaseRoom
    from workflows.options import BOOKS

LOOK_AGAIN_HOURS = 6
MISSING_HOURS = 1
PATIENT_LOOKS = 6
REST_DAYS = 7
PLACED_MINUTES = 2
TRY_AGAIN_HOURS = 1
ENDS = frozenset({"tied", "returned", "canceled", "gone"})


@workflow.defn(name="PayoutTieOut", failure_exception_types=[ValidationError])
class PayoutTieOut:
    """Tie it out.

    | message | kind | from |
    |---|---|---|
    | review_decided | update and signal | the desk |
    | decision_undone | signal | the desk: a decision is taken back |
    | payout_moved | signal | webhooks and the sweep: the payout is read again |
    """

    @workflow.init
    def __init__(self, start: PayoutInput) -> None:
        self.start = start
        self.room = CaseRoom(start.location_id, start.zone, start.clock_shift_seconds)
        self.payout = PayoutRef(
            case_id=workflow.info().workflow_id,
            location_id=start.location_id,
            source=start.source,
            payout_id=start.payout_id,
            zone=start.zone,
        )
        self.news = False
        self.looks = 0
        self.look_at: datetime | None = None

    @workflow.run
    async def run(self, _: PayoutInput) -> PayoutResult:
        """Look until the books have followed the payout to its end."""
        result = None
        while result is None:
            try:
                result = await self._next()
            except ActivityError as failure:
                # Nothing is booked by halves; waiting loses nothing.
                self.room.failed(failure)
                await self._wait(timedelta(hours=TRY_AGAIN_HOURS), "a step failed")
        await workflow.wait_condition(workflow.all_handlers_finished)
        return result

    async def _next(self) -> PayoutResult | None:
        """Carry out, look or wait; None while the payout has no end."""
        decision = self.room.answer()
        if self.room.undos:
            await self.room.take_back(self.start.staff_reminder_business_days)
            self.look_at = self.room.now() + timedelta(days=1)
        elif decision is not None:
            await self._carry_out(decision)
        elif self.news or not self.room.questions or self._is_due():
            return await self._tie()
        else:
            await self.room.desk(self._is_news, "what is in this payout?", self.look_at)
        return None

    def _is_news(self) -> bool:
        """The processor has news, or a person takes a decision back."""
        return self.news or bool(self.room.undos)

    def _is_due(self) -> bool:
        return self.look_at is not None and self.look_at <= self.room.now()

    async def _tie(self) -> PayoutResult | None:
        self.news, asked = False, next(iter(self.room.questions), None)
        tied = await workflow.execute_activity_method(
            PayoutActivities.tie_payout,
            TieIn(
                payout=self.payout,
                at=self.room.now(),
                review_no=self.room.number(asked),
                patient=self.looks < PATIENT_LOOKS and asked is None,
                open_review_id=asked,
            ),
            summary="tie the payout out",
            **BOOKS,
        )
        self.look_at = self.room.now() + timedelta(days=1)
        if tied.status in ENDS:
            await self.room.withdraw("the payout ties out by now")
            return None if self._is_news() else PayoutResult(status=tied.status)
        if tied.review_id is not None and tied.code is not None:
            self.room.asked(tied.review_id, tied.code, self.start.staff_reminder_business_days)
        elif tied.status == "missing":
            self.looks += 1
            await self._wait(timedelta(hours=MISSING_HOURS), "a payment is not in the books yet")
        else:
            await self._wait(timedelta(hours=LOOK_AGAIN_HOURS), "the payout is on its way")
        return None

    async def _wait(self, pause: timedelta, why: str) -> None:
        """Until news or some time has passed."""
        until = self.room.now() + pause
        self.room.enter(Stage.AWAITING_PAYMENT, Attention.SYSTEM, until, why)
        await self.room.wait(self._is_news, until, why)

    async def _carry_out(self, decision: Decision) -> None:
        applied = await workflow.execute_activity_method(
            PayoutActivities.apply_payout,
            ApplyPayoutIn(
                payout=self.payout,
                code=self.room.questions[decision.review_id].code,
                decision=decision,
                at=self.room.now(),
            ),
            summary=f"carry out: {decision.choice}",
            **BOOKS,
        )
        if applied.note:
            self.room.note(applied.note)
        if not self.room.carried(decision, applied.effect):
            return
        if applied.added:
            self.looks = 0
            await self._wait(timedelta(minutes=PLACED_MINUTES), "missing payments are booked")
        if applied.effect == "rest":
            await self._wait(timedelta(days=REST_DAYS), "the processor is asked")

    @workflow.update(name="review_decided")
    async def decide(self, decision: Decision) -> str:
        """The desk's answer, checked while the person looks."""
        self.room.accept(decision)
        return "accepted"

    @decide.validator
    def check_decision(self, decision: Decision) -> None:
        """Refuse what cannot be carried out, in one sentence."""
        self.room.check(decision)

    @workflow.signal(name="review_decided")
    def decide_by_signal(self, raw: RawValue) -> None:
        """The same answer from any tool; what cannot be read or used leaves a trace."""
        self.room.accept_raw(raw)

    @workflow.signal
    def decision_undone(self, undo: Undo) -> None:
        """A person takes a decision back; a payout that had its end hears it in a new run."""
        self.room.undos.append(undo)

    @workflow.signal
    def payout_moved(self, moved: PayoutMoved) -> None:
        """The processor has news of this payout."""
        self.news = True
        self.room.note(f"the processor says: {moved.state}")
