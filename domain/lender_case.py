"""What the cases about lenders are told: ids and codes, never a name."""

from domain.lender_feed import Trouble
from domain.lender_news import Thing
from domain.model import Record
from domain.plan_case import Lender


class LookInput(Record):
    """One thing to ask a lender about."""

    location_id: str
    lender: Lender
    thing: Thing
    thing_id: str


class LookNews(Record):
    """Something was heard of it again while it was being asked about."""


class FeedInput(Record):
    """The case of a feed's troubles, opened with the first of them."""

    location_id: str
    lender: Lender
    zone: str
    troubles: tuple[Trouble, ...] = ()
    staff_reminder_business_days: tuple[int, ...] = (1, 3, 7)
    clock_shift_seconds: int = 0


class FeedTroubled(Record):
    """A trouble of the feed; told again it changes nothing."""

    trouble: Trouble


class FeedHealed(Record):
    """A trouble that the facts have answered."""

    code: str
    key: str


class FeedResult(Record):
    """How many troubles a person decided about, and how many answered themselves."""

    decided: int
    healed: int
