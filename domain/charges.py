"""Chart lines become charges: what was charted, at which price (rules 2.1 step 1, A1, A2, A7)."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TypeVar

from domain.catalog import Catalog, Item, ItemClass, Package, Price, Promotion, TaxRow, Unit
from domain.chart import Chart, ChartLine, Entitlements
from domain.findings import Findings, counted, plain
from domain.invoice import InvoiceLine, LineKind
from domain.money import dollars, extend

_QUANTITY_CEILING = Decimal(1_000_000)
_ONE_OFF_STEP = Decimal("0.01")
ONE_OFF_SKU = "ONE-OFF"
"""The sku of a line whose code is unknown and whose price a named person set."""


@dataclass(frozen=True)
class Charted:
    """A chart line with what its code stands for. `quantity` is still to be billed or drawn."""

    line: ChartLine
    sku: str
    name: str
    item_class: ItemClass
    unit: Unit
    step: Decimal
    quantity_max: Decimal
    prices: tuple[Price, ...]
    quantity: Decimal
    package: Package | None = None

    @property
    def source(self) -> str:
        """Where the line came from, as a sentence."""
        return (
            f"Charted line {self.line.line_id}: {counted(self.line.quantity, self.unit)} "
            f"of {self.name} ({self.sku}), code {self.line.code}."
        )


Dated = TypeVar("Dated", Price, TaxRow, Promotion)


def in_force(rows: Sequence[Dated], day: date) -> list[Dated]:
    """Rows whose period holds the day; more than one means an overlap."""
    return [
        row
        for row in rows
        if row.effective_from <= day and (row.effective_to is None or day < row.effective_to)
    ]


def read_chart(chart: Chart, catalog: Catalog, findings: Findings) -> list[Charted]:
    """The billable lines in chart order; a line that cannot be billed leaves a reason."""
    found: list[Charted] = []
    for line in chart.lines:
        if line.code in catalog.not_billable:
            findings.notes.append(
                f"Line {line.line_id} (code {line.code}) is declared free of charge in "
                f"catalog {catalog.version}."
            )
            continue
        charted = _resolve(line, catalog)
        if charted is None:
            _unmapped(line, catalog, findings)
        elif _quantity_is_right(charted, findings):
            found.append(charted)
    _hold_duplicates(found, findings)
    return found


def _resolve(line: ChartLine, catalog: Catalog) -> Charted | None:
    sku = catalog.codes.get(line.code)
    for item in catalog.items:
        if item.sku == sku:
            return _charted_item(line, item)
    for package in catalog.packages:
        if package.sku == sku:
            return _charted_package(line, package)
    if line.one_off_unit_cents is None or line.one_off_class is None:
        return None
    return Charted(
        line=line,
        sku=ONE_OFF_SKU,
        name="a one-off item",
        item_class=line.one_off_class,
        unit=Unit.ITEM,
        step=_ONE_OFF_STEP,
        quantity_max=_QUANTITY_CEILING,
        prices=(),
        quantity=line.quantity,
    )


def _charted_item(line: ChartLine, item: Item) -> Charted:
    return Charted(
        line=line,
        sku=item.sku,
        name=item.name,
        item_class=item.item_class,
        unit=item.unit,
        step=item.step,
        quantity_max=item.quantity_max,
        prices=item.prices,
        quantity=line.quantity,
    )


def _charted_package(line: ChartLine, package: Package) -> Charted:
    return Charted(
        line=line,
        sku=package.sku,
        name=package.name,
        item_class=ItemClass.PACKAGE,
        unit=Unit.ITEM,
        step=Decimal(1),
        quantity_max=_QUANTITY_CEILING,
        prices=package.prices,
        quantity=line.quantity,
        package=package,
    )


def _unmapped(line: ChartLine, catalog: Catalog, findings: Findings) -> None:
    priced = "; its one-off price says no item class" if line.one_off_unit_cents is not None else ""
    findings.hold(
        "CATALOG_UNMAPPED",
        f"Code {line.code} stands for nothing in catalog {catalog.version}{priced}.",
        "Map the code to an item or package, set a one-off price with its item class, "
        "or declare it not billable.",
        line_id=line.line_id,
    )


def _quantity_is_right(charted: Charted, findings: Findings) -> bool:
    """Whether the quantity can be billed; each fault is a reason (A2)."""
    quantity, line_id = charted.line.quantity, charted.line.line_id
    if quantity <= 0:
        findings.hold(
            "QUANTITY_NOT_POSITIVE",
            f"The charted quantity of {charted.name} is zero or negative.",
            "Correct the quantity on the chart, or take the line off.",
            line_id=line_id,
        )
        return False
    if quantity > charted.quantity_max or quantity > _QUANTITY_CEILING:
        within_reason = quantity <= _QUANTITY_CEILING
        findings.hold(
            "QUANTITY_BOUND",
            f"The charted quantity of {charted.name} is over the limit of "
            f"{plain(charted.quantity_max)}.",
            "Correct the quantity on the chart, or approve it as it is.",
            line_id=line_id,
            computable=within_reason,
            approvable=within_reason,
        )
        if not within_reason:
            return False
    if quantity % charted.step != 0:
        findings.hold(
            "QUANTITY_OFF_STEP",
            f"{counted(quantity, charted.unit)} of {charted.name} is not a multiple of "
            f"{plain(charted.step)}.",
            "Correct the quantity on the chart.",
            line_id=line_id,
        )
        return False
    return True


def _hold_duplicates(charted: Sequence[Charted], findings: Findings) -> None:
    seen: Counter[str] = Counter()
    for each in charted:
        if each.sku != ONE_OFF_SKU and seen[each.sku]:
            findings.hold(
                "SANITY_BOUND_DUPLICATE",
                f"{each.name} ({each.sku}) is on the chart more than once.",
                "Approve if both were given, or take one line off the chart.",
                line_id=each.line.line_id,
                computable=True,
                approvable=True,
            )
        seen[each.sku] += 1


def charge(
    charted: Charted,
    line_id: str,
    day: date,
    catalog: Catalog,
    entitlements: Entitlements,
    findings: Findings,
) -> InvoiceLine | None:
    """The sale line for what no lot covered; None (and a reason) without one price in force."""
    unit = _unit_price(charted, day, catalog, entitlements, findings)
    if unit is None:
        return None
    unit_cents, because = unit
    gross_cents = extend(charted.quantity, unit_cents)
    if unit_cents == 0 and charted.line.one_off_unit_cents is None:
        findings.hold(
            "SANITY_BOUND_ZERO_PRICE",
            f"{charted.name} is priced at $0.00 and nothing is drawn for it.",
            "Correct the price, or approve that it is free.",
            line_id=charted.line.line_id,
            computable=True,
            approvable=True,
        )
    quantity, credit_cents = plain(charted.quantity), _credit_in(charted, gross_cents, catalog)
    return InvoiceLine(
        line_id=line_id,
        chart_line_id=charted.line.line_id,
        kind=LineKind.SALE,
        sku=charted.sku,
        item_class=charted.item_class,
        quantity=quantity,
        unit_cents=unit_cents,
        gross_cents=gross_cents,
        net_cents=gross_cents,
        credit_cents=credit_cents,
        provider_ref=charted.line.provider_ref,
        trace=(
            charted.source,
            because,
            f"{quantity} x {dollars(unit_cents)} = {dollars(gross_cents)} (rule 2.1 step 1).",
            *([f"Of it {dollars(credit_cents)} is credit (rule 2.3)."] if credit_cents else []),
        ),
    )


def _credit_in(charted: Charted, gross_cents: int, catalog: Catalog) -> int:
    """What of membership dues becomes credit; never more than the dues themselves."""
    tier = next((one for one in catalog.tiers if one.dues_sku == charted.sku), None)
    if tier is None or charted.item_class is not ItemClass.DUES:
        return 0
    return min(gross_cents, extend(charted.quantity, tier.credit_cents))


def _unit_price(
    charted: Charted,
    day: date,
    catalog: Catalog,
    entitlements: Entitlements,
    findings: Findings,
) -> tuple[int, str] | None:
    """Unit price in cents and the sentence that explains it."""
    one_off_cents = charted.line.one_off_unit_cents
    if one_off_cents is not None:
        return one_off_cents, f"One-off price {dollars(one_off_cents)} set by a named person."
    prices = in_force(charted.prices, day)
    if len(prices) != 1:
        findings.hold(
            "PRICE_MISSING",
            f"{charted.name} has {len(prices) or 'no'} price{'s' if prices else ''} "
            f"in force on {day}.",
            "Give the catalog one price for that day, or set a one-off price.",
            line_id=charted.line.line_id,
        )
        return None
    price = prices[0]
    since = f"in force since {price.effective_from} (catalog {catalog.version}, rule A1)"
    active = {each.tier for each in entitlements.memberships if each.status == "active"}
    member = sorted((cents, tier) for tier, cents in price.member_unit_cents.items())
    for cents, tier in member:
        if tier in active and cents < price.unit_cents:
            return cents, (
                f"Member price {dollars(cents)} of tier {tier}, active on {day}, "
                f"instead of {dollars(price.unit_cents)}; {since}."
            )
    return price.unit_cents, f"Price {dollars(price.unit_cents)} {since}."
