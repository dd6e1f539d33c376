"""One financing plan, from the lender's approval to the renewal offer.

The promise: each thing is said once, on its day, by the one voice that a plan has; nothing is
said on a due day, to somebody who has booked already, or about a debt that is the lender's;
what is missing or odd waits for a named person while the rest goes on. Lives for years.
"""

from datetime import datetime, timedelta

from pydantic import ValidationError
from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.plan_contracts import TouchOut
    from domain import plan_course, plan_desk
    from domain.case import (
        INBOUND_REPLY,
        Attention,
        ClientHeld,
        ClientReleased,
        Close,
        Decision,
        DeliveryFailed,
        Hold,
        Release,
        Stage,
        Undo,
    )
    from domain.plan_case import (
        Ask,
        Booked,
        CardDeclined,
        DatesKnown,
        InstallmentPosted,
        PlanInput,
        PlanOutcome,
        PlanResult,
        SessionCompleted,
        StatusChanged,
    )
    from domain.plan_course import Next, PlanFacts, Touch
    from domain.plan_policy import Anchor
    from workflows.plan_installments import OwnInstallments
    from workflows.plan_state import LOOK_AT_HOLDS

_LOOK_UP_AFTER = timedelta(minutes=1)
_TRY_AGAIN = timedelta(hours=1)
_UNHEARD = {"no_consent": "CONSENT_MISSING", "unreachable": "UNREACHABLE"}
_MUST_BE_HEARD = frozenset({Anchor.APPROVED, Anchor.FIRST_PAYMENT})
"""What a person says by phone when no channel may."""
_WAITS = frozenset({"snoozed", "held", "unverified"})


