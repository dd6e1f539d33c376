"""What the case of a reply asks of its activities and what comes back."""

from pydantic import AwareDatetime

from domain.case import Decision
from domain.model import Record
from domain.reply_case import ReplyReceived


class ReplyRef(Record):
    """Which reply case an activity works for. `case_id` is the workflow id."""

    case_id: str
    location_id: str
    zone: str


class AskReplyIn(Record):
    """Ask a person about replies of one code; `again` says why the last answer did not do."""

    case: ReplyRef
    replies: tuple[ReplyReceived, ...]
    code: str
    at: AwareDatetime
    review_no: str
    again: str | None = None


class AskReplyOut(Record):
    """`status`: asked | answered (nothing is left to ask)."""

    status: str
    review_id: str | None = None


class SettledIn(Record):
    """Look whether the books answer "I paid" by themselves."""

    case: ReplyRef
    replies: tuple[ReplyReceived, ...]
    at: AwareDatetime


class SettledOut(Record):
    """`settled`: nothing is owed any more and the holds are lifted; `case_ids` are to be told."""

    settled: bool
    hold_id: str = ""
    case_ids: tuple[str, ...] = ()


class ApplyReplyIn(Record):
    """Carry out a named person's decision about replies."""

    case: ReplyRef
    replies: tuple[ReplyReceived, ...]
    decision: Decision
    at: AwareDatetime


class ApplyReplyOut(Record):
    """`effect`: done | again (with `why`) | adverse_event (a clinician is asked next).

    `case_ids` are visits to tell that `hold_id` was lifted; with `paid` they read the books.
    `plan_case_ids` are financing plans, which read what silences their patient by now.
    """

    effect: str
    why: str | None = None
    hold_id: str = ""
    case_ids: tuple[str, ...] = ()
    plan_case_ids: tuple[str, ...] = ()
    paid: bool = False
    replies: tuple[ReplyReceived, ...] = ()
    """For `adverse_event`: the replies with the holds that stand now."""
