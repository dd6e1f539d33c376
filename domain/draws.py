"""In-kind draws: lots that the client already owns cover quantity first (rules 2.1 step 2, 2.2)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

from domain.calendar import local_date
from domain.catalog import Catalog
from domain.charges import Charted, charge
from domain.chart import Chart, Entitlements
from domain.findings import Findings, counted, plain
from domain.invoice import Draw, InvoiceLine, LineKind
from domain.lots import (
    OpenLot,
    content_values,
    draw_value,
    expiry,
    is_sold_now,
    opened,
    placeholder_id,
    sold_by,
)
from domain.money import dollars


def draw_and_charge(
    charted: Sequence[Charted],
    chart: Chart,
    catalog: Catalog,
    entitlements: Entitlements,
    findings: Findings,
) -> list[InvoiceLine]:
    """Draw and sale lines in chart order: lots first, the price in force for the rest.

    A line takes `<chart line>.<n>` as its id. One line never mixes two lots.
    """
    day = local_date(chart.service_at, catalog.zone)
    lots = [opened(lot, catalog.zone) for lot in entitlements.unit_lots]
    lots += _lots_sold_now(charted, chart.service_at, day)
    lots.sort(key=lambda lot: lot.order)
    lines: list[InvoiceLine] = []
    for each in charted:
        drawn = [] if each.package else _draw(each, lots, day, findings)
        lines += drawn
        rest = each.line.quantity - sum((line.quantity for line in drawn), Decimal(0))
        if rest > 0:
            line_id = f"{each.line.line_id}.{len(drawn) + 1}"
            left = replace(each, quantity=rest)
            sale = charge(left, line_id, day, catalog, entitlements, findings)
            lines += [sale] if sale else []
    return lines


def _lots_sold_now(charted: Sequence[Charted], at: datetime, day: date) -> list[OpenLot]:
    """The lots of packages on this very chart; the id of a package's sale line is `<line>.1`."""
    lots: list[OpenLot] = []
    for each in charted:
        if each.package is None:
            continue
        last_day = expiry(each.package, day)
        for number, content in enumerate(each.package.contents, start=1):
            lots.append(
                OpenLot(
                    lot_id=placeholder_id(f"{each.line.line_id}.1", number),
                    skus=content.skus,
                    remaining=content.quantity * each.line.quantity,
                    value_cents=None,
                    paid_cents=None,
                    bought_on=day,
                    purchased_at=at,
                    expires_on=date.fromisoformat(last_day) if last_day else None,
                )
            )
    return lots


def _draw(
    charted: Charted, lots: Sequence[OpenLot], day: date, findings: Findings
) -> list[InvoiceLine]:
    """Draw lines for one chart line; lots that could not help leave a reason or a note."""
    lines: list[InvoiceLine] = []
    expired: list[OpenLot] = []
    unpaid: list[OpenLot] = []
    rest = charted.quantity
    for lot in lots:
        wanted = lot.drawable(rest, charted.step) if charted.sku in lot.skus else Decimal(0)
        if wanted <= 0:
            continue
        if lot.bought_on > day:
            findings.notes.append(
                f"Lot {lot.lot_id} was bought on {lot.bought_on}, after the service: not drawn."
            )
            continue
        if lot.is_expired(day):
            expired.append(lot)
            continue
        quantity = lot.paid_for(wanted, charted.step)
        if quantity < wanted:
            unpaid.append(lot)
        if quantity > 0:
            line_id = f"{charted.line.line_id}.{len(lines) + 1}"
            lines.append(_draw_line(charted, line_id, lot, quantity, day))
            rest -= quantity
    if rest > 0:
        _hold_unusable(charted, expired, unpaid, rest, findings)
    return lines