@workflow.defn(name="FinancingPlan", failure_exception_types=[ValidationError])
class FinancingPlan(OwnInstallments):
    """Say what is due, ask what is missing, sleep.

    | message | kind | from |
    |---|---|---|
    | status_changed, dates_known | signal | lenders' webhooks, polls and files; the desk |
    | session_completed, booked | signal | completed visits, the PMS's calendar |
    | installment_posted | signal | the end of an instalment's case; the desk |
    | card_declined | signal | the processor's events |
    | delivery_failed | signal | message callbacks |
    | review_decided | update and signal | the desk; any tool, also the Temporal UI |
    | decision_undone | signal | the desk: a decision is taken back |
    | hold | update and signal | the desk; an inbound reply that a person must read first |
    | client_held | signal | whoever silences the whole client: a reply, the desk |
    | client_released | signal | whoever lifts a hold of the whole client |
    | release, close | update | the desk |
    """

    @workflow.init
    def __init__(self, start: PlanInput) -> None:
        super().__init__(start)

    @workflow.run
    async def run(self, _: PlanInput) -> PlanResult:
        """Do the next thing until the plan is over; each chapter of its life is a run."""
        while self.outcome is None:
            try:
                await self._next()
            except ActivityError as failure:
                # Nothing was said; what a failed step used up is decided anew.
                self.room.failed(failure)
                await workflow.sleep(_TRY_AGAIN, summary="a step failed; again in an hour")
                self.news = True
            if self._begins_a_chapter():
                await workflow.wait_condition(workflow.all_handlers_finished)
                workflow.continue_as_new(self.start.model_copy(update={"carried": self._carry()}))
        await self.room.take_back_all()
        await workflow.wait_condition(workflow.all_handlers_finished)
        sessions = len(self.facts.sessions) if self.facts else 0
        return PlanResult(outcome=self.outcome, sessions_completed=sessions)

    async def _next(self) -> None:
        """The one place that decides what the plan does now."""
        decision = self.room.answer()
        if self.room.undos:
            await self._take_back()
        elif self.ending is not None:
            self.outcome = self.ending
        elif decision is not None:
            await self._carry_out(decision)
        elif self.news or self.facts is None:
            await self._read()
        elif (question := self._to_ask(self.facts)) is not None:
            await self._ask(question)
        elif (answered := self._answered(self.facts)) is not None:
            await self.room.withdraw_one(answered, "the facts have answered it")
        elif self._is_to_sign(self.facts):
            await self._sign()
        elif (part := self._to_bill(self.facts)) is not None:
            await self._bill(part)
        else:
            await self._say_or_wait(self.facts)

    # -- messages in

    @workflow.signal
    def status_changed(self, _: StatusChanged) -> None:
        """The books have another status, amount, term or owner."""
        self.news = True

    @workflow.signal
    def dates_known(self, _: DatesKnown) -> None:
        """The books have other payment dates."""
        self.news = True

    @workflow.signal
    def session_completed(self, _: SessionCompleted) -> None:
        """The books have a session more, or one less."""
        self.news = True

    @workflow.signal
    def booked(self, _: Booked) -> None:
        """The patient's next appointment changed."""
        self.news = True

    @workflow.signal
    def installment_posted(self, _: InstallmentPosted) -> None:
        """Money for an instalment moved; the books decide what it means."""
        self.news = True

    @workflow.signal
    def card_declined(self, declined: CardDeclined) -> None:
        """A card was declined for good, or its event came twice."""
        self._raise(plan_desk.about_declined(declined))

    @workflow.signal
    def delivery_failed(self, failure: DeliveryFailed) -> None:
        """A message did not reach the patient: a person is told, once for each plan and channel."""
        says = f"A message by {failure.channel} did not arrive: {failure.code}."
        self._raise(Ask(code="UNREACHABLE", key=f"bounced/{failure.channel}", says=(says,)))

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
        """A person takes a decision back; a plan that was over hears it in a new run."""
        self.room.undos.append(undo)

    @workflow.signal(name="hold")
    def hold_by_signal(self, hold: Hold) -> None:
        """Messages pause until a person has read a reply."""
        self.held = self.held or hold

    @workflow.signal
    def client_held(self, _: ClientHeld) -> None:
        """The whole client is silent from now on, for as long as the books say."""
        self.news = True

    @workflow.signal
    def client_released(self, _: ClientReleased) -> None:
        """A hold of the whole client was lifted; the next touch asks the books for others."""
        self.not_before.clear()
        self.news = True
        if self.held is not None and self.held.by == INBOUND_REPLY:
            self.held = None

    @workflow.update
    async def hold(self, hold: Hold) -> str:
        """A person pauses the plan."""
        self.held = hold
        return "held"

    @workflow.update
    async def release(self, release: Release) -> str:
        """A person lets the plan go on."""
        self.room.note(f"released by {release.by}")
        self.held = None
        self.is_silenced = False
        self.news = True
        return "released"

    @workflow.update
    async def close(self, close: Close) -> str:
        """A person ends the sequence; the plan itself is between patient and lender."""
        self.room.note(f"closed by {close.by}")
        self.ending = PlanOutcome.CLOSED_BY_STAFF
        return "closing"

    # -- facts

    async def _read(self) -> None:
        """Take over what the books, and the PMS's calendar, know by now."""
        self.news = False
        read = await self.steps.read()
        self.done.update(read.said)
        self._learned(read.facts)
        if read.missing is not None:
            self.room.note(f"the calendar cannot be read: {read.missing}")

    # -- the desk

    async def _ask(self, ask: Ask) -> None:
        review_id = await self.steps.ask(ask, self.room.number())
        self.asked.add(ask.key)
        self.keys[review_id] = ask.key
        self.room.asked(review_id, ask.code, self.start.staff_reminder_business_days)

    async def _take_back(self) -> None:
        """The question of a decision that is taken back is open again, if the books still ask."""
        undone = await self.room.take_back(self.start.staff_reminder_business_days)
        await self._read()
        if undone is None or self.facts is None:
            return
        asked = (ask.key for ask in self._called_for(self.facts) if ask.code == undone.code)
        key = next(asked, "")
        self.keys[undone.review_id] = key
        self.asked.add(key)
        self.not_before.pop(key, None)

    async def _carry_out(self, decision: Decision) -> None:
        """Do in the books what a person decided, and look at them anew."""
        review_id = decision.review_id
        code = self.room.questions[review_id].code
        self.room.set_aside.add(review_id)  # until it has worked, or is tried again
        applied = await self.steps.apply(code, decision)
        self.room.set_aside.discard(review_id)
        if not self.room.carried(decision, applied.effect):
            self.news = self.news or applied.effect == "failed"  # the books say something else
            return
        key = self.keys.pop(review_id, "")
        if applied.effect != "rest":
            self.raised = [ask for ask in self.raised if ask.key != key]
        self.news = True
        if applied.effect == "stop":
            self.ending = PlanOutcome.CANCELLED
        elif applied.effect == "silence":
            self.is_silenced = True
        elif applied.effect == "rest" and applied.until is not None:
            self.asked.discard(key)  # comes back when it has rested and is still so
            self.not_before[key] = applied.until

    # -- say

    async def _say_or_wait(self, facts: PlanFacts) -> None:
        now = self.room.now()
        found = plan_course.next_touch(
            facts, self.policy, self.done, now, self.start.zone, self.not_before
        )
        if found.missed:
            await self.steps.miss(found.missed, self.done)
            self.done.update(touch.key for touch in found.missed)
        elif self._is_over(facts, found.touch):
            self.outcome = plan_desk.outcome(facts)
        elif found.touch is not None and not self._is_quiet() and self._is_due(found):
            await self._say(found.touch)
        else:
            await self._wait(facts, found)

    async def _say(self, touch: Touch) -> None:
        said = await self.steps.say(touch, self.done)
        if said.facts is not None:
            self._learned(said.facts)
        if said.status in _WAITS:
            self.not_before[touch.key] = said.until or self.room.now() + LOOK_AT_HOLDS
            return
        self.done.add(touch.key)
        self.not_before.pop(touch.key, None)
        if said.status == "unknown":
            await self._look_up(touch, said)
        elif said.status in _UNHEARD and touch.step.anchor in _MUST_BE_HEARD:
            says = f"{touch.step.name} could not be said"
            self._raise(Ask(code=_UNHEARD[said.status], key=f"unheard/{touch.key}", says=(says,)))

    async def _look_up(self, touch: Touch, said: TouchOut) -> None:
        """An unknown outcome is looked up, never sent again: better lost than doubled."""
        keys = said.message_keys
        for last_look in (False, True):
            await workflow.sleep(_LOOK_UP_AFTER, summary="before looking up a message")
            keys = await self.steps.look_up(touch, keys, last_look)
            if not keys:
                return
        self.room.note("nobody knows whether a message arrived; it is not sent again")

    # -- wait

    async def _wait(self, facts: PlanFacts, found: Next) -> None:
        """Until the next touch, the next question, a reminder of the desk, or news."""
        until = min(self._wakes(facts, found), default=None)
        if self.room.questions:
            await self.room.desk(self._heard, "a question is open", until)
        else:
            self._show(facts, until)
            why = f"until {found.touch.step.name}" if found.touch else "until there is news"
            await self.room.wait(self._heard, until, why)
        # A send reads the facts itself; whatever else a timer brings is decided from fresh ones.
        is_over = until is not None and until <= self.room.now()
        self.news = self.news or (is_over and (self._is_quiet() or not self._is_due(found)))

    def _heard(self) -> bool:
        is_answered = self.room.answer() is not None
        is_told = is_answered or bool(self.room.undos)
        return self.news or is_told or self.ending is not None

    def _show(self, facts: PlanFacts, until: datetime | None) -> None:
        is_silent = self._is_quiet() or bool(facts.silenced_by)
        stage = Stage.HELD if is_silent else Stage.AWAITING_PAYMENT
        attention = Attention.STAFF if is_silent else Attention.NONE
        why = f"the plan is {facts.plan.status}"
        if facts.silenced_by:
            why += f"; the client is silent: {', '.join(facts.silenced_by)}"
        self.room.enter(stage, attention, until, why.replace("_", " "))
