"""What one financing plan remembers between two steps, and hands on from run to run."""

from datetime import date, datetime, timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.plan_contracts import PlanRef
    from domain import calendar, plan_course, plan_desk
    from domain.case import Hold
    from domain.plan_case import Ask, Carried, Installment, OpenQuestion, PlanInput, PlanOutcome
    from domain.plan_course import Next, PlanFacts, Touch
    from workflows.case_room import CaseRoom, Question
    from workflows.plan_steps import PlanSteps

LOOK_AT_HOLDS = timedelta(days=1)
"""A silence that ends without a word is found within this time."""


class PlanState:
    """The state of a `FinancingPlan`, its questions, and what it waits for."""

    def __init__(self, start: PlanInput) -> None:
        self.start = start
        self.policy = start.policy
        self.room = CaseRoom(start.location_id, start.zone, start.clock_shift_seconds)
        self.steps = PlanSteps(
            PlanRef(
                case_id=workflow.info().workflow_id,
                location_id=start.location_id,
                lender=start.lender,
                plan_id=start.plan_id,
                zone=start.zone,
            ),
            start.policy.version,
            self.room.now,
        )
        self.facts: PlanFacts | None = None
        self.chapter: str | None = None
        self.news = True
        self.done: set[str] = set()
        self.asked: set[str] = set()
        self.keys: dict[str, str] = {}
        """Of open questions: review id -> key."""
        self.not_before: dict[str, datetime] = {}
        self.raised: list[Ask] = []
        self.held: Hold | None = None
        self.is_silenced = False
        self.billed: set[int] = set()
        self.is_signed = False
        self.ending: PlanOutcome | None = None
        self.outcome: PlanOutcome | None = None
        if start.carried is not None:
            self._take_over(start.carried)

    # -- facts

    def _learned(self, facts: PlanFacts) -> None:
        self.facts = facts
        self.steps.client_id = facts.plan.client_id

    # -- questions

    def _raise(self, ask: Ask) -> None:
        """Something happened that a person has to look at, once."""
        if ask.key not in self.asked and ask not in self.raised:
            self.raised.append(ask)
            self.news = True

    def _to_ask(self, facts: PlanFacts) -> Ask | None:
        """The first question that is called for, was not asked, and need not rest."""
        now = self.room.now()
        return next(
            (
                ask
                for ask in self._called_for(facts)
                if ask.key not in self.asked and self.not_before.get(ask.key, now) <= now
            ),
            None,
        )

    def _answered(self, facts: PlanFacts) -> str | None:
        """An open question that is not called for any more."""
        called_for = {ask.key for ask in self._called_for(facts)}
        return next((r for r in self.room.questions if self.keys.get(r) not in called_for), None)

    def _called_for(self, facts: PlanFacts) -> list[Ask]:
        now, zone = self.room.now(), self.start.zone
        settled = facts.settled_installments
        raised = [ask for ask in self.raised if ask.installment not in settled]
        return [*raised, *plan_desk.asks(facts, self.policy, now, zone)]

    # -- what to wait for

    def _is_due(self, found: Next) -> bool:
        return found.at is not None and found.at <= self.room.now()

    def _bill_at(self, day: date) -> datetime:
        return calendar.instant(day, self.policy.send_at, self.start.zone)

    def _to_bill(self, facts: PlanFacts) -> Installment | None:
        """The instalment whose case is to be opened now."""
        last = facts.rest_part
        if last is not None and last.number not in self.billed:
            return last
        bills = plan_course.to_bill(facts, self.policy, self.billed)
        now = self.room.now()
        return next((part for day, part in bills if self._bill_at(day) <= now), None)

    def _is_quiet(self) -> bool:
        return self.held is not None or self.is_silenced

    def _is_over(self, facts: PlanFacts, touch: Touch | None) -> bool:
        ends = plan_desk.ends_at(facts, self.policy, self.start.zone)
        return touch is None and ends is not None and ends <= self.room.now()

    def _wakes(self, facts: PlanFacts, found: Next) -> list[datetime]:
        """What lies ahead and may change what the plan does."""
        now = self.room.now()
        wakes = plan_desk.wakes(facts, self.policy, self.start.zone)
        wakes += [at for key, at in self.not_before.items() if key not in self.done]
        if found.at is not None:
            wakes.append(found.at)
        bills = plan_course.to_bill(facts, self.policy, self.billed)
        wakes += [self._bill_at(day) for day, _ in bills]
        if self._is_quiet():
            wakes.append(now + LOOK_AT_HOLDS)
        return [at for at in wakes if at > now]

    # -- chapters

    def _begins_a_chapter(self) -> bool:
        """A milestone, or a long history: the plan goes on in a run of its own."""
        if self.facts is None or self.outcome is not None or self.room.undos:
            return False
        chapter = plan_desk.chapter(self.facts, self.room.now())
        is_new = self.chapter is not None and chapter != self.chapter
        self.chapter = chapter
        return is_new or workflow.info().is_continue_as_new_suggested()

    def _carry(self) -> Carried:
        return Carried(
            done=tuple(sorted(self.done)),
            asked=tuple(sorted(self.asked)),
            not_before=self.not_before,
            questions=tuple(
                OpenQuestion(
                    review_id=review_id,
                    code=question.code,
                    key=self.keys.get(review_id, ""),
                    number=question.number,
                    reminders=tuple(question.reminders),
                    proposal=question.proposal,
                )
                for review_id, question in self.room.questions.items()
            ),
            questions_asked=self.room.questions_asked,
            decisions=tuple(self.room.decisions.values()),
            raised=tuple(self.raised),
            held=self.held,
            is_silenced=self.is_silenced,
            billed=tuple(sorted(self.billed)),
            is_signed=self.is_signed,
            notes=tuple(self.room.notes),
        )

    def _take_over(self, carried: Carried) -> None:
        self.done, self.asked = set(carried.done), set(carried.asked)
        self.not_before = dict(carried.not_before)
        self.raised = list(carried.raised)
        self.held, self.is_silenced = carried.held, carried.is_silenced
        self.billed, self.is_signed = set(carried.billed), carried.is_signed
        self.room.notes = list(carried.notes)
        self.room.questions_asked = carried.questions_asked
        self.room.decisions = {one.review_id: one for one in carried.decisions}
        for one in carried.questions:
            self.room.questions[one.review_id] = Question(
                code=one.code,
                number=one.number,
                reminders=list(one.reminders),
                proposal=one.proposal,
            )
            self.keys[one.review_id] = one.key
