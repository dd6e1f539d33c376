"""Patients of financing plans: what is known, what each hears, and whether it was right."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from activities.plan_contracts import TouchOut
from domain import calendar
from domain.messages import spec_of, template_for
from domain.plan_case import Lender
from domain.plan_course import PlanFacts, Touch, date_problem, is_called_for, is_pointless
from domain.plan_facts import fold
from domain.plan_policy import DEFAULT_PLAN, Anchor
from domain.quiet_hours import QUIET, next_allowed
from tests.simulate.plan_stories import Story

PAST = ("sent", "off", "no_consent", "pointless", "missed")


@dataclass
class Patient:
    """One plan's patient: what they heard, and what was left unsaid with its reason."""

    story: Story
    heard: list[tuple[datetime, Touch]] = field(default_factory=list)
    unsaid: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def facts(self, at: datetime) -> PlanFacts:
        """What the books know by now."""
        story = self.story
        folded = fold(story.known(at))
        plan = folded.standing("lumin", story.lender, story.plan_id, "client-1", 1)
        booked = [day for known, day in story.booked if known <= at and day >= at.date()]
        return PlanFacts(
            plan=plan,
            sessions=tuple(one for one in story.sessions if one.completed_at <= at),
            booked_on=min(booked, default=None),
            last_touch_on=max((at.date() for at, _ in self.heard), default=None),
        )

    def say(self, touch: Touch, at: datetime) -> TouchOut:
        """The gate of every message: still called for, consent, one a day, the allowed hours."""
        facts, zone, step = self.facts(at), self.story.zone, touch.step
        reason = None if is_called_for(touch, facts, zone) else "NOT_CALLED_FOR"
        reason = reason or is_pointless(step, facts)
        if reason is not None:
            return self._leave(touch, "pointless", str(reason), facts)
        if self.story.opted_out_at is not None and self.story.opted_out_at <= at:
            return self._leave(touch, "no_consent", "OPTED_OUT", facts)
        opens = next_allowed(at, (zone,), (), QUIET[step.message_class])
        day = calendar.local_date(opens, zone)
        if any(calendar.local_date(heard, zone) == day for heard, _ in self.heard):
            tomorrow = calendar.instant(day + timedelta(days=1), DEFAULT_PLAN.send_at, zone)
            opens = next_allowed(tomorrow, (zone,), (), QUIET[step.message_class])
        if opens > at:
            return TouchOut(status="snoozed", until=opens, facts=facts)
        self.heard.append((at, touch))
        return TouchOut(status="sent", facts=facts)

    def _leave(self, touch: Touch, status: str, reason: str, facts: PlanFacts) -> TouchOut:
        self.unsaid[touch.key] = reason
        return TouchOut(status=status, reason=reason, facts=facts)

    def miss(self, touch: Touch) -> None:
        """A touch whose time is over."""
        self.unsaid[touch.key] = "TOO_LATE"


def violations(patient: Patient) -> list[str]:
    """What was wrong with what a patient heard; empty when nothing was."""
    return [*_doubled(patient), *_wrong_days(patient), *_unwanted(patient), *_lost(patient)]


def _doubled(patient: Patient) -> list[str]:
    keys = Counter(touch.key for _, touch in patient.heard)
    zone = patient.story.zone
    days = Counter(calendar.local_date(at, zone) for at, _ in patient.heard)
    twice = [f"doubled: {key}" for key, count in keys.items() if count > 1]
    return twice + [f"twice on {day}" for day, count in days.items() if count > 1]


def _wrong_days(patient: Patient) -> list[str]:
    found = []
    for at, touch in patient.heard:
        day = calendar.local_date(at, patient.story.zone)
        if day > touch.last_on or at < touch.due_at:
            found.append(f"outside its window: {touch.key} on {day}")
        if touch.step.anchor is Anchor.FIRST_PAYMENT and day >= _due_of(touch):
            found.append(f"on the due day: {touch.key}")
        opens = next_allowed(at, (patient.story.zone,), (), QUIET[touch.step.message_class])
        if opens > at:
            found.append(f"at night: {touch.key} at {at}")
    return found


def _unwanted(patient: Patient) -> list[str]:
    story, found = patient.story, []
    for at, touch in patient.heard:
        if story.opted_out_at is not None and at >= story.opted_out_at:
            found.append(f"after the opt-out: {touch.key}")
        spec = spec_of(template_for(touch.step.name))
        if story.lender is not Lender.IN_HOUSE and spec.asks_for_money:
            found.append(f"asks for the lender's money: {touch.key}")
    return found


def _lost(patient: Patient) -> list[str]:
    """Each reminder of a known first payment went on its day, or has a reason; a null is asked."""
    story, found = patient.story, []
    if story.signed_at is None or story.lender is Lender.IN_HOUSE:
        return []
    facts = patient.facts(story.ends)
    problem = date_problem(facts, DEFAULT_PLAN, story.zone)
    if problem is not None and problem not in patient.asked:
        found.append(f"not asked: {problem}")
    first = facts.plan.first_payment_on
    if problem is not None or first is None:
        return found
    heard = {touch.key for _, touch in patient.heard}
    for name in ("first-payment-3", "first-payment-1"):
        key = f"{name}/{first.isoformat()}"
        if key not in heard and key not in patient.unsaid:
            found.append(f"lost: {key}")
    return found


def _due_of(touch: Touch) -> date:
    return date.fromisoformat(touch.key.split("/")[1])
