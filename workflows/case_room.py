"""What every case does alike: its clock, its page in the UI, and waiting for a person.

A case waits for a decision without ever timing out; it reminds the desk on business days
and notices when the facts answer the question first.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.contracts import RemindIn, WithdrawIn
    from activities.reviews import ReviewActivities
    from domain import calendar, reviews
    from domain.case import Attention, Decision, Stage
    from workflows.attributes import ATTENTION, NEXT_ACTION_AT, STAGE
    from workflows.options import BOOKS

_PAGE = """**{stage}**, waiting for **{attention}**

| | |
|---|---|
| next | {next} |
| why | {why} |
| questions asked | {reviews} |

{notes}"""


NOT_OPEN = "QuestionNotOpen"
"""Error type of a decision that came too late, or a moment too early."""


class CaseRoom:
    """State and verbs shared by the cases; holds no vendor and no money rule."""

    def __init__(self, location_id: str, zone: str, clock_shift_seconds: int) -> None:
        self.location_id = location_id
        self.zone = zone
        self.shift = timedelta(seconds=clock_shift_seconds)
        self.stage = Stage.BUILDING
        self.attention = Attention.SYSTEM
        self.next_at: datetime | None = None
        self.decisions: dict[str, Decision] = {}
        self.open_review_id: str | None = None
        self.open_review_code: str | None = None
        self.reviews_asked = 0
        self.reminders: list[tuple[int, datetime]] = []
        self.notes: list[str] = []

    def now(self) -> datetime:
        """The case's clock: workflow time, shifted in rehearsals."""
        return workflow.now() + self.shift

    def enter(
        self, stage: Stage, attention: Attention, next_at: datetime | None = None, why: str = ""
    ) -> None:
        """Show where the case stands; attributes are written only when they change."""
        if (stage, attention, next_at) != (self.stage, self.attention, self.next_at):
            self.stage, self.attention, self.next_at = stage, attention, next_at
            due = NEXT_ACTION_AT.value_set(next_at) if next_at else NEXT_ACTION_AT.value_unset()
            workflow.upsert_search_attributes(
                [STAGE.value_set(stage), ATTENTION.value_set(attention), due]
            )
        self.show(why)

    def show(self, why: str) -> None:
        """Redraw the status page that operators read in the Temporal UI."""
        workflow.set_current_details(
            _PAGE.format(
                stage=self.stage.replace("_", " "),
                attention=self.attention,
                next=self.next_at.isoformat(timespec="minutes")
                if self.next_at
                else "as news arrives",
                why=why or "-",
                reviews=self.reviews_asked,
                notes="\n".join(f"- {note}" for note in self.notes[-12:]),
            )
        )

    def note(self, text: str) -> None:
        """Leave a visible trace of something that was ignored or odd."""
        self.notes.append(f"{self.now().isoformat(timespec='minutes')} {text}")
        workflow.logger.info(text)

    def review_no(self) -> int:
        """The number of the open question, else of the next one."""
        return self.reviews_asked + (0 if self.open_review_id else 1)

    def asked(self, review_id: str, code: str, business_days: tuple[int, ...]) -> None:
        """A question is with the desk, who is reminded of it on these business days."""
        if review_id == self.open_review_id:
            return
        self.reviews_asked += 1
        self.open_review_id, self.open_review_code = review_id, code
        self.reminders = [
            (days, calendar.staff_reminder_due(self.now(), days, self.zone))
            for days in business_days
        ]

    async def wait(self, news: Callable[[], bool], until: datetime | None, summary: str) -> bool:
        """Sleep until news or an instant of the case's clock; True when there is news."""
        if news():
            return True
        if until is None:
            await workflow.wait_condition(news)
            return True
        remaining = until - self.now()
        if remaining <= timedelta(0):  # a zero timeout raises at once, so it never reaches the wait
            return False
        try:
            await workflow.wait_condition(news, timeout=remaining, timeout_summary=summary)
        except TimeoutError:
            return news()
        return True

    async def decision(
        self, news: Callable[[], bool], why: str, look_again: bool = False
    ) -> Decision | None:
        """Wait for the desk's answer to the open question, or for news; None means news.

        Never times out. With `look_again` a reminder counts as news, because the facts may
        have answered the question meanwhile.
        """
        review_id = self.open_review_id or ""
        while True:
            business_day, due = self.reminders[0] if self.reminders else (0, None)
            self.enter(Stage.DESK, Attention.STAFF, due, why)
            if await self.wait(
                lambda: review_id in self.decisions or news(), due, "remind the desk"
            ):
                return self.decisions.get(review_id)
            self.reminders.pop(0)
            await self._remind(review_id, business_day)
            if look_again:
                return None

    async def withdraw(self, reason: str) -> None:
        """Take the open question back because the facts have answered it."""
        if self.open_review_id is not None:
            await workflow.execute_activity_method(
                ReviewActivities.withdraw_review,
                WithdrawIn(review_id=self.open_review_id, reason=reason, at=self.now()),
                summary="take the question back",
                **BOOKS,
            )
        self.answered()

    def answered(self) -> None:
        """The open question is closed."""
        self.open_review_id = self.open_review_code = None

    def check(self, decision: Decision) -> None:
        """Refuse, in one sentence, a decision that cannot be carried out."""
        if decision.review_id in self.decisions:
            return
        if decision.review_id != self.open_review_id:
            raise ApplicationError("This question is no longer open.", type=NOT_OPEN)
        problem = reviews.problem_with(decision, self.open_review_code or "")
        if problem:
            raise ApplicationError(problem, type="BadRequest")

    def accept(self, decision: Decision) -> None:
        """Take a decision once; a repeated one leaves a trace and changes nothing."""
        if decision.review_id in self.decisions:
            self.note("a repeated decision was ignored")
        else:
            self.decisions[decision.review_id] = decision

    def accept_raw(self, raw: RawValue) -> None:
        """Take a decision that any tool may have sent; a bad one leaves a visible trace."""
        try:
            decision = workflow.payload_converter().from_payload(raw.payload, Decision)
            self.check(decision)
        except ApplicationError as refused:
            self.note(f"a decision was refused: {refused.message}")
        except Exception:
            # An undecodable signal would otherwise be dropped with a log line only.
            self.note("a decision could not be read and was ignored")
        else:
            self.accept(decision)

    async def _remind(self, review_id: str, business_day: int) -> None:
        await workflow.execute_activity_method(
            ReviewActivities.remind_staff,
            RemindIn(
                location_id=self.location_id,
                review_id=review_id,
                business_day=business_day,
                at=self.now(),
            ),
            summary=f"remind the desk, business day {business_day}",
            **BOOKS,
        )
