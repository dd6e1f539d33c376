"""A list of payments matched one after the other against open items: a what-if, nothing is booked.

Payments are taken by date, then by their ids, so the order in which they are listed never
matters. What is certain lowers the balances that later payments meet; a proposal does not.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import Literal

from pydantic import ConfigDict, Field, field_validator, model_validator

from domain.catalog_check import SUPPORTED_CURRENCIES
from domain.matching import match
from domain.matching_policy import DEFAULT_POLICY, MatchPolicy, TierRecord
from domain.matching_types import (
    EarlierPayment,
    FinancedItem,
    Instalment,
    Match,
    Matched,
    OpenItem,
    PaymentToMatch,
    Proposed,
)
from domain.model import Authored, Record, canonical_json

Status = Literal["matched", "proposed", "held"]


class MatchBook(Authored):
    """What `tieout match` reads. `closed_until`: the last day of the last closed period."""

    model_config = ConfigDict(hide_input_in_errors=True)

    location_id: str = Field(min_length=1)
    currency: str = "USD"
    account_id: str | None = None
    closed_until: date | None = None
    payments: tuple[PaymentToMatch, ...] = Field(max_length=500)
    items: tuple[OpenItem, ...] = Field(default=(), max_length=2_000)
    loans: tuple[FinancedItem, ...] = Field(default=(), max_length=2_000)
    earlier: tuple[EarlierPayment, ...] = Field(default=(), max_length=10_000)
    policy: MatchPolicy = DEFAULT_POLICY
    record: tuple[TierRecord, ...] = ()

    @field_validator("currency")
    @classmethod
    def _is_supported(cls, currency: str) -> str:
        if currency not in SUPPORTED_CURRENCIES:
            known = ", ".join(sorted(SUPPORTED_CURRENCIES))
            raise ValueError(f"the currency is unknown; known are {known}")
        return currency

    @model_validator(mode="after")
    def _cases_differ(self) -> "MatchBook":
        counts = Counter(item.case_id for item in self.items)
        if any(count > 1 for count in counts.values()):
            raise ValueError("two items have the same case_id")
        return self


class Answer(Record):
    """One payment's answer."""

    source: str
    payment_id: str
    paid_on: date
    amount_cents: int
    currency: str
    status: Status
    answer: Match


def match_all(book: MatchBook) -> tuple[Answer, ...]:
    """Every payment's answer, in the order in which they were taken."""
    return tuple(_walk(book))


def _walk(book: MatchBook) -> Iterator[Answer]:
    items = {item.case_id: item for item in book.items}
    loans, earlier = list(book.loans), list(book.earlier)
    for payment in sorted(book.payments, key=_when):
        answer = match(
            payment,
            list(items.values()),
            earlier,
            location_id=book.location_id,
            currency=book.currency,
            is_period_open=book.closed_until is None or payment.paid_on > book.closed_until,
            account_id=book.account_id,
            loans=loans,
            policy=book.policy,
            record=book.record,
        )
        earlier.extend(_remembered(payment, answer))
        if isinstance(answer, Matched) and payment.state == "settled":
            items |= {
                case_id: _settled(items[case_id], answer) for case_id in _cases(answer, items)
            }
            loans = [_funded(loan, payment, answer) for loan in loans]
        yield _answer(payment, answer)


def _when(payment: PaymentToMatch) -> tuple[str, ...]:
    """By date, then money on its way before settled money, then ids: no two payments tie."""
    return (
        payment.paid_on.isoformat(),
        payment.state,
        payment.source,
        payment.payment_id,
        canonical_json(payment),
    )


def _remembered(payment: PaymentToMatch, answer: Match) -> list[EarlierPayment]:
    """What later payments may repeat: a held one is only known to have been seen."""
    cases: list[str | None] = [None]
    if isinstance(answer, Matched | Proposed):
        cases = [part.case_id for part in answer.allocations]
    return [
        EarlierPayment(
            source=payment.source,
            payment_id=payment.payment_id,
            client_id=payment.client_id,
            case_id=case_id,
            amount_cents=payment.amount_cents,
            paid_on=payment.paid_on,
            kind=payment.kind,
            state=payment.state,
            is_applied=isinstance(answer, Matched),
        )
        for case_id in cases
    ]


def _cases(answer: Matched, items: dict[str, OpenItem]) -> list[str]:
    """The items that a certain answer pays; a lender pays its loan, not the patient's item."""
    if answer.tier == 2:
        return []
    return [part.case_id for part in answer.allocations if part.case_id in items]


def _settled(item: OpenItem, answer: Matched) -> OpenItem:
    parts = [part for part in answer.allocations if part.case_id == item.case_id]
    closings = [each for each in answer.closings if each.case_id == item.case_id]
    cents = sum(part.cents for part in parts) + sum(each.cents for each in closings)
    paid = {part.instalment_id for part in parts}
    instalments = tuple(
        _paid(each) if each.instalment_id in paid else each for each in item.instalments
    )
    return item.model_copy(
        update={"balance_cents": max(0, item.balance_cents - cents), "instalments": instalments}
    )


def _paid(part: Instalment) -> Instalment:
    return part.model_copy(update={"is_paid": True})


def _funded(loan: FinancedItem, payment: PaymentToMatch, answer: Matched) -> FinancedItem:
    funding = payment.funding
    if answer.tier != 2 or funding is None:
        return loan
    if (loan.lender, loan.loan_id) != (funding.lender, funding.loan_id):
        return loan
    return loan.model_copy(update={"is_open": False})


def _answer(payment: PaymentToMatch, answer: Match) -> Answer:
    status: Status = "held"
    if isinstance(answer, Matched):
        status = "matched"
    elif isinstance(answer, Proposed):
        status = "proposed"
    return Answer(
        source=payment.source,
        payment_id=payment.payment_id,
        paid_on=payment.paid_on,
        amount_cents=payment.amount_cents,
        currency=payment.currency,
        status=status,
        answer=answer,
    )
