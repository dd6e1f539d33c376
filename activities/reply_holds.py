"""Holds that a patient's words place: on everybody who has the number, then or later."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from domain import ids
from domain.reply_case import ReplyHold, ReplyReceived
from store import holds, unknown_senders
from store.db import Conn
from store.holds import ClientHold

PLACED_BY = "patient"


async def place(
    conn: Conn, inbox_id: str, client_id: str, kind: str, reason: str, at: datetime
) -> ReplyHold:
    """Silence a client until a person has read the reply; a repeat places nothing."""
    hold_id = _hold_id(inbox_id, client_id)
    await holds.place(
        conn,
        ClientHold.model_validate(
            {
                "hold_id": hold_id,
                "client_id": client_id,
                "kind": kind,
                "placed_by": PLACED_BY,
                "reason": reason,
                "placed_at": at,
            }
        ),
    )
    return ReplyHold(hold_id=hold_id, client_id=client_id)


async def place_on_newcomer(conn: Conn, client_id: str) -> None:
    """A client who turns out to have written before we knew the number hears nothing either.

    Call in the transaction that learns the number.
    """
    await unknown_senders.lock_number_of(conn, client_id)
    for words in await unknown_senders.unanswered(conn, client_id):
        await place(conn, words.inbox_id, client_id, words.kind, words.reason, words.at)


async def placed(conn: Conn, replies: Sequence[ReplyReceived]) -> tuple[ReplyHold, ...]:
    """The holds of these replies, those placed since they came among them.

    Nobody else turns out to have sent them until the transaction ends.
    """
    inbox_ids = [reply.inbox_id for reply in replies]
    await unknown_senders.lock_numbers_of(conn, inbox_ids)
    known = [hold for reply in replies for hold in reply.holds]
    # By the hold itself: its client may have another number by now.
    later = [
        ReplyHold(hold_id=hold_id, client_id=client_id)
        for hold_id, client_id in await unknown_senders.holds_of(conn, inbox_ids)
        if hold_id in {_hold_id(inbox_id, client_id) for inbox_id in inbox_ids}
    ]
    return tuple(dict.fromkeys([*known, *later]))


def clients_of(placed: Iterable[ReplyHold]) -> list[str]:
    """Everybody whom they silence, in a fixed order, once each."""
    return list(dict.fromkeys(hold.client_id for hold in placed))


def _hold_id(inbox_id: str, client_id: str) -> str:
    return ids.hold_id(f"reply|{inbox_id}", client_id)
