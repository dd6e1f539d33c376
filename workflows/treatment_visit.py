"""One treatment visit, from the chart to the last cent.

The promise: the visit is billed once, from its chart; the patient is asked for money only
while money is known to be owed; whatever does not fit waits for a named person; the case
ends when the books agree, or when a person ends it. It may sleep for weeks between two lines.
"""

from datetime import datetime, timedelta

from pydantic import ValidationError
from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.contracts import BuildOut, CaseRef, Mismatch, SendOut
    from domain.case import (
        Attention,
        ChartAmended,
        ChaseStep,
        Close,
        Decision,
        DeliveryFailed,
        Hold,
        PaymentPosted,
        Release,
        Snapshot,
        Stage,
        VisitInput,
        VisitResult,
        VisitStatus,
    )
    from domain.dunning import RECEIPT_STEP, Dunning
    from domain.reviews import IN_SUSPENSE
    from workflows.case_room import CaseRoom
    from workflows.steps import VisitSteps

_TAKEN = frozenset({"sent", "unknown", "unreachable", "off"})
"""Answers of a send after which the step is past."""

_ENDS = {"written_off": VisitStatus.WRITTEN_OFF, "stop": VisitStatus.CLOSED_BY_STAFF}
"""Effects of a decision that end the case."""

_STUCK, _TO_RECORD = "STATE_UNKNOWN", "PMS_CONFIRM"
_OF_THE_CHASE = ("CHASE_EXHAUSTED", "UNREACHABLE", "MESSAGE_UNKNOWN")
"""Questions that a payment answers."""


