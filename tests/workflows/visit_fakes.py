"""A visit's activities over the scripted world, and those of money and replies beside it."""

from datetime import timedelta
from typing import Any

from temporalio import activity

from activities import questions
from activities.contracts import (
    ApplyIn,
    ApplyOut,
    ApplyUnmatchedIn,
    ApplyUnmatchedOut,
    BuildIn,
    BuildOut,
    CloseIn,
    CloseOut,
    Mismatch,
    OpenReviewIn,
    OpenReviewOut,
    PaymentDoorIn,
    PaymentDoorOut,
    PlaceIn,
    PlaceOut,
    RemindIn,
    ResolveIn,
    ResolveOut,
    SendIn,
    SendOut,
    StandingIn,
    StandingOut,
    UndoIn,
    UndoneOut,
    WithdrawIn,
    WriteBackIn,
    WriteBackOut,
)
from activities.decisions import carry_out
from activities.reply_contracts import (
    ApplyReplyIn,
    ApplyReplyOut,
    AskReplyIn,
    AskReplyOut,
    SettledIn,
    SettledOut,
)
from activities.unmatched_choices import RESTS
from domain import calendar
from domain.case import Channel, ChannelOutcome
from domain.reply_case import KEEP
from tests.workflows.fakes import Fake, Message, Question, World

ASKED_ABOUT = {"twice": "DUPLICATE_SUSPECTED", "changed": "PMS_DISAGREES"}
"""Payments that are not booked but asked about."""


class FakeBuild(Fake):
    """Bills the scripted chart."""

    @activity.defn
    async def build_invoice(self, ask: BuildIn) -> BuildOut:
        world = self.heard(ask)
        if not world.chart_ready:
            return BuildOut(status="not_ready")
        if world.hold_code is not None:
            review_id = world.open(world.hold_code, ask.case.case_id, ask.review_no)
            return BuildOut(
                status="held",
                client_id="client-1",
                review_id=review_id,
                review_code=world.hold_code,
            )
        if not world.billable:
            return BuildOut(status="not_billable", client_id="client-1")
        is_new = not world.documents or world.documents[-1][1] != world.due_cents
        if is_new:
            number = len(world.documents) + 1
            world.documents.append((f"document-{number}", world.due_cents))
        mismatches: tuple[Mismatch, ...] = ()
        if is_new and world.balance_cents < 0:
            review_id = world.open("CHART_CHANGED", ask.case.case_id, len(world.documents))
            mismatches = (Mismatch(review_id=review_id, code="CHART_CHANGED"),)
        return BuildOut(
            plan_case_id=world.plan_case_id if is_new else None,
            status="issued" if is_new else "unchanged",
            client_id="client-1",
            document_id=world.documents[-1][0],
            due_cents=world.due_cents,
            balance_cents=world.balance_cents,
            mismatches=mismatches,
        )


def refreshed(world: World, case_id: str) -> StandingOut:
    """Posts what was announced, unless a system is silent."""
    if world.silent is not None:
        return StandingOut(
            status="unverified", balance_cents=world.balance_cents, missing=world.silent
        )
    mismatches = []
    for cents, kind in world.announced:
        if kind in ASKED_ABOUT:
            number = f"payment-{len(world.questions)}"
            review_id = world.open(ASKED_ABOUT[kind], case_id, number)
            mismatches.append(Mismatch(review_id=review_id, code=ASKED_ABOUT[kind]))
            continue
        world.paid_cents += cents
        if kind == "card":
            world.asked_cents -= cents
    world.announced.clear()
    return StandingOut(
        status="verified",
        balance_cents=world.balance_cents,
        in_flight=world.in_flight,
        door_in_step=world.asked_cents == max(world.balance_cents, 0),
        mismatches=tuple(mismatches),
    )


class FakeStanding(Fake):
    """Reads and posts the scripted payments."""

    @activity.defn
    async def read_standing(self, ask: StandingIn) -> StandingOut:
        return refreshed(self.heard(ask), ask.case.case_id)

    @activity.defn
    async def open_payment_door(self, ask: PaymentDoorIn) -> PaymentDoorOut:
        world = self.heard(ask)
        world.asked_cents = max(world.balance_cents, 0)
        return PaymentDoorOut(processor_ids=("in_1",), asked_cents=world.balance_cents)


