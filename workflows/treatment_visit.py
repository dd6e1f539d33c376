"""One treatment visit, from the chart to the last cent.

The promise: the visit is billed once, from its chart; the patient is asked for money only
while money is known to be owed; whatever does not fit waits for a named person; the case
ends when the books agree, or when a person ends it. Webhooks signal it, the desk decides
through it, and it may sleep for weeks between two lines.
"""

from collections.abc import Callable
from datetime import timedelta

from pydantic import ValidationError
from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.build import BuildActivities
    from activities.contracts import (
        ApplyIn,
        BuildIn,
        BuildOut,
        CaseRef,
        Mismatch,
        OpenReviewIn,
        PaymentDoorIn,
        ResolveIn,
        SendIn,
        SendOut,
        StandingIn,
        WriteBackIn,
    )
    from activities.reviews import ReviewActivities
    from activities.send import SendActivities
    from activities.standing import StandingActivities
    from activities.write_back import WriteBackActivities
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
    from workflows.case_room import CaseRoom
    from workflows.options import BOOKS, MONEY, SEND

_TAKEN = frozenset({"sent", "unknown", "unreachable", "off"})
"""Answers of a send after which the step is past."""

_ENDS = {
    "written_off": VisitStatus.WRITTEN_OFF,
    "stop": VisitStatus.CLOSED_BY_STAFF,
    "not_billable": VisitStatus.NOT_BILLABLE,
}
"""Decisions that end the case."""


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
        self.case = CaseRef(
            case_id=workflow.info().workflow_id,
            location_id=visit.location_id,
            pms=visit.pms,
            visit_id=visit.visit_id,
            zone=visit.zone,
        )
        self.status: VisitStatus | None = None
        self.bill: BuildOut | None = None
        self.balance_cents = 0
        self.dunning = Dunning(visit.chase, visit.zone)
        self.dunned_document_id = ""
        self.reopened = False
        self.chart_news = True
        self.money_news = False
        self.door_ok = True
        self.seen_events: set[str] = {visit.event_id}
        self.failed: list[DeliveryFailed] = []
        self.mismatches: list[Mismatch] = []
        self.held: Hold | None = None
        self.closing: Close | None = None
        self.ending: VisitStatus | None = None

    @workflow.run
    async def run(self, _: VisitInput) -> VisitResult:
        """Do the next thing until there is nothing left to do."""
        while self.status is None:
            try:
                await self._next()
            except ActivityError as failure:
                await self._stuck(failure)
        await self._clear_question("the case ended")
        await workflow.wait_condition(workflow.all_handlers_finished)
        return VisitResult(
            status=self.status,
            invoice_id=self.bill.document_id if self.bill else None,
            due_cents=self.bill.due_cents if self.bill else 0,
            balance_cents=self.balance_cents,
        )

    async def _next(self) -> None:
        """The one place that decides what the case does now."""
        if self.closing is not None:
            self.status = VisitStatus.CLOSED_BY_STAFF
        elif self.ending is not None and self.door_ok:
            self.status = self.ending
        elif self.chart_news:
            await self._build()
        elif self.money_news:
            await self._read_standing()
        elif not self.door_ok:
            await self._open_payment_door()
        elif self.failed:
            await self._fall_back(self.failed.pop(0))
        elif self.mismatches:
            await self._settle_mismatch(self.mismatches[0])
        elif self.held is not None:
            await self._wait_for_release()
        elif self.balance_cents > 0:
            await self._collect()
        elif self._issued().due_cents <= 0:
            await self._give_receipt()
        else:
            await self._write_back()

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
    def payment_posted(self, payment: PaymentPosted) -> None:
        """Money moved somewhere; the books decide what it means."""
        workflow.logger.info("payment announced", extra={"payment_id": payment.payment_id})
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
        self.closing = close
        return "closing"

    @workflow.query
    def standing(self) -> Snapshot:
        """Where the case stands, for debugging only."""
        return Snapshot(
            stage=self.room.stage,
            attention=self.room.attention,
            next_action_at=self.room.next_at,
            open_review_id=self.room.open_review_id,
            held_by=self.held.by if self.held else None,
            balance_cents=self.balance_cents if self.bill else None,
        )

    # -- build

    async def _build(self) -> None:
        """Bill the chart as it is now; a draft that is not certain is held, not guessed."""
        self.chart_news = False
        built = await workflow.execute_activity_method(
            BuildActivities.build_invoice,
            BuildIn(case=self.case, at=self.room.now(), review_no=self.room.review_no()),
            summary="bill the chart",
            **BOOKS,
        )
        if built.status == "not_ready":
            await self._wait_for_chart()
        elif built.status == "held":
            await self._ask_about_draft(built)
        elif built.status == "not_billable":
            self.status = VisitStatus.NOT_BILLABLE
        else:
            await self._billed(built)

    async def _billed(self, built: BuildOut) -> None:
        await self._clear_question("the chart answered it")
        if built.status == "issued":
            self.door_ok = self.bill is None and built.balance_cents <= 0
            if self.bill is None or built.due_cents > self.bill.due_cents:
                self._start_dunning(built)
        elif self.bill is None:
            # A closed case was opened again by late news: read the money, ask for none.
            self.reopened, self.money_news = True, True
        self.bill = built
        self.balance_cents = built.balance_cents
        self.mismatches.extend(built.mismatches)

    def _start_dunning(self, built: BuildOut) -> None:
        """A new positive balance is asked for from the first step on."""
        self.dunning = Dunning(self.visit.chase, self.visit.zone)
        self.dunned_document_id = built.document_id or ""

    async def _wait_for_chart(self) -> None:
        """The treatment is done, the chart is not: an event or an hourly look will tell."""
        again = self.room.now() + timedelta(minutes=self.visit.chase.chart_recheck_minutes)
        self.room.enter(Stage.BUILDING, Attention.STAFF, again, "the order is not closed yet")
        await self.room.wait(self._news, again, "look at the chart again")
        self.chart_news = True

    async def _ask_about_draft(self, built: BuildOut) -> None:
        if built.review_id != self.room.open_review_id:
            await self._clear_question("the chart changed")
        self._asked(built.review_id or "", built.review_code or "")
        await self._answer("the draft is held", lambda: self.chart_news or bool(self.closing))
        self.chart_news = True

    # -- send and chase

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

    async def _open_payment_door(self) -> None:
        """Have the processor ask for exactly what the ledger says is owed."""
        door = await workflow.execute_activity_method(
            StandingActivities.open_payment_door,
            PaymentDoorIn(
                case=self.case,
                client_id=self._issued().client_id or "",
                due_days=self.visit.chase.due_days,
                at=self.room.now(),
            ),
            summary="ask the processor for what is owed",
            **MONEY,
        )
        self.door_ok = True
        self.balance_cents = door.asked_cents

    async def _send(self, step: ChaseStep, skipped: tuple[str, ...] = ()) -> None:
        sent = await workflow.execute_activity_method(
            SendActivities.send_step,
            SendIn(
                case=self.case,
                client_id=self._issued().client_id or "",
                document_id=self.dunned_document_id or self._issued().document_id or "",
                step=step,
                skipped=skipped,
                chase=self.visit.chase,
                day0=self.dunning.day0,
                at=self.room.now(),
                first=not self.dunning.done,
                settled_ok=step.name == RECEIPT_STEP.name,
            ),
            summary=f"send {step.name}",
            **SEND,
        )
        self.balance_cents = sent.balance_cents
        self.door_ok = sent.door_in_step
        self.mismatches.extend(sent.mismatches)
        await self._after_send(step, skipped, sent)

    async def _after_send(self, step: ChaseStep, skipped: tuple[str, ...], sent: SendOut) -> None:
        if sent.status == "unverified":
            await self._wait_to_verify(step, sent.missing or "a system")
            return
        self.dunning.verified()
        self.dunning.wait_until(sent.until)
        await self._clear_question("the balance is known again")
        if sent.status == "in_flight":
            self.dunning.wait_until(self.room.now() + timedelta(days=1))
        elif sent.status == "small":
            self.dunning.finish()
        elif sent.status in _TAKEN:
            self.dunning.took(step, skipped, sent.local_date)
        if sent.status == "unknown":
            await self._resolve(step, sent)
        elif sent.status == "unreachable":
            await self._ask("UNREACHABLE", (f"step {step.name}",))

    async def _wait_to_verify(self, step: ChaseStep, missing: str) -> None:
        """Nothing is sent on a balance that cannot be verified; after a day a person looks."""
        again = self.dunning.verify_again_at(self.room.now())
        if again is None:
            await self._ask("STATE_UNKNOWN", (f"the balance could not be read: {missing}",))
            return
        self.dunning.wait_until(again)
        self.room.note(f"{step.name} waits: {missing}")

    async def _resolve(self, step: ChaseStep, sent: SendOut) -> None:
        """An unknown outcome is looked up twice before anything is tried again."""
        keys = tuple(o.message_key for o in sent.outcomes if o.state == "unknown")
        for last_look in (False, True):
            await workflow.sleep(
                timedelta(seconds=self.visit.chase.unknown_lookup_seconds),
                summary="let the provider's answer arrive",
            )
            resolved = await workflow.execute_activity_method(
                SendActivities.resolve_sends,
                ResolveIn(
                    case=self.case,
                    client_id=self._issued().client_id or "",
                    step=step,
                    message_keys=keys,
                    last_look=last_look,
                    at=self.room.now(),
                ),
                summary="look up messages of unknown outcome",
                **SEND,
            )
            if resolved.absent:  # certainly not sent, so the step is still to be taken
                self.dunning.take_again()
            keys = resolved.unknown
            if not keys:
                return
        await self._ask("MESSAGE_UNKNOWN", (f"step {step.name}",))

    async def _fall_back(self, failure: DeliveryFailed) -> None:
        """A message that did not arrive goes once by the other channel, while money is owed."""
        step = self.dunning.fallback(failure)
        if self.balance_cents <= 0 or self.held is not None or step is None:
            self.room.note("a message did not arrive; nothing more is sent for it")
        else:
            await self._send(step)

    async def _ask_what_next(self) -> None:
        """After the last step a person decides; nothing is ever written off by itself."""
        rest = self.dunning.not_before
        if rest is not None and rest > self.room.now():
            why = "kept open by the desk"
            self.room.enter(Stage.AWAITING_PAYMENT, Attention.PATIENT, rest, why)
            await self.room.wait(self._chase_news, rest, why)
            return
        await self._ask("CHASE_EXHAUSTED", tuple(sorted(self.dunning.done)))

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
        if self.bill is None:
            return
        read = await workflow.execute_activity_method(
            StandingActivities.read_standing,
            StandingIn(
                case=self.case,
                client_id=self.bill.client_id or "",
                at=self.room.now(),
            ),
            summary="match and post payments",
            **BOOKS,
        )
        self.balance_cents = read.balance_cents
        self.door_ok = read.door_in_step
        self.mismatches.extend(read.mismatches)
        if read.status == "unverified":
            await self._wait_to_read_again(read.missing or "a system")
        elif read.balance_cents <= 0 and not self._is_asking("PMS_CONFIRM"):
            await self._clear_question("paid")

    async def _wait_to_read_again(self, missing: str) -> None:
        """A payment was announced and cannot be read yet: look again soon, say nothing."""
        again = self.room.now() + timedelta(minutes=self.visit.chase.verify_retry_minutes)
        self.room.note(f"a payment waits to be read: {missing}")
        self.room.enter(Stage.AWAITING_PAYMENT, Attention.SYSTEM, again, "a payment is to be read")
        await self.room.wait(
            lambda: self.chart_news or self.closing is not None, again, "read the payment again"
        )
        self.money_news = True

    async def _settle_mismatch(self, mismatch: Mismatch) -> None:
        if mismatch.review_id != self.room.open_review_id:
            await self._clear_question("another question comes first")
        self._asked(mismatch.review_id, mismatch.code)
        if await self._answer("money that does not fit"):
            self.mismatches.remove(mismatch)

    async def _write_back(self) -> None:
        """Leave our note in the PMS and have the desk record the payment there."""
        written = await workflow.execute_activity_method(
            WriteBackActivities.write_back,
            WriteBackIn(
                case=self.case,
                client_id=self._issued().client_id or "",
                at=self.room.now(),
            ),
            summary="tell the PMS what was collected",
            **BOOKS,
        )
        if written.status == "task" and written.review_id is not None:
            self._asked(written.review_id, "PMS_CONFIRM")
            await self._answer("the desk records the payment", look_again=True)
        else:
            self.status = VisitStatus.PAID

    # -- people

    async def _ask(self, code: str, facts: tuple[str, ...]) -> None:
        """Put a question to the desk once, and wait for the answer or for news."""
        if not self._is_asking(code):
            await self._clear_question("another question comes first")
            opened = await workflow.execute_activity_method(
                ReviewActivities.open_review,
                OpenReviewIn(
                    case=self.case,
                    client_id=self.bill.client_id if self.bill else None,
                    document_id=self.bill.document_id if self.bill else None,
                    code=code,
                    facts=facts,
                    money_cents=self.balance_cents,
                    review_no=self.room.review_no(),
                    at=self.room.now(),
                ),
                summary="ask the desk",
                **BOOKS,
            )
            self._asked(opened.review_id, code)
        await self._answer(code.lower().replace("_", " "))

    async def _answer(
        self, why: str, news: Callable[[], bool] | None = None, look_again: bool = False
    ) -> bool:
        """Wait for the desk and carry its decision out; False when news came first."""
        decision = await self.room.decision(news or self._news, why, look_again)
        if decision is None:
            return False
        self.room.answered()
        applied = await workflow.execute_activity_method(
            ReviewActivities.apply_decision,
            ApplyIn(
                case=self.case,
                client_id=self.bill.client_id if self.bill else None,
                decision=decision,
                at=self.room.now(),
            ),
            summary=f"carry out: {decision.choice}",
            **BOOKS,
        )
        if self.bill is not None:
            self.balance_cents = applied.balance_cents
        self._follow(applied.effect)
        return True

    def _follow(self, effect: str) -> None:
        """What a decision means for the course of the case."""
        self.ending = _ENDS.get(effect)
        if effect == "written_off":
            self.door_ok = False
        elif effect == "rebuild":
            self.chart_news = True
        elif effect == "reread":
            self.money_news = True
        elif effect == "resend":
            self.dunning.take_again()
        elif effect == "rest":
            days = timedelta(days=self.visit.chase.keep_open_days)
            self.dunning.wait_until(self.room.now() + days)

    async def _stuck(self, failure: ActivityError) -> None:
        """A step failed for good: a person decides when to try again; nothing is dropped."""
        cause = failure.cause
        kind = cause.type if isinstance(cause, ApplicationError) and cause.type else "Timeout"
        self.room.note(f"a step failed: {kind}")
        try:
            await self._ask("STATE_UNKNOWN", (f"a step failed: {kind}",))
        except ActivityError:
            await workflow.sleep(timedelta(hours=1), summary="the books do not answer")
        # The failed step's news was used up before it failed.
        self.chart_news = self.chart_news or self.bill is None
        self.money_news = self.bill is not None

    async def _wait_for_release(self) -> None:
        self.room.enter(Stage.HELD, Attention.STAFF, None, "held by a person or a reply")
        await self.room.wait(lambda: self.held is None or self._news(), None, "held")

    async def _clear_question(self, reason: str) -> None:
        """Withdraw an open question that the facts have overtaken."""
        if self.room.open_review_id is not None:
            await self.room.withdraw(reason)

    def _asked(self, review_id: str, code: str) -> None:
        self.room.asked(review_id, code, self.visit.chase.staff_reminder_business_days)

    def _is_asking(self, code: str) -> bool:
        return self.room.open_review_code == code

    def _news(self) -> bool:
        """Something that may change what the case should do."""
        return bool(self.chart_news or self.money_news or self.failed or self.closing)

    def _chase_news(self) -> bool:
        """News, or a person who wants the messages to stop."""
        return self._news() or self.held is not None

    def _issued(self) -> BuildOut:
        if self.bill is None:
            raise ApplicationError("no invoice has been issued yet", type="BadRequest")
        return self.bill
