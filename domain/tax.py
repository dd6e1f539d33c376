"""Sales tax of each line, half-up per line, from rows that a person has confirmed (A5, 2.5)."""

from collections.abc import Sequence
from datetime import date

from domain.catalog import Catalog, ItemClass, TaxRow
from domain.charges import in_force
from domain.findings import Findings, percent
from domain.invoice import InvoiceLine, LineKind
from domain.money import dollars, share

UNTAXED = frozenset({ItemClass.GIFT_CARD, ItemClass.DEPOSIT})
"""Money taken for later: nothing is sold yet, so no tax row is asked for."""


def tax(
    lines: Sequence[InvoiceLine], catalog: Catalog, day: date, findings: Findings
) -> list[InvoiceLine]:
    """The same lines with tax on what is left after discounts; draws are not sales."""
    return [_taxed(line, catalog, day, findings) for line in lines]


def _taxed(line: InvoiceLine, catalog: Catalog, day: date, findings: Findings) -> InvoiceLine:
    if line.kind is not LineKind.SALE or line.item_class in UNTAXED:
        return line
    row = _row(line, catalog, day, findings)
    if row is None:
        return line
    tax_cents = share(line.net_cents, row.rate)
    sentence = (
        f"Tax {percent(row.rate)} of {dollars(line.net_cents)} = {dollars(tax_cents)} "
        f"({row.jurisdiction}, {row.item_class.value}, rule 2.1 step 5)."
    )
    return line.model_copy(
        update={
            "tax_jurisdiction": row.jurisdiction,
            "tax_rate": row.rate,
            "tax_cents": tax_cents,
            "trace": (*line.trace, sentence),
        }
    )


def _row(line: InvoiceLine, catalog: Catalog, day: date, findings: Findings) -> TaxRow | None:
    """The one row in force; a missing, doubled or unconfirmed row leaves a reason."""
    rows = in_force([row for row in catalog.tax_rows if row.item_class == line.item_class], day)
    if len(rows) != 1:
        findings.hold(
            "TAX_UNCONFIRMED",
            f"{len(rows) or 'No'} tax row{'s are' if rows else ' is'} in force for "
            f"{line.item_class} on {day}.",
            "Give the catalog one tax row for that class and have it confirmed.",
            line_id=line.chart_line_id,
        )
        return None
    row = rows[0]
    if not row.confirmed_by:
        findings.hold(
            "TAX_UNCONFIRMED",
            f"The tax row for {line.item_class} in {row.jurisdiction} is not confirmed.",
            "Have a person confirm the row for this location.",
            line_id=line.chart_line_id,
            subject=line.item_class,
            computable=True,
        )
    return row
