"""What a patient wrote back, read by a person on the same day.

The promise: the patient hears nothing while the reply is unread; a named person decides; what
they decided is in the books before any visit is told to go on. One case per client: several
replies wait in one place.
"""

from datetime import datetime, timedelta

from pydantic import ValidationError
from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.replies import ReplyActivities
    from activities.reply_contracts import (
        ApplyReplyIn,
        AskReplyIn,
        ReplyRef,
        SettledIn,
    )
    from domain.case import ClientReleased, Decision, PaymentPosted, Undo
    from domain.reply_case import ReplyInput, ReplyReceived, ReplyResult
    from workflows.case_room import CaseRoom
    from workflows.options import BOOKS

PAID = "REPLY_PAID"
LOOKS = (timedelta(minutes=2), timedelta(hours=48))
"""How long after "I paid" the books are looked at again: they may answer by themselves."""
TRY_AGAIN = timedelta(hours=1)
SAME_DAY = 0

Replies = tuple[ReplyReceived, ...]
"""Replies that are asked about together; all of one code."""


@workflow.defn(name="PatientReply", failure_exception_types=[ValidationError])
class PatientReply:
    """Ask, and carry out.

    | message | kind | from |
    |---|---|---|
    | reply_received | signal | the next reply of the same client, or a repeated one |
    | review_decided | update and signal | the desk |
    | decision_undone | signal | the desk: a decision is taken back |
    """

    @workflow.init
    def __init__(self, start: ReplyInput) -> None:
        self.start = start
        self.room = CaseRoom(start.location_id, start.zone, start.clock_shift_seconds)
        self.case = ReplyRef(
            case_id=workflow.info().workflow_id,
            location_id=start.location_id,
            zone=start.zone,
        )
        self.unread: list[Replies] = [] if start.was_read else [(start.reply,)]
        self.seen: set[str] = {start.reply.inbox_id}
        self.asked: dict[str, tuple[ReplyReceived, ...]] = {}
        self.looks: list[datetime] = []
        self.by_a_person: set[str] = set()
        """Questions asked anew: their holds end by an answer alone, whatever the books show."""
        self.again: str | None = None
        self.decided = self.settled = 0

    @workflow.run
    async def run(self, _: ReplyInput) -> ReplyResult:
        """Go on until every reply is answered."""
        while self.room.undos or self.unread or self.room.questions:
            try:
                await self._next()
            except ActivityError as failure:
                # The holds stand, so nothing is said to the patient by waiting.
                self.room.failed(failure)
                await workflow.sleep(TRY_AGAIN, summary="a step failed; again in an hour")
        await workflow.wait_condition(workflow.all_handlers_finished)
        return ReplyResult(decided=self.decided, settled=self.settled)

    async def _next(self) -> None:
        """Carry out, ask, look into the books, or wait."""
        decision = self.room.answer()
        if self.room.undos:
            await self._take_back()
        elif decision is not None:
            await self._carry_out(decision)
        elif self.unread:
            await self._ask(self.unread[0])
        elif self.looks and self.looks[0] <= self.room.now():
            await self._look()
        else:
            also_at = self.looks[0] if self.looks else None
            await self.room.desk(self._is_news, "a reply is to be read", also_at)

    def _is_news(self) -> bool:
        """The client wrote again, or a person takes a decision back."""
        return bool(self.unread or self.room.undos)

    async def _take_back(self) -> None:
        """The patient is silent as before the answer, and their words wait to be read again."""
        undone = await self.room.take_back(self.start.staff_reminder_business_days)
        if undone is not None:
            self.asked[undone.review_id] = undone.replies
            self.by_a_person.add(undone.review_id)

    async def _ask(self, unread: Replies) -> None:
        """One question per code: what comes while it is open is asked together with it."""
        code = unread[0].code
        earlier = next((r for r, q in self.room.questions.items() if q.code == code), None)
        replies = (*self.asked.get(earlier or "", ()), *unread)
        asked = await workflow.execute_activity_method(
            ReplyActivities.ask_reply,
            AskReplyIn(
                case=self.case,
                replies=replies,
                code=code,
                at=self.room.now(),
                review_no=self.room.number(),
                again=self.again,
            ),
            summary="have the reply read",
            **BOOKS,
        )
        self.unread.remove(unread)
        self.again = None
        if asked.review_id is None:
            return
        self.room.asked(asked.review_id, code, self.start.staff_reminder_business_days)
        self.asked[asked.review_id] = replies
        if earlier in self.by_a_person:
            self.by_a_person.add(asked.review_id)
        if code == PAID:
            self.looks = [self.room.now() + pause for pause in LOOKS]
        if earlier is not None:
            await self.room.withdraw_one(earlier, "the patient wrote again")
            self.asked.pop(earlier, None)
        else:
            await self.room.remind(asked.review_id, SAME_DAY)

    async def _look(self) -> None:
        """The books may show by now what the patient said."""
        self.looks.pop(0)
        paid = [r for r, q in self.room.questions.items() if q.code == PAID]
        for review_id in [r for r in paid if r not in self.by_a_person]:
            found = await workflow.execute_activity_method(
                ReplyActivities.settle_reply,
                SettledIn(case=self.case, replies=self.asked[review_id], at=self.room.now()),
                summary="look whether it is paid",
                **BOOKS,
            )
            if found.settled:
                await self.room.withdraw_one(review_id, "the books show it paid")
                self.settled += 1
                await self._tell(found.case_ids, found.hold_id)

    async def _carry_out(self, decision: Decision) -> None:
        review_id = decision.review_id
        replies = self.asked.get(review_id, ())
        applied = await workflow.execute_activity_method(
            ReplyActivities.apply_reply,
            ApplyReplyIn(case=self.case, replies=replies, decision=decision, at=self.room.now()),
            summary=f"carry out: {decision.choice}",
            **BOOKS,
        )
        if not self.room.carried(decision, applied.effect):
            return
        self.asked.pop(review_id, None)
        if applied.effect == "again":  # an answer of an earlier version
            self.again = applied.why
            self.room.note("the decision could not be carried out; asking again")
            self.unread.insert(0, replies)
            return
        self.decided += 1
        if applied.replies:
            self.unread.insert(0, applied.replies)
        await self._tell((*applied.case_ids, *applied.plan_case_ids), applied.hold_id)
        if applied.paid:
            await self._have_read(applied.case_ids)

    async def _tell(self, case_ids: tuple[str, ...], hold_id: str) -> None:
        """Waiting cases go on; each of them reads holds and balance again before it speaks."""
        for case_id in case_ids:
            await self._signal(case_id, "client_released", ClientReleased(hold_id=hold_id))

    async def _have_read(self, case_ids: tuple[str, ...]) -> None:
        for case_id in case_ids:
            hint = PaymentPosted(payment_id=self.case.case_id)
            await self._signal(case_id, "payment_posted", hint)

    async def _signal(
        self, case_id: str, name: str, message: ClientReleased | PaymentPosted
    ) -> None:
        visit = workflow.get_external_workflow_handle(case_id)
        try:
            await visit.signal(name, message)
        except ApplicationError:
            self.room.note("a case was closed already")

    @workflow.signal
    def reply_received(self, reply: ReplyReceived) -> None:
        """The client wrote again, or the same reply was told twice."""
        if reply.inbox_id not in self.seen:
            self.seen.add(reply.inbox_id)
            self.unread.append((reply,))

    @workflow.signal
    def decision_undone(self, undo: Undo) -> None:
        """A person takes a decision back; a reply that was answered hears it in a new run."""
        self.room.undos.append(undo)

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
