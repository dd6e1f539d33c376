"""Limits past which a draft waits for a person before anybody sees a wrong bill (B9)."""

from domain.catalog import Bounds, Catalog
from domain.chart import Chart, Entitlements
from domain.findings import Findings
from domain.invoice import LineKind, PricedInvoice
from domain.money import dollars


def check_visit(
    chart: Chart, catalog: Catalog, entitlements: Entitlements, findings: Findings
) -> None:
    """What can be said of a visit before any line is priced."""
    if chart.currency != catalog.currency:
        findings.hold(
            "CURRENCY_MISMATCH",
            f"The visit is in {chart.currency}, the location bills in {catalog.currency}.",
            "Correct the visit's currency in the practice system.",
        )
    if chart.location_id != catalog.location_id:
        findings.hold(
            "LOCATION_MISMATCH",
            f"The visit is of location {chart.location_id}, the catalog of {catalog.location_id}.",
            "Price the visit with its own location's catalog.",
        )
    limit = catalog.bounds.invoices_per_day_max
    if entitlements.invoices_today >= limit:
        findings.hold(
            "SANITY_BOUND_INVOICES_PER_DAY",
            f"The client already has {entitlements.invoices_today} invoices today; "
            f"the limit is {limit}.",
            "Look for a doubled visit, or approve one more invoice.",
            computable=True,
            approvable=True,
        )


def check_amounts(
    invoice: PricedInvoice, bounds: Bounds, entitlements: Entitlements, findings: Findings
) -> None:
    """Lines and total against the location's limits and the client's own history."""
    for line in invoice.lines:
        if line.kind is LineKind.SALE and line.gross_cents > bounds.line_cents_max:
            findings.hold(
                "SANITY_BOUND_LINE",
                f"The line is {dollars(line.gross_cents)}; "
                f"the limit is {dollars(bounds.line_cents_max)}.",
                "Check quantity and price, or approve the line.",
                line_id=line.chart_line_id,
                computable=True,
                approvable=True,
            )
    total_cents = invoice.total_cents
    if total_cents > bounds.total_cents_max:
        findings.hold(
            "SANITY_BOUND_TOTAL",
            f"The total is {dollars(total_cents)}; the limit is {dollars(bounds.total_cents_max)}.",
            "Check the lines, or approve the total.",
            computable=True,
            approvable=True,
        )
    usual_cents = entitlements.usual_total_cents
    if usual_cents is None or total_cents <= bounds.history_floor_cents:
        return
    if total_cents > bounds.history_multiple_max * usual_cents:
        findings.hold(
            "SANITY_BOUND_HISTORY",
            f"The total is {dollars(total_cents)}, over {bounds.history_multiple_max} times "
            f"the client's usual {dollars(usual_cents)}.",
            "Check the lines, or approve the total.",
            computable=True,
            approvable=True,
        )
