"""Short ways to write payments, items and loans, and to read answers, for matching tests."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from domain.matching import (
    HeldPayment,
    Match,
    Matched,
    OpenItem,
    PaymentToMatch,
    Proposed,
    match,
)
from domain.matching_policy import (
    ChequeTolerance,
    FeeRule,
    MatchPolicy,
)
from domain.matching_types import FinancedItem, Funding, Instalment
from domain.reviews import TOPICS

TODAY = date(2026, 5, 20)
CHERRY = FeeRule(lender="cherry", rate=Decimal("0.099"), effective_from=date(2026, 1, 1))
WITH_FEES = MatchPolicy(fees=(CHERRY,))
CHEQUES = MatchPolicy(cheque=ChequeTolerance(switched_on_by="the owner"))


def paid(cents: int = 10_000, **fields: Any) -> PaymentToMatch:
    return PaymentToMatch.model_validate(
        {
            "source": "stripe",
            "payment_id": "pay-1",
            "location_id": "lumin",
            "amount_cents": cents,
            "currency": "USD",
            "paid_on": TODAY,
            "client_id": "ann",
            **fields,
        }
    )


def item(case_id: str, balance: int = 10_000, **fields: Any) -> OpenItem:
    return OpenItem.model_validate(
        {
            "case_id": case_id,
            "client_id": "ann",
            "number": f"LUM-{case_id}",
            "visit_id": f"visit-{case_id}",
            "balance_cents": balance,
            "issued_on": TODAY - timedelta(days=2),
            "due_on": TODAY + timedelta(days=12),
            **fields,
        }
    )


def loan(case_id: str = "1", **fields: Any) -> FinancedItem:
    return FinancedItem.model_validate(
        {
            "lender": "cherry",
            "loan_id": f"loan-{case_id}",
            "case_id": case_id,
            "client_id": "ann",
            "number": f"LUM-{case_id}",
            "financed_cents": 280_000,
            "signed_on": TODAY - timedelta(days=3),
            **fields,
        }
    )


def funded(
    net: int = 252_280, gross: int | None = 280_000, fee: int | None = 27_720, **fields: Any
) -> PaymentToMatch:
    loan_id = fields.pop("loan_id", "loan-1")
    return paid(
        net,
        **{
            "source": "cherry",
            "kind": "lender",
            "client_id": None,
            "funding": Funding(lender="cherry", loan_id=loan_id, gross_cents=gross, fee_cents=fee),
            **fields,
        },
    )


def decide(payment: PaymentToMatch, *items: OpenItem, **options: Any) -> Match:
    known = options.pop("known", ())
    return match(payment, items, known, **{"location_id": "lumin", "currency": "USD", **options})


def lend(payment: PaymentToMatch, *loans: FinancedItem, **options: Any) -> Match:
    return decide(payment, loans=loans or (loan(),), **{"policy": WITH_FEES, **options})


def held(answer: Match, code: str, account: str = "2090") -> HeldPayment:
    assert isinstance(answer, HeldPayment), answer
    assert (answer.code, answer.account) == (code, account)
    assert code in TOPICS
    assert answer.trace
    return answer


def placed(answer: Match) -> dict[str, int]:
    assert isinstance(answer, Matched | Proposed), answer
    return {part.case_id: part.cents for part in answer.allocations}


def closed(answer: Match) -> list[tuple[str, int, str]]:
    assert isinstance(answer, Matched | Proposed), answer
    return [(each.case_id, each.cents, each.account) for each in answer.closings]


def plan(case_id: str, *due: int, balance: int = 0, **fields: Any) -> OpenItem:
    parts = tuple(
        Instalment(instalment_id=f"part-{n}", due_on=TODAY + timedelta(days=days), cents=10_000)
        for n, days in enumerate(due)
    )
    return item(case_id, balance, instalments=parts, **fields)
