"""A second, slow and independent pricing of a visit, to be compared with the product's.

Written from the billing rules alone, with exact fractions and by trying: units are drawn one
step at a time, every allowed combination of promotions is priced, and tenders are the
smallest cut between credits and lines. Where the rules are silent, the choice that the
product documents is followed; such places say "documented".
"""

from collections.abc import Sequence
from datetime import date, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from domain.catalog import Bounds, Catalog, Item, Package
from domain.chart import Chart, ChartLine, Entitlements
from tests.oracle.cuts import cut_prices
from tests.oracle.payers import settle
from tests.oracle.visit import Answer, Lot, Sale, Take, Visit, half_up, in_force, spread

UNTAXED = frozenset({"gift_card", "deposit"})  # documented: selling a liability is no sale


def brute(chart: Chart, mine: Entitlements, catalog: Catalog) -> Answer:
    """Price a visit the slow way."""
    day = chart.service_at.astimezone(ZoneInfo(catalog.zone)).date()
    visit = Visit(chart, catalog, mine, day)
    if chart.currency != catalog.currency:
        visit.holds.add("CURRENCY_MISMATCH")
    if mine.invoices_today + 1 > catalog.bounds.invoices_per_day_max:
        visit.holds.add("SANITY_BOUND_INVOICES_PER_DAY")
    charted = read(visit)
    lots = open_lots(visit, charted)
    for line, thing in charted:
        rest = draw(visit, line, thing, lots)
        if rest:
            sell(visit, line, thing, rest)
    cut_prices(visit)
    taxes = [tax(visit, sale) for sale in visit.sales]
    net = sum(sale.gross - sale.cut for sale in visit.sales)
    tip = sum(chart.tips_cents.values())
    total = net + sum(taxes) + tip
    check_bounds(visit, total)
    tenders = settle(visit, taxes)
    due = total - sum(cents for _, _, cents in tenders)
    if due > tip:
        hold_first_use(visit)
    value_new_lots(visit)
    return Answer(
        holds=frozenset(visit.holds),
        total=total,
        tax=sum(taxes),
        tip=tip,
        discount=sum(sale.cut for sale in visit.sales),
        due=due,
        tenders=tuple(sorted(tenders)),
        draws=tuple(sorted((t.lot.lot_id, t.quantity, t.value or 0) for t in visit.takes)),
    )


# -- what was charted


def read(visit: Visit) -> list[tuple[ChartLine, Item | Package]]:
    """Lines with what their code stands for."""
    known: dict[str, Item | Package] = {item.sku: item for item in visit.catalog.items}
    known |= {package.sku: package for package in visit.catalog.packages}
    result: list[tuple[ChartLine, Item | Package]] = []
    for line in visit.chart.lines:
        if line.code in visit.catalog.not_billable:
            continue
        thing = known.get(visit.catalog.codes.get(line.code, ""))
        if thing is None:
            visit.holds.add("CATALOG_UNMAPPED")
            continue
        step = thing.step if isinstance(thing, Item) else 1
        most = thing.quantity_max if isinstance(thing, Item) else None
        if line.quantity <= 0:
            visit.holds.add("QUANTITY_NOT_POSITIVE")
            continue
        if most is not None and line.quantity > most:
            visit.holds.add("QUANTITY_BOUND")
        if (Fraction(line.quantity) / Fraction(step)).denominator != 1:
            visit.holds.add("QUANTITY_OFF_STEP")
            continue
        if thing.sku in [earlier.sku for _, earlier in result]:
            visit.holds.add("SANITY_BOUND_DUPLICATE")
        result.append((line, thing))
    return result


# -- draws


def open_lots(visit: Visit, charted: Sequence[tuple[ChartLine, Item | Package]]) -> list[Lot]:
    """The client's lots and (documented) those of packages sold at this visit, in order."""
    lots = []
    for lot in visit.mine.unit_lots:
        expires = date.fromisoformat(lot.expires_on) if lot.expires_on else None
        good = expires + timedelta(days=lot.grace_days) if expires else None
        lots.append(
            Lot(
                lot_id=lot.lot_id,
                skus=lot.skus,
                left=Fraction(lot.remaining),
                value=lot.value_cents,
                paid=lot.paid_value_cents,
                expires=expires,
                good_until=None if lot.reinstated_by else good,
                bought=lot.purchased_at,
            )
        )
    for line, thing in charted:
        if isinstance(thing, Package):
            expires = months_later(visit.day, thing.expires_months)
            for number, content in enumerate(thing.contents, start=1):
                lots.append(
                    Lot(
                        lot_id=f"sold-now/{line.line_id}.1/{number}",
                        skus=content.skus,
                        left=Fraction(content.quantity) * Fraction(line.quantity),
                        value=None,
                        paid=None,
                        expires=expires,
                        good_until=expires,
                        bought=visit.chart.service_at,
                        package_line=line.line_id,
                        content=number,
                    )
                )
    return sorted(lots, key=lambda lot: (lot.expires or date.max, lot.bought, lot.lot_id))


