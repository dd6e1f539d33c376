"""A lender's money for one visit: booked when it came, asked about when it did not fit or come.

The promise: what a lender owes is never asked of the patient unless a named person says so, and
no deposit, fee or taking back is closed by itself. Ends when nothing is open of the loan.
"""

from datetime import datetime, timedelta

from pydantic import ValidationError
from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.lender_money import LenderMoneyActivities
    from activities.loan_contracts import ApplyLoanIn, LoanRef, SettleLoanIn
    from domain.case import Attention, Decision, Stage, Undo
    from domain.loan_case import LoanInput, LoanMoved, LoanResult
    from workflows.case_room import CaseRoom
    from workflows.options import BOOKS

TRY_AGAIN = timedelta(hours=1)


@workflow.defn(name="LenderLoan", failure_exception_types=[ValidationError])
class LenderLoan:
    """Book, wait or ask until nothing is open.

    | message | kind | from |
    |---|---|---|
    | loan_moved | signal | the lender's polls and files, the hourly look for late loans |
    | review_decided | update and signal | the desk |
    | decision_undone | signal | the desk: a decision is taken back |
    """

    @workflow.init
    def __init__(self, start: LoanInput) -> None:
        self.start = start
        self.room = CaseRoom(start.location_id, start.zone, start.clock_shift_seconds)
        self.loan = LoanRef(
            case_id=workflow.info().workflow_id,
            location_id=start.location_id,
            lender=start.lender,
            loan_id=start.loan_id,
            payment_id=start.payment_id,
            zone=start.zone,
        )
        self.news = True
        self.rests_until: datetime | None = None
        self.is_done = False

    @workflow.run
    async def run(self, _: LoanInput) -> LoanResult:
        """Go on until the lender owes nothing and nothing is asked."""
        while self.room.undos or not self.is_done:
            try:
                await self._next()
            except ActivityError as failure:
                # What came is with the bank and what is owed stays owed.
                self.room.failed(failure)
                await workflow.sleep(TRY_AGAIN, summary="a step failed; again in an hour")
                self.news = True
        await workflow.wait_condition(workflow.all_handlers_finished)
        return LoanResult(status="settled")

    async def _next(self) -> None:
        """Carry out, look, or wait."""
        decision = self.room.answer()
        if self.room.undos:
            await self._take_back()
        elif decision is not None:
            await self._carry_out(decision)
        elif self.news or (not self.room.questions and not self._rests()):
            await self._settle()
        elif self.room.questions:
            await self.room.desk(self._is_news, "a lender's money does not fit")
        else:
            await self._wait()

    async def _take_back(self) -> None:
        """The part is as it was before the decision; a rest that it began is over."""
        if await self.room.take_back(self.start.staff_reminder_business_days) is not None:
            self.rests_until = None
        self.is_done, self.news = False, True

    async def _settle(self) -> None:
        """Follow the deposits; ask, or know until when to wait."""
        self.news = False
        settled = await workflow.execute_activity_method(
            LenderMoneyActivities.settle_loan,
            SettleLoanIn(
                loan=self.loan,
                at=self.room.now(),
                review_no=self.room.number(),
                is_resting=self._rests(),
            ),
            summary="book the lender's money",
            **BOOKS,
        )
        open_now = {each.review_id for each in settled.questions}
        for review_id in [one for one in self.room.questions if one not in open_now]:
            await self.room.withdraw_one(review_id, "the books have answered it")
        for each in settled.questions:
            days = self.start.staff_reminder_business_days
            self.room.asked(each.review_id, each.code, days)
        self.is_done = settled.status == "done" and not self.news
        if settled.status == "waits" and not self._rests():
            self.rests_until = settled.until

    async def _carry_out(self, decision: Decision) -> None:
        applied = await workflow.execute_activity_method(
            LenderMoneyActivities.apply_to_loan,
            ApplyLoanIn(loan=self.loan, decision=decision, at=self.room.now()),
            summary=f"carry out: {decision.choice}",
            **BOOKS,
        )
        if applied.note:
            self.room.note(applied.note)
        if not self.room.carried(decision, applied.effect):
            return
        if applied.effect == "rest":
            self.rests_until = applied.until
        else:
            self.news = True

    def _rests(self) -> bool:
        return self.rests_until is not None and self.room.now() < self.rests_until

    async def _wait(self) -> None:
        """Until the lender has news, or should have paid, or a rest is over."""
        self.room.enter(
            Stage.AWAITING_PAYMENT, Attention.SYSTEM, self.rests_until, "the lender is to pay"
        )
        await self.room.wait(self._is_news, self.rests_until, "the lender is to pay")

    def _is_news(self) -> bool:
        """The lender has news, or a person takes a decision back."""
        return self.news or bool(self.room.undos)

    @workflow.signal
    def decision_undone(self, undo: Undo) -> None:
        """A person takes a decision back; a loan that was settled hears it in a new run."""
        self.room.undos.append(undo)

    @workflow.signal
    def loan_moved(self, moved: LoanMoved) -> None:
        """The lender has news of the loan, or it is late."""
        self.news = self.news or moved.is_news

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
