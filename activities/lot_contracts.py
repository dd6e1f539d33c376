"""What the case of an expired lot asks of its activities and what comes back."""

from pydantic import AwareDatetime

from domain.case import Decision
from domain.model import Record


class LotRef(Record):
    """Which lot an activity works for."""

    case_id: str
    location_id: str
    lot_id: str
    zone: str


class AskLotIn(Record):
    """Ask what becomes of the lot, unless nothing is left or it is good again."""

    lot: LotRef
    at: AwareDatetime
    review_no: str


class AskLotOut(Record):
    """The question; without one the lot needs none."""

    review_id: str | None = None


class ApplyLotIn(Record):
    """Carry out what a named person decided about an expired lot."""

    lot: LotRef
    decision: Decision
    at: AwareDatetime


class ApplyLotOut(Record):
    """`effect`: done | rest (ask later), or why the question stays open (`reviews.STAYS_OPEN`)."""

    effect: str
    note: str | None = None
