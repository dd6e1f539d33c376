"""What every case does alike: its clock, its page in the UI, and its questions to the desk.

A question waits without ever timing out; the desk is reminded of it on business days, and it
is taken back when the facts answer it first. Several may be open at once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.contracts import RemindIn, UndoIn, UndoneOut, WithdrawIn
    from activities.reviews import ReviewActivities
    from activities.undoing import UndoActivities
    from domain import calendar, reviews
    from domain.case import Attention, Decision, Stage, Undo
    from workflows.attributes import ATTENTION, NEXT_ACTION_AT, STAGE
    from workflows.options import BOOKS

_PAGE = """**{stage}**, waiting for **{attention}**

| | |
|---|---|
| next | {next} |
| why | {why} |
| questions asked | {reviews} |

{notes}"""
_NOTES_SHOWN = 12

_WAITS = {
    "proposed": "waits for a second person",
    "refused": "was refused by a second person",
    "failed": "could not be carried out",
}

NOT_OPEN = "QuestionNotOpen"
"""Error type of a decision that came too late, or a moment too early."""


@dataclass
class Question:
    """One open question: the how-manieth of its case, the reminders to come, what is proposed."""

    code: str
    number: int
    reminders: list[tuple[int, datetime]]
    proposal: Decision | None = None
    """What one person wants and another has to confirm (F5)."""


class CaseRoom:
    """State and verbs shared by the cases; holds no vendor and no money rule."""

    def __init__(self, location_id: str, zone: str, clock_shift_seconds: int) -> None:
        self.location_id = location_id
        self.zone = zone
        self.shift = timedelta(seconds=clock_shift_seconds)
        self.stage = Stage.BUILDING
        self.attention = Attention.SYSTEM
        self.next_at: datetime | None = None
        self.why = ""
        self.notes: list[str] = []
        self.questions: dict[str, Question] = {}
        self.questions_asked = 0
        self.decisions: dict[str, Decision] = {}
        self.set_aside: set[str] = set()
        self.replaceable: set[str] = set()
        """Questions whose answer failed in a way that nobody foresaw: another one may come."""
        self.replaced: set[str] = set()
        self.undos: list[Undo] = []

    # -- clock and page

    def now(self) -> datetime:
        """The case's clock: workflow time, shifted in rehearsals."""
        return workflow.now() + self.shift

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
        self.why = why
        self._show()

    def note(self, text: str) -> None:
        """Leave a visible trace of something that was ignored or odd."""
        self.notes.append(f"{self.now().isoformat(timespec='minutes')} {text}")
        workflow.logger.info(text)
        self._show()

    def failed(self, failure: ActivityError) -> str:
        """Leave a trace of a step that failed for good; returns its kind of failure."""
        cause = failure.cause
        kind = cause.type if isinstance(cause, ApplicationError) and cause.type else "Timeout"
        self.replaceable |= self.questions.keys() & self.decisions.keys()
        self.note(f"a step failed: {kind}")
        return kind

    def _show(self) -> None:
        """Redraw the status page that operators read in the Temporal UI."""
        next_at = self.next_at
        workflow.set_current_details(
            _PAGE.format(
                stage=self.stage.replace("_", " "),
                attention=self.attention,
                next=next_at.isoformat(timespec="minutes") if next_at else "as news arrives",
                why=self.why or "-",
                reviews=self.questions_asked,
                notes="\n".join(f"- {note}" for note in self.notes[-_NOTES_SHOWN:]),
            )
        )

    # -- questions

    def number(self, review_id: str | None = None) -> str:
        """Which question this is: an open one's own number, else the next one's.

        A visit that is opened again is the same case in a new run: its questions must not
        meet the answers of the earlier run, so the number names the run too.
        """
        known = self.questions.get(review_id or "")
        count = known.number if known else self.questions_asked + 1
        return f"{workflow.info().first_execution_run_id}/{count}"

    def asks(self, code: str) -> bool:
        """Whether a question of this code is open."""
        return any(question.code == code for question in self.questions.values())

    def asked(self, review_id: str, code: str, business_days: tuple[int, ...]) -> None:
        """A question is with the desk, who is reminded of it on these business days."""
        if review_id in self.questions:
            return
        self.questions_asked += 1
        self.questions[review_id] = Question(
            code=code,
            number=self.questions_asked,
            reminders=[
                (days, calendar.staff_reminder_due(self.now(), days, self.zone))
                for days in business_days
            ],
        )

    def answer(self) -> Decision | None:
        """A decision on an open question that is still to be carried out."""
        for review_id in self.questions:
            if review_id in self.decisions and review_id not in self.set_aside:
                return self.decisions[review_id]
        return None

    def is_set_aside(self, code: str) -> bool:
        """Whether an answer to a question of this code could not be carried out."""
        return any(self.questions[review_id].code == code for review_id in self.set_aside)

    async def desk(
        self, news: Callable[[], bool], why: str, also_at: datetime | None = None
    ) -> None:
        """Wait for an answer or for news, until an instant if given, or send the next reminder."""
        due = min(
            (
                (q.reminders[0][1], review_id)
                for review_id, q in self.questions.items()
                if q.reminders
            ),
            default=None,
        )
        reminds = due is not None and (also_at is None or due[0] <= also_at)
        until = due[0] if due is not None and reminds else also_at
        self.enter(Stage.DESK, Attention.STAFF, until, why)
        heard = await self.wait(
            lambda: self.answer() is not None or news(), self.next_at, "remind the desk"
        )
        if due is not None and reminds and not heard:
            await self.remind(due[1], self.questions[due[1]].reminders.pop(0)[0])

    async def take_back_all(self) -> None:
        """A case that ends leaves no question open."""
        try:
            await self.withdraw("the case ended")
        except ActivityError as failure:
            self.failed(failure)

    async def withdraw(self, reason: str, *codes: str) -> bool:
        """Take questions back (of these codes, else all) that the facts have answered."""
        found = [r for r, question in self.questions.items() if not codes or question.code in codes]
        for review_id in found:
            await self.withdraw_one(review_id, reason)
        return bool(found)

    async def withdraw_one(self, review_id: str, reason: str) -> None:
        """Take one question back."""
        await workflow.execute_activity_method(
            ReviewActivities.withdraw_review,
            WithdrawIn(review_id=review_id, reason=reason, at=self.now()),
            summary="take the question back",
            **BOOKS,
        )
        if review_id in self.decisions:
            self.note("an answer came when the facts had answered already")
        self.questions.pop(review_id, None)

    async def remind(self, review_id: str, business_day: int) -> None:
        """Write to the desk about a question; day 0 is the day on which it was asked."""
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

    # -- decisions

    def check(self, decision: Decision) -> None:
        """Refuse, in one sentence, a decision that cannot be carried out."""
        if decision.confirmed_by is not None:
            raise ApplicationError("A second person answers for themselves.", type="BadRequest")
        question = self.questions.get(decision.review_id)
        if decision.choice in (reviews.CONFIRM, reviews.REFUSE):
            self._check_second(decision, question)
            return
        earlier = self.decisions.get(decision.review_id)
        if earlier is not None and decision.review_id not in self.replaceable:
            if earlier.model_copy(update={"confirmed_by": None}) != decision:
                sentence = f"This question was already answered by {earlier.by}."
                raise ApplicationError(sentence, type="BadRequest")
            return
        if question is None:
            raise ApplicationError("This question is no longer open.", type=NOT_OPEN)
        problem = reviews.problem_with(decision, question.code)
        if problem is None and question.proposal not in (None, decision):
            problem = f"An answer of {question.proposal.by} waits for a second person."
        if problem:
            raise ApplicationError(problem, type="BadRequest")

    def _check_second(self, answer: Decision, question: Question | None) -> None:
        """A second person says yes or no to what waits, and is another one than the first."""
        given = self.decisions.get(answer.review_id)
        proposal = question.proposal if question is not None else None
        if given is not None and given.confirmed_by == answer.by:
            return
        if proposal is None:
            raise ApplicationError("No answer waits for a second person here.", type=NOT_OPEN)
        if given is not None:
            raise ApplicationError("A second person has answered already.", type="BadRequest")
        if not answer.by.strip():
            raise ApplicationError("A second person needs a name.", type="BadRequest")
        if reviews.same_person(answer.by, proposal.by):
            sentence = f"{proposal.by} proposed it; another person confirms or refuses."
            raise ApplicationError(sentence, type="BadRequest")

    def accept(self, decision: Decision) -> None:
        """Take a decision once; a repeated one leaves a trace and changes nothing."""
        review_id = decision.review_id
        question = self.questions.get(review_id)
        proposal = question.proposal if question is not None else None
        is_new = review_id not in self.decisions or review_id in self.replaceable
        if not is_new or decision == proposal:
            self.note("a repeated decision was ignored")
            return
        if decision.choice == reviews.CONFIRM and proposal is not None:
            decision = proposal.model_copy(update={"confirmed_by": decision.by})
        self.decisions[review_id] = decision
        if review_id in self.replaceable:
            self.replaceable.discard(review_id)
            self.set_aside.discard(review_id)
            self.replaced.add(review_id)

    def carried(self, decision: Decision, effect: str) -> bool:
        """Whether an answer has closed its question; else it waits on, for another person."""
        if effect not in reviews.STAYS_OPEN:
            self.questions.pop(decision.review_id, None)
            return True
        self.decisions.pop(decision.review_id, None)
        question = self.questions[decision.review_id]
        question.proposal = decision if effect == "proposed" else None
        self.note(f"an answer {_WAITS[effect]}: {decision.choice}")
        return False

    async def take_back(self, business_days: tuple[int, ...]) -> UndoneOut | None:
        """Undo the decision that somebody takes back, and ask its question again.

        None when that is not possible any more; who asked for it may ask again.
        """
        undo = self.undos.pop(0)
        undone = await workflow.execute_activity_method(
            UndoActivities.take_back,
            UndoIn(undo=undo, at=self.now()),
            summary="take a decision back",
            **BOOKS,
        )
        if undone.effect != "undone":
            self.note(f"a decision was not taken back: {undone.note}")
            return None
        self.note("a decision was taken back")
        self.asked(undone.review_id, undone.code, business_days)
        return undone

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