def _draw_line(
    charted: Charted, line_id: str, lot: OpenLot, quantity: Decimal, day: date
) -> InvoiceLine:
    held, held_cents = lot.remaining, lot.value_cents
    value_cents = lot.take(quantity)
    trace = [charted.source]
    if held_cents is not None:
        trace.append(
            f"{counted(quantity, charted.unit)} drawn from lot {lot.lot_id}: "
            f"{dollars(value_cents)} of its {dollars(held_cents)}; "
            f"{plain(lot.remaining)} of {plain(held)} left (rule 2.2)."
        )
    else:
        trace.append(
            f"{counted(quantity, charted.unit)} drawn from the package sold on this visit; "
            f"{plain(lot.remaining)} of {plain(held)} left (rule 2.2)."
        )
    if lot.in_grace(day):
        trace.append(f"The lot expired on {lot.expires_on} and is drawn within its grace.")
    if lot.reinstated:
        trace.append("A named person reinstated the lot.")
    trace.append("Nothing is sold on this line: no discount, no tax (rule 2.1 step 2).")
    return InvoiceLine(
        line_id=line_id,
        chart_line_id=charted.line.line_id,
        kind=LineKind.DRAW,
        sku=charted.sku,
        item_class=charted.item_class,
        quantity=plain(quantity),
        unit_cents=0,
        gross_cents=0,
        net_cents=0,
        draw=Draw(lot_id=lot.lot_id, quantity=plain(quantity), value_cents=value_cents),
        provider_ref=charted.line.provider_ref,
        trace=tuple(trace),
    )


def _hold_unusable(
    charted: Charted,
    expired: Sequence[OpenLot],
    unpaid: Sequence[OpenLot],
    rest: Decimal,
    findings: Findings,
) -> None:
    charged = f"{counted(rest, charted.unit)} of {charted.name} would be charged"
    for lot in expired:
        findings.hold(
            "LOT_EXPIRED",
            f"Lot {lot.lot_id} expired on {lot.expires_on} (grace {lot.grace_days} days), "
            f"before the service; {charged}.",
            "Reinstate the lot, or approve the charge.",
            line_id=charted.line.line_id,
            subject=lot.lot_id,
            computable=True,
            approvable=True,
        )
    for lot in unpaid:
        findings.hold(
            "LOT_PARTLY_PAID",
            f"Lot {lot.lot_id} is paid for too little to cover the quantity; {charged}.",
            "Take the package payment first, or approve the charge.",
            line_id=charted.line.line_id,
            computable=True,
            approvable=True,
        )


def value_sold_lots(lines: Sequence[InvoiceLine], charted: Sequence[Charted]) -> list[InvoiceLine]:
    """The same lines, draws from packages sold on this visit now with their value.

    The package's price is known after discounts; each draw then takes its share of it.
    """
    packages = {each.sku: each.package for each in charted if each.package}
    left: dict[str, tuple[Decimal, int]] = {}
    for line in lines:
        if line.kind is LineKind.SALE and line.sku in packages:
            package = packages[line.sku]
            values = content_values(package, line.net_cents)
            for number, content in enumerate(package.contents, start=1):
                whole = (content.quantity * line.quantity, values[number - 1])
                left[placeholder_id(line.line_id, number)] = whole
    return [_with_value(line, left) for line in lines]


def _with_value(line: InvoiceLine, left: dict[str, tuple[Decimal, int]]) -> InvoiceLine:
    """The line with its draw's value, which is taken from what is `left` of the lot."""
    if line.draw is None or line.draw.lot_id not in left:
        return line
    remaining, value_cents = left[line.draw.lot_id]
    worth_cents = draw_value(value_cents, line.draw.quantity, remaining)
    left[line.draw.lot_id] = (remaining - line.draw.quantity, value_cents - worth_cents)
    sentence = f"The draw is worth {dollars(worth_cents)} of the package's {dollars(value_cents)}."
    return line.model_copy(
        update={
            "draw": line.draw.model_copy(update={"value_cents": worth_cents}),
            "trace": (*line.trace, sentence),
        }
    )


def hold_unpaid_package(
    lines: Sequence[InvoiceLine],
    charted: Sequence[Charted],
    owed_cents: int,
    findings: Findings,
) -> None:
    """Hold a first use of a package that this invoice sells and leaves unpaid (B5).

    `owed_cents` is what the patient still owes for the visit itself, without tips.
    """
    if owed_cents <= 0:
        return
    usable = {
        f"{each.line.line_id}.1": each.package.usable_while_partly_paid
        for each in charted
        if each.package
    }
    for line in lines:
        if line.draw is None or not is_sold_now(line.draw.lot_id):
            continue
        if not usable[sold_by(line.draw.lot_id)[0]]:
            findings.hold(
                "LOT_PARTLY_PAID",
                f"The package sold on this visit is not paid yet, and "
                f"{plain(line.quantity)} of it is drawn at once.",
                "Approve the first use on credit, or take the payment and bill again.",
                line_id=line.chart_line_id,
                computable=True,
                approvable=True,
            )
