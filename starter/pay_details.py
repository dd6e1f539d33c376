"""The itemised statement behind the second factor: what was done, drawn, taxed and paid."""

import hmac
from collections.abc import Mapping
from decimal import Decimal
from zoneinfo import ZoneInfo

from domain.catalog import Catalog, Unit
from domain.entries import INSTALLMENT
from domain.invoice import InvoiceLine, LineKind, TenderKind
from domain.model import Record
from domain.money import dollars
from starter.pay_words import counted, long_date, words
from store.clients import Contact
from store.invoices import Document

ZIP_DIGITS = 5
TENDER_WORDS: Mapping[TenderKind, str] = {
    TenderKind.MEMBERSHIP_CREDIT: "membership_credit",
    TenderKind.PROMOTIONAL_CREDIT: "promotional_credit",
    TenderKind.GIFT_CARD: "gift_card",
    TenderKind.DEPOSIT: "deposit",
    TenderKind.ACCOUNT_CREDIT: "account_credit",
    TenderKind.POINTS: "points",
    TenderKind.LENDER: "lender",
}
UNIT_WORDS: Mapping[Unit, str] = {
    Unit.TOXIN_UNIT: "toxin_unit",
    Unit.SYRINGE: "syringe",
    Unit.SESSION: "session",
    Unit.ITEM: "unit_item",
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


def statement(document: Document, catalog: Catalog, balance_cents: int, language: str) -> Statement:
    """The statement of one visit, in the catalog's names and otherwise in `language`."""
    day, priced = document.issued_at.astimezone(ZoneInfo(catalog.zone)), document.priced
    t = words(language)
    return Statement(
        number=document.number,
        issued_day=long_date(day.date(), language),
        lines=tuple(
            _line(line, catalog, language) for line in priced.lines if line.kind is not LineKind.TIP
        ),
        subtotal_cents=priced.subtotal_cents,
        discount_cents=priced.discount_cents,
        tax_cents=priced.tax_cents,
        tip_cents=priced.tip_cents,
        total_cents=priced.total_cents,
        tenders=tuple((t(TENDER_WORDS[tender.kind]), tender.cents) for tender in priced.tenders),
        paid_cents=priced.due_cents - balance_cents,
        balance_cents=balance_cents,
    )


def _line(line: InvoiceLine, catalog: Catalog, language: str) -> StatementLine:
    t = words(language)
    notes = [f"{t('discount')} -{dollars(discount.cents)}" for discount in line.discounts]
    if line.kind is LineKind.DRAW:
        notes.append(t("from_package"))
    return StatementLine(
        name=t("installment")
        if line.item_class == INSTALLMENT
        else _name(line.sku, catalog) or t("service"),
        quantity=_quantity(line, catalog, language),
        amount_cents=line.gross_cents,
        notes=tuple(notes),
    )


def _name(sku: str, catalog: Catalog) -> str | None:
    names = {item.sku: item.name for item in catalog.items}
    names |= {package.sku: package.name for package in catalog.packages}
    return names.get(sku)


def _quantity(line: InvoiceLine, catalog: Catalog, language: str) -> str:
    amount = f"{line.quantity.normalize():f}"
    for item in catalog.items:
        if item.sku == line.sku:
            is_one = line.quantity == Decimal(1)
            return f"{amount} {counted(language, UNIT_WORDS[item.unit], one=is_one)}"
    return amount
