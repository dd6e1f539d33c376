"""The price book of one location: items, packages, tiers, promotions, tax, limits.

A catalog is one immutable, numbered document. A change makes the next number; an issued
invoice names the number it was priced from.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator

from domain.model import Authored

UnitCents = Annotated[int, Field(ge=0, le=1_000_000_000)]
"""A unit price in cents; the ceiling keeps every product inside exact decimal arithmetic."""


class ItemClass(StrEnum):
    """What kind of thing is sold; decides revenue account, tax row and credit eligibility."""

    INJECTABLE = "injectable"
    DEVICE = "device"
    RETAIL = "retail"
    PACKAGE = "package"
    DUES = "dues"
    FEE = "fee"
    GIFT_CARD = "gift_card"
    DEPOSIT = "deposit"


PASS_THROUGH = frozenset({ItemClass.DUES, ItemClass.GIFT_CARD, ItemClass.DEPOSIT})
"""Classes that are money held for later: never discounted, never paid by granted credits."""


class Unit(StrEnum):
    """The one unit an item is counted in."""

    TOXIN_UNIT = "toxin_unit"
    SYRINGE = "syringe"
    SESSION = "session"
    ITEM = "item"


class Price(Authored):
    """A price in force from a civil date (inclusive) to another (exclusive) at the location."""

    unit_cents: UnitCents
    effective_from: date
    effective_to: date | None = None
    member_unit_cents: Mapping[str, UnitCents] = Field(default_factory=dict)
    """Tier code -> unit price for a member whose tier is active at service time."""


class Item(Authored):
    """Something that can appear on a chart line. `step` is the smallest billable quantity."""

    sku: str
    name: str
    item_class: ItemClass
    unit: Unit
    step: Decimal = Field(ge=Decimal("0.0001"), le=1_000_000)
    quantity_max: Decimal = Field(gt=0, le=1_000_000)
    prices: tuple[Price, ...]


class PackageContent(Authored):
    """One entitlement inside a package: any of `skus`, `quantity` of their unit.

    `standalone_cents` is the price of the whole quantity bought singly; it weighs the
    allocation of the package price.
    """

    skus: tuple[str, ...] = Field(min_length=1)
    quantity: Decimal = Field(gt=0, le=1_000_000)
    standalone_cents: int = Field(ge=0, le=1_000_000_000_000)


class Package(Authored):
    """A bundle sold at one price; its terms are copied into the lots at sale."""

    sku: str
    name: str
    contents: tuple[PackageContent, ...] = Field(min_length=1)
    prices: tuple[Price, ...]
    expires_months: int | None = None
    grace_days: int = 0
    usable_while_partly_paid: bool = False


class SuspendedPolicy(StrEnum):
    """What a suspended membership's credit does to a draft."""

    HOLD = "hold"
    ALLOW = "allow"
    IGNORE = "ignore"


class Tier(Authored):
    """A membership level: monthly dues, monthly credit and what the credit may pay.

    `dues_sku` is the item that bills the dues; each one billed grants the credit, once paid.
    """

    code: str
    name: str
    dues_cents: int = Field(ge=0)
    credit_cents: int = Field(ge=0)
    dues_sku: str | None = None
    credit_lots_max: int | None = Field(default=None, ge=1)
    """How many months' credits may be banked; one more, and the oldest expires (2.3)."""
    credit_expires_months: int | None = Field(default=None, ge=1)
    credit_classes: tuple[ItemClass, ...] = (ItemClass.INJECTABLE, ItemClass.DEVICE)
    suspended: SuspendedPolicy = SuspendedPolicy.HOLD


class PromotionScope(StrEnum):
    """Whether a promotion acts on single lines or is spread over the invoice."""

    LINE = "line"
    INVOICE = "invoice"


class Promotion(Authored):
    """A price cut. Exactly one of `percent` (0.10 is 10 %) and `amount_cents` is set."""

    code: str
    scope: PromotionScope
    percent: Decimal | None = Field(default=None, gt=0, le=1)
    amount_cents: int | None = Field(default=None, gt=0)
    skus: tuple[str, ...] = ()
    classes: tuple[ItemClass, ...] = ()
    """Empty `skus` and `classes` together mean every discountable line."""
    cap_cents: int | None = Field(default=None, gt=0)
    stackable: bool = False
    needs_reason: bool = False
    effective_from: date
    effective_to: date | None = None


class TaxRow(Authored):
    """Tax of one item class in one jurisdiction. Unconfirmed rows hold the invoice (A5)."""

    jurisdiction: str
    item_class: ItemClass
    rate: Decimal = Field(ge=0, lt=1)
    effective_from: date
    effective_to: date | None = None
    confirmed_by: str | None = None
    confirmed_on: date | None = None


class Bounds(Authored):
    """Limits past which a draft waits for a person (B9)."""

    line_cents_max: int = 1_000_000
    total_cents_max: int = 1_500_000
    history_multiple_max: int = 3
    history_floor_cents: int = 50_000
    """The history rule is silent for totals at or under this."""
    invoices_per_day_max: int = 3


class Catalog(Authored):
    """Everything that turns a chart into money at one location, as one numbered document."""

    location_id: str
    version: int = Field(ge=1)
    currency: str = "USD"
    zone: str
    items: tuple[Item, ...]
    packages: tuple[Package, ...] = ()
    tiers: tuple[Tier, ...] = ()
    promotions: tuple[Promotion, ...] = ()
    tax_rows: tuple[TaxRow, ...] = ()
    bounds: Bounds = Bounds()
    codes: Mapping[str, str] = Field(default_factory=dict)
    """PMS service, product or package reference -> sku of an item or package."""
    not_billable: tuple[str, ...] = ()
    """PMS references that a person has declared free of charge."""

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("the zone is not an IANA time zone name") from None
        return zone
