"""A refund carried out: asked about, sent, followed to its end, and booked as it moves.

What is decided is booked by the answer itself (`refund_effects`, `refund_outside`); here money
moves, and only what the books already owe.
"""

from temporalio import activity

from activities.balance import book_movements, find_payment
from activities.contracts import Mismatch
from activities.errors import vendor_errors
from activities.questions import question
from activities.refund_books import LENDER, plan_of
from activities.refund_contracts import (
    AskRefundIn,
    AskRefundOut,
    RefundRef,
    SettleRefundIn,
    SettleRefundOut,
)
from activities.refund_effects import ASKED
from activities.refund_words import about_move, about_outside, about_plan
from activities.telling import tell
from connectors.ports import CaseEngine, ProcessorRefund, Refused, ReversalPort
from domain import ids
from domain.payouts import Booked
from domain.refund_case import RefundMoved
from domain.refund_types import NoRefund
from store import clients, payments, periods, refunds, reviews, undos
from store.db import Conn, Pool, transaction
from store.refunds import MoveState, RefundMove

_STATES: dict[str, MoveState] = {
    "pending": "sent",
    "requires_action": "sent",
    "succeeded": "paid",
    "failed": "returned",
    "canceled": "returned",
}
"""The processor's state -> that of our movement."""

_ON_ITS_WAY = ("owed", "sent")


class RefundActivities:
    """What the case of a refund does in the books and at the processor."""

    def __init__(self, pool: Pool, port: ReversalPort, engine: CaseEngine) -> None:
        self._pool = pool
        self._port = port
        self._engine = engine

    @activity.defn
    @vendor_errors
    async def ask_refund(self, ask: AskRefundIn) -> AskRefundOut:
        """Say what the refund would do and ask whether it shall; nothing is booked yet."""
        ref, request = ask.refund, ask.request
        async with transaction(self._pool) as conn:
            await clients.lock_client(conn, request.client_id)
            plan = await plan_of(conn, request, ref.zone)
            if isinstance(plan, NoRefund):
                return AskRefundOut(status="refused", why=plan.why)
            asked = question(
                ref.case_id,
                ref.location_id,
                ASKED,
                plan.money_cents,
                ask.review_no,
                ask.at,
                client_id=request.client_id,
                **await about_plan(conn, request, plan, ref.zone),
            )
            shown = {**asked.shown, "refund": request.model_dump(mode="json")}
            await reviews.open_review(conn, asked.model_copy(update={"shown": shown}))
        return AskRefundOut(status="asked", review_id=asked.review_id, code=asked.code)

    @activity.defn
    @vendor_errors
    async def settle_refund(self, ask: SettleRefundIn) -> SettleRefundOut:
        """Send what is owed, read what was sent, book what moved, ask about what is stuck."""
        ref = ask.refund
        if ref.object_id is not None and not await self._take_in(ref, ref.object_id):
            return SettleRefundOut(status="gone")
        for move in await self._moves(ref):
            if move.way == "processor" and move.state in ("owed", "sent", "paid"):
                await self._carry(move)
        async with transaction(self._pool) as conn:
            done = await self._conclude(conn, ask)
        if ask.tell:
            await self._tell(ref)
        return done

    async def _moves(self, ref: RefundRef) -> list[RefundMove]:
        async with self._pool.acquire() as conn:
            return await moves_of(conn, ref)

    async def _carry(self, move: RefundMove) -> None:
        """One movement at the processor, sent once and then read."""
        if move.object_id is not None:
            read = await self._port.read_refund(move.object_id)
        else:
            read = await self._send(move)
        if isinstance(read, Refused):
            async with transaction(self._pool) as conn:
                await refunds.advance(conn, move.move_id, "owed", code=read.code)
            if read.kind == "closed":
                await self._adopt(move)
            return
        await self._record(move.move_id, read)

    async def _send(self, move: RefundMove) -> ProcessorRefund | Refused:
        async with self._pool.acquire() as conn:
            fact = await payments.get(conn, move.payment_id or "")
        if fact is None:
            return Refused(code="payment_unknown", kind="not_found")
        key = f"refund:{move.move_id}"
        return await self._port.refund(key, fact.object_id, move.amount_cents, move.move_id)

    async def _record(self, move_id: str, read: ProcessorRefund) -> None:
        """Keep what the processor says, and book what it moved."""
        booked = await find_payment(self._pool, self._port, read.payment_id)
        async with transaction(self._pool) as conn:
            await refunds.advance(
                conn, move_id, _STATES.get(read.state, "sent"), read.refund_id, read.failure_code
            )
            move = await refunds.move(conn, move_id)
            if move is not None and move.payment_id is None and move.refund_id is not None:
                booked = _as_explained(move)
            elif move is not None and booked is not None:
                # Whom it is owed, who need not be who paid: their 2100 is what it settles.
                booked = booked.model_copy(update={"client_id": move.client_id})
            if booked is not None:
                await book_movements(conn, self._port.name, read.movements, booked)

    async def _take_in(self, ref: RefundRef, object_id: str) -> bool:
        """Keep a refund that nobody here started; False when the processor does not know it."""
        read = await self._port.read_refund(object_id)
        if isinstance(read, Refused):
            return False
        booked = await find_payment(self._pool, self._port, read.payment_id)
        move_id = ids.move_id(ids.refund_id(f"{self._port.name}|{object_id}"), 1)
        async with transaction(self._pool) as conn:
            place = booked.location_id if booked else ref.location_id
            move = RefundMove(
                move_id=move_id,
                location_id=place,
                way="processor",
                source=self._port.name,
                object_id=object_id,
                payment_id=booked.payment_id if booked else None,
                client_id=booked.client_id if booked else None,
                kind="card",
                amount_cents=read.amount_cents,
                state=_STATES.get(read.state, "sent"),
            )
            if not await refunds.add(conn, move) and booked is not None:
                await refunds.know_payment(
                    conn, move_id, booked.payment_id, booked.client_id, booked.location_id
                )
        if booked is not None:
            await self._adopt(move)
        return True

    async def _adopt(self, move: RefundMove) -> None:
        """A refund that was decided here and made in the processor's own pages is that one."""
        async with transaction(self._pool) as conn:
            found = await refunds.pair(conn, move.payment_id or "", move.amount_cents)
        for workflow_id in found:
            await self._engine.signal(workflow_id, "refund_moved", RefundMoved(state="paid"))

    async def _conclude(self, conn: Conn, ask: SettleRefundIn) -> SettleRefundOut:
        """What a person has to do or say now, and how the refund stands."""
        moves = await moves_of(conn, ask.refund)
        asked = []
        for move in moves:
            code = await _code_of(conn, move, is_patient=ask.patient)
            if code is not None:
                asked.append(await _question(conn, ask, move, code))
        if asked:
            return SettleRefundOut(status="asked", questions=tuple(asked))
        if any(move.payment_id is None and move.refund_id is None for move in moves):
            return SettleRefundOut(status="missing")
        if any(move.state in _ON_ITS_WAY for move in moves):
            return SettleRefundOut(status="waits")
        is_undone = bool(moves) and all(move.state in ("returned", "canceled") for move in moves)
        return SettleRefundOut(status="undone" if is_undone else "paid")

    async def _tell(self, ref: RefundRef) -> None:
        """A visit that owes other than before asks for other than before; money that was in
        suspense may have gone."""
        async with self._pool.acquire() as conn:
            told = await _concerned(conn, ref)
        what = ref.refund_id or ref.object_id or ""
        await tell(self._pool, self._engine, told, what, ref.case_id)


