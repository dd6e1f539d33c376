"""What the PMS shows of a visit beside its chart, held against our price before it is billed."""

from collections.abc import Set

from domain.invoice import HoldReason, LineKind, PricedInvoice
from domain.model import Record
from domain.money import dollars

TAX_DIFF, LOT_MISMATCH = "TAX_DIFF", "LOT_MISMATCH"
_CENTS_A_LINE = 1
"""Two ways of rounding differ by no more on a taxed line (2.0)."""


class PmsSide(Record):
    """Cents. A tax of zero says nothing: many practices do not keep taxes in their PMS."""

    tax_cents: int = 0
    voucher_cents: int = 0
    """Value of package units that the PMS has drawn for the visit."""


def differences(
    priced: PricedInvoice, theirs: PmsSide, approved: Set[str]
) -> tuple[HoldReason, ...]:
    """Why a priced visit waits: the PMS has another tax, or drew a package that we do not know.

    `approved` holds `CODE:subject` of what a named person let pass: these two figures, no others.
    """
    found = [_of_tax(priced, theirs), _of_lots(priced, theirs)]
    return tuple(
        reason
        for reason in found
        if reason is not None and f"{reason.code}:{reason.subject}" not in approved
    )


def _of_tax(priced: PricedInvoice, theirs: PmsSide) -> HoldReason | None:
    taxed = sum(1 for line in priced.lines if line.tax_rate > 0)
    off_cents = abs(priced.tax_cents - theirs.tax_cents)
    if not theirs.tax_cents or off_cents <= taxed * _CENTS_A_LINE:
        return None
    ours, shown = dollars(priced.tax_cents), dollars(theirs.tax_cents)
    return HoldReason(
        code=TAX_DIFF,
        detail=f"Our tax is {ours} on {taxed} lines; the PMS shows {shown}.",
        action="Say which is right: ours, or a tax table that is to be corrected first.",
        subject=f"{priced.tax_cents}/{theirs.tax_cents}",
    )


def _of_lots(priced: PricedInvoice, theirs: PmsSide) -> HoldReason | None:
    """A draw that the PMS lacks is the one that the desk forgot; one that we lack is a debt."""
    if not theirs.voucher_cents or any(line.kind is LineKind.DRAW for line in priced.lines):
        return None
    return HoldReason(
        code=LOT_MISMATCH,
        detail=f"The PMS drew {dollars(theirs.voucher_cents)} from a package; our books draw none.",
        action="Look at the client's packages in both systems, and say which is right.",
        subject=str(theirs.voucher_cents),
    )
