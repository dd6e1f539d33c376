"""Answers about money that went back, or that a bank took, taken back with what hangs on them.

Counter-entries, credit and parts of payments are the caller's (`undoing`).
"""

from collections.abc import Sequence
from datetime import datetime

from activities.answering import CannotCarryOut, subject
from activities.placed_money import UNAPPLIED, UNKNOWN
from activities.posting import is_placed
from domain import entries_held, ids, undoing
from domain.case import Undo
from domain.ledger import Entry
from store import agency, disputes, holds, ledger, payments, refund_facts, refunds
from store.db import Conn
from store.reviews import Review

GONE = "Since then a part of the payment went back, or is disputed."
_OVERTAKEN = (
    "A refund that waited ended by it and does not begin again: settle what is left by a refund"
    " or a write-off."
)
_OWED_AGAIN = ("rebill", "owe_again")
_EXPLAINED = ("allow", "post_now", "owe_again")
_DISPUTE, _RECEIVABLE = "dispute/", "1100"


async def must_stand(conn: Conn, review: Review, written: Sequence[Entry]) -> None:
    """Raise CannotCarryOut where something stands on what the answer did."""
    for move in await refunds.ended_by(conn, review.review_id):
        if review.case_id.startswith(_DISPUTE):
            raise CannotCarryOut(_OVERTAKEN)
        left = await refund_facts.left_of(conn, move.payment_id or "")
        if left is not None and (left.is_disputed or left.left_cents < move.amount_cents):
            raise CannotCarryOut(GONE)
    if (review.decision or {})["choice"] in _OWED_AGAIN:
        await _must_be_owed(conn, written)
    for refund_id in await _explained(conn, review):
        moves = await refunds.moves_of(conn, refund_id)
        if [move.state for move in moves] not in (["sent"], ["paid"]):
            raise CannotCarryOut("Since then the refund came back: answer what is asked of that.")
        await _must_be_held(conn, moves[0].payment_id or "", written)


async def _must_be_owed(conn: Conn, written: Sequence[Entry]) -> None:
    """All that it made the patient owe again is still owed, and to nobody but the practice."""
    for line in (line for entry in written for line in entry.postings):
        if line.account != _RECEIVABLE or line.case_id is None:
            continue
        if await ledger.balance_of_case(conn, line.case_id) < line.debit_cents:
            raise CannotCarryOut("Since then a part of what it made owed again was paid or ended.")
        if await agency.standing(conn, line.case_id) is not None:
            raise CannotCarryOut("Since then the debt went to an agency: take that back first.")


async def _must_be_held(conn: Conn, payment_id: str, written: Sequence[Entry]) -> None:
    """Of money in suspense the rest, where there is one, has no place yet."""
    used = {line.account for entry in written for line in entry.postings}
    whole = {entries_held.held_refund_key(payment_id)} & {each.business_key for each in written}
    if not used & {UNKNOWN, UNAPPLIED} or whole:
        return
    if await payments.allocated(conn, payment_id) or await is_placed(conn, payment_id):
        raise CannotCarryOut("Since then the rest of this money was placed: take that back first.")


async def undo(conn: Conn, review: Review, undo: Undo, at: datetime) -> None:
    """Movements, the dispute and holds are as before the answer."""
    for move in await refunds.ended_by(conn, review.review_id):
        await refunds.begin_again(conn, move.move_id)
    if review.case_id.startswith(_DISPUTE):
        named = subject(review, "dispute")
        await disputes.open_again(conn, named["source"], named["dispute_id"])
        await _holds_back(conn, review.review_id, undo, at)
    for refund_id in await _explained(conn, review):
        await refunds.unexplain(conn, refund_id)


async def _explained(conn: Conn, review: Review) -> list[str]:
    """The refund as which an answer has explained money that had gone."""
    is_one = (review.decision or {})["choice"] in _EXPLAINED
    return await refunds.of_decision(conn, review.review_id) if is_one else []


async def _holds_back(conn: Conn, review_id: str, undo: Undo, at: datetime) -> None:
    """What it had placed is lifted; what it had lifted stands again. Nobody else's is touched."""
    lifted = await holds.lifted_by(conn, review_id)
    for hold in await holds.placed_by(conn, review_id):
        await holds.release(conn, hold.hold_id, undo.by, undo.reason, at)
    for hold in lifted:
        again = ids.hold_id(f"{undoing.KEY}{review_id}|{hold.hold_id}", hold.client_id)
        await holds.place(conn, hold.model_copy(update={"hold_id": again, "placed_at": at}))