async def moves_of(conn: Conn, ref: RefundRef) -> list[RefundMove]:
    """The movements of a refund; of one made elsewhere also those that replace it."""
    if ref.object_id is None:
        return await refunds.moves_of(conn, ref.refund_id or "")
    # What it was explained as may have been taken back since: its own name stays.
    found = await refunds.move_of_object(conn, ref.source or "", ref.object_id)
    if found is None or found.refund_id is None:
        return [found] if found else []
    return await refunds.moves_of(conn, found.refund_id)


async def _code_of(conn: Conn, move: RefundMove, *, is_patient: bool) -> str | None:
    """The question that a movement raises now."""
    if move.refund_id is None:
        if move.state == "returned":
            return None  # it went and came back: nothing is left of it
        if move.payment_id is None:
            return None if is_patient else "REFUND_UNLINKED"
        return "REFUND_AFTER_CLOSE" if await _is_after_close(conn, move) else "REFUND_OUTSIDE"
    if move.state == "returned" or (move.state == "owed" and move.code is not None):
        return "REFUND_FAILED"
    if move.state == "owed" and move.way != "processor":
        return "REFUND_TO_LENDER" if move.way == LENDER else "REFUND_BY_HAND"
    return None


async def _is_after_close(conn: Conn, move: RefundMove) -> bool:
    """Whether the month in which its payment was booked is closed."""
    until = await periods.closed_until(conn, move.location_id)
    if until is None:
        return False
    booked_on = await payments.booked_on(conn, move.payment_id or "")
    return booked_on is not None and booked_on <= until


async def _question(conn: Conn, ask: SettleRefundIn, move: RefundMove, code: str) -> Mismatch:
    """One question for each state that a movement comes to."""
    ref = ask.refund
    about = about_outside if move.refund_id is None else about_move
    asked = question(
        ref.case_id,
        move.location_id,
        code,
        move.amount_cents,
        f"{move.move_id}/{move.state}/{move.code}",
        ask.at,
        client_id=move.client_id,
        **await about(conn, move),
    )
    shown = {**asked.shown, "move": move.move_id}
    review_id = await undos.asked_again(conn, asked.review_id)
    asked = asked.model_copy(update={"shown": shown, "review_id": review_id})
    await reviews.open_review(conn, asked)
    return Mismatch(review_id=asked.review_id, code=code)


async def _concerned(conn: Conn, ref: RefundRef) -> list[str]:
    """Workflows whose money a refund has changed: visits, and payments that were in suspense."""
    moves = await moves_of(conn, ref)
    told: dict[str, None] = {}
    for refund_id in {ref.refund_id, *(move.refund_id for move in moves)}:
        row = await refunds.get(conn, refund_id or "")
        if row is not None and row.case_id is not None:
            told[row.case_id] = None
    for move in moves:
        fact = await payments.get(conn, move.payment_id or "")
        if fact is not None:
            told.update(dict.fromkeys(await payments.touched(conn, fact.payment_id)))
            told[ids.unmatched_workflow_id(fact.source, fact.object_id)] = None
    return list(told)


def _as_explained(move: RefundMove) -> Booked:
    """A refund of a payment that the books lack is booked where a person said it belongs."""
    return Booked(
        payment_id=move.payment_id or "",
        location_id=move.location_id,
        client_id=move.client_id,
        amount_cents=move.amount_cents,
    )
