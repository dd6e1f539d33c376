"""One refund: asked for, decided, sent back along its payment, and followed until it arrived.

The promise: what it is for is in the books before any money moves, each movement is made once,
and one that does not arrive waits for a named person. It ends when nothing is on its way.
"""

from datetime import datetime, timedelta

from pydantic import ValidationError
from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.contracts import ApplyIn, CaseRef, Mismatch
    from activities.refund_contracts import AskRefundIn, RefundRef, SettleRefundIn
    from activities.refunds import RefundActivities
    from activities.reviews import ReviewActivities
    from domain.case import Attention, Decision, Stage, Undo
    from domain.refund_case import RefundInput, RefundMoved, RefundResult
    from workflows.case_room import CaseRoom
    from workflows.options import BOOKS, MONEY

LOOK_AGAIN = timedelta(days=1)
MISSING = timedelta(hours=1)
PATIENT_LOOKS = 6
TRY_AGAIN = timedelta(hours=1)
ENDS = frozenset({"paid", "undone", "gone"})


@workflow.defn(name="Refund", failure_exception_types=[ValidationError])
class Refund:
    """Ask, pay back, follow.

    | message | kind | from |
    |---|---|---|
    | review_decided | update and signal | the desk |
    | decision_undone | signal | the desk: a decision is taken back |
    | refund_moved | signal | webhooks: the refund is read again |
    """

    @workflow.init
    def __init__(self, start: RefundInput) -> None:
        self.start = start
        self.room = CaseRoom(start.location_id, start.zone, start.clock_shift_seconds)
        self.refund = RefundRef(
            case_id=workflow.info().workflow_id,
            location_id=start.location_id,
            zone=start.zone,
            refund_id=start.refund_id,
            source=start.source,
            object_id=start.object_id,
        )
        self.to_ask = start.request is not None
        self.news = False
        self.tell = start.refund_id is not None
        self.looks = 0
        self.look_at: datetime | None = None

    @workflow.run
    async def run(self, _: RefundInput) -> RefundResult:
        """Go on until nothing is owed, on its way or unexplained."""
        result = None
        while result is None:
            try:
                result = await self._next()
            except ActivityError as failure:
                # What is owed stays owed, and every movement is looked up before it is made.
                self.room.failed(failure)
                await self._wait(TRY_AGAIN, "a step failed")
        await workflow.wait_condition(workflow.all_handlers_finished)
        return result

    async def _next(self) -> RefundResult | None:
        """Take back, carry out, ask, settle or wait; None while the refund has no end."""
        if self.room.undos:
            await self.room.take_back(self.start.staff_reminder_business_days)
            self.looks = PATIENT_LOOKS  # a person was asked already
            return None
        decision = self.room.answer()
        if decision is not None:
            return await self._carry_out(decision)
        if self.to_ask and not self.room.questions:
            return await self._ask()
        if not self.to_ask and (self.news or not self.room.questions or self._is_due()):
            return await self._settle()
        await self.room.desk(self._heard, "a refund waits for a person", self.look_at)
        return None

    def _heard(self) -> bool:
        return bool(self.room.undos) or (self.news and not self.to_ask)

    def _is_due(self) -> bool:
        return self.look_at is not None and self.look_at <= self.room.now()

    async def _ask(self) -> RefundResult | None:
        """Show what the refund would do; what cannot be is refused at once."""
        assert self.start.request is not None
        asked = await workflow.execute_activity_method(
            RefundActivities.ask_refund,
            AskRefundIn(
                refund=self.refund,
                request=self.start.request,
                at=self.room.now(),
                review_no=self.room.number(),
            ),
            summary="ask whether to refund",
            **BOOKS,
        )
        if asked.review_id is None or asked.code is None:
            return RefundResult(status="refused", why=asked.why)
        self._asked(Mismatch(review_id=asked.review_id, code=asked.code))
        return None

    async def _settle(self) -> RefundResult | None:
        """Move what can move; ask about what cannot."""
        self.news = False
        done = await workflow.execute_activity_method(
            RefundActivities.settle_refund,
            SettleRefundIn(
                refund=self.refund,
                at=self.room.now(),
                patient=self.looks < PATIENT_LOOKS,
                tell=self.tell,
            ),
            summary="send and follow the refund",
            **MONEY,
        )
        self.tell = False
        self.look_at = self.room.now() + LOOK_AGAIN
        for question in done.questions:
            self._asked(question)
        stale = self.room.questions.keys() - {each.review_id for each in done.questions}
        for review_id in sorted(stale):
            await self.room.withdraw_one(review_id, "the refund has moved on")
        if done.status in ENDS:
            return None if self._heard() else RefundResult(status=done.status)
        if done.status == "missing":
            self.looks += 1
            await self._wait(MISSING, "its payment is not in the books yet")
        elif done.status == "waits":
            await self._wait(LOOK_AGAIN, "the processor is sending it")
        return None

    def _asked(self, one: Mismatch) -> None:
        self.room.asked(one.review_id, one.code, self.start.staff_reminder_business_days)

    async def _wait(self, pause: timedelta, why: str) -> None:
        """Until news or some time has passed."""
        until = self.room.now() + pause
        self.room.enter(Stage.AWAITING_PAYMENT, Attention.SYSTEM, until, why)
        await self.room.wait(lambda: self.news or bool(self.room.undos), until, why)

    async def _carry_out(self, decision: Decision) -> RefundResult | None:
        request = self.start.request
        applied = await workflow.execute_activity_method(
            ReviewActivities.apply_decision,
            ApplyIn(
                case=CaseRef(
                    case_id=self.refund.case_id,
                    location_id=self.start.location_id,
                    pms="",
                    visit_id="",
                    zone=self.start.zone,
                ),
                client_id=request.client_id if request else None,
                decision=decision,
                at=self.room.now(),
            ),
            summary=f"carry out: {decision.choice}",
            **BOOKS,
        )
        if not self.room.carried(decision, applied.effect):
            return None
        if applied.effect == "dropped":
            return RefundResult(status="dropped")
        if applied.refund_ids:
            self.refund = self.refund.model_copy(update={"refund_id": applied.refund_ids[0]})
        self.to_ask, self.tell, self.news = False, True, True
        return None

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
        """A person takes a decision back; a refund that has ended hears it in a new run."""
        self.room.undos.append(undo)

    @workflow.signal
    def refund_moved(self, moved: RefundMoved) -> None:
        """The processor has news of this refund."""
        self.news = True
        self.room.note(f"the processor says: {moved.state}")
