"""One expired lot: what is left in it stays owed until a named person says what becomes of it.

The promise: no unused value becomes income by the passing of time. Ends when the lot is empty
or good again.
"""

from datetime import timedelta

from pydantic import ValidationError
from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.expired_lots import CODE, ExpiredLotActivities
    from activities.lot_contracts import ApplyLotIn, AskLotIn, LotRef
    from domain import calendar
    from domain.case import Attention, Decision, Stage, Undo
    from domain.lot_case import LotInput, LotResult, LotSeen
    from domain.topics_lots import EXTEND
    from workflows.case_room import CaseRoom
    from workflows.options import BOOKS

LEAVE_DAYS = 90
TRY_AGAIN_HOURS = 1


@workflow.defn(name="ExpiredLot", failure_exception_types=[ValidationError])
class ExpiredLot:
    """Ask what becomes of it.

    | message | kind | from |
    |---|---|---|
    | review_decided | update and signal | the desk |
    | decision_undone | signal | the desk: a decision is taken back |
    | lot_seen | signal | the daily sweep, which changes nothing |
    """

    @workflow.init
    def __init__(self, start: LotInput) -> None:
        self.start = start
        self.room = CaseRoom(start.location_id, start.zone, start.clock_shift_seconds)
        self.lot = LotRef(
            case_id=workflow.info().workflow_id,
            location_id=start.location_id,
            lot_id=start.lot_id,
            zone=start.zone,
        )

    @workflow.run
    async def run(self, _: LotInput) -> LotResult:
        """Ask until the lot is empty or good again."""
        result = None
        while result is None:
            try:
                result = await self._next()
            except ActivityError as failure:
                # The lot stays as it is, and what it holds stays owed.
                self.room.failed(failure)
                await self._rest(timedelta(hours=TRY_AGAIN_HOURS), "a step failed")
        await workflow.wait_condition(workflow.all_handlers_finished)
        return result

    async def _next(self) -> LotResult | None:
        """Carry out, ask or wait; None while the lot has no end."""
        if self.room.undos:
            await self.room.take_back(self.start.staff_reminder_business_days)
            return None
        decision = self.room.answer()
        if decision is not None:
            return await self._carry_out(decision)
        if not self.room.questions:
            return await self._ask()
        await self.room.desk(self._is_undone, "what becomes of the unused value?")
        return None

    async def _ask(self) -> LotResult | None:
        asked = await workflow.execute_activity_method(
            ExpiredLotActivities.ask_about_lot,
            AskLotIn(lot=self.lot, at=self.room.now(), review_no=self.room.number()),
            summary="ask about the expired lot",
            **BOOKS,
        )
        if asked.review_id is None:
            return None if self._is_undone() else LotResult(status="gone")
        self.room.asked(asked.review_id, CODE, self.start.staff_reminder_business_days)
        return None

    async def _carry_out(self, decision: Decision) -> LotResult | None:
        applied = await workflow.execute_activity_method(
            ExpiredLotActivities.apply_to_lot,
            ApplyLotIn(lot=self.lot, decision=decision, at=self.room.now()),
            summary=f"carry out: {decision.choice}",
            **BOOKS,
        )
        if applied.note:
            self.room.note(applied.note)
        if not self.room.carried(decision, applied.effect):
            if applied.effect == "failed":
                await self.room.withdraw("the lot is empty or good again")
            return None
        if self._is_undone():
            return None
        if applied.effect == "done":
            return LotResult(status="extended" if decision.choice == EXTEND else decision.choice)
        await self._rest(timedelta(days=LEAVE_DAYS), "the desk leaves it owed")
        return None

    async def _rest(self, pause: timedelta, why: str) -> None:
        until = self.room.now() + pause
        self.room.enter(Stage.DESK, Attention.SYSTEM, until, why)
        await self.room.wait(self._is_undone, until, why)

    def _is_undone(self) -> bool:
        """A person takes a decision back: then the lot has no end yet, and no rest."""
        return bool(self.room.undos)

    @workflow.update(name="review_decided")
    async def decide(self, decision: Decision) -> str:
        """The desk's answer, checked while the person looks."""
        self.room.accept(decision)
        return "accepted"

    @decide.validator
    def check_decision(self, decision: Decision) -> None:
        """Refuse what cannot be carried out, in one sentence."""
        self.room.check(decision)
        until = decision.until if decision.choice == EXTEND else None
        if until is not None and until <= calendar.local_date(self.room.now(), self.start.zone):
            raise ApplicationError(f"{until} is over; give a later day.", type="BadRequest")

    @workflow.signal(name="review_decided")
    def decide_by_signal(self, raw: RawValue) -> None:
        """The same answer from any tool; what cannot be read or used leaves a trace."""
        self.room.accept_raw(raw)

    @workflow.signal
    def decision_undone(self, undo: Undo) -> None:
        """A person takes a decision back; a lot that had an end hears it in a new run."""
        self.room.undos.append(undo)

    @workflow.signal
    def lot_seen(self, _: LotSeen) -> None:
        """The sweep still finds the lot expired; the question is open already."""
