"""Money that came by no visit's own invoice: placed by its payment page or by a named person.

The promise: it is in the books the moment it is seen, it is never matched by a guess, and
the visits that it belongs to are told. Ends when the money has a home.
"""

from datetime import timedelta

from pydantic import ValidationError
from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.contracts import (
        ApplyUnmatchedIn,
        PlaceIn,
        UnmatchedRef,
    )
    from activities.unmatched import UnmatchedActivities
    from domain.case import Decision, PaymentPosted, Undo, UnmatchedInput, UnmatchedResult
    from workflows.case_room import CaseRoom
    from workflows.options import BOOKS
    from workflows.refund_child import carry_out_refunds

HOLD_DAYS = 30
ASK_PAYER_DAYS = 7
TRY_AGAIN_HOURS = 1


@workflow.defn(name="UnmatchedPayment", failure_exception_types=[ValidationError])
class UnmatchedPayment:
    """Place it by a person.

    | message | kind | from |
    |---|---|---|
    | review_decided | update and signal | the desk |
    | decision_undone | signal | the desk: a decision is taken back |
    | payment_posted | signal | webhooks, and refunds: the money is looked at again |
    """

    @workflow.init
    def __init__(self, start: UnmatchedInput) -> None:
        self.start = start
        self.room = CaseRoom(start.location_id, start.zone, start.clock_shift_seconds)
        self.payment = UnmatchedRef(
            case_id=workflow.info().workflow_id,
            location_id=start.location_id,
            source=start.source,
            payment_id=start.payment_id,
            zone=start.zone,
        )
        self.news = False

    @workflow.run
    async def run(self, _: UnmatchedInput) -> UnmatchedResult:
        """Ask until the money has a home."""
        result = None
        while result is None:
            try:
                result = await self._next()
            except ActivityError as failure:
                # The money is in the books or at the processor; nothing is lost by waiting.
                self.room.failed(failure)
                pause = timedelta(hours=TRY_AGAIN_HOURS)
                await workflow.sleep(pause, summary="a step failed; again in an hour")
        await workflow.wait_condition(workflow.all_handlers_finished)
        return result

    async def _next(self) -> UnmatchedResult | None:
        """Ask, wait or carry out; None while the money has no home."""
        if self.room.undos:
            await self.room.take_back(self.start.staff_reminder_business_days)
            return None
        decision = self.room.answer()
        if decision is not None:
            return await self._carry_out(decision)
        if self.news or not self.room.questions:
            return await self._place()
        await self.room.desk(lambda: self.news or bool(self.room.undos), "whose money is this?")
        return None

    async def _place(self) -> UnmatchedResult | None:
        """Book the money; ask whose it is, unless its page says so or it has gone again."""
        self.news, asked = False, next(iter(self.room.questions), None)
        placed = await workflow.execute_activity_method(
            UnmatchedActivities.place_payment,
            PlaceIn(payment=self.payment, at=self.room.now(), review_no=self.room.number(asked)),
            summary="book the payment in suspense",
            **BOOKS,
        )
        for case_id in placed.case_ids:
            await self._tell_visit(case_id)
        if placed.status != "held" or placed.review_id is None or placed.code is None:
            await self.room.withdraw("the money has a home by now")
            # What is taken back meanwhile may leave it without one.
            self.news = self.news or bool(self.room.undos)
            return None if self.news else UnmatchedResult(status=placed.status)
        self.room.asked(placed.review_id, placed.code, self.start.staff_reminder_business_days)
        return None

    async def _carry_out(self, decision: Decision) -> UnmatchedResult | None:
        applied = await workflow.execute_activity_method(
            UnmatchedActivities.apply_unmatched,
            ApplyUnmatchedIn(payment=self.payment, decision=decision, at=self.room.now()),
            summary=f"carry out: {decision.choice}",
            **BOOKS,
        )
        if not self.room.carried(decision, applied.effect):
            return None
        if applied.effect == "rest":
            days = ASK_PAYER_DAYS if decision.choice == "ask_payer" else HOLD_DAYS
            until = self.room.now() + timedelta(days=days)
            await self.room.wait(lambda: bool(self.room.undos), until, f"held for {days} days")
            return None
        if applied.effect == "unknown_invoice":
            # An answer of an earlier version, whose question was closed by it.
            self.room.note("the named invoice does not exist; asking again")
            return None
        for case_id in (applied.case_id, *applied.case_ids):
            if case_id is not None:
                await self._tell_visit(case_id)
        reminders = self.start.staff_reminder_business_days
        await carry_out_refunds(applied.refund_ids, self.room, reminders)
        if self.room.undos:
            return None
        return UnmatchedResult(status=decision.choice, invoice_id=applied.invoice_id)

    async def _tell_visit(self, case_id: str) -> None:
        """The visit learns at once; a closed one needs no telling."""
        visit = workflow.get_external_workflow_handle(case_id)
        try:
            await visit.signal("payment_posted", PaymentPosted(payment_id=self.start.payment_id))
        except ApplicationError:
            self.room.note("the visit was closed already")

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
        """A person takes a decision back; money that had a home hears it in a new run."""
        self.room.undos.append(undo)

    @workflow.signal
    def payment_posted(self, payment: PaymentPosted) -> None:
        """A repeated event says nothing; one that names a refund says that it may have gone."""
        if payment.payment_id != self.start.payment_id:
            self.news = self.news or workflow.patched("held-money-may-go-back")
        self.room.note(f"announced again: {payment.payment_id}")
