"""No hour sees more calls than a lender allows, by the arithmetic of the engine's limiter."""

from decimal import Decimal

import pytest

from domain.lender_contracts import CONTRACTS
from domain.lender_pace import most, pace, pace_of

CALLED = [each for each in CONTRACTS.values() if each.calls_per_hour]


def test_the_four_limits():
    limits = {each.lender: each.calls_per_hour for each in CALLED}
    assert limits == {"cherry": 1_000, "carecredit": 200, "alphaeon": 500, "patientfi": 800}


@pytest.mark.parametrize("contract", CALLED, ids=lambda each: each.lender)
def test_no_hour_is_above_the_limit_and_little_of_it_is_given_away(contract):
    rate = pace_of(contract)
    assert rate is not None
    assert most(rate) <= contract.calls_per_hour * Decimal("0.95")
    assert rate * 3600 >= contract.calls_per_hour * Decimal("0.90")


@pytest.mark.parametrize("rate", [Decimal("0.05"), Decimal("0.2594"), Decimal(1)])
def test_a_limiter_that_saves_up_a_second_stays_below_what_is_reckoned(rate):
    """The limiter, played second by second: saved up to the full, then drained without rest."""
    saved = min(rate, Decimal(1)) + 1
    released = int(saved) + int(rate * 3600)
    assert released <= most(rate)


def test_a_limit_that_cannot_be_shared_out_is_refused():
    with pytest.raises(ValueError, match="too few"):
        pace(8)