def months_later(day: date, months: int | None) -> date | None:
    """The same day some months later, or the last one of a shorter month."""
    if months is None:
        return None
    first = date(day.year + (day.month - 1 + months) // 12, (day.month - 1 + months) % 12 + 1, 1)
    last = first
    while (last + timedelta(days=1)).month == first.month and last.day < day.day:
        last += timedelta(days=1)
    return last


def draw(visit: Visit, line: ChartLine, thing: Item | Package, lots: Sequence[Lot]) -> Fraction:
    """Cover a line from lots, one step at a time; answers what no lot covers."""
    rest = Fraction(line.quantity)
    if isinstance(thing, Package):
        return rest
    step = Fraction(thing.step)
    expired = unpaid = False
    for lot in lots:
        if thing.sku not in lot.skus or lot.bought > visit.chart.service_at:
            continue
        if lot.good_until is not None and lot.good_until < visit.day:
            expired = expired or lot.left >= step
            continue
        quantity = Fraction(0)
        while quantity + step <= min(rest, lot.left):
            if lot.paid is not None and value_of(lot, quantity + step) > lot.paid:
                unpaid = True
                break
            quantity += step
        if quantity:
            take(visit, lot, quantity)
            rest -= quantity
    # Documented: a lot that cannot be used is asked about only when the others do not suffice.
    if rest and expired:
        visit.holds.add("LOT_EXPIRED")
    if rest and unpaid:
        visit.holds.add("LOT_PARTLY_PAID")
    return rest


def value_of(lot: Lot, quantity: Fraction) -> int:
    """The half-up share of what is left; the last draw takes the rest."""
    return half_up(Fraction(lot.value or 0) * quantity / lot.left)


def take(visit: Visit, lot: Lot, quantity: Fraction) -> None:
    """Draw from a lot."""
    value = None if lot.value is None else value_of(lot, quantity)
    visit.takes.append(Take(lot, quantity, lot.left, value))
    lot.left -= quantity
    if lot.value is not None and value is not None:
        lot.value -= value
        if lot.paid is not None:
            lot.paid -= value


def value_new_lots(visit: Visit) -> None:
    """Packages sold now: their net price over contents, then over the draws."""
    worth: dict[str, int] = {}
    for sale in visit.sales:
        if sale.package is not None:
            weights = [content.standalone_cents for content in sale.package.contents]
            for number, value in enumerate(spread(sale.gross - sale.cut, weights), start=1):
                worth[f"sold-now/{sale.chart_line}.1/{number}"] = value
    for made in visit.takes:
        if made.value is None:
            left = worth.get(made.lot.lot_id, 0)
            made.value = half_up(Fraction(left) * made.quantity / made.left_before)
            worth[made.lot.lot_id] = left - made.value


def hold_first_use(visit: Visit) -> None:
    """Documented: units of a package that this visit sells and leaves unpaid are asked about."""
    for sale in visit.sales:
        package = sale.package
        drawn = any(made.lot.package_line == sale.chart_line for made in visit.takes)
        if package is not None and drawn and not package.usable_while_partly_paid:
            visit.holds.add("LOT_PARTLY_PAID")


# -- prices


def sell(visit: Visit, line: ChartLine, thing: Item | Package, rest: Fraction) -> None:
    """What no lot covered, at the price in force."""
    unit = line.one_off_unit_cents
    if unit is None:
        prices = [price for price in thing.prices if in_force(price, visit.day)]
        if len(prices) != 1:
            visit.holds.add("PRICE_MISSING")
            return
        active = {held.tier for held in visit.mine.memberships if held.status == "active"}
        member = [cents for tier, cents in prices[0].member_unit_cents.items() if tier in active]
        unit = min([prices[0].unit_cents, *member])
        if unit == 0:
            visit.holds.add("SANITY_BOUND_ZERO_PRICE")
    visit.sales.append(
        Sale(
            chart_line=line.line_id,
            sku=thing.sku,
            item_class=str(thing.item_class) if isinstance(thing, Item) else "package",
            gross=half_up(rest * unit),
            package=thing if isinstance(thing, Package) else None,
            quantity=rest,
        )
    )


# -- tax and bounds


def tax(visit: Visit, sale: Sale) -> int:
    """Tax of one line on its discounted amount."""
    if sale.item_class in UNTAXED:
        return 0
    rows = [
        row
        for row in visit.catalog.tax_rows
        if row.item_class == sale.item_class
        and row.effective_from <= visit.day
        and (row.effective_to is None or visit.day < row.effective_to)
    ]
    if len(rows) != 1:
        visit.holds.add("TAX_UNCONFIRMED")
        return 0
    if rows[0].confirmed_by is None:
        visit.holds.add("TAX_UNCONFIRMED")
    return half_up((sale.gross - sale.cut) * Fraction(rows[0].rate))


def check_bounds(visit: Visit, total: int) -> None:
    """Amounts that a person should see first (B9)."""
    bounds: Bounds = visit.catalog.bounds
    usual = visit.mine.usual_total_cents
    if any(sale.gross > bounds.line_cents_max for sale in visit.sales):
        visit.holds.add("SANITY_BOUND_LINE")
    if total > bounds.total_cents_max:
        visit.holds.add("SANITY_BOUND_TOTAL")
    if (
        usual is not None
        and total > bounds.history_floor_cents
        and total > bounds.history_multiple_max * usual
    ):
        visit.holds.add("SANITY_BOUND_HISTORY")
