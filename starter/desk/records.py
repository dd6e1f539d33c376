"""What the desk's functions answer: typed records for the commands and the screen alike."""

from typing import Literal

from pydantic import AwareDatetime

from domain.case import Decision
from domain.model import Record
from domain.preview import Preview, PreviewLine


class Waiting(Record):
    """One line of the queue. Ids, codes and money; a name is asked of `Books.name`."""

    review_id: str
    short_id: str
    code: str
    title: str
    location_id: str
    case_id: str
    client_id: str | None
    money_cents: int
    opened_at: AwareDatetime
    age_business_days: int
    due_at: AwareDatetime | None = None
    is_overdue: bool = False
    owner: str | None = None
    """Who has taken it."""
    proposed_by: str | None = None
    """Who has proposed an answer that waits for a second person."""
    proposed: str | None = None
    """The choice that they proposed."""
    suggested: str | None = None


class Option(Record):
    """One choice with what it needs; `needs` are fields of a Decision."""

    name: str
    label: str
    effect: str
    needs: tuple[str, ...] = ()
    second_person: bool = False
    is_suggested: bool = False


class Detail(Record):
    """One question in full, with both sides."""

    waiting: Waiting
    state: Literal["open", "decided", "withdrawn"]
    meaning: str
    if_ignored: str
    ours: tuple[tuple[str, str], ...]
    theirs: tuple[tuple[str, str], ...]
    facts: tuple[str, ...]
    options: tuple[Option, ...]
    decision: Decision | None = None
    """What was decided, or what is proposed."""
    confirmed_by: str | None = None
    undone_by: str | None = None
    failed: str | None = None
    """Why the last answer could not be carried out, while the question is open."""


class Outcome(Record):
    """What became of an answer. `sentence` is for people."""

    review_id: str
    state: Literal["decided", "proposed", "refused", "failed", "undone", "sent"]
    """sent: handed over, but no worker has carried it out yet."""
    sentence: str


class Batch(Record):
    """One answer to many questions of one code: what each would do, and all together."""

    code: str
    choice: str
    previews: tuple[Preview, ...]
    totals: tuple[PreviewLine, ...] = ()
    """Every account that they touch, both sides summed."""
    skipped: tuple[Outcome, ...] = ()
    """Not part of it, with the reason."""
