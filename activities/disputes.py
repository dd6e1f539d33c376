"""A dispute followed: read, answered as a person said, booked as the money moves.

While it is open nobody is asked for the money that it is about, and nothing of it is refunded.
"""

from temporalio import activity

from activities.balance import book_movements, find_payment
from activities.contracts import Mismatch
from activities.dispute_contracts import DisputeRef, FollowDisputeIn, FollowDisputeOut
from activities.dispute_effects import DISPUTE_LOST, DISPUTE_OPEN
from activities.errors import vendor_errors
from activities.questions import question
from activities.telling import tell
from connectors.ports import CaseEngine, ProcessorDispute, Refused, ReversalPort
from domain import ids
from domain.case import ClientReleased
from domain.evidence import WORDS, evidence, listed
from domain.money import dollars
from domain.payouts import Booked
from store import disputes, evidence_facts, holds, invoices, payments, reviews, undos
from store.db import Conn, Pool, transaction
from store.disputes import Dispute, DisputeState
from store.holds import ClientHold

_OVER = frozenset({"won", "rebill", "write_off", "block"})
LISTED_MAX = 20
"""Records that a question shows one by one."""

_STATES: dict[str, DisputeState] = {
    "inquiry": "inquiry",
    "needs_response": "needs_response",
    "under_review": "under_review",
    "won": "won",
    "lost": "lost",
}


class DisputeActivities:
    """What the case of a dispute does in the books and at the processor."""

    def __init__(self, pool: Pool, port: ReversalPort, engine: CaseEngine) -> None:
        self._pool = pool
        self._port = port
        self._engine = engine

    @activity.defn
    @vendor_errors
    async def follow_dispute(self, ask: FollowDisputeIn) -> FollowDisputeOut:
        """Read it, hand in what was decided, book what moved, and say what is to be decided."""
        ref = ask.dispute
        read = await self._port.read_dispute(ref.dispute_id)
        if isinstance(read, Refused):
            return FollowDisputeOut(status="gone")
        read = await self._answered(ref, read)
        booked = await find_payment(self._pool, self._port, read.payment_id)
        async with transaction(self._pool) as conn:
            row = await disputes.put(conn, _row(ref, read, booked))
            if booked is not None:
                await book_movements(conn, ref.source, read.movements, booked)
                await _hold_messages(conn, ask, row)
            done = await _conclude(conn, ask, row, read)
        if ask.tell:
            await self._tell(ref, row)
        if done.status in _OVER:
            await self._let_others_go(row)
        return done

    async def _answered(self, ref: DisputeRef, read: ProcessorDispute) -> ProcessorDispute:
        """Tell the bank what a person decided, once; what comes too late changes nothing."""
        async with self._pool.acquire() as conn:
            row = await disputes.get(conn, ref.source, ref.dispute_id)
            said = row.answer if row is not None else None
            is_due = read.state in ("inquiry", "needs_response")
            if row is None or said is None or not is_due:
                return read
            service_on, held = await evidence_facts.of_payment(conn, row.payment_id or "", ref.zone)
        done: ProcessorDispute | Refused = read
        if said == "contest" and read.evidence_count == 0:
            key = f"{ref.case_id}/contest"
            words = evidence(service_on, held)
            done = await self._port.submit_evidence(key, ref.dispute_id, words)
        elif said == "accept" and read.is_chargeback:
            done = await self._port.accept_dispute(f"{ref.case_id}/accept", ref.dispute_id)
        if isinstance(done, Refused):
            again = await self._port.read_dispute(ref.dispute_id)
            return read if isinstance(again, Refused) else again
        return done

    async def _tell(self, ref: DisputeRef, row: Dispute) -> None:
        async with self._pool.acquire() as conn:
            fact = await payments.get(conn, row.payment_id or "")
            told = [] if fact is None else list(await payments.touched(conn, fact.payment_id))
            if fact is not None:
                told.append(ids.unmatched_workflow_id(fact.source, fact.object_id))
        await tell(self._pool, self._engine, told, ref.dispute_id, ref.case_id)
        if row.outcome == "rebill":
            for case_id in told:
                lifted = ClientReleased(hold_id=ref.dispute_id)
                await self._engine.signal(case_id, "client_released", lifted)

    async def _let_others_go(self, row: Dispute) -> None:
        """What the client owes elsewhere waited for the end, and asks the books again now."""
        async with self._pool.acquire() as conn:
            waiting = await disputes.waiting_for(conn, row.source, row.dispute_id)
        for case_id in waiting:
            lifted = ClientReleased(hold_id=row.dispute_id)
            await self._engine.signal(case_id, "client_released", lifted)


