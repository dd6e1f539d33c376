"""The price of one visit: chart, catalog and entitlements become an invoice, or reasons to hold.

One pure function in one fixed order (rules 2.1). Same input, same bytes.
"""

from collections.abc import Sequence

from domain.bounds import check_amounts, check_visit
from domain.calendar import local_date
from domain.catalog import Catalog
from domain.charges import read_chart
from domain.chart import Chart, Entitlements
from domain.discounts import discount
from domain.draws import draw_and_charge, hold_unpaid_package, value_sold_lots
from domain.findings import Findings
from domain.invoice import Held, InvoiceLine, LineKind, PricedInvoice, Tender
from domain.lots import is_sold_now, name_sold_lots, sold_lots
from domain.money import dollars
from domain.tax import tax
from domain.tenders import settle

__all__ = ["ENGINE_VERSION", "is_sold_now", "name_sold_lots", "price", "sold_lots"]

ENGINE_VERSION = "1"
"""Stamped on every invoice; a change of order or rounding makes the next one."""


def price(
    chart: Chart,
    catalog: Catalog,
    entitlements: Entitlements,
    approved: frozenset[str] = frozenset(),
) -> PricedInvoice | Held:
    """Price a visit; every reason to hold it is collected, not the first alone.

    `approved` holds `CODE` or `CODE:chart_line_id` of reasons that a named person let pass;
    the draft is then billed as its preview showed it, and the trace says so.
    """
    findings = Findings(approved)
    day = local_date(chart.service_at, catalog.zone)
    check_visit(chart, catalog, entitlements, findings)
    charted = read_chart(chart, catalog, findings)
    lines = draw_and_charge(charted, chart, catalog, entitlements, findings)
    lines = discount(lines, chart, catalog, day, findings)
    lines = value_sold_lots(lines, charted)
    lines = tax(lines, catalog, day, findings)
    tenders = settle(lines, chart, catalog, entitlements, findings)
    invoice = _add_up([*lines, *_tips(chart)], tenders, catalog)
    hold_unpaid_package(lines, charted, invoice.due_cents - invoice.tip_cents, findings)
    check_amounts(invoice, catalog.bounds, entitlements, findings)
    invoice = invoice.model_copy(update={"trace": (*findings.notes, *invoice.trace)})
    if findings.reasons:
        preview = invoice if findings.computable else None
        return Held(reasons=tuple(findings.reasons), preview=preview)
    return invoice


def _tips(chart: Chart) -> list[InvoiceLine]:
    """Tips last: not taxed, not discounted, settled by the patient alone (2.7)."""
    tips = sorted((ref, cents) for ref, cents in chart.tips_cents.items() if cents > 0)
    return [
        InvoiceLine(
            line_id=f"tip.{number}",
            chart_line_id=None,
            kind=LineKind.TIP,
            sku="TIP",
            item_class="tip",
            quantity=1,
            unit_cents=cents,
            gross_cents=cents,
            net_cents=cents,
            provider_ref=provider_ref,
            trace=(f"Tip of {dollars(cents)}, for the provider alone (rule 2.1 step 8).",),
        )
        for number, (provider_ref, cents) in enumerate(tips, start=1)
    ]


def _add_up(
    lines: Sequence[InvoiceLine], tenders: Sequence[Tender], catalog: Catalog
) -> PricedInvoice:
    sales = [line for line in lines if line.kind is LineKind.SALE]
    subtotal_cents = sum(line.gross_cents for line in sales)
    net_cents = sum(line.net_cents for line in sales)
    tax_cents = sum(line.tax_cents for line in sales)
    tip_cents = sum(line.net_cents for line in lines if line.kind is LineKind.TIP)
    total_cents = net_cents + tax_cents + tip_cents
    settled_cents = sum(tender.cents for tender in tenders)
    due_cents = total_cents - settled_cents
    return PricedInvoice(
        engine_version=ENGINE_VERSION,
        catalog_version=catalog.version,
        currency=catalog.currency,
        lines=tuple(lines),
        subtotal_cents=subtotal_cents,
        discount_cents=subtotal_cents - net_cents,
        tax_cents=tax_cents,
        tip_cents=tip_cents,
        total_cents=total_cents,
        tenders=tuple(tenders),
        due_cents=due_cents,
        trace=(
            f"Total {dollars(total_cents)} = {dollars(net_cents)} for lines + "
            f"{dollars(tax_cents)} tax + {dollars(tip_cents)} tips.",
            f"Due {dollars(due_cents)} = {dollars(total_cents)} total - "
            f"{dollars(settled_cents)} settled.",
        ),
    )
