"""One treatment visit, from the chart to the last cent.

The promise: the visit is billed once, from its chart; the patient is asked for money only
while money is known to be owed; whatever does not fit waits for a named person; the case
ends when the books agree, or when a person ends it. It may sleep for weeks between two lines.
"""

from datetime import timedelta

from pydantic import ValidationError
from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.contracts import BuildOut, Mismatch
    from domain.case import (
        INBOUND_REPLY,
        Attention,
        ChartAmended,
        ClientReleased,
        Close,
        Decision,
        DeliveryFailed,
        Hold,
        PaymentPosted,
        Release,
        Snapshot,
        Stage,
        Undo,
        VisitInput,
        VisitResult,
        VisitStatus,
    )
    from domain.dunning import Dunning
    from domain.plan_case import SessionCompleted
    from workflows.chasing import Chasing
    from workflows.refund_child import carry_out_refunds
    from workflows.visit_state import STUCK

_ENDS = {
    "written_off": VisitStatus.WRITTEN_OFF,
    "stop": VisitStatus.CLOSED_BY_STAFF,
    "agency": VisitStatus.AGENCY,
}
"""Effects of a decision that end the case."""

_TO_RECORD = "PMS_CONFIRM"
_NOT_TAKEN = "PMS_WRITE_FAILED"
_OF_THE_CHASE = (
    "CHASE_EXHAUSTED",
    "UNREACHABLE",
    "MESSAGE_UNKNOWN",
    "CONSENT_MISSING",
    "CREDIT_ON_ACCOUNT",
    "UNDERPAID",
)
"""Questions that a payment answers."""


