"""How one visit asks for its money: the next step when it is due, and what becomes of it."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.contracts import SendOut
    from domain.case import Attention, ChaseStep, DeliveryFailed, Stage, VisitStatus
    from domain.dunning import RECEIPT_STEP, AfterBounce
    from workflows.visit_state import STUCK, VisitState

_TAKEN = frozenset({"sent", "covered", "unknown", "unreachable", "no_consent", "off"})
"""Answers of a send after which the step is past."""

_UNHEARD = frozenset({"unreachable", "no_consent"})
"""Of these, the ones with which no message is on its way."""

_LOOK_AT_HOLDS = timedelta(days=7)
"""A release that nobody told the case about is found within this time."""


class Chasing(VisitState):
    """Send and chase."""

    async def _collect(self) -> None:
        """Take the next dunning step when it is due, unless there is news first."""
        self._hear_release()
        if self.carried and self._is_small():
            await self._carry()
            return
        due = None if self.reopened else self.dunning.due(self.room.now())
        if due is None:
            await self._ask_what_next()
        elif due.at > self.room.now():
            why = f"next step {due.step.name}"
            self.room.enter(Stage.AWAITING_PAYMENT, Attention.PATIENT, due.at, why)
            await self.room.wait(self._chase_news, due.at, f"until {due.step.name}")
        else:
            await self._send(due.step, due.skipped, due.retry_of)

    async def _send(
        self, step: ChaseStep, skipped: tuple[str, ...] = (), retry_of: str | None = None
    ) -> None:
        sent = await self.steps.send(step, skipped, self.dunning, self.dunned_document_id, retry_of)
        self._learned(sent.balance_cents, sent.mismatches)
        self.door_ok = sent.door_in_step
        is_for_hold = (sent.reason or "").startswith("HOLD_")
        self.waits_for_hold = sent.status == "snoozed" and is_for_hold
        if sent.status == "snoozed":
            self.dunning.wait_until(sent.until)
        elif sent.status == "unverified":
            self.dunning.wait_until(await self._verify_at(sent.missing))
        else:
            self.dunning.verified()
            await self._after_send(step, skipped, sent)

    async def _after_send(self, step: ChaseStep, skipped: tuple[str, ...], sent: SendOut) -> None:
        if sent.status == "in_flight":
            await self._in_flight(step)
        elif sent.status == "held":
            # A release that came during the send is not in its answer: ask the books again.
            self.silenced = None if self.released else sent.reason or "held"
        elif sent.status == "credit":
            await self._ask("CREDIT_ON_ACCOUNT", f"step {step.name}")
        elif sent.status == "small":
            self._too_little()
        elif sent.status in _TAKEN:
            self.dunning.sent(step, sent)
            self.dunning.took(step, skipped, sent.local_date)
            if sent.status in _UNHEARD and workflow.patched("day-0-is-not-an-unheard-one"):
                self.dunning.unheard(step)
        if sent.status == "unknown":
            await self._resolve(step, sent)
        elif sent.status in _UNHEARD and self.balance_cents > 0:
            code = "CONSENT_MISSING" if sent.status == "no_consent" else "UNREACHABLE"
            await self._ask(code, f"step {step.name}")

    def _too_little(self) -> None:
        """Nothing more is asked for, unless more is owed again one day (D4)."""
        if workflow.patched("small-balance-is-carried"):
            self.carried = True
        else:
            self.dunning.finish()

    async def _carry(self) -> None:
        """A small balance stays on the account: nobody is reminded, and no person is asked."""
        why = "a small balance is carried"
        self.room.enter(Stage.AWAITING_PAYMENT, Attention.NONE, None, why)
        await self.room.wait(self._chase_news, None, why)

    async def _in_flight(self, step: ChaseStep) -> None:
        """A payment is under way: the step waits for it, and for no longer than a week (D5)."""
        now = self.room.now()
        self.dunning.wait_until(now + timedelta(days=1))
        if workflow.patched("payment-in-flight-keeps-its-step"):
            is_too_long = self.dunning.pause_for_payment(step, now)
            self.dunning.note_in_flight(self.balance_cents)
            if is_too_long:
                await self._ask(STUCK, "a payment has been under way for more than a week")

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
            self.dunning.resolved(found.outcomes)
            if found.absent:
                is_lost = not self.dunning.take_again_once()
            keys = found.unknown
            if not keys:
                break
        if (keys or is_lost) and self.balance_cents > 0:
            await self._ask("MESSAGE_UNKNOWN", f"step {step.name}")

    async def _bounced(self, failure: DeliveryFailed) -> None:
        """A message did not arrive: once more, once by the other channel, then a person."""
        if not workflow.patched("bounce-names-its-message"):
            if self.balance_cents <= 0 or not self.dunning.fall_back(failure):
                self.room.note("a message did not arrive; nothing more is sent for it")
            return
        after = AfterBounce.NOTHING
        if self.balance_cents > 0:
            after = self.dunning.bounced(failure, self.room.now())
        if after is AfterBounce.ASK:
            await self._ask("UNREACHABLE", "no message of the step arrived")
        elif after is AfterBounce.NOTHING:
            self.room.note("a message did not arrive; nothing more is sent for it")

    async def _ask_what_next(self) -> None:
        """After the last step a person decides; nothing is ever written off by itself."""
        rest = self.dunning.not_before
        if rest is not None and rest > self.room.now():
            why = "kept open by the desk"
            self.room.enter(Stage.AWAITING_PAYMENT, Attention.PATIENT, rest, why)
            await self.room.wait(self._chase_news, rest, why)
        elif self._is_small() and workflow.patched("small-balance-is-carried"):
            await self._carry()
        else:
            code = "UNDERPAID" if self._is_part_paid() else "CHASE_EXHAUSTED"
            await self._ask(code, *sorted(self.dunning.done))

    def _is_part_paid(self) -> bool:
        """Whether a payment covers a part: then it may also be another invoice's."""
        is_less = self.bill is not None and 0 < self.balance_cents < self.bill.due_cents
        return is_less and workflow.patched("part-paid-is-underpaid")

    async def _wait_for_release(self) -> None:
        """Silent until a person lets the case, or the client, go on."""
        until = None if self.silenced is None else self.room.now() + _LOOK_AT_HOLDS
        self.room.enter(Stage.HELD, Attention.STAFF, until, "held by a person or a reply")
        heard = await self.room.wait(lambda: not self._is_held() or self._news(), until, "held")
        if not heard:
            self.silenced = None  # the next send asks the books again

    def _hear_release(self) -> None:
        """A step that waited for a hold to end by itself need not wait any more."""
        if self.released and self.waits_for_hold:
            self.dunning.wait_until(None)
            self.waits_for_hold = False
        self.released = False

    async def _give_receipt(self) -> None:
        """Nothing is due: the patient gets a receipt, never a money message."""
        if RECEIPT_STEP.name in self.dunning.done or self.reopened:
            self.status = VisitStatus.NOTHING_DUE
            return
        self._hear_release()
        at = self.dunning.not_before or self.room.now()
        if not await self.room.wait(self._chase_news, at, "until messages are allowed"):
            await self._send(RECEIPT_STEP)
