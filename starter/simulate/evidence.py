"""What a check may look at, and what it answers."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from starter.simulate.clock import Clock
from starter.simulate.people import Person
from starter.simulate.plan import Plan, Visit
from starter.simulate.seen import Message, Seen
from starter.simulate.truth import Truth

AFTER_SETTLEMENT = "1 no money message after settlement"
DOUBLED = "2 no doubled message"
LOST = "3 no lost step"
NIGHT = "4 no night message"
LENDER = "10 lender part never chased"
CONSENT = "11 consent"
LEAK = "12 nothing in PHI-free places"
SWITCH = "14 kill switch"
INVARIANTS = (AFTER_SETTLEMENT, DOUBLED, LOST, NIGHT, LENDER, CONSENT, LEAK, SWITCH)


@dataclass(frozen=True)
class Violation:
    """One broken promise. `what` names no patient, only the client's number in the plan."""

    invariant: str
    client: int
    at: datetime
    what: str


@dataclass
class Case:
    """Everything that a check may look at."""

    plan: Plan
    clock: Clock
    truth: Truth
    seen: Seen
    order_of_invoice: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    checked: Counter[str] = field(default_factory=Counter)
    races: list[timedelta] = field(default_factory=list)
    """How long before the hand-off a payment came that no look at the balance could see."""

    def person(self, number: int) -> Person:
        """The patient of a number."""
        return self.plan.client(number).person

    def visits(self, number: int, by: datetime) -> list[Visit]:
        """The visits that were closed by an instant of the wall clock."""
        closed = {fact.visit for fact in self.truth.of(number, "closed") if fact.wall <= by}
        return [visit for visit in self.plan.client(number).visits if visit.index in closed]

    def owed_cents(self, number: int, visit: Visit, by: datetime) -> int:
        """What the patient owes for a visit at an instant of the wall clock."""
        return visit.patient_cents - self.truth.paid_cents(number, visit.index, by)

    def is_in_flight(self, number: int, visit: Visit, by: datetime) -> bool:
        """Whether a bank debit is under way."""
        last = None
        for fact in self.truth.of(number, "in_flight", "bank_failed", "paid", visit=visit.index):
            last = fact if fact.wall <= by else last
        return last is not None and last.kind == "in_flight"


def name_of(message: Message) -> str:
    """A message as a violation calls it."""
    return f"{message.template} by {message.channel}"
