"""One line of the daily control that does not tie: a question until it does, or is explained.

The promise: no difference between two sources stands for longer than a day without a person
being asked, once, about it. Nothing is booked here. Ends when the line ties or is explained.
"""

from datetime import timedelta

from pydantic import ValidationError
from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.control import ControlActivities
    from activities.control_contracts import ApplyControlIn, AskControlIn, ControlRef
    from domain.case import Attention, Decision, Stage, Undo
    from domain.control import CODE
    from domain.control_case import ControlInput, ControlResult, ControlSeen
    from workflows.case_room import CaseRoom
    from workflows.options import BOOKS

SETTLE_HOURS = 2
"""What is between two steps when the control looks is over by then; longer than any sweep waits."""
REST_DAYS = 1
TRY_AGAIN_HOURS = 1


@workflow.defn(name="ControlTotal", failure_exception_types=[ValidationError])
class ControlTotal:
    """Ask about the line while it is off.

    | message | kind | from |
    |---|---|---|
    | review_decided | update and signal | the desk |
    | decision_undone | signal | the desk: a decision is taken back |
    | control_seen | signal | the daily control: the line is tied out again |
    """

    @workflow.init
    def __init__(self, start: ControlInput) -> None:
        self.start = start
        self.room = CaseRoom(start.location_id, start.zone, start.clock_shift_seconds)
        self.control = ControlRef(
            case_id=workflow.info().workflow_id,
            location_id=start.location_id,
            line=start.line,
            since=start.since,
            zone=start.zone,
        )
        self.news = False

    @workflow.run
    async def run(self, _: ControlInput) -> ControlResult:
        """Look until the line ties or a person has explained it."""
        await self._rest(timedelta(hours=SETTLE_HOURS), "what is under way may still arrive")
        result = None
        while result is None:
            try:
                result = await self._next()
            except ActivityError as failure:
                # Nothing is booked; the difference stands until it is looked at again.
                self.room.failed(failure)
                await self._rest(timedelta(hours=TRY_AGAIN_HOURS), "a step failed")
        await workflow.wait_condition(workflow.all_handlers_finished)
        return result

    async def _next(self) -> ControlResult | None:
        """Carry out, look or wait; None while the line has no end."""
        if self.room.undos:
            await self.room.take_back(self.start.staff_reminder_business_days)
            return None
        decision = self.room.answer()
        if decision is not None:
            return await self._carry_out(decision)
        if self.news or not self.room.questions:
            return await self._look()
        await self.room.desk(
            lambda: self.news or self._is_undone(), "why do the two sources differ?"
        )
        return None

    async def _look(self) -> ControlResult | None:
        self.news = False
        found = await workflow.execute_activity_method(
            ControlActivities.ask_about_control,
            AskControlIn(
                control=self.control,
                at=self.room.now(),
                review_no=self.room.number(),
                review_id=next(iter(self.room.questions), None),
            ),
            summary="tie the line out",
            **BOOKS,
        )
        if found.status == "asked" and found.review_id is not None:
            self.room.asked(found.review_id, CODE, self.start.staff_reminder_business_days)
            return None
        if found.status == "changed":
            await self.room.withdraw("other things or amounts are off by now")
            return None
        await self.room.withdraw("the line ties out by now, or its month was signed")
        if self.news or self._is_undone():
            return None
        return ControlResult(status=found.status)

    async def _carry_out(self, decision: Decision) -> ControlResult | None:
        applied = await workflow.execute_activity_method(
            ControlActivities.apply_to_control,
            ApplyControlIn(control=self.control, decision=decision, at=self.room.now()),
            summary=f"carry out: {decision.choice}",
            **BOOKS,
        )
        if applied.note:
            self.room.note(applied.note)
        if not self.room.carried(decision, applied.effect):
            return None
        if self._is_undone():
            return None
        if applied.effect == "done":
            return ControlResult(status=decision.choice)
        await self._rest(timedelta(days=REST_DAYS), "the desk wants it looked at tomorrow")
        return None

    async def _rest(self, pause: timedelta, why: str) -> None:
        until = self.room.now() + pause
        self.room.enter(Stage.DESK, Attention.SYSTEM, until, why)
        await self.room.wait(self._is_undone, until, why)

    def _is_undone(self) -> bool:
        """A person takes a decision back: then the line has no end yet, and no rest."""
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

    @workflow.signal(name="review_decided")
    def decide_by_signal(self, raw: RawValue) -> None:
        """The same answer from any tool; what cannot be read or used leaves a trace."""
        self.room.accept_raw(raw)

    @workflow.signal
    def decision_undone(self, undo: Undo) -> None:
        """A person takes a decision back; a case that had ended hears it in a new run."""
        self.room.undos.append(undo)

    @workflow.signal
    def control_seen(self, _: ControlSeen) -> None:
        """The daily control wants the line looked at."""
        self.news = True
