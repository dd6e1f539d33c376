"""The month-end page of a practice or of one location, as data: everything in signed cents."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from pydantic import AwareDatetime

from domain.model import Record
from domain.month import Month
from domain.tie import Tie, Verdict

AGES = ((0, "not due"), (3, "0-2"), (7, "3-6"), (14, "7-13"), (31, "14-30"), (61, "31-60"))
LAST_AGES = ((91, "61-90"), (None, "over 90"))


class AccountLine(Record):
    """One account of the trial balance; debits are positive."""

    account: str
    name: str
    opening_cents: int
    debits_cents: int
    credits_cents: int
    closing_cents: int


class Roll(Record):
    """What is owed for one kind of lot: opening, what changed it, closing, all as credits.

    `ledger_cents` is the account's closing balance. `changes` is in the order in which it is read.
    """

    account: str
    name: str
    opening_cents: int
    changes: Mapping[str, int]
    closing_cents: int
    ledger_cents: int
    units: Mapping[str, str] | None = None
    """The same of units, where the lots are counted in units."""
    sources: str = "lots and ledger"


class Aged(Record):
    """One debt or held sum, and how old it is in days. Negative days: not due yet."""

    ref: str
    cents: int
    days: int
    since: date
    number: str | None = None
    """The printed number of its invoice."""
    note: str | None = None


class Debts(Record):
    """Who owes what: by age, and item by item."""

    who: str
    cents: int
    by_age: Mapping[str, int]
    items: tuple[Aged, ...]


class Waiting(Record):
    """Open questions of one code."""

    code: str
    title: str
    count: int
    money_cents: int
    oldest_days: int
    owners: Mapping[str, int]
    """Who has taken them; `nobody` for those that nobody has."""
    reviews: tuple[str, ...]


class Adjustment(Record):
    """An entry that corrects, gives up or was late, with who answers for it."""

    entry_id: str
    on: date
    event: str
    cents: int
    fact_on: date | None = None
    """The day of the fact, where its own month was closed."""
    corrects: str | None = None
    case_id: str | None = None
    by: str | None = None
    confirmed_by: str | None = None
    reason: str | None = None


class TwoPeople(Record):
    """A decision that one person proposed and another confirmed."""

    review_id: str
    code: str
    choice: str
    money_cents: int
    by: str
    confirmed_by: str
    at: AwareDatetime


class SignOff(Record):
    """Who closed the month, and what stood open then."""

    location_id: str
    signed_by: str
    reason: str
    signed_at: AwareDatetime
    off_cents: int
    open_above_limit: int
    limit_cents: int


class Earned(Record):
    """What the month brought: income by account (contra accounts negative), and its costs."""

    income: Mapping[str, int]
    costs: Mapping[str, int]
    received: Mapping[str, int]
    """Money that came in, by way: online, card or cash at the desk."""


class MonthReport(Record):
    """Everything on the page. `locations` are the ones it is about, by id."""

    month: Month
    practice: str
    locations: tuple[str, ...]
    made_at: AwareDatetime
    ties: tuple[Tie, ...]
    earned: Earned
    trial_balance: tuple[AccountLine, ...]
    debts: tuple[Debts, ...]
    rolls: tuple[Roll, ...]
    held: tuple[Aged, ...]
    """Unapplied and unidentified cash."""
    waiting: tuple[Waiting, ...]
    adjustments: tuple[Adjustment, ...]
    two_people: tuple[TwoPeople, ...]
    signed: tuple[SignOff, ...]

    @property
    def off_cents(self) -> int:
        """What is off over all lines, without signs."""
        return sum(tie.off_cents for tie in self.ties)

    @property
    def unchecked(self) -> int:
        """How many lines have no second source to be held against."""
        return sum(tie.verdict is Verdict.UNCHECKED for tie in self.ties)

    @property
    def is_tied(self) -> bool:
        """Every line ties, or every cent of its difference is accounted for."""
        return all(tie.verdict in (Verdict.TIES, Verdict.EXPLAINED) for tie in self.ties)


def age_name(days: int) -> str:
    """The bucket of a number of days past the due date; negative is not due."""
    for limit, name in (*AGES, *LAST_AGES):
        if limit is None or days < limit:
            return name
    raise AssertionError("the last bucket has no limit")


def by_age(items: Sequence[Aged]) -> dict[str, int]:
    """Cents per bucket, every bucket in order."""
    found = {name: 0 for _, name in (*AGES, *LAST_AGES)}
    for item in items:
        found[age_name(item.days)] += item.cents
    return found


def plain_report(report: MonthReport) -> dict[str, Any]:
    """The report as JSON values, with the verdicts that a program acts on."""
    data = report.model_dump(mode="json")
    data["month"] = str(report.month)
    data["is_tied"], data["off_cents"] = report.is_tied, report.off_cents
    for tie, shown in zip(report.ties, data["ties"], strict=True):
        shown["verdict"], shown["off_cents"] = tie.verdict.value, tie.off_cents
    return data
