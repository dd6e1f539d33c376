"""Tier 2: a lender's funding, its fee and its schedule."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from domain.matching import EarlierPayment, Matched, PaymentToMatch
from domain.matching_policy import FeeRule, MatchPolicy
from domain.matching_types import FeeDifference
from tests.unit.matching_kit import TODAY, closed, decide, funded, held, item, lend, loan, placed

# -- tier 2


def test_a_funding_of_the_financed_amount_less_its_fee_is_certain() -> None:
    """$2,800.00 at 9.9 % is $277.20; $2,522.80 arrives (rules 2.6)."""
    answer = lend(funded())
    assert isinstance(answer, Matched)
    assert (answer.tier, answer.excess_cents) == (2, 0)
    assert placed(answer) == {"1": 252_280}
    assert closed(answer) == [("1", 27_720, "6020")]


@pytest.mark.parametrize(
    ("gross", "fee"), [(280_000, None), (None, 27_720), (None, None), (280_000, 27_720)]
)
def test_a_figure_that_the_report_lacks_follows_from_the_others(
    gross: int | None, fee: int | None
) -> None:
    assert closed(lend(funded(252_280, gross, fee))) == [("1", 27_720, "6020")]


@pytest.mark.parametrize(("off", "is_certain"), [(-2, False), (-1, True), (1, True), (2, False)])
def test_a_fee_may_be_one_cent_off_its_schedule(off: int, is_certain: bool) -> None:
    answer = lend(funded(252_280 - off, 280_000, 27_720 + off))
    if is_certain:
        assert closed(answer) == [("1", 27_720 + off, "6020")]
    else:
        fee = FeeDifference(schedule_cents=27_720, kept_cents=27_720 + off)
        assert held(answer, "LENDER_FEE_DIFF").fee == fee


def test_both_fees_are_said_in_words() -> None:
    answer = held(lend(funded(250_000, 280_000, 30_000)), "LENDER_FEE_DIFF")
    assert answer.trace == ("the lender kept $300.00, its schedule says $277.20",)
    assert answer.client_id == "ann"


def test_a_fee_without_a_schedule_is_never_taken_on_trust() -> None:
    answer = held(lend(funded(), policy=MatchPolicy()), "LENDER_FEE_DIFF")
    assert answer.fee == FeeDifference(schedule_cents=None, kept_cents=27_720)
    assert placed(lend(funded(280_000, 280_000, 0), policy=zero_fee())) == {"1": 280_000}
    assert closed(lend(funded(280_000, 280_000, 0), policy=zero_fee())) == []


def zero_fee() -> MatchPolicy:
    rule = FeeRule(lender="cherry", rate=Decimal(0), effective_from=date(2026, 1, 1))
    return MatchPolicy(fees=(rule,))


def test_a_lender_that_pays_on_top_is_held() -> None:
    held(lend(funded(280_001, 280_000, -1), policy=zero_fee()), "LENDER_FEE_DIFF")


@pytest.mark.parametrize(
    ("payment", "code", "account"),
    [
        (funded(252_279, 280_000, 27_720), "LENDER_FEE_DIFF", "2090"),
        (funded(247_775, 275_000, 27_225), "WRONG_INVOICE", "2090"),
        (funded(loan_id="loan-9"), "WRONG_INVOICE", "2095"),
        (funded(case_id="2"), "WRONG_INVOICE", "2090"),
        (funded(funding=None), "NO_REFERENCE", "2095"),
        (funded(-252_280), "LENDER_REVERSED", "2095"),
    ],
)
def test_what_a_lender_sends_otherwise_is_held(
    payment: PaymentToMatch, code: str, account: str
) -> None:
    held(lend(payment), code, account)


def test_a_loan_takes_one_funding() -> None:
    held(lend(funded(), loan(is_open=False)), "WRONG_INVOICE")
    held(lend(funded(), loan(), loan("2", loan_id="loan-1")), "AMBIGUOUS_GROUP", "2095")
    before = EarlierPayment(
        source="cherry",
        payment_id="fund-0",
        client_id=None,
        case_id="1",
        amount_cents=252_280,
        paid_on=TODAY - timedelta(days=7),
    )
    again = held(lend(funded(), loan(is_open=False), known=(before,)), "DUPLICATE_SUSPECTED")
    assert again.client_id == "ann"
    of_patient = before.model_copy(update={"source": "stripe"})
    assert placed(lend(funded(), known=(of_patient,))) == {"1": 252_280}


def test_a_lenders_money_never_meets_a_patients_balance() -> None:
    mine = item("7", 252_280)
    held(decide(funded(loan_id="x"), mine, loans=(loan(),)), "WRONG_INVOICE", "2095")
    held(decide(funded(funding=None, client_id="ann"), mine), "NO_REFERENCE", "2095")


def test_the_lenders_open_loans_are_ranked() -> None:
    loans = (
        loan("1", financed_cents=300_000),
        loan("2"),
        loan("3", signed_on=TODAY - timedelta(days=60)),
        loan("4", is_open=False),
        loan("5", lender="alphaeon"),
    )
    answer = held(lend(funded(loan_id="x"), *loans), "WRONG_INVOICE", "2095")
    points = [(each.case_ids, each.points) for each in answer.candidates]
    assert points == [(("2",), 89), (("3",), 75), (("1",), 44)]


def test_the_fee_is_the_programmes_own_of_the_day_of_signing() -> None:
    def rule(rate: str, since: date, programme: str = "") -> FeeRule:
        return FeeRule(
            lender="cherry", programme=programme, rate=Decimal(rate), effective_from=since
        )

    policy = MatchPolicy(
        fees=(
            rule("0.10", date(2026, 1, 1)),
            rule("0.11", date(2026, 5, 1)),
            rule("0.05", date(2026, 2, 1), "short"),
            rule("0.01", date(2026, 5, 1)).model_copy(update={"lender": "alphaeon"}),
        )
    )

    def rate(programme: str, signed_on: date) -> Decimal | None:
        found = policy.fee_rule("cherry", programme, signed_on)
        return found.rate if found else None

    assert rate("", date(2026, 4, 30)) == Decimal("0.10")
    assert rate("", date(2026, 5, 1)) == Decimal("0.11")
    assert rate("short", date(2026, 5, 1)) == Decimal("0.05")
    assert rate("short", date(2026, 1, 31)) == Decimal("0.10")
    assert rate("", date(2025, 12, 31)) is None
    assert policy.fees[0].fee_cents(12_345) == 1_235
