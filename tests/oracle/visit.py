"""What the independent calculation carries along, and its arithmetic with exact fractions."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from fractions import Fraction

from domain.catalog import Catalog, Package, Price, Promotion
from domain.chart import Chart, Entitlements

UNDISCOUNTED = frozenset({"gift_card", "deposit", "dues"})


@dataclass(frozen=True)
class Answer:
    """What the product is compared on. Cents; tenders are (kind, lot or loan, cents).

    Draws are (lot, quantity, value).
    """

    holds: frozenset[str]
    total: int
    tax: int
    tip: int
    discount: int
    due: int
    tenders: tuple[tuple[str, str, int], ...]
    draws: tuple[tuple[str, Fraction, int], ...]


@dataclass
class Lot:
    """Units while they are drawn from; `value` None: sold at this very visit."""

    lot_id: str
    skus: tuple[str, ...]
    left: Fraction
    value: int | None
    paid: int | None
    expires: date | None
    good_until: date | None
    bought: datetime
    package_line: str | None = None
    content: int = 0


@dataclass
class Sale:
    """A line of money; `cut` is what promotions took off."""

    chart_line: str
    sku: str
    item_class: str
    gross: int
    cut: int = 0
    package: Package | None = None
    quantity: Fraction = Fraction(0)


@dataclass
class Take:
    """A draw from a lot; the value of lots sold now is known at the end."""

    lot: Lot
    quantity: Fraction
    left_before: Fraction
    value: int | None


@dataclass
class Visit:
    """Everything that one calculation carries along."""

    chart: Chart
    catalog: Catalog
    mine: Entitlements
    day: date
    holds: set[str] = field(default_factory=set)
    sales: list[Sale] = field(default_factory=list)
    takes: list[Take] = field(default_factory=list)


def half_up(amount: Fraction) -> int:
    """Nearest whole number; halves go up. For amounts of at least zero."""
    return (2 * amount.numerator + amount.denominator) // (2 * amount.denominator)


def spread(total: int, weights: Sequence[int]) -> list[int]:
    """Largest remainder, one cent at a time to whoever lacks most; ties to the earlier."""
    whole = sum(weights)
    even = [Fraction(total, len(weights))] * len(weights)
    ideal = [Fraction(total * weight, whole) for weight in weights] if whole else even
    parts = [int(share) for share in ideal]
    while sum(parts) < total:
        lacking = [share - part for share, part in zip(ideal, parts, strict=True)]
        parts[lacking.index(max(lacking))] += 1
    return parts


def in_force(row: Price | Promotion, day: date) -> bool:
    """From a date, inclusive, to a date, exclusive."""
    return row.effective_from <= day and (row.effective_to is None or day < row.effective_to)
