"""What is wrong with a catalog before anything is priced from it (A1-A5, L5)."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import combinations, groupby

from domain.catalog import (
    PASS_THROUGH,
    Catalog,
    Item,
    ItemClass,
    Package,
    Price,
    Promotion,
    TaxRow,
)
from domain.tax import UNTAXED

SUPPORTED_CURRENCIES = frozenset({"AUD", "CAD", "NZD", "USD"})
"""Dollar currencies of a hundred cents; amounts are kept and shown as such."""


def catalog_problems(catalog: Catalog) -> list[str]:
    """Faults that a catalog must not be saved with, one sentence each; empty when it is sound."""
    return [
        *_currency(catalog),
        *_doubled(catalog),
        *_items(catalog),
        *_packages(catalog),
        *_tiers(catalog),
        *_promotions(catalog),
        *_tax_rows(catalog),
        *_codes(catalog),
    ]


def catalog_gaps(catalog: Catalog) -> list[str]:
    """What a sound catalog still lacks and will hold invoices for: tax rows, prices of $0.00."""
    gaps: list[str] = []
    used = {item.item_class for item in catalog.items}
    used |= {ItemClass.PACKAGE} if catalog.packages else set()
    for item_class in sorted(used - UNTAXED):
        rows = [row for row in catalog.tax_rows if row.item_class == item_class]
        if not rows:
            gaps.append(f"No tax row says how {item_class} is taxed.")
        gaps += [
            f"The tax row of {item_class} from {row.effective_from} is not confirmed."
            for row in rows
            if not row.confirmed_by
        ]
    for sku, prices in _priced(catalog):
        if any(price.unit_cents == 0 for price in prices):
            gaps.append(f"{sku} has a price of $0.00.")
    return gaps


def _priced(catalog: Catalog) -> list[tuple[str, tuple[Price, ...]]]:
    items = [(item.sku, item.prices) for item in catalog.items]
    return items + [(package.sku, package.prices) for package in catalog.packages]


def _currency(catalog: Catalog) -> Iterator[str]:
    if catalog.currency not in SUPPORTED_CURRENCIES:
        known = ", ".join(sorted(SUPPORTED_CURRENCIES))
        yield f"Currency {catalog.currency} is not one of {known}."


def _doubled(catalog: Catalog) -> Iterator[str]:
    names = {
        "sku": [sku for sku, _ in _priced(catalog)],
        "tier": [tier.code for tier in catalog.tiers],
        "promotion": [promotion.code for promotion in catalog.promotions],
    }
    for what, codes in names.items():
        for code, count in Counter(codes).items():
            if count > 1:
                yield f"The {what} {code} is defined {count} times."


def _periods(what: str, rows: Sequence[Price | TaxRow]) -> Iterator[str]:
    """Empty and overlapping periods; the end date is exclusive."""
    for row in rows:
        if row.effective_to is not None and row.effective_to <= row.effective_from:
            yield f"{what} from {row.effective_from} ends before it begins."
    ordered: Sequence[Price | TaxRow] = sorted(rows, key=lambda row: row.effective_from)
    for first, second in combinations(ordered, 2):
        if first.effective_to is None or second.effective_from < first.effective_to:
            yield (f"{what} from {first.effective_from} and from {second.effective_from} overlap.")


def _items(catalog: Catalog) -> Iterator[str]:
    for sku, prices in _priced(catalog):
        if not prices:
            yield f"{sku} has no price."
        yield from _periods(f"The prices of {sku}", prices)
        tiers = {tier.code for tier in catalog.tiers}
        for tier in sorted({code for price in prices for code in price.member_unit_cents} - tiers):
            yield f"{sku} has a member price for tier {tier}, which does not exist."
    for item in catalog.items:
        if item.item_class is ItemClass.PACKAGE:
            yield f"{item.sku} is an item of class package; packages have their own list."
        if item.quantity_max < item.step:
            yield f"{item.sku} has a largest quantity under its step."


def _packages(catalog: Catalog) -> Iterator[str]:
    items = {item.sku: item for item in catalog.items}
    for package in catalog.packages:
        yield from _contents(package, items)
        if all(content.standalone_cents == 0 for content in package.contents):
            yield f"Package {package.sku} has no stand-alone price to spread its own price by."
        if (package.expires_months is not None and package.expires_months < 1) or (
            package.grace_days < 0
        ):
            yield f"Package {package.sku} has an expiry or grace under zero."


def _contents(package: Package, items: dict[str, Item]) -> Iterator[str]:
    for content in package.contents:
        known = [items[sku] for sku in content.skus if sku in items]
        for sku in content.skus:
            if sku not in items:
                yield f"Package {package.sku} contains {sku}, which is not an item."
        if len({item.unit for item in known}) > 1:
            yield f"Package {package.sku} mixes units inside one of its contents."
        for item in known:
            if content.quantity % item.step != Decimal(0):
                yield f"Package {package.sku} contains a quantity off the step of {item.sku}."
            if item.item_class in PASS_THROUGH:
                yield f"Package {package.sku} contains {item.sku}, which is no treatment or good."


def _tiers(catalog: Catalog) -> Iterator[str]:
    dues = {item.sku for item in catalog.items if item.item_class is ItemClass.DUES}
    for tier in catalog.tiers:
        for item_class in sorted(PASS_THROUGH & set(tier.credit_classes)):
            yield f"Tier {tier.code} lets its credit pay {item_class}."
        if tier.dues_sku is None:
            continue
        if tier.dues_sku not in dues:
            yield f"Tier {tier.code} bills its dues by {tier.dues_sku}, which is no item of dues."
        if tier.credit_cents > tier.dues_cents:
            yield f"Tier {tier.code} gives more credit than its dues; the rest is a promotion."
    billed = Counter(tier.dues_sku for tier in catalog.tiers if tier.dues_sku)
    for sku in sorted(sku for sku, count in billed.items() if count > 1):
        yield f"{sku} bills the dues of more than one tier."


def _promotions(catalog: Catalog) -> Iterator[str]:
    skus = {sku for sku, _ in _priced(catalog)}
    for promotion in catalog.promotions:
        yield from _promotion(promotion, skus)


def _promotion(promotion: Promotion, skus: Iterable[str]) -> Iterator[str]:
    code = promotion.code
    if (promotion.percent is None) == (promotion.amount_cents is None):
        yield f"Promotion {code} must have either a percentage or an amount."
    for sku in promotion.skus:
        if sku not in skus:
            yield f"Promotion {code} names {sku}, which does not exist."
    for item_class in sorted(PASS_THROUGH & set(promotion.classes)):
        yield f"Promotion {code} would cut {item_class}, which is never discounted."
    if promotion.effective_to is not None and promotion.effective_to <= promotion.effective_from:
        yield f"Promotion {code} ends before it begins."


def _tax_rows(catalog: Catalog) -> Iterator[str]:
    by_class = sorted(catalog.tax_rows, key=lambda row: row.item_class)
    for item_class, rows in groupby(by_class, key=lambda row: row.item_class):
        yield from _periods(f"The tax rows of {item_class}", list(rows))
    for row in catalog.tax_rows:
        if (row.confirmed_by is None) != (row.confirmed_on is None):
            yield (
                f"The tax row of {row.item_class} from {row.effective_from} must say both who "
                "confirmed it and when."
            )


def _codes(catalog: Catalog) -> Iterator[str]:
    skus = {sku for sku, _ in _priced(catalog)}
    for code, sku in sorted(catalog.codes.items()):
        if sku not in skus:
            yield f"Code {code} stands for {sku}, which does not exist."
        if code in catalog.not_billable:
            yield f"Code {code} is both mapped and declared not billable."
