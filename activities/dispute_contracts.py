"""What the case of a dispute asks of its activities and what comes back."""

from pydantic import AwareDatetime

from activities.contracts import Mismatch
from domain.model import Record


class DisputeRef(Record):
    """Which dispute an activity works for. `case_id` is the workflow id."""

    case_id: str
    location_id: str
    zone: str
    source: str
    dispute_id: str


class FollowDisputeIn(Record):
    """Read a dispute, hand in what was decided, and book what moved."""

    dispute: DisputeRef
    at: AwareDatetime
    tell: bool = False
    """An answer was carried out: tell the visits whose money it changed."""


class FollowDisputeOut(Record):
    """`status`: won | rebill | write_off | block | gone (it ends so), waits (for the bank),
    missing (its payment is not in the books yet), asked (the questions are in `questions`)."""

    status: str
    questions: tuple[Mismatch, ...] = ()
