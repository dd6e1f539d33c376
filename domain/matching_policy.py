"""Thresholds of payment matching as data: windows, limits, tolerance, fees, what may be automatic.

The bounds of the fields are the rules' own limits (3.2): a practice can be stricter than the
rules, never looser.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Literal

from pydantic import Field, model_validator

from domain.model import Authored
from domain.money import share

Tier = Literal[1, 2, 3, 4, 5]
"""The tiers that can be certain; tier 6 is a score, which only ranks."""

_RESULTS_FOR: Mapping[int, int] = MappingProxyType({1: 4_744, 2: 6_296, 3: 7_754})
"""Corrections to the results at which precision is 99.9 % or better with 95 % confidence."""


class AutomaticTier(Authored):
    """A tier whose exact answers may be booked without a person.

    `accepted_min` proposals must have been accepted first; such a tier loses it with its first
    correction. A tier with 0 is exact by construction and is judged by its measured precision.
    """

    tier: Tier
    accepted_min: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _sums_are_earned(self) -> "AutomaticTier":
        if self.tier == 4 and self.accepted_min < 200:
            raise ValueError("sums may be automatic after 200 accepted proposals, not before")
        return self


class TierRecord(Authored):
    """What people made of a tier's answers: left as they were, or corrected."""

    tier: Tier
    accepted: int = Field(default=0, ge=0)
    corrected: int = Field(default=0, ge=0)


class ChequeTolerance(Authored):
    """How much a cheque may be short and still close its invoice: the lesser of two limits.

    Off unless a named person switches it on. Cards and lenders have none.
    """

    switched_on_by: str = Field(min_length=1)
    cents_max: int = Field(default=100, ge=1, le=100)
    basis_points_max: int = Field(default=50, ge=1, le=50)

    def cents_for(self, balance_cents: int) -> int:
        """The cents by which a cheque may be short of this balance."""
        return min(self.cents_max, balance_cents * self.basis_points_max // 10_000)


class FeeRule(Authored):
    """What a lender keeps of a loan signed on or after a date: rate times financed, plus cents.

    An empty `programme` holds for every programme that has no rule of its own.
    """

    lender: str
    programme: str = ""
    rate: Decimal = Field(ge=0, lt=1)
    fixed_cents: int = Field(default=0, ge=0)
    effective_from: date

    def fee_cents(self, financed_cents: int) -> int:
        """The fee on an amount, half-up."""
        return share(financed_cents, self.rate) + self.fixed_cents


_AUTOMATIC = (
    AutomaticTier(tier=1),
    AutomaticTier(tier=2),
    AutomaticTier(tier=3),
    AutomaticTier(tier=4, accepted_min=200),
    AutomaticTier(tier=5),
)


class MatchPolicy(Authored):
    """All thresholds of a location; the defaults are the rules' own. Days are civil days."""

    automatic: tuple[AutomaticTier, ...] = _AUTOMATIC
    margin_points: int = Field(default=25, ge=25, le=100)
    """By how many points of 100 a proposal must lead before it is ticked beforehand."""
    cheque: ChequeTolerance | None = None
    fees: tuple[FeeRule, ...] = ()
    before_issue_days: int = Field(default=1, ge=0, le=1)
    after_due_days: int = Field(default=45, ge=0, le=45)
    instalment_early_days: int = Field(default=3, ge=0, le=3)
    instalment_late_days: int = Field(default=10, ge=0, le=10)
    duplicate_days: int = Field(default=7, ge=7, le=60)
    group_size_max: int = Field(default=5, ge=1, le=5)
    group_items_max: int = Field(default=24, ge=1, le=24)

    @model_validator(mode="after")
    def _says_each_thing_once(self) -> "MatchPolicy":
        tiers = [row.tier for row in self.automatic]
        if len(tiers) != len(set(tiers)):
            raise ValueError("a tier is named twice")
        rules = [(rule.lender, rule.programme, rule.effective_from) for rule in self.fees]
        if len(rules) != len(set(rules)):
            raise ValueError("a lender's programme has two fees from the same day")
        return self

    def barrier(self, tier: Tier, record: Sequence[TierRecord]) -> str | None:
        """Why a tier's exact answer still waits for a person; None when it may be booked."""
        row = next((row for row in self.automatic if row.tier == tier), None)
        if row is None:
            return f"this practice lets nothing of tier {tier} be booked by itself"
        known = [each for each in record if each.tier == tier]
        accepted = sum(each.accepted for each in known)
        corrected = sum(each.corrected for each in known)
        if accepted < row.accepted_min:
            return (
                f"a person confirms it until {row.accepted_min} such proposals were accepted"
                f" without a correction; so far {accepted}"
            )
        if corrected and row.accepted_min:
            return f"a person confirms it: {corrected} of such proposals had to be corrected"
        if corrected and accepted + corrected < _RESULTS_FOR.get(
            corrected, accepted + corrected + 1
        ):
            return f"a person confirms it: tier {tier} was corrected too often ({corrected})"
        return None

    def fee_rule(self, lender: str, programme: str, signed_on: date) -> FeeRule | None:
        """The rule in force when a loan was signed; the programme's own before the general one."""
        in_force = [
            rule
            for rule in self.fees
            if rule.lender == lender
            and rule.programme in ("", programme)
            and rule.effective_from <= signed_on
        ]
        return max(
            in_force, key=lambda rule: (rule.programme != "", rule.effective_from), default=None
        )

    def short_allowed(self, kind: str, balance_cents: int) -> int:
        """Cents by which a payment of this kind may be short of a balance and close it."""
        if kind != "cheque" or self.cheque is None or balance_cents <= 0:
            return 0
        return self.cheque.cents_for(balance_cents)


DEFAULT_POLICY = MatchPolicy()