class FakeSend(Fake):
    """Hands messages over to scripted providers, by the rules of the real send."""

    @activity.defn
    async def send_step(self, ask: SendIn) -> SendOut:
        world = self.heard(ask)
        if world.during_send:
            await world.during_send.pop(0)()
        today = calendar.local_date(ask.at, ask.case.zone)
        if world.answers:
            changes = {"balance_cents": world.balance_cents, "local_date": today}
            return world.answers.pop(0).model_copy(update=changes)
        if not world.switched_on:
            return SendOut(status="off", balance_cents=world.balance_cents, local_date=today)
        opens = calendar.allowed_from(
            ask.at, ask.case.zone, ask.chase.window_opens_at, ask.chase.window_closes_at
        )
        if opens > ask.at:
            return SendOut(status="snoozed", balance_cents=world.balance_cents, until=opens)
        standing = refreshed(world, ask.case.case_id)
        status = self._why_not(ask, standing)
        outcomes: tuple[ChannelOutcome, ...] = ()
        if status is None:
            world.skipped.extend(ask.skipped)
            outcomes = tuple(
                self._hand_over(ask, channel)
                for channel in ask.step.channels
                if channel in world.consents
            )
            states = {outcome.state for outcome in outcomes}
            status = "sent" if "accepted" in states else "unreachable"
            if "unknown" in states:
                status = "unknown"
        return SendOut(
            status=status,
            balance_cents=standing.balance_cents,
            outcomes=outcomes,
            local_date=today - timedelta(days=world.days_late if ask.first else 0),
            missing=standing.missing,
            door_in_step=standing.door_in_step,
            mismatches=standing.mismatches,
        )

    def _why_not(self, ask: SendIn, standing: StandingOut) -> str | None:
        if standing.status == "unverified":
            return "unverified"
        if ask.settled_ok:
            return None
        if standing.balance_cents <= 0:
            return "settled"
        if standing.in_flight:
            return "in_flight"
        if not ask.first and standing.balance_cents < ask.chase.minimum_chase_cents:
            return "small"
        return None

    def _hand_over(self, ask: SendIn, channel: Channel) -> ChannelOutcome:
        world = self.world
        state = world.providers.pop(0) if world.providers else "accepted"
        world.handed_over += 1
        key = f"{ask.document_id}-{ask.step.name}-{channel.value}-{world.handed_over}"
        message = Message(ask.step.name, channel.value, world.local(ask.at), ask.document_id, key)
        if state == "accepted":
            world.messages.append(message)
        elif state == "unknown":
            world.unclear.append(message)
        return ChannelOutcome(channel=channel, message_key=key, state=state)

    @activity.defn
    async def resolve_sends(self, ask: ResolveIn) -> ResolveOut:
        world = self.heard(ask)
        state = world.lookups.pop(0) if world.lookups else "unknown"
        if state == "accepted":
            world.messages.append(world.unclear.pop())
        return ResolveOut(
            unknown=ask.message_keys if state == "unknown" else (),
            absent=ask.message_keys if state == "absent" else (),
        )


class FakeReviews(Fake):
    """The desk's queue in memory."""

    @activity.defn
    async def open_review(self, ask: OpenReviewIn) -> OpenReviewOut:
        world = self.heard(ask)
        return OpenReviewOut(review_id=world.open(ask.code, ask.case.case_id, ask.review_no))

    @activity.defn
    async def apply_decision(self, ask: ApplyIn) -> ApplyOut:
        world = self.heard(ask)
        if (effect := world.waits(ask.decision)) is not None:
            return ApplyOut(effect=effect, balance_cents=world.balance_cents)
        if world.decide(ask.decision):
            if ask.decision.choice == "write_off":
                world.written_off_cents += world.balance_cents
            elif ask.decision.choice in ("apply_credit", "plan"):
                world.paid_cents += world.balance_cents
        code = next(q.code for q in world.questions if q.review_id == ask.decision.review_id)
        asked = questions.question(ask.case.case_id, ask.case.location_id, code, 0, 0, ask.at)
        # What the real answer means; as a repeat, because only a first one touches the books.
        effect = await carry_out(None, ask, asked, is_first=False)  # type: ignore[arg-type]
        return ApplyOut(
            effect=effect,
            balance_cents=world.balance_cents,
            refund_ids=world.refunds_of(ask.decision),
        )

    @activity.defn
    async def take_back(self, ask: UndoIn) -> UndoneOut:
        world = self.heard(ask)
        old = next(q for q in world.questions if q.review_id == ask.undo.review_id)
        if old.decision is None:
            return UndoneOut(effect="refused", note="There is nothing to take back.")
        if world.refuses_undos:
            return UndoneOut(effect="refused", note=world.refuses_undos.pop(0))
        again = f"{old.review_id}/again"
        if all(question.review_id != again for question in world.questions):
            if old.decision.choice == "write_off":
                world.written_off_cents = 0
            world.questions.append(Question(again, old.code))
        return UndoneOut(
            effect="undone",
            review_id=again,
            code=old.code,
            balance_cents=world.balance_cents,
            replies=next((a.replies for a in world.of("apply_reply")[-1:]), ()),
        )

    @activity.defn
    async def withdraw_review(self, ask: WithdrawIn) -> None:
        world = self.heard(ask)
        for question in world.questions:
            if question.review_id == ask.review_id and question.state == "open":
                question.state = "withdrawn"

    @activity.defn
    async def remind_staff(self, ask: RemindIn) -> None:
        world = self.heard(ask)
        code = next(q.code for q in world.questions if q.review_id == ask.review_id)
        world.reminders.append((code, ask.business_day, world.local(ask.at)))


