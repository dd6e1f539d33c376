"""What the case of a lender's money asks of its activities and what comes back."""

from pydantic import AwareDatetime

from activities.contracts import Mismatch
from domain.case import Decision
from domain.model import Record
from domain.plan_case import Lender

OF_PATIENTS = frozenset({"as_named", "choose", "link_payer"})
"""Answers about money that a person paid; a lender's questions do not offer them."""


class LoanRef(Record):
    """Which lender's money an activity works for. `case_id` is the workflow id."""

    case_id: str
    location_id: str
    lender: Lender
    loan_id: str
    payment_id: str | None
    zone: str


class SettleLoanIn(Record):
    """Book what the lender sent or took back, and ask about what does not fit."""

    loan: LoanRef
    at: AwareDatetime
    review_no: str
    is_resting: bool = False
    """A person has asked the lender: what is open is not asked about again yet."""


class SettleLoanOut(Record):
    """`status`: done (nothing is open) | waits (until `until`) | asked.

    `case_ids` are visits whose balance has changed.
    """

    status: str
    questions: tuple[Mismatch, ...] = ()
    until: AwareDatetime | None = None


class ApplyLoanIn(Record):
    """Carry out what a named person decided about a lender's money."""

    loan: LoanRef
    decision: Decision
    at: AwareDatetime


class ApplyLoanOut(Record):
    """`effect`: again (look anew) | rest (until `until`) | an effect of a question that stays."""

    effect: str
    until: AwareDatetime | None = None
    note: str | None = None
    case_id: str | None = None
    """The visit to tell."""
