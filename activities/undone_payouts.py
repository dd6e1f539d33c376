"""The acceptance of a payout taken back: the books have not followed it, and it is asked again."""

from collections.abc import Sequence

from activities.answering import CannotCarryOut
from domain import undoing
from domain.ledger import Entry
from store import payouts
from store.db import Conn
from store.reviews import Review

ACCEPTED = ("accept", "book")
_FAMILY = "payout/"


async def must_stand(conn: Conn, review: Review, written: Sequence[Entry]) -> None:
    """Raise CannotCarryOut where the payout went on since, or its acceptance is not known."""
    if not review.case_id.startswith(_FAMILY):
        return
    if (review.decision or {})["choice"] not in ACCEPTED:
        return
    row = await payouts.accepted_by_answer(conn, review.review_id)
    if row is None:
        raise CannotCarryOut(undoing.NO_RULE)
    if row.state != "paid":
        raise CannotCarryOut("Since then the payout came back, or never left.")
    if row.is_settled and not written:
        raise CannotCarryOut("Since then the payout tied out by itself.")


async def undo(conn: Conn, review: Review) -> None:
    """The payout is as before its acceptance; the counter-entries are the caller's."""
    if review.case_id.startswith(_FAMILY):
        await payouts.unaccept(conn, review.review_id)
