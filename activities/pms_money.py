"""A payment of the desk that its PMS shows at another amount than the books, or no more.

A void and a refund look alike there: a person says which it was. Until then nothing changes.
"""

from datetime import date, datetime

from activities.answering import CannotCarryOut, payment_of, subject
from activities.contracts import ApplyIn, CaseRef
from activities.posting import change_question_id
from activities.questions import question
from activities.refund_effects import act_of
from activities.refund_outside import count_less, give_way
from activities.refund_owed import Act
from domain import calendar, entries_refund, ids
from domain.money import dollars
from store import ledger, payments, refunds, reviews
from store.db import Conn
from store.payments import PaymentFact
from store.refunds import RefundMove
from store.reviews import Review

DISAGREES = "PMS_DISAGREES"
_MORE = "The PMS shows no less than our books: have any more entered there as a payment of its own."


async def compare(
    conn: Conn, case: CaseRef, known: PaymentFact, shown: PaymentFact, at: datetime
) -> None:
    """Nothing, a refund that was to be given at the desk and now is, or a question (E11)."""
    kept_cents = await _kept(conn, known)
    owed_cents = await refunds.gone_by_desk(conn, known.payment_id, "owed")
    if shown.amount_cents == kept_cents:
        return
    if owed_cents and shown.amount_cents == kept_cents - owed_cents:
        await _seen(conn, case, known, at)
        return
    await _ask(conn, case, known, shown, kept_cents, at)


async def _kept(conn: Conn, known: PaymentFact) -> int:
    """What the books still have of a payment, as far as the PMS can know."""
    return known.amount_cents - await refunds.gone_by_desk(conn, known.payment_id, "paid")


async def _seen(conn: Conn, case: CaseRef, known: PaymentFact, at: datetime) -> None:
    """The PMS shows what the desk was asked to give back."""
    for move in await refunds.owed_at_desk(conn, known.payment_id):
        await _give(conn, move, calendar.local_date(at, case.zone))


async def _give(conn: Conn, move: RefundMove, on: date) -> None:
    await ledger.post(
        conn,
        entries_refund.given_back(
            move_id=move.move_id,
            kind=move.kind,
            amount_cents=move.amount_cents,
            client_id=move.client_id,
            location_id=move.location_id,
            effective_on=on,
        ),
    )
    await refunds.advance(conn, move.move_id, "paid")


async def _ask(
    conn: Conn,
    case: CaseRef,
    known: PaymentFact,
    shown: PaymentFact,
    kept_cents: int,
    at: datetime,
) -> None:
    fact = "The PMS shows less of a payment than our books have of it."
    if not shown.amount_cents:
        fact = "The PMS shows nothing any more of a payment that it took."
    elif shown.amount_cents > kept_cents:
        fact = "The PMS shows more of a payment than our books have of it."
    asked = question(
        case.case_id,
        case.location_id,
        DISAGREES,
        abs(kept_cents - shown.amount_cents),
        f"{known.payment_id}/{shown.amount_cents}",
        at,
        client_id=known.client_id,
        facts=(fact,),
        ours={"payment": known.payment_id, "paid": dollars(kept_cents)},
        theirs={"system": shown.source, "kind": shown.kind, "kept": dollars(shown.amount_cents)},
    )
    assert asked.review_id == change_question_id(case.case_id, known.payment_id, shown.amount_cents)
    told = {**asked.shown, "kept_cents": shown.amount_cents}
    await reviews.open_review(conn, asked.model_copy(update={"shown": told}))


async def take_pms(conn: Conn, ask: ApplyIn, review: Review) -> None:
    """The payment was taken back at the desk: what it had paid is owed again."""
    move, act, fact = await _gone(conn, ask, review)
    await count_less(conn, move, act, fact)
    await _give(conn, move, act.on)


async def was_refunded(conn: Conn, ask: ApplyIn, review: Review) -> None:
    """It was given back at the desk for good: nothing is owed for it."""
    move, act, fact = await _gone(conn, ask, review)
    await give_way(conn, move, act, fact, ask.case.zone)
    await _give(conn, move, act.on)


async def _gone(conn: Conn, ask: ApplyIn, review: Review) -> tuple[RefundMove, Act, PaymentFact]:
    """The money that left at the desk, as a movement that has happened."""
    fact = await payments.get(conn, payment_of(review))
    if fact is None or "kept_cents" not in review.shown:
        raise CannotCarryOut("This question is of an earlier version: correct the PMS by hand.")
    gone_cents = await _kept(conn, fact) - int(subject(review, "kept_cents"))
    if gone_cents <= 0:
        raise CannotCarryOut(_MORE)
    act = act_of(ask, review, fact.client_id).model_copy(update={"origin": "pms"})
    move = RefundMove(
        move_id=ids.move_id(act.refund_id, 1),
        location_id=fact.location_id,
        way="desk",
        source=fact.source,
        payment_id=fact.payment_id,
        client_id=fact.client_id,
        kind=fact.kind,
        amount_cents=gone_cents,
        state="owed",
    )
    try:
        await refunds.add(conn, move)
    except refunds.TooMuch as short:
        raise CannotCarryOut("By now less than that is left of the payment.") from short
    return move, act, fact
