"""Payments one after the other: what the earlier ones leave for the later ones."""

from typing import Any

import pytest
from pydantic import ValidationError

from domain.matching_book import Answer, MatchBook, match_all
from domain.matching_types import HeldPayment, Hints, OpenItem

ITEM = {
    "case_id": "1",
    "client_id": "ann",
    "number": "LUM-1",
    "visit_id": None,
    "balance_cents": 10_000,
    "issued_on": "2026-05-01",
    "due_on": "2026-05-15",
}
LOAN = {
    "lender": "cherry",
    "loan_id": "loan-1",
    "case_id": "2",
    "client_id": "bea",
    "number": "LUM-2",
    "financed_cents": 100_000,
    "signed_on": "2026-05-01",
}
FEE = {"lender": "cherry", "rate": "0.1", "effective_from": "2026-01-01"}


def paid(name: str, cents: int, on: str = "2026-05-10", **fields: Any) -> dict[str, Any]:
    return {
        "source": "stripe",
        "payment_id": name,
        "location_id": "lumin",
        "amount_cents": cents,
        "currency": "USD",
        "paid_on": on,
        "client_id": "ann",
        **fields,
    }


def walk(*payments: dict[str, Any], **parts: Any) -> list[Answer]:
    book = {"location_id": "lumin", "items": [ITEM], "payments": payments, **parts}
    return list(match_all(MatchBook.model_validate(book)))


def code(each: Answer) -> str:
    return each.answer.code if isinstance(each.answer, HeldPayment) else each.status


def test_a_certain_payment_lowers_what_the_next_one_meets() -> None:
    first, second, third = walk(
        paid("a", 6_000, case_id="1"), paid("b", 5_000, case_id="1"), paid("c", 1, case_id="1")
    )
    assert not isinstance(first.answer, HeldPayment)
    assert not isinstance(second.answer, HeldPayment)
    assert (first.answer.excess_cents, second.answer.excess_cents) == (0, 1_000)
    assert code(third) == "OVERPAID"


def test_a_proposal_lowers_nothing_and_is_what_a_duplicate_repeats() -> None:
    first, second, third = walk(paid("a", 10_000), paid("b", 10_000), paid("c", 9_000, case_id="1"))
    assert [code(each) for each in (first, second, third)] == [
        "proposed",
        "DUPLICATE_SUSPECTED",
        "matched",
    ]


def test_money_on_its_way_lowers_nothing_until_it_settles() -> None:
    on_its_way = paid("a", 10_000, case_id="1", state="in_flight")
    settled = paid("a", 10_000, "2026-05-12", case_id="1")
    assert [code(each) for each in walk(settled, on_its_way)] == ["matched", "matched"]
    again = {**settled, "paid_on": "2026-05-13"}
    assert [code(each) for each in walk(settled, again)] == ["matched", "LATE_EVENT"]


def test_a_loan_is_funded_once() -> None:
    funding = {"lender": "cherry", "loan_id": "loan-1"}
    net = {"source": "cherry", "kind": "lender", "client_id": None, "funding": funding}
    parts = {"loans": [LOAN], "policy": {"fees": [FEE]}}
    first, soon, later = walk(
        paid("a", 90_000, **net),
        paid("b", 90_000, "2026-05-17", **net),
        paid("c", 90_000, "2026-05-30", **net),
        **parts,
    )
    assert [code(each) for each in (first, soon, later)] == [
        "matched",
        "DUPLICATE_SUSPECTED",
        "WRONG_INVOICE",
    ]


def test_an_instalment_is_paid_once() -> None:
    part = {"instalment_id": "p", "due_on": "2026-05-10", "cents": 10_000}
    plan = {**ITEM, "balance_cents": 0, "instalments": [part]}
    first, second = walk(
        paid("a", 10_000, "2026-05-10"), paid("b", 10_000, "2026-05-18"), items=[plan]
    )
    assert [code(each) for each in (first, second)] == ["matched", "NO_REFERENCE"]


def test_the_last_day_of_a_closed_period_is_closed() -> None:
    days = ("2026-04-30", "2026-05-01")
    payments = [paid(day, 100, day, case_id="1") for day in days]
    answers = walk(*payments, closed_until="2026-04-30")
    assert [code(each) for each in answers] == ["LATE_EVENT", "matched"]


def test_a_refused_name_is_not_quoted() -> None:
    for model, value in (
        (Hints, {"name": ["Ann Secret"]}),
        (OpenItem, {**ITEM, "client": {"name": ["Ann Secret"]}}),
        (MatchBook, {"location_id": "x", "payments": [{"memo": ["Ann Secret"]}]}),
    ):
        with pytest.raises(ValidationError) as refused:
            model.model_validate(value)
        assert "Secret" not in str(refused.value)
