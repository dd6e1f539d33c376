"""What the case of a control line asks of its activities and what comes back."""

from datetime import date

from pydantic import AwareDatetime

from domain.case import Decision
from domain.model import Record


class ControlRef(Record):
    """Which line of which location an activity works for, and since which day it is off."""

    case_id: str
    location_id: str
    line: str
    since: date
    zone: str


class AskControlIn(Record):
    """Tie the line out afresh; `review_id` is the question that is open, if one is."""

    control: ControlRef
    at: AwareDatetime
    review_no: str
    review_id: str | None = None


class AskControlOut(Record):
    """`status`: ties | explained | changed (other things or amounts than asked about) | asked."""

    status: str
    review_id: str | None = None


class ApplyControlIn(Record):
    """Carry out what a named person said about a line."""

    control: ControlRef
    decision: Decision
    at: AwareDatetime


class ApplyControlOut(Record):
    """`effect`: done | rest (ask later), or why the question stays open (`reviews.STAYS_OPEN`)."""

    effect: str
    note: str | None = None
