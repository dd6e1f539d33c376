"""What each answer about a refund does to the books; the money itself moves in a later step."""

from activities.answering import CannotCarryOut, subject
from activities.contracts import ApplyIn
from activities.posting import grant_credit_to
from activities.refund_books import BY_HAND, plan_of
from activities.refund_owed import CHANGED, Act, book_credit_refund, book_visit_refund
from domain import calendar, entries_refund, ids
from domain.refund_case import RefundRequest
from domain.refund_types import NoRefund
from store import ledger, refunds, reviews
from store.db import Conn
from store.refunds import RefundMove
from store.reviews import Review

ASKED, _CASE = "REFUND_ASKED", "refund/"


def refund_id_of(review: Review) -> str:
    """Id of the refund that an answer to this question decides, the same at every repeat."""
    if review.code == ASKED:
        return review.case_id.rpartition("/")[2]
    return ids.refund_id(review.review_id)


async def booked_by(conn: Conn, review_id: str) -> tuple[str, ...]:
    """The refund that an answer to this question has booked, if it did."""
    refund_id = refund_id_of(await reviews.get(conn, review_id))
    return (refund_id,) if await refunds.get(conn, refund_id) else ()


def act_of(ask: ApplyIn, review: Review, client_id: str | None) -> Act:
    """A refund that this answer decides, carried out by its own case."""
    refund_id = refund_id_of(review)
    is_own = review.case_id.startswith(_CASE)
    own = review.case_id if is_own else ids.refund_workflow_id(review.location_id, refund_id)
    return Act(
        refund_id=refund_id,
        workflow_id=own,
        location_id=review.location_id,
        client_id=client_id,
        by=ask.decision.by,
        reason=ask.decision.reason,
        on=calendar.local_date(ask.at, ask.case.zone),
    )


async def pay_back(conn: Conn, ask: ApplyIn, review: Review) -> None:
    """Book the refund that was asked for, exactly as it was shown."""
    request = RefundRequest.model_validate(subject(review, "refund"))
    act = act_of(ask, review, request.client_id).model_copy(
        update={"case_id": request.case_id, "reason": request.reason}
    )
    plan = await plan_of(conn, request, ask.case.zone)
    if isinstance(plan, NoRefund):
        raise CannotCarryOut(plan.why)
    if plan.money_cents != review.money_cents:
        raise CannotCarryOut(CHANGED)
    if request.case_id is not None:
        await book_visit_refund(conn, act, plan)
    else:
        await book_credit_refund(conn, act, plan)


async def given_back(conn: Conn, ask: ApplyIn, review: Review) -> None:
    """A person gave the money back, or entered it at the lender."""
    move = await _move(conn, review)
    await ledger.post(
        conn,
        entries_refund.given_back(
            move_id=move.move_id,
            kind=move.kind,
            amount_cents=move.amount_cents,
            client_id=move.client_id,
            location_id=move.location_id,
            effective_on=calendar.local_date(ask.at, ask.case.zone),
        ),
    )
    await refunds.advance(conn, move.move_id, "paid")


async def pay_again(conn: Conn, _: ApplyIn, review: Review) -> None:
    """Once more along the same payment, as a movement of its own."""
    await _instead(conn, await _move(conn, review), {})


async def by_hand(conn: Conn, _: ApplyIn, review: Review) -> None:
    """A task of the desk takes the place of the movement that failed."""
    change = {"way": "desk", "source": "desk", "kind": BY_HAND, "payment_id": None}
    await _instead(conn, await _move(conn, review), change)


async def refund_to_credit(conn: Conn, ask: ApplyIn, review: Review) -> None:
    """What could not be given back is the client's credit."""
    move = await _move(conn, review)
    if move.client_id is None:
        raise CannotCarryOut("The payer is not known, so there is no account to keep it on.")
    await refunds.advance(conn, move.move_id, "canceled")
    await ledger.post(
        conn,
        entries_refund.refund_kept_as_credit(
            move_id=move.move_id,
            amount_cents=move.amount_cents,
            client_id=move.client_id,
            location_id=move.location_id,
            effective_on=calendar.local_date(ask.at, ask.case.zone),
        ),
    )
    await grant_credit_to(
        conn, move.client_id, move.location_id, move.move_id, move.amount_cents, ask.at
    )


async def _move(conn: Conn, review: Review) -> RefundMove:
    """The movement that a question is about."""
    move = await refunds.move(conn, str(subject(review, "move")))
    if move is None:
        raise LookupError("the refund of this question is not in the books")
    if move.state in ("sent", "paid", "canceled"):
        raise CannotCarryOut("This refund has moved on meanwhile; look at it again.")
    return move


async def _instead(conn: Conn, move: RefundMove, change: dict[str, str | None]) -> None:
    await refunds.advance(conn, move.move_id, "canceled")
    number = len(await refunds.moves_of(conn, move.refund_id or "")) + 1
    fresh = {
        "move_id": ids.move_id(move.refund_id or "", number),
        "state": "owed",
        "object_id": None,
        "code": None,
    }
    try:
        await refunds.add(conn, move.model_copy(update={**fresh, **change}))
    except refunds.TooMuch as short:
        raise CannotCarryOut(CHANGED) from short