class FakeWriteBack(Fake):
    """A PMS that shows our tender, or a desk that has to enter it."""

    @activity.defn
    async def write_back(self, ask: WriteBackIn) -> WriteBackOut:
        world = self.heard(ask)
        if world.during_write_back:
            await world.during_write_back.pop(0)()
        if not world.pms_takes_notes and not world.write_back_suspended:
            failed = world.open("PMS_WRITE_FAILED", ask.case.case_id, world.times("write_back"))
            return WriteBackOut(status="task", review_id=failed, code="PMS_WRITE_FAILED")
        done = [q for q in world.questions if q.code == "PMS_CONFIRM" and q.state == "decided"]
        if world.pms_shows_tender or done:
            return WriteBackOut(status="agreed")
        waiting = [q for q in world.questions if q.code == "PMS_CONFIRM" and q.state == "open"]
        review_id = (
            waiting[0].review_id
            if waiting
            else world.open("PMS_CONFIRM", ask.case.case_id, len(world.documents))
        )
        return WriteBackOut(status="task", review_id=review_id)


class FakeClosing(Fake):
    """Keeps how the case ended."""

    @activity.defn
    async def close_case(self, ask: CloseIn) -> CloseOut:
        world = self.heard(ask)
        if world.refuses_ends:
            return CloseOut(refusal=world.refuses_ends.pop())
        world.ends.append((ask.status, ask.closed_by))
        return CloseOut()


class FakeUnmatched(Fake):
    """Money without a reference, in suspense."""

    @activity.defn
    async def place_payment(self, ask: PlaceIn) -> PlaceOut:
        world = self.heard(ask)
        await self.meanwhile()
        if world.unmatched == "gone":
            return PlaceOut(status="gone")
        if world.unmatched == "settled":
            world.announced.append((world.balance_cents, "page"))
            case_ids = (world.unmatched_visit,) if world.unmatched_visit else ()
            return PlaceOut(status="settled", case_ids=case_ids)
        review_id = world.open("NO_REFERENCE", ask.payment.case_id, ask.review_no)
        return PlaceOut(status="held", review_id=review_id, code="NO_REFERENCE")

    @activity.defn
    async def apply_unmatched(self, ask: ApplyUnmatchedIn) -> ApplyUnmatchedOut:
        world = self.heard(ask)
        if (effect := world.waits(ask.decision)) is not None:
            return ApplyUnmatchedOut(effect=effect)
        if ask.decision.invoice_id == "nowhere":
            return ApplyUnmatchedOut(effect="failed")
        world.decide(ask.decision)
        await self.meanwhile()
        if ask.decision.choice in RESTS:
            return ApplyUnmatchedOut(effect="rest")
        if ask.decision.choice == "refund":
            return ApplyUnmatchedOut(effect="done", refund_ids=world.refunds_of(ask.decision))
        world.announced.append((world.balance_cents, "desk"))
        return ApplyUnmatchedOut(
            effect="done", case_id=world.unmatched_visit, invoice_id=ask.decision.invoice_id
        )


class FakeReplies(Fake):
    """A desk that reads replies; `settled` answers what the books say about "I paid"."""

    @activity.defn
    async def ask_reply(self, ask: AskReplyIn) -> AskReplyOut:
        world = self.heard(ask)
        review_id = world.open(ask.code, ask.case.case_id, ask.review_no)
        return AskReplyOut(status="asked", review_id=review_id)

    @activity.defn
    async def settle_reply(self, ask: SettledIn) -> SettledOut:
        world = self.heard(ask)
        if world.reply_visit is not None and world.balance_cents > 0:
            return SettledOut(settled=False)
        told = (world.reply_visit,) if world.reply_visit else ()
        return SettledOut(settled=True, hold_id="hold-1", case_ids=told)

    @activity.defn
    async def apply_reply(self, ask: ApplyReplyIn) -> ApplyReplyOut:
        world = self.heard(ask)
        if ask.decision.invoice_id == "nowhere":
            return ApplyReplyOut(effect="failed", why="The invoice is not one of this patient's.")
        world.decide(ask.decision)
        choice = ask.decision.choice
        if choice == "adverse_event":
            moved = tuple(r.model_copy(update={"code": "ADVERSE_EVENT"}) for r in ask.replies)
            return ApplyReplyOut(effect="adverse_event", replies=moved)
        if choice in KEEP:
            return ApplyReplyOut(effect="done")
        told = (world.reply_visit,) if world.reply_visit else ()
        return ApplyReplyOut(
            effect="done", hold_id="hold-1", case_ids=told, paid=choice == "recorded"
        )


def activities(world: World) -> list[Any]:
    """Every fake activity as a bound method, as the worker registers them."""
    build, standing, send = FakeBuild(world), FakeStanding(world), FakeSend(world)
    reviews, back, unmatched = FakeReviews(world), FakeWriteBack(world), FakeUnmatched(world)
    replies, closing = FakeReplies(world), FakeClosing(world)
    return [
        build.build_invoice,
        standing.read_standing,
        standing.open_payment_door,
        send.send_step,
        send.resolve_sends,
        reviews.open_review,
        reviews.apply_decision,
        reviews.take_back,
        reviews.withdraw_review,
        reviews.remind_staff,
        back.write_back,
        closing.close_case,
        unmatched.place_payment,
        unmatched.apply_unmatched,
        replies.ask_reply,
        replies.settle_reply,
        replies.apply_reply,
    ]