def _row(ref: DisputeRef, read: ProcessorDispute, booked: Booked | None) -> Dispute:
    return Dispute(
        source=ref.source,
        dispute_id=ref.dispute_id,
        location_id=booked.location_id if booked else ref.location_id,
        payment_id=booked.payment_id if booked else None,
        client_id=booked.client_id if booked else None,
        amount_cents=read.amount_cents,
        state=_STATES[read.state],
        is_chargeback=read.is_chargeback,
        reason=read.reason,
        respond_by=read.respond_by,
    )


async def _hold_messages(conn: Conn, ask: FollowDisputeIn, row: Dispute) -> None:
    """Every message about the visits that the payment had paid stops; a person lifts it."""
    for case_id in await payments.touched(conn, row.payment_id or ""):
        document = await invoices.latest_document(conn, case_id)
        if document is None:
            continue
        cause = f"dispute|{row.source}|{row.dispute_id}|{case_id}"
        hold = ClientHold(
            hold_id=ids.hold_id(cause, document.client_id),
            client_id=document.client_id,
            case_id=case_id,
            kind="dispute",
            placed_by=row.source,
            reason=row.dispute_id,
            placed_at=ask.at,
        )
        await holds.place(conn, hold)


async def _conclude(
    conn: Conn, ask: FollowDisputeIn, row: Dispute, read: ProcessorDispute
) -> FollowDisputeOut:
    if row.state == "won":
        return FollowDisputeOut(status="won")
    if row.outcome is not None:
        return FollowDisputeOut(status=row.outcome)
    if row.state == "lost":
        return await _ask_about_loss(conn, ask, row, read)
    if row.answer is None and row.state != "under_review":
        return await _ask(conn, ask, row, read, DISPUTE_OPEN, row.amount_cents)
    return FollowDisputeOut(status="waits" if row.payment_id else "missing")


async def _ask_about_loss(
    conn: Conn, ask: FollowDisputeIn, row: Dispute, read: ProcessorDispute
) -> FollowDisputeOut:
    if row.payment_id is None:
        return FollowDisputeOut(status="missing")
    moved = [movement.movement_id for movement in read.movements]
    left_cents = await disputes.left_in_dispute(conn, row.source, moved)
    if left_cents == 0:
        return FollowDisputeOut(status="won")  # an inquiry, or all of it came back
    return await _ask(conn, ask, row, read, DISPUTE_LOST, left_cents)


async def _ask(
    conn: Conn,
    ask: FollowDisputeIn,
    row: Dispute,
    read: ProcessorDispute,
    code: str,
    cents: int,
) -> FollowDisputeOut:
    """One question for each thing that a person has to say, with what the practice holds."""
    ref = ask.dispute
    _, held = await evidence_facts.of_payment(conn, row.payment_id or "", ref.zone)
    facts = [f"{WORDS[one.kind]}: {one.on.isoformat()} {one.reference}" for one in listed(held)]
    if not row.is_chargeback:
        facts.insert(0, "The bank only asks; no money has moved. A refund ends it as well.")
    if row.payment_id is None:
        facts.insert(0, "Its payment is not in the books yet.")
    asked = question(
        ref.case_id,
        row.location_id,
        code,
        cents,
        f"{row.state}/{cents}" if code == DISPUTE_LOST else f"{row.is_chargeback}",
        ask.at,
        client_id=row.client_id,
        facts=tuple(facts[:LISTED_MAX]),
        ours={"payment": row.payment_id or "not in the books"},
        theirs={
            "system": row.source,
            "dispute": row.dispute_id,
            "disputed": dollars(row.amount_cents),
            "reason": row.reason.replace("_", " "),
            "state": row.state.replace("_", " "),
            **({"answer by": read.respond_by.date().isoformat()} if read.respond_by else {}),
        },
    )
    named = {
        "source": row.source,
        "dispute_id": row.dispute_id,
        "movements": [movement.movement_id for movement in read.movements],
    }
    shown = {**asked.shown, "dispute": named}
    review_id = await undos.asked_again(conn, asked.review_id)
    asked = asked.model_copy(update={"shown": shown, "review_id": review_id})
    await reviews.open_review(conn, asked)
    one = Mismatch(review_id=asked.review_id, code=code)
    return FollowDisputeOut(status="asked", questions=(one,))
