"""What happened in the treatment room, in the clinic's terms and without the patient's name."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, AwareDatetime, Field, model_validator

from domain.catalog import ItemClass, UnitCents
from domain.model import Authored


def _iso_date(text: str) -> str:
    """The same text, once it is known to be a civil date; raises ValueError else."""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise ValueError("a date is written like 2026-03-31") from None


IsoDate = Annotated[str, AfterValidator(_iso_date)]
"""A civil date as `YYYY-MM-DD` text."""


class ChartLine(Authored):
    """One charted line. `code` is the PMS reference of the service, product or package."""

    line_id: str
    code: str
    quantity: Decimal
    provider_ref: str | None = None
    one_off_unit_cents: UnitCents | None = None
    """A price that a named person set for this line alone."""
    one_off_class: ItemClass | None = None
    """What is sold, when the code is not mapped: tax and revenue follow from it."""


class AppliedPromotion(Authored):
    """A promotion used at this visit, in stored order; `line_ids` empty means all eligible."""

    code: str
    line_ids: tuple[str, ...] = ()
    reason: str | None = None


class Financing(Authored):
    """The lender's part of a visit (B7): a tender, never a patient balance."""

    lender: str
    loan_ref: str
    approved_cents: int = Field(ge=0)
    requested_cents: int = Field(ge=0)
    covers_retail: bool = False


class Chart(Authored):
    """One visit as charted. `service_at` decides prices, tiers, lots and tax."""

    visit_id: str
    location_id: str
    currency: str = "USD"
    service_at: AwareDatetime
    lines: tuple[ChartLine, ...]
    promotions: tuple[AppliedPromotion, ...] = ()
    tips_cents: Mapping[str, Annotated[int, Field(ge=0)]] = Field(default_factory=dict)
    """Provider reference -> tip."""
    financing: Financing | None = None

    @model_validator(mode="after")
    def _line_ids_differ(self) -> Self:
        if len({line.line_id for line in self.lines}) < len(self.lines):
            raise ValueError("two chart lines have the same line_id")
        return self


class LotKind(StrEnum):
    """Money a client already holds with the practice, in tender order (rules 2.1 step 7)."""

    MEMBERSHIP_CREDIT = "membership_credit"
    PROMOTIONAL_CREDIT = "promotional_credit"
    GIFT_CARD = "gift_card"
    DEPOSIT = "deposit"
    ACCOUNT_CREDIT = "account_credit"
    POINTS = "points"


class UnitLot(Authored):
    """Units bought earlier and not yet drawn.

    `value_cents` is the allocated value of `remaining`; a draw of part takes its half-up
    share of what is left and the last draw takes the rest, so no cent is made or lost.
    """

    lot_id: str
    skus: tuple[str, ...] = Field(min_length=1)
    remaining: Decimal = Field(ge=0, le=1_000_000_000)
    value_cents: int = Field(ge=0, le=1_000_000_000_000)
    purchased_at: AwareDatetime
    expires_on: IsoDate | None = None
    """Civil date at the location, ISO; the lot is good on that day."""
    grace_days: int = Field(default=0, ge=0)
    paid_value_cents: int | None = Field(default=None, ge=0)
    """None when fully paid (or usable while partly paid); else the undrawn value already paid."""
    reinstated_by: str | None = None


class MoneyLot(Authored):
    """A credit in cents. `classes` empty means every class the kind allows."""

    lot_id: str
    kind: LotKind
    remaining_cents: int = Field(ge=0)
    classes: tuple[str, ...] = ()
    purchased_at: AwareDatetime
    expires_on: IsoDate | None = None
    tier: str | None = None


class Membership(Authored):
    """A client's membership as it stood at service time."""

    tier: str
    status: str = Field(pattern="^(active|suspended|past_due|cancelled)$")


class Entitlements(Authored):
    """Everything a client brings to a visit, read under the client's lock."""

    unit_lots: tuple[UnitLot, ...] = ()
    money_lots: tuple[MoneyLot, ...] = ()
    memberships: tuple[Membership, ...] = ()
    usual_total_cents: int | None = None
    """Median of the client's earlier totals; None without history."""
    invoices_today: int = 0

    @model_validator(mode="after")
    def _lot_ids_differ(self) -> Self:
        lot_ids = [lot.lot_id for lot in self.unit_lots]
        lot_ids += [lot.lot_id for lot in self.money_lots]
        if len(set(lot_ids)) < len(lot_ids):
            raise ValueError("two lots have the same lot_id")
        return self