@workflow.defn(name="TreatmentVisit", failure_exception_types=[ValidationError])
class TreatmentVisit:
    """Build, send, chase, reconcile.

    | message | kind | from |
    |---|---|---|
    | payment_posted | signal | processor and PMS webhooks: a hint to read the books |
    | chart_amended | signal | PMS webhooks: a hint to read the chart |
    | delivery_failed | signal | message callbacks |
    | review_decided | update and signal | the desk; any tool, also the Temporal UI |
    | hold | update and signal | the desk; an inbound reply that a person must read first |
    | release, close | update | the desk |
    | standing | query | debugging |
    """

    @workflow.init
    def __init__(self, visit: VisitInput) -> None:
        self.visit = visit
        self.room = CaseRoom(visit.location_id, visit.zone, visit.clock_shift_seconds)
        case = CaseRef(
            case_id=workflow.info().workflow_id,
            location_id=visit.location_id,
            pms=visit.pms,
            visit_id=visit.visit_id,
            zone=visit.zone,
        )
        self.steps = VisitSteps(case, visit.chase, self.room.now)
        self.status: VisitStatus | None = None
        self.bill: BuildOut | None = None
        self.balance_cents = 0
        self.dunning = Dunning(visit.chase, visit.zone)
        self.dunned_document_id = ""
        self.reopened = False
        self.chart_news = True
        self.chart_open = False
        self.draft_review_id: str | None = None
        self.money_news = False
        self.door_ok = True
        self.recorded_news = True
        self.seen_events: set[str] = {visit.event_id}
        self.failed: list[DeliveryFailed] = []
        self.held: Hold | None = None
        self.ending: VisitStatus | None = None

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
        if self.ending is not None and self._may_end(self.ending):
            self.status = self.ending
        elif decision is not None:
            await self._carry_out(decision)
        elif self.chart_news:
            await self._build()
        elif self._is_money_news():
            await self._read_standing()
        elif self.room.asks(_STUCK):
            await self.room.desk(self._news_but_bounces, "a system does not answer")
        elif not self.door_ok:
            await self._open_payment_door()
        elif self.failed:
            self._fall_back(self.failed.pop(0))
        elif self.room.questions and not self._may_be_recorded():
            await self._wait_for_desk("a question is open")
        elif self.bill is None or self.chart_open:
            await self._wait_for_chart()
        elif self.balance_cents <= 0 < self.bill.due_cents:
            await self._write_back()
        elif self.held is not None:
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

    @workflow.update
    async def hold(self, hold: Hold) -> str:
        """A person pauses the case."""
        self.held = hold
        return "held"

    @workflow.update
    async def release(self, release: Release) -> str:
        """A person lets the case go on."""
        self.room.note(f"released by {release.by}")
        self.held = None
        return "released"

    @workflow.update
    async def close(self, close: Close) -> str:
        """A person ends the case; what is owed stays in the books."""
        self.room.note(f"closed by {close.by}")
        self.ending = VisitStatus.CLOSED_BY_STAFF
        return "closing"

    @workflow.query
    def standing(self) -> Snapshot:
        """Where the case stands, for debugging only."""
        return Snapshot(
            stage=self.room.stage,
            attention=self.room.attention,
            next_action_at=self.room.next_at,
            open_review_id=next(iter(self.room.questions), None),
            held_by=self.held.by if self.held else None,
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

    async def _start_dunning(self, built: BuildOut) -> None:
        """A new positive balance is asked for from the first step on."""
        self.dunning = Dunning(self.visit.chase, self.visit.zone)
        self.dunned_document_id = built.document_id or ""
        self.reopened = False
        await self.room.withdraw("the chart changed", *_OF_THE_CHASE, _TO_RECORD)

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

    async def _collect(self) -> None:
        """Take the next dunning step when it is due, unless there is news first."""
        due = None if self.reopened else self.dunning.due(self.room.now())
        if due is None:
            await self._ask_what_next()
        elif due.at > self.room.now():
            why = f"next step {due.step.name}"
            self.room.enter(Stage.AWAITING_PAYMENT, Attention.PATIENT, due.at, why)
            await self.room.wait(self._chase_news, due.at, f"until {due.step.name}")
        else:
            await self._send(due.step, due.skipped)

    async def _send(self, step: ChaseStep, skipped: tuple[str, ...] = ()) -> None:
        sent = await self.steps.send(step, skipped, self.dunning, self.dunned_document_id)
        self._learned(sent.balance_cents, sent.mismatches)
        self.door_ok = sent.door_in_step
        if sent.status == "snoozed":
            self.dunning.wait_until(sent.until)
        elif sent.status == "unverified":
            self.dunning.wait_until(await self._verify_at(sent.missing))
        else:
            self.dunning.verified()
            await self._after_send(step, skipped, sent)

    async def _after_send(self, step: ChaseStep, skipped: tuple[str, ...], sent: SendOut) -> None:
        if sent.status == "in_flight":
            self.dunning.wait_until(self.room.now() + timedelta(days=1))
        elif sent.status == "small":
            self.dunning.finish()
        elif sent.status in _TAKEN:
            self.dunning.took(step, skipped, sent.local_date)
        if sent.status == "unknown":
            await self._resolve(step, sent)
        elif sent.status == "unreachable" and self.balance_cents > 0:
            await self._ask("UNREACHABLE", f"step {step.name}")

    async def _resolve(self, step: ChaseStep, sent: SendOut) -> None:
        """An unknown outcome is looked up twice before anything is tried again, once."""
        keys = tuple(o.message_key for o in sent.outcomes if o.state == "unknown")
        is_lost = False
        for last_look in (False, True):
            await workflow.sleep(
                timedelta(seconds=self.visit.chase.unknown_lookup_seconds),
                summary="let the provider's answer arrive",
            )
            found = await self.steps.resolve(step, keys, last_look)
            if found.absent:
                is_lost = not self.dunning.take_again_once()
            keys = found.unknown
            if not keys:
                break
        if (keys or is_lost) and self.balance_cents > 0:
            await self._ask("MESSAGE_UNKNOWN", f"step {step.name}")

    def _fall_back(self, failure: DeliveryFailed) -> None:
        """A message that did not arrive goes once by the other channel, while money is owed."""
        if self.balance_cents <= 0 or not self.dunning.fall_back(failure):
            self.room.note("a message did not arrive; nothing more is sent for it")

    async def _ask_what_next(self) -> None:
        """After the last step a person decides; nothing is ever written off by itself."""
        rest = self.dunning.not_before
        if rest is not None and rest > self.room.now():
            why = "kept open by the desk"
            self.room.enter(Stage.AWAITING_PAYMENT, Attention.PATIENT, rest, why)
            await self.room.wait(self._chase_news, rest, why)
        else:
            await self._ask("CHASE_EXHAUSTED", *sorted(self.dunning.done))

    async def _wait_for_release(self) -> None:
        self.room.enter(Stage.HELD, Attention.STAFF, None, "held by a person or a reply")
        await self.room.wait(lambda: self.held is None or self._news(), None, "held")

    async def _give_receipt(self) -> None:
        """Nothing is due: the patient gets a receipt, never a money message."""
        if RECEIPT_STEP.name in self.dunning.done or self.reopened:
            self.status = VisitStatus.NOTHING_DUE
            return
        at = self.dunning.not_before or self.room.now()
        if not await self.room.wait(self._chase_news, at, "until messages are allowed"):
            await self._send(RECEIPT_STEP)

    # -- reconcile

    async def _read_standing(self) -> None:
        """Read ledger, processor and PMS; post what is new; keep what does not fit."""
        self.money_news = False
        read = await self.steps.read_standing()
        self._learned(read.balance_cents, read.mismatches)
        self.door_ok = read.door_in_step
        if read.status == "unverified":
            await self._wait_to_read_again(read.missing)
            return
        self.dunning.verified()
        if await self.room.withdraw("the balance is known again", _STUCK):
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

    async def _verify_at(self, missing: str | None) -> datetime | None:
        """Nothing is sent on a balance that cannot be verified; after a day a person looks."""
        again = self.dunning.verify_again_at(self.room.now())
        if again is None:
            await self._ask(_STUCK, f"the balance could not be read: {missing or 'a system'}")
        else:
            self.room.note(f"the balance cannot be read: {missing or 'a system'}")
        return again

    async def _write_back(self) -> None:
        """Leave our note in the PMS and have the desk record the payment there."""
        self.recorded_news = False
        written = await self.steps.write_back()
        if written.status == "task" and written.review_id is not None:
            self._asked(Mismatch(review_id=written.review_id, code=_TO_RECORD))
        elif not self._news_but_bounces():  # what came meanwhile is looked at first
            self.status = VisitStatus.PAID

    # -- people

    async def _ask(self, code: str, *facts: str) -> None:
        """Put a question to the desk, once at a time."""
        if not self.room.asks(code):
            review_id = await self.steps.ask(code, facts, self.balance_cents, self.room.number())
            self._asked(Mismatch(review_id=review_id, code=code))

    def _asked(self, one: Mismatch) -> None:
        self.room.asked(one.review_id, one.code, self.visit.chase.staff_reminder_business_days)

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
        question = self.room.questions.pop(review_id)
        if self.bill is not None:
            self.balance_cents = applied.balance_cents
        if review_id == self.draft_review_id:
            self.draft_review_id = None
            self.chart_news = True
        self._follow(applied.effect)
        if question.code == _TO_RECORD and self._is_done():
            self.status = VisitStatus.PAID

    def _is_done(self) -> bool:
        """Nothing owed, nothing asked, nothing new: what the desk just said is the last word."""
        open_ends = self.room.questions or self._news() or not self.door_ok
        return self.balance_cents <= 0 and not open_ends

    def _may_end(self, ending: VisitStatus) -> bool:
        """Not while money is unread or waits in suspense, nor while a link asks for too much."""
        in_suspense = any(map(self.room.asks, IN_SUSPENSE))
        unread = self._is_money_news() and not self.room.asks(_STUCK)
        return not (in_suspense or unread) and (self.door_ok or ending != VisitStatus.WRITTEN_OFF)

    def _is_late_news(self) -> bool:
        """Money or, unless a person has ended it, a chart that came as the case was ending."""
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
        elif effect == "rest":
            days = timedelta(days=self.visit.chase.keep_open_days)
            self.dunning.wait_until(self.room.now() + days)

    async def _stuck(self, failure: ActivityError) -> None:
        """A step failed for good: a person decides when to try again; nothing is dropped."""
        kind = self.room.failed(failure)
        try:
            await self._ask(_STUCK, f"a step failed: {kind}")
            if not self.room.is_set_aside(_STUCK):
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

    def _learned(self, balance_cents: int, mismatches: tuple[Mismatch, ...]) -> None:
        """Take over what the books said; what does not fit is with the desk already."""
        self.balance_cents = balance_cents
        for mismatch in mismatches:
            self._asked(mismatch)

    # -- news

    def _is_money_news(self) -> bool:
        return self.money_news and self.bill is not None

    def _chart_or_answer(self) -> bool:
        return self.chart_news or self.room.answer() is not None

    def _news_but_bounces(self) -> bool:
        ends = self.ending is not None and self._may_end(self.ending)
        return self._chart_or_answer() or self._is_money_news() or ends

    def _news(self) -> bool:
        """Something that may change what the case should do."""
        return bool(self.failed) or self._news_but_bounces()

    def _chase_news(self) -> bool:
        """News, or a person who wants the messages to stop."""
        return self._news() or self.held is not None
