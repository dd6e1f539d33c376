"""What is wrong with one lender's ways in: asked once, closed by a person or by the facts.

The promise: a file that did not come, a row that could not be used, a webhook that was lost and a
word that made no sense wait here for a named person. Ends when nothing is wrong any more.
"""

from datetime import datetime, timedelta

from pydantic import ValidationError
from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.feed import FeedActivities
    from activities.lending_contracts import ApplyFeedIn, AskFeedIn, FeedRef
    from domain.case import Attention, Decision, Stage
    from domain.lender_case import FeedHealed, FeedInput, FeedResult, FeedTroubled
    from domain.lender_feed import Trouble
    from workflows.case_room import CaseRoom
    from workflows.options import BOOKS

REST = timedelta(days=1)
TRY_AGAIN = timedelta(hours=1)
SAME_DAY = 0
"""The desk is written to at once: plans wait for what did not come."""


@workflow.defn(name="LenderFeed", failure_exception_types=[ValidationError])
class LenderFeed:
    """Ask about each trouble until it is over.

    | message | kind | from |
    |---|---|---|
    | troubled, healed | signal | the lender's sweeps and webhooks |
    | review_decided | update and signal | the desk |
    """

    @workflow.init
    def __init__(self, start: FeedInput) -> None:
        self.start = start
        self.room = CaseRoom(start.location_id, start.zone, start.clock_shift_seconds)
        self.feed = FeedRef(location_id=start.location_id, lender=start.lender)
        self.to_ask: dict[str, Trouble] = {}
        """Troubles that are not with the desk yet, each by its name."""
        self.asked: dict[str, Trouble] = {}
        """Those that are, by review id."""
        self.resting: dict[str, tuple[datetime, Trouble]] = {}
        """Those that a person has asked the lender about, and until when."""
        self.gone: list[str] = []
        """Names of troubles that the facts have answered."""
        self.decided = self.healed_count = 0
        for trouble in start.troubles:
            self._hear(trouble)

    @workflow.run
    async def run(self, _: FeedInput) -> FeedResult:
        """Ask, wait and carry out until nothing is wrong."""
        while self.to_ask or self.asked or self.resting:
            try:
                await self._next()
            except ActivityError as failure:
                self.room.failed(failure)
                await workflow.sleep(TRY_AGAIN, summary="a step failed; again in an hour")
        await workflow.wait_condition(workflow.all_handlers_finished)
        return FeedResult(decided=self.decided, healed=self.healed_count)

    async def _next(self) -> None:
        """Carry out, take back, ask, or wait."""
        decision = self.room.answer()
        if decision is not None:
            await self._carry_out(decision)
        elif self.gone:
            await self._take_back(self.gone.pop(0))
        elif self.to_ask:
            await self._ask(next(iter(self.to_ask)))
        elif (rested := self._rested()) is not None:
            self.to_ask[rested] = self.resting.pop(rested)[1]
        else:
            await self._wait()

    async def _ask(self, name: str) -> None:
        trouble = self.to_ask[name]
        asked = await workflow.execute_activity_method(
            FeedActivities.ask_feed,
            AskFeedIn(
                feed=self.feed,
                case_id=workflow.info().workflow_id,
                trouble=trouble,
                number=self.room.number(),
                at=self.room.now(),
            ),
            summary=f"ask: {trouble.code}",
            **BOOKS,
        )
        self.to_ask.pop(name, None)
        self.asked[asked.review_id] = trouble
        days = self.start.staff_reminder_business_days
        self.room.asked(asked.review_id, trouble.code, days)
        await self.room.remind(asked.review_id, SAME_DAY)

    async def _carry_out(self, decision: Decision) -> None:
        trouble = self.asked[decision.review_id]
        applied = await workflow.execute_activity_method(
            FeedActivities.apply_feed,
            ApplyFeedIn(feed=self.feed, trouble=trouble, decision=decision, at=self.room.now()),
            summary=f"carry out: {decision.choice}",
            **BOOKS,
        )
        del self.room.questions[decision.review_id], self.asked[decision.review_id]
        self.decided += 1
        if applied.effect == "rest":
            self.resting[_name(trouble)] = (self.room.now() + REST, trouble)

    async def _take_back(self, name: str) -> None:
        """The facts have answered a trouble: whoever was asked need not look any more."""
        self.healed_count += 1
        self.to_ask.pop(name, None)
        self.resting.pop(name, None)
        for review_id in [r for r, trouble in self.asked.items() if _name(trouble) == name]:
            await self.room.withdraw_one(review_id, "the facts have answered it")
            self.asked.pop(review_id, None)

    def _rested(self) -> str | None:
        now = self.room.now()
        return next((name for name, (until, _) in self.resting.items() if until <= now), None)

    async def _wait(self) -> None:
        until = min((until for until, _ in self.resting.values()), default=None)
        if self.asked:
            await self.room.desk(self._is_told, "a lender's feed is not well", until)
            return
        self.room.enter(Stage.DESK, Attention.STAFF, until, "the lender was asked")
        await self.room.wait(self._is_told, until, "the lender was asked")

    def _is_told(self) -> bool:
        return bool(self.to_ask or self.gone)

    def _hear(self, trouble: Trouble) -> None:
        known = (
            *self.to_ask.values(),
            *self.asked.values(),
            *(t for _, t in self.resting.values()),
        )
        if _name(trouble) not in map(_name, known):
            self.to_ask[_name(trouble)] = trouble

    @workflow.signal
    def troubled(self, told: FeedTroubled) -> None:
        """A sweep or a webhook found something wrong."""
        self._hear(told.trouble)

    @workflow.signal
    def healed(self, told: FeedHealed) -> None:
        """The facts have answered something."""
        self.gone.append(f"{told.code}/{told.key}")

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


def _name(trouble: Trouble) -> str:
    return f"{trouble.code}/{trouble.key}"
