"""A second, slow and independent pricing of a visit, to be compared with the product's.

Written from the billing rules alone, with exact fractions and by trying: units are drawn one
step at a time, every allowed combination of promotions is priced, and tenders are the
smallest cut between credits and lines. Where the rules are silent, the choice that the
product documents is followed; such places say "documented".
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction
from itertools import chain, combinations, product
from zoneinfo import ZoneInfo

from domain.catalog import Bounds, Catalog, Item, Package, Price, Promotion, Tier
from domain.chart import Chart, ChartLine, Entitlements, MoneyLot

SERVICES = frozenset({"injectable", "device"})
UNDISCOUNTED = frozenset({"gift_card", "deposit", "dues"})
UNTAXED = frozenset({"gift_card", "deposit"})  # documented: selling a liability is no sale
EVERY = frozenset(
    {"injectable", "device", "retail", "package", "dues", "fee", "gift_card", "deposit"}
)
MAY_PAY = {  # documented, after 2.3 and 2.6; True: pays sales tax too
    "membership_credit": (SERVICES, False),
    "promotional_credit": (EVERY - UNDISCOUNTED, False),
    "gift_card": (EVERY - {"gift_card"}, True),
    "deposit": (EVERY - {"gift_card", "deposit"}, True),
    "account_credit": (EVERY, True),
    "points": (frozenset({"injectable"}), False),
}
KINDS = tuple(MAY_PAY)
FINANCED = frozenset({"injectable", "device", "package"})  # documented


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


def in_force(row: Price | Promotion, day: date) -> bool:
    """From a date, inclusive, to a date, exclusive."""
    return row.effective_from <= day and (row.effective_to is None or day < row.effective_to)


# -- promotions


@dataclass(frozen=True)
class Offer:
    """A promotion with the lines that it may act on, as places in the list of sales."""

    promotion: Promotion
    places: tuple[int, ...]


def cut_prices(visit: Visit) -> None:
    """Try every allowed combination and keep the one that saves the patient most.

    Of equal ones (documented: the earlier) the one whose line offers act on earlier lines.
    """
    tried = ways(visit.sales, usable_offers(visit))
    best, _ = max(tried, key=lambda way: (sum(way[0]), way[1], way[0]))
    for sale, cut in zip(visit.sales, best, strict=True):
        sale.cut = cut


def usable_offers(visit: Visit) -> list[Offer]:
    """Promotions in stored order that are known, in force, reasoned and have a line."""
    known = {promotion.code: promotion for promotion in visit.catalog.promotions}
    result: list[Offer] = []
    for applied in visit.chart.promotions:
        promotion = known.get(applied.code)
        if (
            promotion is None
            or not in_force(promotion, visit.day)
            or (promotion.needs_reason and not (applied.reason or "").strip())
            or not set(applied.line_ids) <= {line.line_id for line in visit.chart.lines}
        ):
            visit.holds.add("PROMOTION_INVALID")
            continue
        places = tuple(
            place
            for place, sale in enumerate(visit.sales)
            if sale.item_class not in UNDISCOUNTED
            and (not applied.line_ids or sale.chart_line in applied.line_ids)
            and (
                sale.sku in promotion.skus
                or sale.item_class in promotion.classes
                or not (promotion.skus or promotion.classes)
            )
        )
        result.append(Offer(promotion, places))
    return result


Cuts = tuple[list[int], list[int]]
"""Cents per sale: taken off by all offers, and by line offers alone."""


def ways(sales: Sequence[Sale], offers: Sequence[Offer]) -> Iterable[Cuts]:
    """Every allowed combination (documented).

    A line takes all its stackable offers or one that stands alone; the invoice likewise.
    """
    on_lines = [offer for offer in offers if offer.promotion.scope == "line"]
    on_invoice = [offer for offer in offers if offer.promotion.scope == "invoice"]
    together = [offer for offer in on_invoice if offer.promotion.stackable]
    alone = [[offer] for offer in on_invoice if not offer.promotion.stackable]
    choices: list[list[tuple[Offer, ...]]] = []
    for place in range(len(sales)):
        here = [offer for offer in on_lines if place in offer.places]
        stack = tuple(offer for offer in here if offer.promotion.stackable)
        choices.append([stack, *((o,) for o in here if not o.promotion.stackable)])
    for picked in product(*choices):
        yield combine(sales, picked, together)
    for single in alone:
        yield combine(sales, [()] * len(sales), single)


def combine(
    sales: Sequence[Sale], picked: Sequence[tuple[Offer, ...]], after: Sequence[Offer]
) -> Cuts:
    """What is cut when each line takes its picked offers and the invoice the others."""
    left = [sale.gross for sale in sales]
    given: dict[str, int] = {}
    standing = set()
    for place, chosen in enumerate(picked):
        for offer in chosen:
            cut = worth(offer.promotion, left[place], given)
            left[place] -= cut
            if cut and not offer.promotion.stackable:
                standing.add(place)
    on_lines = [sale.gross - rest for sale, rest in zip(sales, left, strict=True)]
    for offer in after:
        places = [place for place in offer.places if place not in standing]
        base = sum(left[place] for place in places)
        if base:
            cut = worth(offer.promotion, base, given)
            for place, part in zip(places, spread(cut, [left[p] for p in places]), strict=True):
                left[place] -= part
    return [sale.gross - rest for sale, rest in zip(sales, left, strict=True)], on_lines


def worth(promotion: Promotion, base: int, given: dict[str, int]) -> int:
    """Cents that a promotion takes off an amount; its cap holds for the whole visit."""
    if promotion.percent is not None:
        cents = half_up(base * Fraction(promotion.percent))
    else:
        cents = promotion.amount_cents or 0
    if promotion.cap_cents is not None:
        cents = min(cents, promotion.cap_cents - given.get(promotion.code, 0))
    cents = min(cents, base)
    given[promotion.code] = given.get(promotion.code, 0) + cents
    return cents


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


# -- tenders


@dataclass(frozen=True)
class Payer:
    """One credit or lender: how much it has and which pots it may pay."""

    kind: str
    name: str
    limit: int
    pots: frozenset[int]


def settle(visit: Visit, taxes: Sequence[int]) -> list[tuple[str, str, int]]:
    """Each payer in turn pays what it can, whatever way that leaves most to the later ones.

    What the first n payers can pay together is the smallest cut: of all choices of payers
    that are exhausted, the least sum of their limits and of what the others could reach.
    """
    nets = [sale.gross - sale.cut for sale in visit.sales]
    pots = [*nets, *taxes]
    classes = [sale.item_class for sale in visit.sales]
    payers = [*credits(visit, classes, pots), *lender(visit, classes)]
    paid = [0]
    for count in range(1, len(payers) + 1):
        paid.append(most_paid(payers[:count], pots))
    return [
        (str(payer.kind), payer.name, after - before)
        for payer, before, after in zip(payers, paid, paid[1:], strict=False)
        if after > before
    ]


def most_paid(payers: Sequence[Payer], pots: Sequence[int]) -> int:
    """Smallest cut over all subsets of payers."""
    subsets = chain.from_iterable(combinations(payers, size) for size in range(len(payers) + 1))
    everybody = sum(payer.limit for payer in payers)
    return min(
        everybody
        - sum(payer.limit for payer in subset)
        + sum(pots[pot] for pot in frozenset().union(*(payer.pots for payer in subset)))
        for subset in subsets
    )


def credits(visit: Visit, classes: Sequence[str], pots: Sequence[int]) -> list[Payer]:
    """Credits in tender order; within a kind the one that expires first."""
    tiers = {tier.code: tier for tier in visit.catalog.tiers}
    lots = sorted(
        visit.mine.money_lots,
        key=lambda lot: (
            KINDS.index(lot.kind),
            lot.expires_on or "9999-12-31",
            lot.purchased_at,
            lot.lot_id,
        ),
    )
    result = []
    for lot in lots:
        if lot.expires_on and date.fromisoformat(lot.expires_on) < visit.day:
            continue
        if lot.purchased_at > visit.chart.service_at or not lot.remaining_cents:
            continue
        payer = lot_payer(lot, tiers, classes)
        payable = sum(pots[pot] for pot in payer.pots)
        if lot.kind != "membership_credit" or may_use(visit, lot, tiers, payable):
            result.append(payer)
    return result


def lot_payer(lot: MoneyLot, tiers: dict[str, Tier], classes: Sequence[str]) -> Payer:
    """A credit with the pots of the classes that it may pay, and of their tax."""
    allowed, pays_tax = MAY_PAY[lot.kind]
    if lot.kind == "membership_credit" and lot.tier in tiers:
        allowed = frozenset(str(c) for c in tiers[lot.tier].credit_classes)
    if lot.classes:
        allowed = frozenset(lot.classes)
    pots = {place for place, name in enumerate(classes) if name in allowed}
    taxed = {place + len(classes) for place in pots} if pays_tax else set()
    return Payer(lot.kind, lot.lot_id, lot.remaining_cents, frozenset(pots | taxed))


def may_use(visit: Visit, lot: MoneyLot, tiers: dict[str, Tier], payable: int) -> bool:
    """A suspended membership follows its tier's policy; any other state is asked about."""
    if not payable:
        return False
    status = next((m.status for m in visit.mine.memberships if m.tier == lot.tier), "unknown")
    if status == "active":
        return True
    policy = tiers[lot.tier].suspended if lot.tier in tiers else "hold"
    if status in ("suspended", "past_due") and policy != "hold":
        return policy == "allow"
    visit.holds.add("MEMBERSHIP_SUSPENDED")
    return False


def lender(visit: Visit, classes: Sequence[str]) -> list[Payer]:
    """The financed part: services and packages, retail only when the programme says so."""
    plan = visit.chart.financing
    if plan is None:
        return []
    allowed = FINANCED | ({"retail"} if plan.covers_retail else set())
    pots = {place for place, name in enumerate(classes) if name in allowed}
    pots |= {place + len(classes) for place in pots}
    limit = min(plan.approved_cents, plan.requested_cents)
    return [Payer("lender", plan.loan_ref, limit, frozenset(pots))]
