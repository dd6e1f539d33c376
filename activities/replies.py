"""What a case of replies does: asks a person, and carries out in the books what they decided.

The patient's words stay in the sealed inbox; a question names the inbox row alone.
"""

from temporalio import activity

from activities import answering, reply_holds, undone_replies
from activities.answering import Waits
from activities.contacts import refresh_contact
from activities.errors import vendor_errors
from activities.questions import question
from activities.reply_contracts import (
    ApplyReplyIn,
    ApplyReplyOut,
    AskReplyIn,
    AskReplyOut,
    SettledIn,
    SettledOut,
)
from activities.reply_decisions import apply_choice
from activities.reply_holds import clients_of
from activities.tools import Tools
from domain.case import Decision
from domain.money import dollars
from store import clients, holds, reviews, unknown_senders
from store import replies as books
from store.db import transaction
from store.reviews import Review

BOOKS_ANSWERED = "the books show it paid"


class ReplyActivities:
    """Work for one case of replies."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    @activity.defn
    @vendor_errors
    async def ask_reply(self, ask: AskReplyIn) -> AskReplyOut:
        """Put the replies of one code to the desk; answered already, nothing is asked."""
        async with transaction(self._tools.pool) as conn:
            placed = await reply_holds.placed(conn, ask.replies)
            senders = clients_of(placed)
            if senders and not await holds.unreleased(conn, [hold.hold_id for hold in placed]):
                return AskReplyOut(status="answered")
            debts = await books.debts_of(conn, senders)
            asked = question(
                ask.case.case_id,
                ask.case.location_id,
                ask.code,
                sum(debt.balance_cents for debt in debts),
                ask.review_no,
                ask.at,
                client_id=senders[0] if senders else None,
                document_id=debts[0].document_id if len(debts) == 1 else None,
                facts=_facts(ask, len(senders)),
                ours={debt.number: f"{dollars(debt.balance_cents)} owed" for debt in debts},
                theirs={"replies": ", ".join(reply.inbox_id for reply in ask.replies)},
            )
            kept = tuple(r.model_copy(update={"holds": ()}) for r in ask.replies[1:])
            first = ask.replies[0].model_copy(update={"holds": placed})
            await reviews.open_review(conn, undone_replies.with_received(asked, (first, *kept)))
        return AskReplyOut(status="asked", review_id=asked.review_id)

    @activity.defn
    @vendor_errors
    async def settle_reply(self, ask: SettledIn) -> SettledOut:
        """Lift the holds of "I paid" once the books show that nothing is owed."""
        async with transaction(self._tools.pool) as conn:
            placed = await reply_holds.placed(conn, ask.replies)
            senders = clients_of(placed)
            if not senders or await books.debts_of(conn, senders):
                return SettledOut(settled=False)
            for hold in placed:
                await holds.release(conn, hold.hold_id, "books", BOOKS_ANSWERED, ask.at)
            inbox_ids = [reply.inbox_id for reply in ask.replies]
            await unknown_senders.answer(conn, inbox_ids, ask.at)
            waiting = await books.waiting_cases(conn, senders)
        return SettledOut(settled=True, hold_id=placed[0].hold_id, case_ids=tuple(waiting))

    @activity.defn
    @vendor_errors
    async def apply_reply(self, ask: ApplyReplyIn) -> ApplyReplyOut:
        """Write who decided what, and do it, in one transaction; a repeat changes nothing."""
        decision = ask.decision
        async with transaction(self._tools.pool) as conn:
            placed = await reply_holds.placed(conn, ask.replies)

            async def effect(_: Review, counts: Decision, __: bool) -> ApplyReplyOut:
                what = ask.model_copy(update={"decision": counts})
                return await apply_choice(conn, what, placed)

            done = await answering.carry_out(conn, decision, ask.at, effect)
        if isinstance(done, Waits):
            return ApplyReplyOut(effect=done.effect, why=done.why)
        if decision.choice == "corrected":
            await self._read_contacts(ask, clients_of(placed))
        return done

    async def _read_contacts(self, ask: ApplyReplyIn, client_ids: list[str]) -> None:
        """The desk says that the PMS has the right number now."""
        for client_id in client_ids:
            async with self._tools.pool.acquire() as conn:
                pms_ref = await clients.pms_ref_of(conn, client_id)
            await refresh_contact(self._tools, ask.case.location_id, pms_ref)


def _facts(ask: AskReplyIn, senders: int) -> tuple[str, ...]:
    facts = []
    if ask.again:
        facts.append(ask.again)
    if senders > 1:
        facts.append(f"{senders} clients share the number; all of them are silent.")
    if senders == 0:
        facts.append("No client has the number that this came from.")
    return tuple(facts)
