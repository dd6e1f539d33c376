"""A debt is handed to a collection agency: by a person, once, and silent for good (rules 2.11).

Nothing is booked: what is owed stays owed until the agency, or the patient, has paid.
"""

from activities.answering import CannotCarryOut
from activities.contracts import ApplyIn
from domain import calendar, ids
from domain.money import dollars
from store import agency, holds, ledger
from store.db import Conn
from store.holds import ClientHold, HoldKind
from store.reviews import Review

_CONTESTED: frozenset[HoldKind] = frozenset(
    {"dispute", "complaint", "adverse_event", "reply", "promise", "legal_hold", "deceased"}
)
_OURS = ("2060", "2090")
"""The client's money in our hands: credit, and payments without a place."""


async def hand_over(conn: Conn, ask: ApplyIn, review: Review) -> None:
    """Put what is owed on the next list; a debt that is with an agency already stays there."""
    case_id, client_id = ask.case.case_id, ask.client_id or ""
    if await agency.standing(conn, case_id) is not None:
        return
    owed_cents = await ledger.balance_of_case(conn, case_id)
    if owed_cents <= 0:
        raise CannotCarryOut("Nothing is owed on this visit: there is no debt to hand over.")
    await _must_be_undisputed(conn, ask, client_id)
    held = await ledger.account_balances(conn, client_ids=[client_id])
    ours_cents = -sum(held.get(account, 0) for account in _OURS)
    if ours_cents > 0:
        raise CannotCarryOut(
            f"The practice holds {dollars(ours_cents)} of this client: use that for the debt first."
        )
    await agency.place(
        conn,
        placement_id=review.review_id,
        case_id=case_id,
        client_id=client_id,
        location_id=ask.case.location_id,
        amount_cents=owed_cents,
        at=ask.at,
    )
    await holds.place(
        conn,
        ClientHold(
            hold_id=hold_id(review.review_id, client_id),
            client_id=client_id,
            case_id=case_id,
            kind="agency",
            placed_by=ask.decision.by,
            reason=ask.decision.reason or "",
            placed_at=ask.at,
        ),
    )


def hold_id(placement_id: str, client_id: str) -> str:
    """The hold that a debt at an agency places on its visit."""
    return ids.hold_id(f"agency|{placement_id}", client_id)


async def _must_be_undisputed(conn: Conn, ask: ApplyIn, client_id: str) -> None:
    today = calendar.local_date(ask.at, ask.case.zone)
    for hold in await holds.standing(conn, client_id, ask.case.case_id, today):
        if hold.kind in _CONTESTED:
            kind = hold.kind.replace("_", " ")
            raise CannotCarryOut(
                f"A hold stands ({kind}): a debt that is contested, promised or not to be asked"
                " for goes to no agency."
            )