@workflow.defn(name="TreatmentVisit", failure_exception_types=[ValidationError])
class TreatmentVisit(Chasing):
    """Build, send, chase, reconcile.

    | message | kind | from |
    |---|---|---|
    | payment_posted | signal | processor and PMS webhooks: a hint to read the books |
    | chart_amended | signal | PMS webhooks: a hint to read the chart |
    | delivery_failed | signal | message callbacks |
    | review_decided | update and signal | the desk; any tool, also the Temporal UI |
    | decision_undone | signal | the desk: a decision is taken back |
    | hold | update and signal | the desk; an inbound reply that a person must read first |
    | client_released | signal | whoever lifts a hold of the whole client |
    | release, close | update | the desk |
    | standing | query | debugging |
    """

    @workflow.init
    def __init__(self, visit: VisitInput) -> None:
        super().__init__(visit)

    @workflow.run
    async def run(self, _: VisitInput) -> VisitResult:
        """Do the next thing until there is nothing left to do."""
        while self.status is None:
            try:
                await self._next()
            except ActivityError as failure:
                await self._stuck(failure)
            if self.status is not None:
                await self.room.take_back_all()
                self.status = None if self._is_late_news() else self.status
            if self.status is not None and self.visit.keeps_end:
                await self._keep_end(self.status)
        await workflow.wait_condition(workflow.all_handlers_finished)
        return VisitResult(
            status=self.status,
            invoice_id=self.bill.document_id if self.bill else None,
            due_cents=self.bill.due_cents if self.bill else 0,
            balance_cents=self.balance_cents,
        )

    async def _next(self) -> None:
        """The one place that decides what the case does now."""
        decision = self.room.answer()
        if self.room.undos:
            await self._take_back()
        elif self.ending is not None and self._may_end(self.ending):
            self.status = self.ending
        elif decision is not None:
            await self._carry_out(decision)
        elif self.chart_news:
            await self._build()
        elif self._is_money_news():
            await self._read_standing()
        elif self.room.asks(STUCK):
            await self.room.desk(self._news_but_bounces, "a system does not answer")
        elif not self.door_ok:
            await self._open_payment_door()
        elif self.failed:
            await self._bounced(self.failed.pop(0))
        elif self.room.questions and not self._may_be_recorded():
            await self._wait_for_desk("a question is open")
        elif self.bill is None or self.chart_open:
            await self._wait_for_chart()
        elif self.balance_cents <= 0 < self.bill.due_cents:
            await self._write_back()
        elif self._is_held():
            await self._wait_for_release()
        elif self.balance_cents > 0:
            await self._collect()
        else:
            await self._give_receipt()

    # -- messages in

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
        """A person takes a decision back; also a closed visit hears it, in a new run."""
        self.room.undos.append(undo)

    @workflow.signal
    def payment_posted(self, _: PaymentPosted) -> None:
        """Money moved somewhere; the books decide what it means."""
        self.money_news = True

    @workflow.signal
    def chart_amended(self, amended: ChartAmended) -> None:
        """The chart changed, or its event came twice."""
        if amended.event_id not in self.seen_events:
            self.seen_events.add(amended.event_id)
            self.chart_news = True

    @workflow.signal
    def delivery_failed(self, failure: DeliveryFailed) -> None:
        """A message did not reach the patient."""
        self.failed.append(failure)

    @workflow.signal(name="hold")
    def hold_by_signal(self, hold: Hold) -> None:
        """Messages pause until a person has read a reply."""
        self.held = self.held or hold

    @workflow.signal
    def client_released(self, _: ClientReleased) -> None:
        """A hold of the whole client was lifted; the next step asks the books for others."""
        self.silenced = None
        self.released = True
        if self.held is not None and self.held.by == INBOUND_REPLY:
            self.held = None

    @workflow.update
    async def hold(self, hold: Hold) -> str:
        """A person pauses the case."""
        self.held = hold
        return "held"

    @workflow.update
    async def release(self, release: Release) -> str:
        """A person lets the case go on."""
        self.room.note(f"released by {release.by}")
        self.held = self.silenced = None
        return "released"

    @workflow.update
    async def close(self, close: Close) -> str:
        """A person ends the case; what is owed stays in the books."""
        self.room.note(f"closed by {close.by}")
        self.ending, self.ended_by = VisitStatus.CLOSED_BY_STAFF, close.by
        return "closing"

    @workflow.query
    def standing(self) -> Snapshot:
        """Where the case stands, for debugging only."""
        return Snapshot(
            stage=self.room.stage,
            attention=self.room.attention,
            next_action_at=self.room.next_at,
            open_review_id=next(iter(self.room.questions), None),
            held_by=self.held.by if self.held else self.silenced,
            balance_cents=self.balance_cents if self.bill else None,
        )

    # -- build

    async def _build(self) -> None:
        """Bill the chart as it is now; a draft that is not certain is held, not guessed."""
        self.chart_news = self.chart_open = False
        built = await self.steps.build(self.room.number(self.draft_review_id))
        if built.status == "not_ready":
            self.chart_open = True
            return
        earlier, self.draft_review_id = self.draft_review_id, built.review_id
        if built.status == "not_billable":
            self.status = VisitStatus.NOT_BILLABLE
        elif built.review_id is not None:
            self._asked(Mismatch(review_id=built.review_id, code=built.review_code or ""))
        else:
            await self._billed(built)
        if built.plan_case_id is not None:
            await self._tell_plan(built.plan_case_id)
        if earlier is not None and earlier != built.review_id:
            await self.room.withdraw_one(earlier, "the chart changed")

    async def _billed(self, built: BuildOut) -> None:
        earlier, self.bill = self.bill, built
        self._learned(built.balance_cents, built.mismatches)
        if built.status == "issued":
            self.door_ok = earlier is None and built.balance_cents <= 0
            if earlier is None or built.due_cents > earlier.due_cents:
                await self._start_dunning(built)
        elif earlier is None:
            # A closed case was opened again by late news: read the money, ask for none.
            self.reopened = self.money_news = True

    async def _tell_plan(self, plan_case_id: str) -> None:
        """A financing plan counts its sessions from charts; one that is over need not know."""
        told = SessionCompleted(visit_case_id=workflow.info().workflow_id, at=self.room.now())
        plan = workflow.get_external_workflow_handle(plan_case_id)
        try:
            await plan.signal("session_completed", told)
        except ApplicationError:
            self.room.note("the financing plan of this visit is closed already")

    async def _start_dunning(self, built: BuildOut) -> None:
        """A new positive balance is asked for from the first step on."""
        self.dunning = Dunning(self.visit.chase, self.visit.zone)
        self.dunned_document_id = built.document_id or ""
        self.reopened = False
        await self.room.withdraw("the chart changed", *_OF_THE_CHASE, _TO_RECORD, _NOT_TAKEN)

    async def _wait_for_chart(self) -> None:
        """The treatment is done, the chart is not: an event or an hourly look will tell."""
        again = self.room.now() + timedelta(minutes=self.visit.chase.chart_recheck_minutes)
        self.room.enter(Stage.BUILDING, Attention.STAFF, again, "the order is not closed yet")
        if not await self.room.wait(self._news, again, "look at the chart again"):
            self.chart_news = True

    # -- send and chase

    async def _open_payment_door(self) -> None:
        """Have the processor ask for exactly what the ledger says is owed."""
        door = await self.steps.open_payment_door()
        self.door_ok = True
        self.balance_cents = door.asked_cents

    # -- reconcile

    async def _read_standing(self) -> None:
        """Read ledger, processor and PMS; post what is new; keep what does not fit."""
        self.money_news = False
        read = await self.steps.read_standing()
        self._learned(read.balance_cents, read.mismatches)
        self.door_ok = read.door_in_step
        if read.in_flight:
            self.dunning.note_in_flight(read.balance_cents)
        elif read.status == "verified":
            self.dunning.note_settled(read.balance_cents)
        if read.status == "unverified":
            await self._wait_to_read_again(read.missing)
            return
        self.dunning.verified()
        if await self.room.withdraw("the balance is known again", STUCK):
            self._do_again()
        if read.balance_cents <= 0:
            await self.room.withdraw("paid", *_OF_THE_CHASE)

    async def _wait_to_read_again(self, missing: str | None) -> None:
        """A payment was announced and cannot be read yet: look again soon, say nothing."""
        again = await self._verify_at(missing)
        if again is not None:
            why = "a payment is to be read"
            self.room.enter(Stage.AWAITING_PAYMENT, Attention.SYSTEM, again, why)
            await self.room.wait(self._chart_or_answer, again, why)  # it is read before any end
            self.money_news = True

    async def _write_back(self) -> None:
        """Leave our note in the PMS and have the desk record the payment there."""
        self.recorded_news = False
        written = await self.steps.write_back()
        if written.status == "task" and written.review_id is not None:
            self._asked(Mismatch(review_id=written.review_id, code=written.code or _TO_RECORD))
        elif not self._news_but_bounces():  # what came meanwhile is looked at first
            self.status = VisitStatus.PAID

    # -- people

    async def _wait_for_desk(self, why: str) -> None:
        await self.room.desk(self._news, why)
        self.recorded_news = True

    def _may_be_recorded(self) -> bool:
        """After news or a reminder the PMS may show what the desk was asked to record."""
        only = [question.code for question in self.room.questions.values()] == [_TO_RECORD]
        return only and self.recorded_news

    async def _carry_out(self, decision: Decision) -> None:
        """Do in the books what a person decided, and go on from there."""
        review_id = decision.review_id
        self.room.set_aside.add(review_id)  # until it has worked, or is tried again
        applied = await self.steps.apply(decision)
        self.room.set_aside.discard(review_id)
        code = self.room.questions[review_id].code
        if not self.room.carried(decision, applied.effect):
            return
        if review_id in self.room.replaced:  # the answer before it had failed
            await self.room.withdraw("another answer could be carried out", STUCK)
            self._do_again()
        if self.bill is not None:
            self.balance_cents = applied.balance_cents
        reminders = self.visit.chase.staff_reminder_business_days
        await carry_out_refunds(applied.refund_ids, self.room, reminders)
        if review_id == self.draft_review_id:
            self.draft_review_id = None
            self.chart_news = True
        if applied.effect in _ENDS:
            self.ended_by = decision.by
        self._follow(applied.effect)
        if code == _TO_RECORD and self._is_done():
            self.status = VisitStatus.PAID

    async def _take_back(self) -> None:
        """The debt is as it was before the decision, and its question waits again."""
        undone = await self.room.take_back(self.visit.chase.staff_reminder_business_days)
        if undone is None:
            return
        self.ending = None
        self.balance_cents = undone.balance_cents
        self.dunning.wait_until(None)
        self.door_ok, self.money_news = False, True

    async def _keep_end(self, status: VisitStatus) -> None:
        """Keep the end in the books, which refuse one while money is off: then a person looks."""
        self.status = None
        by = self.ended_by if status in _ENDS.values() else None
        try:
            closed = await self.steps.close(status, by)
            if closed.refusal is not None:
                self.ending = None
                await self._ask(STUCK, closed.refusal)
            elif not self._is_late_news():
                self.status = status
        except ActivityError as failure:
            await self._stuck(failure)

    def _is_done(self) -> bool:
        """Nothing owed, nothing asked, nothing new: what the desk just said is the last word."""
        open_ends = self.room.questions or self._news() or not self.door_ok
        return self.balance_cents <= 0 and not open_ends

    def _is_late_news(self) -> bool:
        """Money, a decision taken back or, unless a person has ended it, a chart."""
        if self.room.undos:
            return True
        return self._is_money_news() or (self.chart_news and self.ending is None)

    def _follow(self, effect: str) -> None:
        """What a decision means for the course of the case."""
        self.ending = _ENDS.get(effect, self.ending)
        if effect == "written_off":
            self.door_ok = False
        elif effect == "rebuild":
            self.chart_news = True
        elif effect == "reread":
            self._do_again()
        elif effect == "resend":
            self.dunning.take_again()
        elif effect == "credited":
            self.door_ok = False
        elif effect == "despite_credit":
            self.dunning.despite_credit = True
        elif effect == "rest":
            days = timedelta(days=self.visit.chase.keep_open_days)
            self.dunning.wait_until(self.room.now() + days)

    async def _stuck(self, failure: ActivityError) -> None:
        """A step failed for good: a person decides when to try again; nothing is dropped."""
        kind = self.room.failed(failure)
        try:
            await self._ask(STUCK, f"a step failed: {kind}")
            if not self.room.is_set_aside(STUCK):
                return
        except ActivityError as silence:
            self.room.failed(silence)
        # The desk cannot be asked, or an answer of it cannot be carried out.
        await workflow.sleep(timedelta(hours=1), summary="the books do not answer")
        self._do_again()

    def _do_again(self) -> None:
        """What a failed step used up is news once more."""
        self.chart_news = self.money_news = self.recorded_news = True
        self.room.set_aside.clear()
