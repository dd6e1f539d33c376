"""Lives of financing plans drawn from a seed: what really happened, and how it was told.

A telling is late, repeated, lost, or comes back to front, as the ways in of its lender make it:
webhooks may be lost, polls and files find what they lost, files lag and a day's file can be
missing, people type late. What is true and what is known are two different things.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from domain import calendar
from domain.lender_contracts import CONTRACTS, Mode
from domain.plan_case import Lender, PlanStatus
from domain.plan_course import Session
from domain.plan_facts import FactSource, PlanFact

ZONES = ("America/New_York", "America/Chicago", "America/Los_Angeles")
FAULTS = ("late", "repeated", "lost", "reordered", "null_date", "moved_date", "absurd_date")


@dataclass
class Telling:
    """One fact and the instant at which we hear it."""

    heard_at: datetime
    fact: PlanFact


@dataclass
class Story:
    """One plan: its truth, what is told of it, and what its patient does."""

    lender: Lender
    plan_id: str
    zone: str
    begins: datetime
    status: PlanStatus = PlanStatus.APPROVED
    signed_at: datetime | None = None
    first_payment_on: date | None = None
    final_payment_on: date | None = None
    tellings: list[Telling] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)
    booked: list[tuple[datetime, date]] = field(default_factory=list)
    """(known from, the day that is booked)"""
    opted_out_at: datetime | None = None
    faults: list[str] = field(default_factory=list)

    @property
    def ends(self) -> datetime:
        """After everything that can be said of it."""
        last = self.final_payment_on or self.begins.date() + timedelta(days=200)
        return datetime.combine(last + timedelta(days=120), time(12), tzinfo=UTC)

    def known(self, at: datetime) -> list[PlanFact]:
        """What has been told by an instant."""
        return [one.fact for one in self.tellings if one.heard_at <= at]

    def instants(self) -> list[datetime]:
        """When something of it becomes known, in order."""
        heard = [one.heard_at for one in self.tellings]
        heard += [one.completed_at for one in self.sessions] + [at for at, _ in self.booked]
        return sorted(set(heard))


def stories(seed: int, lender: Lender, month: int, count: int) -> Iterator[Story]:
    """`count` plans of a lender that begin in a month of 2026; each depends on its number alone."""
    for number in range(count):
        name = f"{seed}-{lender}-{month}-{number}"
        yield _Author(random.Random(name), lender, month, name).story


class _Author:
    """Makes one story up."""

    def __init__(self, chance: random.Random, lender: Lender, month: int, name: str) -> None:
        self.chance, self.contract = chance, CONTRACTS[lender]
        zone = chance.choice(ZONES)
        day = date(2026, month, chance.randint(1, 28))
        begins = datetime.combine(day, time(chance.randint(0, 23), chance.randint(0, 59)))
        begins = begins.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
        self.story = Story(lender, name, zone, begins)
        self._apply()

    def _is(self, percent: int) -> bool:
        return self.chance.randint(1, 100) <= percent

    def _apply(self) -> None:
        story, at = self.story, self.story.begins
        if self._is(15):
            story.status = PlanStatus.DECLINED
            self._tell(at, status=PlanStatus.DECLINED)
            if not self._is(15):
                return
            at += timedelta(days=self.chance.randint(1, 10))
        story.status = PlanStatus.APPROVED
        expires_on = at.date() + timedelta(days=30)
        self._tell(
            at, status=PlanStatus.APPROVED, approved_cents=280_000, approval_expires_on=expires_on
        )
        if self._is(8):
            story.opted_out_at = at + timedelta(hours=self.chance.randint(1, 24 * 90))
        if self._is(80):
            self._sign(at + timedelta(hours=self.chance.randint(1, 24 * 12)))

    def _sign(self, at: datetime) -> None:
        story = self.story
        story.status, story.signed_at = PlanStatus.ACCEPTED, at
        signed_on = calendar.local_date(at, story.zone)
        months = self.chance.choice((6, 12, 24))
        terms: dict[str, Any] = {"monthly_cents": 280_000 // months, "financed_cents": 280_000}
        terms["sessions_planned"] = sessions = self.chance.randint(2, 6)
        if self.contract.has_schedule and story.lender is not Lender.IN_HOUSE:
            self._dates(at, signed_on, months, terms)
        else:
            story.final_payment_on = terms["final_payment_on"] = calendar.add_months(
                signed_on, months
            )
            self._tell(at, status=PlanStatus.ACCEPTED, contract_id="c", **terms)
        self._sessions(at, sessions)

    def _dates(self, at: datetime, signed_on: date, months: int, terms: dict[str, Any]) -> None:
        story = self.story
        first = signed_on + timedelta(days=self.chance.randint(1, 45))
        final = calendar.add_months(first, months - 1)
        story.first_payment_on, story.final_payment_on = first, final
        dates = {"first_payment_on": first, "final_payment_on": final}
        if self._is(12):
            self._tell(at, status=PlanStatus.ACCEPTED, contract_id="c", **terms)
            story.faults.append("null_date")
            if self._is(70):
                self._tell(at + timedelta(days=self.chance.randint(1, 30)), **dates)
            else:
                story.first_payment_on = None
            return
        if self._is(3):
            story.faults.append("absurd_date")
            story.first_payment_on = None
            dates["first_payment_on"] = signed_on + timedelta(days=400)
        self._tell(at, status=PlanStatus.ACCEPTED, contract_id="c", **terms, **dates)
        if story.first_payment_on is not None and self._is(8):
            story.faults.append("moved_date")
            story.first_payment_on = first + timedelta(days=self.chance.randint(3, 20))
            hours = self.chance.randint(24, 24 * 20)
            self._tell(at + timedelta(hours=hours), first_payment_on=story.first_payment_on)

    def _sessions(self, at: datetime, planned: int) -> None:
        story = self.story
        for number in range(planned):
            if number and self._is(18):
                return
            at += timedelta(days=self.chance.randint(3, 35), hours=self.chance.randint(0, 3))
            local = at.astimezone(ZoneInfo(story.zone)).replace(hour=self.chance.randint(9, 17))
            at = local.astimezone(UTC)
            story.sessions.append(Session(visit_id=f"v{number}", completed_at=at))
            if self._is(50):
                story.booked.append((at, at.date() + timedelta(days=28)))

    # -- how it is told

    def _tell(self, at: datetime, **said: Any) -> None:
        for heard_at, source in self._ways(at):
            fact = PlanFact(
                location_id="lumin",
                lender=self.story.lender,
                plan_id=self.story.plan_id,
                source=source,
                key=f"{source}/{at.isoformat()}/{sorted(said)}",
                as_of=at,
                observed_at=heard_at,
                client_id="client-1",
                **said,
            )
            self.story.tellings.append(Telling(heard_at, fact))

    def _ways(self, at: datetime) -> Iterator[tuple[datetime, FactSource]]:
        modes, faults = self.contract.modes, self.story.faults
        if Mode.WEBHOOK in modes:
            if self._is(10):
                faults.append("lost")
            else:
                yield from self._webhooks(at)
        if Mode.POLL in modes:
            hours = 72 if self._is(4) else 1
            yield at + timedelta(hours=hours, minutes=self.chance.randint(0, 59)), FactSource.POLL
        elif Mode.FILE in modes:
            days = self.chance.choice((0, 0, 0, 0, 1, 3))
            heard_at = at + timedelta(hours=12 + self.chance.randint(0, 11), days=days)
            yield heard_at, FactSource.FILE
            if self._is(20):
                faults.append("repeated")
                yield heard_at + timedelta(days=1), FactSource.FILE
        elif Mode.WEBHOOK not in modes:
            yield at + timedelta(minutes=self.chance.randint(0, 60)), FactSource.STAFF

    def _webhooks(self, at: datetime) -> Iterator[tuple[datetime, FactSource]]:
        late = timedelta(minutes=1)
        if self._is(15):
            self.story.faults.append("late")
            late = timedelta(hours=self.chance.randint(2, 72))
            if late > timedelta(hours=24):
                self.story.faults.append("reordered")
        yield at + late, FactSource.WEBHOOK
        if self._is(20):
            self.story.faults.append("repeated")
            yield at + late + timedelta(hours=self.chance.randint(1, 48)), FactSource.WEBHOOK
