"""What the workflows ask about lenders and what comes back: one frozen model each way."""

from pydantic import AwareDatetime

from domain.case import Decision
from domain.lender_feed import Trouble
from domain.lender_news import Thing
from domain.model import Record
from domain.plan_case import Lender


class FeedRef(Record):
    """One lender at one location."""

    location_id: str
    lender: Lender


class ReadOneIn(Record):
    """Ask the lender about one thing, because somebody said something of it."""

    feed: FeedRef
    thing: Thing
    thing_id: str
    at: AwareDatetime


class ReadPageIn(Record):
    """One page of a list. `since` is None on the first page: the books know from when."""

    feed: FeedRef
    thing: Thing
    since: AwareDatetime | None = None
    following: str | None = None
    began_at: AwareDatetime


class ReadPageOut(Record):
    """`following` asks for the next page of what changed `since`; None at the end."""

    since: AwareDatetime
    following: str | None
    told: int
    """Plans that heard something new."""
    unread: tuple[str, ...] = ()


class ReadOneOut(Record):
    """`status`: read | not_found | unread."""

    status: str
    unread: tuple[str, ...] = ()


class ListFilesIn(Record):
    """Which files of a lender are not imported yet."""

    feed: FeedRef
    at: AwareDatetime


class NewFile(Record):
    """A file to fetch."""

    name: str
    made_at: str


class ListFilesOut(Record):
    """Oldest first."""

    files: tuple[NewFile, ...]


class ImportFileIn(Record):
    """Fetch one file and take in what it says."""

    feed: FeedRef
    file: NewFile
    at: AwareDatetime


class ImportFileOut(Record):
    """Rows of the file, those for a person, and plans that heard something new."""

    rows: int
    bad: int
    told: int


class CheckFeedIn(Record):
    """Compare what the books know of a feed with what should be there.

    `unread` could not be understood in this run; `failed` is the kind of error that ended it.
    """

    feed: FeedRef
    unread: tuple[str, ...] = ()
    failed: str | None = None
    at: AwareDatetime


class CheckFeedOut(Record):
    """How many troubles the feed's case was told, and how many have answered themselves."""

    told: int
    healed: int


class AskFeedIn(Record):
    """Put one trouble of a feed to the desk."""

    feed: FeedRef
    case_id: str
    trouble: Trouble
    number: str
    """Of the question: the same trouble is asked again after a rest."""
    at: AwareDatetime


class AskFeedOut(Record):
    """The open question."""

    review_id: str


class ApplyFeedIn(Record):
    """Carry out what a named person decided about a trouble."""

    feed: FeedRef
    trouble: Trouble
    decision: Decision
    at: AwareDatetime


class ApplyFeedOut(Record):
    """`effect`: done (the trouble is over) | rest (it is asked again)."""

    effect: str
