"""What pricing answers: an invoice with a trace on every line, or the reasons to hold it."""

from decimal import Decimal
from enum import StrEnum

from domain.model import Record


class LineKind(StrEnum):
    """How a line came to be."""

    SALE = "sale"
    DRAW = "draw"
    TIP = "tip"


class Discount(Record):
    """One promotion's cut on one line, in cents (positive)."""

    code: str
    cents: int


class Draw(Record):
    """Units taken from one lot and the allocated value that becomes revenue."""

    lot_id: str
    quantity: Decimal
    value_cents: int


class InvoiceLine(Record):
    """One line. `net_cents` = `gross_cents` - discounts; a draw line is 0 with `draw` set.

    A tip line has `item_class` "tip" and its amount in `net_cents`; no tax, no discount.
    """

    line_id: str
    chart_line_id: str | None
    kind: LineKind
    sku: str
    item_class: str
    quantity: Decimal
    unit_cents: int
    gross_cents: int
    discounts: tuple[Discount, ...] = ()
    net_cents: int
    tax_jurisdiction: str | None = None
    tax_rate: Decimal = Decimal(0)
    tax_cents: int = 0
    draw: Draw | None = None
    credit_cents: int = 0
    """Of membership dues: the part that becomes the member's credit (2.3)."""
    provider_ref: str | None = None
    trace: tuple[str, ...] = ()
    """Sentences a biller reads: source, price version, rules, lots, amounts before and after."""


class TenderKind(StrEnum):
    """What settles a total before the patient is asked, in order of use."""

    MEMBERSHIP_CREDIT = "membership_credit"
    PROMOTIONAL_CREDIT = "promotional_credit"
    GIFT_CARD = "gift_card"
    DEPOSIT = "deposit"
    ACCOUNT_CREDIT = "account_credit"
    POINTS = "points"
    LENDER = "lender"


class Tender(Record):
    """A settled part of the total. `lot_id` for credits, `reference` for a lender's loan."""

    kind: TenderKind
    cents: int
    lot_id: str | None = None
    reference: str | None = None


class PricedInvoice(Record):
    """The whole visit priced. Invariant: total = net lines + tax + tip = tenders + due.

    "Net lines" are sale and draw lines; tip lines are counted once, in `tip_cents`.
    `subtotal_cents` is the gross of the sale lines before discounts.
    """

    engine_version: str
    catalog_version: int
    currency: str
    lines: tuple[InvoiceLine, ...]
    subtotal_cents: int
    discount_cents: int
    tax_cents: int
    tip_cents: int
    total_cents: int
    tenders: tuple[Tender, ...]
    due_cents: int
    trace: tuple[str, ...] = ()


class HoldReason(Record):
    """Why a draft waits. `action` says in one sentence what a person can do about it.

    `approvable` says that a named person may let the draft pass as its preview shows it.
    """

    code: str
    chart_line_id: str | None = None
    detail: str
    action: str
    approvable: bool = False
    subject: str | None = None
    """What the answer acts on: a lot id, an item class."""


class Held(Record):
    """A draft that must not be sent. `preview` is the invoice as it would be, when it can be."""

    reasons: tuple[HoldReason, ...]
    preview: PricedInvoice | None = None


def drawn(invoice: PricedInvoice) -> dict[str, Decimal]:
    """Quantity drawn from lots by sku."""
    totals: dict[str, Decimal] = {}
    for line in invoice.lines:
        if line.draw is not None:
            totals[line.sku] = totals.get(line.sku, Decimal(0)) + line.draw.quantity
    return totals


def tendered(invoice: PricedInvoice) -> dict[str, int]:
    """Cents settled by each kind of tender."""
    totals: dict[str, int] = {}
    for tender in invoice.tenders:
        totals[tender.kind] = totals.get(tender.kind, 0) + tender.cents
    return totals
