"""A lender's deposits folded, and what is still open of a lender's part of a visit."""

from collections.abc import Iterable
from datetime import date

from pydantic import Field

from domain.lender_news import FundingFact, FundingState
from domain.matching_policy import FeeRule
from domain.model import Authored, Record
from domain.plan_case import Lender, PlanStatus
from domain.plan_facts import FactSource

_RANK = {state: rank for rank, state in enumerate(FundingState)}
TAKEN_BACK = frozenset(
    {PlanStatus.CANCELLED, PlanStatus.REFUNDED, PlanStatus.REVERSED, PlanStatus.REJECTED}
)
"""Statuses in which a lender does not owe what it owed."""


class LenderTerms(Authored):
    """What a practice has agreed with a lender. Without a fee rule every fee is asked about."""

    lender: Lender
    fees: tuple[FeeRule, ...] = ()
    fund_business_days: int | None = Field(default=None, ge=1, le=60)
    tender_labels: tuple[str, ...] = ()
    """How the desk calls the lender's tender in the practice system; its name is known."""


class Deposit(Record):
    """One deposit as it stands now. `gross_cents` and `fee_cents` are None when not told."""

    funding_id: str
    loan_id: str
    state: FundingState
    gross_cents: int | None
    fee_cents: int | None
    net_cents: int
    on: date | None
    is_confirmed: bool
    """Not by a webhook alone: money moves in the books."""
    is_debit: bool = False
    """It was no deposit before: money that left by itself, as a refund does."""

    def gross_of(self, open_cents: int) -> int:
        """Gross as told, or as it follows; with neither it is all that is open of the loan."""
        if self.gross_cents is not None:
            return self.gross_cents
        return open_cents if self.fee_cents is None else self.net_cents + self.fee_cents


class LoanPart(Record):
    """A lender's part of a visit: all ids of its loan, and what is open of it."""

    location_id: str
    lender: Lender
    loan_ids: tuple[str, ...]
    payment_id: str
    case_id: str
    client_id: str
    programme: str
    signed_on: date
    financed_cents: int
    open_cents: int
    """Financed, less funded, refunded through the lender and given up, plus taken back."""


def deposits(tellings: Iterable[FundingFact]) -> list[Deposit]:
    """Each deposit by the newest telling; any order and repetition of tellings ends the same."""
    by_id: dict[str, list[FundingFact]] = {}
    for told in tellings:
        by_id.setdefault(told.funding_id, []).append(told)
    return [_folded(told) for _, told in sorted(by_id.items())]


def _folded(told: list[FundingFact]) -> Deposit:
    told = sorted(told, key=lambda one: (one.as_of, _RANK[one.state], one.key))
    last = told[-1]
    said = {name: v for one in told for name in _SAID if (v := getattr(one, name)) is not None}
    return Deposit(
        funding_id=last.funding_id,
        loan_id=last.loan_id,
        state=last.state,
        gross_cents=said.get("gross_cents"),
        fee_cents=said.get("fee_cents"),
        net_cents=last.net_cents,
        on=said.get("on"),
        is_debit=last.is_debit,
        is_confirmed=any(
            one.state is last.state and one.source is not FactSource.WEBHOOK for one in told
        ),
    )


_SAID = ("gross_cents", "fee_cents", "on")
