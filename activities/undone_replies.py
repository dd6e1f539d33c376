"""An answer about a patient's words taken back: by that alone nobody hears more than before.

What the answer lifted stands again; what it placed stays until the question is answered anew.
"""

from datetime import datetime

from activities import reply_holds
from activities.answering import CannotCarryOut
from connectors.ports import CaseEngine
from domain import ids, undoing
from domain.case import ClientHeld
from domain.reply_case import ReplyHold, ReplyReceived
from store import holds, undos, unknown_senders
from store import replies as books
from store.db import Conn, Pool
from store.reviews import Review

_FAMILY, _RECEIVED = "reply/", "received"


def received(review: Review) -> tuple[ReplyReceived, ...]:
    """The replies that a question is about, with their holds; none of an older question."""
    kept = review.shown.get(_RECEIVED) or ()
    return tuple(ReplyReceived.model_validate(each) for each in kept)


def with_received(review: Review, replies: tuple[ReplyReceived, ...]) -> Review:
    """The question with the replies that it is about."""
    kept = [reply.model_dump(mode="json") for reply in replies]
    return review.model_copy(update={"shown": {**review.shown, _RECEIVED: kept}})


async def must_stand(conn: Conn, review: Review) -> None:
    """Raise CannotCarryOut where the silence cannot be had back, or a message went out."""
    if not review.case_id.startswith(_FAMILY):
        return
    placed = await reply_holds.placed(conn, received(review))
    if not placed:
        raise CannotCarryOut(undoing.REPLY)
    own = [hold.hold_id for hold in await holds.placed_by(conn, review.review_id)]
    if len(await holds.unreleased(conn, own)) < len(own):
        raise CannotCarryOut("Since then a hold that it placed was lifted by name.")
    silent = reply_holds.clients_of(placed)
    step = await undos.message_to_since(conn, review.review_id, silent)
    if step is not None:
        raise CannotCarryOut(
            f"Since then a message ({step}) went to the patient, which cannot be called back."
        )


async def undo(conn: Conn, review: Review, again: Review, at: datetime) -> Review:
    """Place again what the answer lifted; the question asked again, with all holds that stand."""
    if not review.case_id.startswith(_FAMILY):
        return again
    for hold in await holds.lifted_by(conn, review.review_id):
        hold_id = ids.hold_id(f"{undoing.KEY}{review.review_id}|{hold.hold_id}", hold.client_id)
        await holds.place(conn, hold.model_copy(update={"hold_id": hold_id, "placed_at": at}))
    before = await reply_holds.placed(conn, received(review))
    await unknown_senders.wait_again(conn, [reply.inbox_id for reply in received(review)])
    stands = [
        *await holds.unreleased(conn, [hold.hold_id for hold in before]),
        *(h for h in await holds.placed_by(conn, review.review_id) if h.until is None),
    ]
    held = tuple(ReplyHold(hold_id=hold.hold_id, client_id=hold.client_id) for hold in stands)
    first, *rest = received(review)
    replies = (
        first.model_copy(update={"holds": tuple(dict.fromkeys(held))}),
        *(reply.model_copy(update={"holds": ()}) for reply in rest),
    )
    return with_received(again, replies)


async def tell(pool: Pool, engine: CaseEngine, replies: tuple[ReplyReceived, ...]) -> None:
    """Plans hear at once that their patient is silent again; visits read it before they speak."""
    for hold in (hold for reply in replies for hold in reply.holds):
        async with pool.acquire() as conn:
            running = await books.plan_cases(conn, [hold.client_id])
        for case_id in running:
            await engine.signal(case_id, "client_held", ClientHeld(hold_id=hold.hold_id))
