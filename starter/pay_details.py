"""The itemised statement behind the second factor: what was done, drawn, taxed and paid."""

import hmac
from collections.abc import Mapping
from decimal import Decimal
from zoneinfo import ZoneInfo

from domain.catalog import Catalog, Unit
from domain.invoice import InvoiceLine, LineKind, TenderKind
from domain.model import Record
from domain.money import dollars
from store.clients import Contact
from store.invoices import Document

ZIP_DIGITS = 5
TENDER_NAMES: Mapping[TenderKind, str] = {
    TenderKind.MEMBERSHIP_CREDIT: "Membership credit",
    TenderKind.PROMOTIONAL_CREDIT: "Promotional credit",
    TenderKind.GIFT_CARD: "Gift card",
    TenderKind.DEPOSIT: "Deposit",
    TenderKind.ACCOUNT_CREDIT: "Account credit",
    TenderKind.POINTS: "Points",
    TenderKind.LENDER: "Financing",
}
_UNIT_NAMES: Mapping[Unit, tuple[str, str]] = {
    Unit.TOXIN_UNIT: ("unit", "units"),
    Unit.SYRINGE: ("syringe", "syringes"),
    Unit.SESSION: ("session", "sessions"),
    Unit.ITEM: ("item", "items"),
}


class StatementLine(Record):
    """One line as a patient reads it. `note` says how it was reduced or covered."""

    name: str
    quantity: str
    amount_cents: int
    notes: tuple[str, ...] = ()


class Statement(Record):
    """The visit as now billed; figures are the document's, `balance_cents` is the books'."""

    number: str
    issued_day: str
    lines: tuple[StatementLine, ...]
    subtotal_cents: int
    discount_cents: int
    tax_cents: int
    tip_cents: int
    total_cents: int
    tenders: tuple[tuple[str, int], ...]
    paid_cents: int
    balance_cents: int


def factor_matches(contact: Contact, birth_date: str, postal_code: str) -> bool:
    """Whether the birth date or the ZIP is the client's; takes the same time either way."""
    by_birth_date = _same(birth_date.strip(), str(contact.birth_date or ""))
    by_zip = _same(_zip(postal_code), _zip(str(contact.postal_code or "")))
    return by_birth_date | by_zip


def _same(given: str, known: str) -> bool:
    return hmac.compare_digest(given.encode(), known.encode()) & bool(known)


def _zip(text: str) -> str:
    digits = "".join(char for char in text if char.isascii() and char.isdigit())[:ZIP_DIGITS]
    return digits if len(digits) == ZIP_DIGITS else ""


def statement(document: Document, catalog: Catalog, balance_cents: int) -> Statement:
    """The statement of one visit, in the catalog's names."""
    day, priced = document.issued_at.astimezone(ZoneInfo(catalog.zone)), document.priced
    return Statement(
        number=document.number,
        issued_day=f"{day:%B} {day.day}, {day.year}",
        lines=tuple(_line(line, catalog) for line in priced.lines if line.kind is not LineKind.TIP),
        subtotal_cents=priced.subtotal_cents,
        discount_cents=priced.discount_cents,
        tax_cents=priced.tax_cents,
        tip_cents=priced.tip_cents,
        total_cents=priced.total_cents,
        tenders=tuple((TENDER_NAMES[tender.kind], tender.cents) for tender in priced.tenders),
        paid_cents=priced.due_cents - balance_cents,
        balance_cents=balance_cents,
    )


def _line(line: InvoiceLine, catalog: Catalog) -> StatementLine:
    notes = [f"Discount -{dollars(discount.cents)}" for discount in line.discounts]
    if line.kind is LineKind.DRAW:
        notes.append("From your package")
    return StatementLine(
        name=_name(line.sku, catalog),
        quantity=_quantity(line, catalog),
        amount_cents=line.gross_cents,
        notes=tuple(notes),
    )


def _name(sku: str, catalog: Catalog) -> str:
    names = {item.sku: item.name for item in catalog.items}
    names |= {package.sku: package.name for package in catalog.packages}
    return names.get(sku, "Service")


def _quantity(line: InvoiceLine, catalog: Catalog) -> str:
    amount = f"{line.quantity.normalize():f}"
    for item in catalog.items:
        if item.sku == line.sku:
            one, many = _UNIT_NAMES[item.unit]
            return f"{amount} {one if line.quantity == Decimal(1) else many}"
    return amount
