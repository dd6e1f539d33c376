"""What the case of a patient's reply is told and answers. Codes and opaque ids, never words."""

from collections.abc import Mapping
from datetime import date, timedelta
from types import MappingProxyType

from pydantic import AwareDatetime

from domain.model import Record

PROMISE_DAYS_MAX = 30
"""A promise to pay lies at most this many days ahead."""
PAID_PAUSE = timedelta(hours=48)
"""After "I paid" nothing is sent for so long, whatever is decided sooner."""


class ReplyHold(Record):
    """A hold that a reply placed, on one of the clients who share the number."""

    hold_id: str
    client_id: str


class ReplyReceived(Record):
    """One reply that a person has to read; what it says is in the sealed inbox alone."""

    inbox_id: str
    code: str
    """The question that it opens."""
    at: AwareDatetime
    """When it was received, by the case's clock."""
    holds: tuple[ReplyHold, ...] = ()


class ReplyInput(Record):
    """All that a `PatientReply` needs: one case per client, or per reply of a stranger."""

    location_id: str
    zone: str
    reply: ReplyReceived
    staff_reminder_business_days: tuple[int, ...] = (1, 3, 7)
    clock_shift_seconds: int = 0
    was_read: bool = False
    """The reply was answered before: the case is opened again to take the answer back."""


class ReplyResult(Record):
    """How many questions a person answered, and how many the books answered."""

    decided: int
    settled: int


KEEP: Mapping[str, str] = MappingProxyType(
    {
        "dispute": "dispute",
        "complaint": "complaint",
        "exclude": "exclusion",
        "adverse_event": "adverse_event",
        "keep_silent": "adverse_event",
    }
)
"""Choices after which the client stays silent, with the kind of hold that says why.

Every other choice lifts the holds of the reply.
"""


def promise_problem(until: date | None, today: date) -> str | None:
    """Why a day cannot be promised, in one sentence; None when it can."""
    if until is None:
        return "A promise needs a date."
    if until < today:
        return "The promised day is past."
    if until > today + timedelta(days=PROMISE_DAYS_MAX):
        return f"A promise lies at most {PROMISE_DAYS_MAX} days ahead."
    return None
