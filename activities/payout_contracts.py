"""What a payout's case asks of its activities and what comes back."""

from pydantic import AwareDatetime

from domain.case import Decision
from domain.model import Record


class PayoutRef(Record):
    """Which payout an activity works for; `location_id` bears what has no other location."""

    case_id: str
    location_id: str
    source: str
    payout_id: str
    zone: str


class TieIn(Record):
    """Read the payout afresh and tie it out."""

    payout: PayoutRef
    at: AwareDatetime
    review_no: str
    patient: bool
    """News may be late: do not ask yet when nothing but a payment is missing."""
    open_review_id: str | None = None
    """The question that waits already; it is not asked twice."""


class TieOut(Record):
    """The end: tied | returned (it was paid and came back) | canceled | gone.

    Else: on_the_way | missing (look again later) | asked (a person decides).
    """

    status: str
    review_id: str | None = None
    code: str | None = None


class ApplyPayoutIn(Record):
    """Carry out what a named person decided about a payout."""

    payout: PayoutRef
    code: str
    decision: Decision
    at: AwareDatetime


class ApplyPayoutOut(Record):
    """`effect`: again (read it anew) | rest (ask later)."""

    effect: str
    added: int = 0
    """How many missing payments have a case of their own by now, which books them."""
    note: str | None = None
