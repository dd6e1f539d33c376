"""What an expired lot does to the books (rules 2.2, 2.3; 2.12 rows 13, 36, 37).

Nothing is booked before a person has confirmed what the state's law says of unused value.
"""

from datetime import date

from domain.chart import LotKind
from domain.entries import lot_account
from domain.ledger import Entry, Event, Tally, entry

BREAKAGE, UNCLAIMED = "4050", "2110"

EXPIRING = ("unit", LotKind.MEMBERSHIP_CREDIT, LotKind.GIFT_CARD, LotKind.DEPOSIT)
"""Kinds of lot that the practice owes something for and that have a last day."""


def lot_expired(
    *,
    act_id: str,
    kind: str,
    cents: int,
    to_state: bool,
    client_id: str,
    location_id: str,
    effective_on: date,
) -> Entry | None:
    """What is left in a lot becomes income, or is owed to the state; None for no money.

    `kind` is `unit` or a LotKind, `act_id` the question that was answered.
    """
    if not cents:
        return None
    event: Event = "escheated" if to_state else "breakage"
    goes_to = UNCLAIMED if to_state else BREAKAGE
    tally = Tally(client_id).move(lot_account(kind), goes_to, cents)
    return entry(event, f"{event}|{act_id}", location_id, effective_on, tally)
