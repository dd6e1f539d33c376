"""The form of what will happen, decided before anything does.

A plan holds dated acts and moments. An act has its time. A moment waits for a case's n-th
wake-up and strikes just before it, or in the middle of its send.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from hashlib import sha256
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from starter.simulate.people import Person

ZONE = "America/Chicago"
CHANGES = (date(2026, 11, 1), date(2027, 3, 14))
"""When the clocks change."""
MINUTE = 7
TEXTS = "TextReports"
"""The sweep of the day."""
OPEN_HOURS, OTHER_HOURS = range(9, 19), (8, 19, 20, 21)
"""When the practice treats, and when people act besides."""


@dataclass(frozen=True)
class Act:
    """One thing that somebody does at a time: a patient, the desk, a vendor, the network."""

    at: datetime
    kind: str
    client: int | None = None
    visit: int | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Moment:
    """Something that strikes at the n-th wake-up (1 is the first reminder) of a visit's case."""

    visit: int
    wake: int
    kind: str
    hook: str = ""
    """What becomes of the news of the payment, if it is one."""


@dataclass(frozen=True)
class Visit:
    """One treatment. `due_cents` is all of it, `lender_cents` what a lender pays of that."""

    index: int
    order_id: str
    at: datetime
    lines: Sequence[Mapping[str, Any]]
    due_cents: int
    lender_cents: int

    @property
    def patient_cents(self) -> int:
        """What the patient may be asked for, at most."""
        return self.due_cents - self.lender_cents


@dataclass(frozen=True)
class Client:
    """A patient with visits, and what happens to them."""

    person: Person
    urn_id: str
    visits: tuple[Visit, ...]
    acts: tuple[Act, ...]
    moments: tuple[Moment, ...]


@dataclass(frozen=True)
class Plan:
    """A whole run. `acts` are the practice's and the vendors' own."""

    seed: int
    begins: datetime
    ends: datetime
    clients: tuple[Client, ...]
    acts: tuple[Act, ...]

    @property
    def days(self) -> int:
        """How long it is, in civil days: one of them may have 23 or 25 hours."""
        return round((self.ends - self.begins) / timedelta(days=1))

    @property
    def digest(self) -> str:
        """Of all that is planned, for whom and when: equal in every run of a seed."""
        return sha256(repr(self).encode()).hexdigest()[:16]

    @cached_property
    def by_number(self) -> Mapping[int, Client]:
        """The clients by the numbers of their patients."""
        return {client.person.number: client for client in self.clients}

    def client(self, number: int) -> Client:
        """The client of a patient's number."""
        return self.by_number[number]


def hours_of(day: date) -> list[int]:
    """The hours of a day at which people act, others on each day: few instants for many things."""
    rng = Random(day.toordinal())  # noqa: S311
    return sorted((*rng.sample(OPEN_HOURS, 3), *rng.sample(OTHER_HOURS, 2)))


def waking_hour(at: datetime) -> datetime:
    """The next time at which people act."""
    day = at.astimezone(ZoneInfo(ZONE)).date()
    while True:
        for hour in hours_of(day):
            when = at_clock(day, time(hour, MINUTE))
            if when > at:
                return when
        day += timedelta(days=1)


def at_clock(day: date, when: time) -> datetime:
    """A time of the practice's own clocks."""
    return datetime.combine(day, when, tzinfo=ZoneInfo(ZONE)).astimezone(UTC)
