"""One dispute: a payment that the payer's bank took back, until it is won or a person ended it.

The promise: nobody is asked for the money while the bank has it, a person says what the bank is
told, and what is lost is billed again or given up by name, never by itself.
"""

from datetime import datetime, timedelta

from pydantic import ValidationError
from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.contracts import ApplyIn, CaseRef
    from activities.dispute_contracts import DisputeRef, FollowDisputeIn
    from activities.disputes import DisputeActivities
    from activities.reviews import ReviewActivities
    from domain.case import Attention, Decision, Stage, Undo
    from domain.dispute_case import DisputeInput, DisputeMoved, DisputeResult
    from workflows.case_room import CaseRoom
    from workflows.options import BOOKS, MONEY

LOOK_AGAIN = timedelta(days=1)
MISSING = timedelta(hours=1)
TRY_AGAIN = timedelta(hours=1)
ENDS = frozenset({"won", "rebill", "write_off", "block", "gone"})


@workflow.defn(name="Dispute", failure_exception_types=[ValidationError])
class Dispute:
    """Follow it.

    | message | kind | from |
    |---|---|---|
    | review_decided | update and signal | the desk |
    | decision_undone | signal | the desk: a decision is taken back |
    | dispute_moved | signal | webhooks: the dispute is read again |
    """

    @workflow.init
    def __init__(self, start: DisputeInput) -> None:
        self.start = start
        self.room = CaseRoom(start.location_id, start.zone, start.clock_shift_seconds)
        self.dispute = DisputeRef(
            case_id=workflow.info().workflow_id,
            location_id=start.location_id,
            zone=start.zone,
            source=start.source,
            dispute_id=start.dispute_id,
        )
        self.news = False
        self.tell = False
        self.look_at: datetime | None = None

    @workflow.run
    async def run(self, _: DisputeInput) -> DisputeResult:
        """Look until the bank has decided and the loss, if it is one, has its place."""
        result = None
        while result is None:
            try:
                result = await self._next()
            except ActivityError as failure:
                # The bank's deadline is shown in the question; a failed step is tried again.
                self.room.failed(failure)
                await self._wait(TRY_AGAIN, "a step failed")
        await workflow.wait_condition(workflow.all_handlers_finished)
        return result

    async def _next(self) -> DisputeResult | None:
        """Take back, carry out, look or wait; None while the dispute has no end."""
        if self.room.undos:
            await self.room.take_back(self.start.staff_reminder_business_days)
            self.news = True  # the bank may have thought better of it meanwhile
            return None
        decision = self.room.answer()
        if decision is not None:
            await self._carry_out(decision)
        elif self.news or not self.room.questions or self._is_due():
            return await self._follow()
        else:
            why = "what is the bank told?"
            await self.room.desk(self._heard, why, self.look_at)
        return None

    def _heard(self) -> bool:
        return self.news or bool(self.room.undos)

    def _is_due(self) -> bool:
        return self.look_at is not None and self.look_at <= self.room.now()

    async def _follow(self) -> DisputeResult | None:
        self.news = False
        done = await workflow.execute_activity_method(
            DisputeActivities.follow_dispute,
            FollowDisputeIn(dispute=self.dispute, at=self.room.now(), tell=self.tell),
            summary="read the dispute and answer the bank",
            **MONEY,
        )
        self.tell = False
        self.look_at = self.room.now() + LOOK_AGAIN
        for one in done.questions:
            days = self.start.staff_reminder_business_days
            self.room.asked(one.review_id, one.code, days)
        stale = self.room.questions.keys() - {one.review_id for one in done.questions}
        for review_id in sorted(stale):
            await self.room.withdraw_one(review_id, "the dispute has moved on")
        if done.status in ENDS:
            return None if self._heard() else DisputeResult(status=done.status)
        if done.status == "missing":
            await self._wait(MISSING, "its payment is not in the books yet")
        elif done.status == "waits":
            await self._wait(LOOK_AGAIN, "the bank decides")
        return None

    async def _wait(self, pause: timedelta, why: str) -> None:
        """Until news or some time has passed."""
        until = self.room.now() + pause
        self.room.enter(Stage.AWAITING_PAYMENT, Attention.SYSTEM, until, why)
        await self.room.wait(self._heard, until, why)

    async def _carry_out(self, decision: Decision) -> None:
        applied = await workflow.execute_activity_method(
            ReviewActivities.apply_decision,
            ApplyIn(
                case=CaseRef(
                    case_id=self.dispute.case_id,
                    location_id=self.start.location_id,
                    pms="",
                    visit_id="",
                    zone=self.start.zone,
                ),
                client_id=None,
                decision=decision,
                at=self.room.now(),
            ),
            summary=f"carry out: {decision.choice}",
            **BOOKS,
        )
        if self.room.carried(decision, applied.effect):
            self.tell = self.news = True

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
        """A person takes a decision back; a dispute that had an end hears it in a new run."""
        self.room.undos.append(undo)

    @workflow.signal
    def dispute_moved(self, moved: DisputeMoved) -> None:
        """The bank has news of this dispute."""
        self.news = True
        self.room.note(f"the processor says: {moved.state}")
