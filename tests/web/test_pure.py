"""The pay page's parts that need no database: the factor, the statement, the headers."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from domain.catalog import Catalog, Item, ItemClass, Price, Unit
from domain.invoice import (
    Discount,
    Draw,
    InvoiceLine,
    LineKind,
    PricedInvoice,
    Tender,
    TenderKind,
)
from starter.pages import Pages, page_headers
from starter.pay_details import factor_matches, statement
from store.clients import Contact
from store.invoices import Document


def contact(birth_date: str | None = "1990-04-02", postal_code: str | None = "78704") -> Contact:
    return Contact(
        first_name="A",
        last_name="B",
        birth_date=date.fromisoformat(birth_date) if birth_date else None,
        postal_code=postal_code,
    )


@pytest.mark.parametrize(
    ("birth_date", "postal_code", "right"),
    [
        ("1990-04-02", "", True),
        ("", "78704", True),
        ("", " 78704-1234 ", True),
        ("1990-04-03", "78704", True),
        ("1990-04-03", "", False),
        ("", "78705", False),
        ("", "7870", False),
        ("", "", False),
    ],
)
def test_either_factor_opens(birth_date: str, postal_code: str, right: bool) -> None:
    assert factor_matches(contact(), birth_date, postal_code) is right


def test_an_unknown_factor_never_opens() -> None:
    assert not factor_matches(contact(None, None), "", "")
    assert not factor_matches(contact(None, "0"), "", "0")


def test_foreign_characters_do_not_break_the_comparison() -> None:
    assert not factor_matches(contact(), "１９９０-04-02", "７８７０４")


def catalog() -> Catalog:
    price = Price(unit_cents=1200, effective_from=date(2026, 1, 1))
    return Catalog(
        location_id="north",
        version=1,
        zone="America/Chicago",
        items=(
            Item(
                sku="TOX",
                name="Neurotoxin",
                item_class=ItemClass.INJECTABLE,
                unit=Unit.TOXIN_UNIT,
                step=Decimal(1),
                quantity_max=Decimal(200),
                prices=(price,),
            ),
        ),
    )


def line(**changes: object) -> InvoiceLine:
    values: dict[str, object] = {
        "line_id": "1",
        "chart_line_id": "c1",
        "kind": LineKind.SALE,
        "sku": "TOX",
        "item_class": "injectable",
        "quantity": Decimal("20.0"),
        "unit_cents": 1200,
        "gross_cents": 24000,
        "net_cents": 21600,
        "discounts": (Discount(code="SPRING", cents=2400),),
    }
    return InvoiceLine.model_validate(values | changes)


def test_a_statement_reads_like_the_visit() -> None:
    draw = Draw(lot_id="l", quantity=Decimal(1), value_cents=5000)
    priced = PricedInvoice(
        engine_version="1",
        catalog_version=1,
        currency="USD",
        lines=(
            line(),
            line(
                line_id="2",
                kind=LineKind.DRAW,
                quantity=Decimal(1),
                gross_cents=0,
                net_cents=0,
                discounts=(),
                draw=draw,
            ),
            line(line_id="3", kind=LineKind.TIP, sku="tip", discounts=()),
            line(line_id="4", sku="GONE", discounts=(), quantity=Decimal(2)),
        ),
        subtotal_cents=48000,
        discount_cents=2400,
        tax_cents=100,
        tip_cents=0,
        total_cents=45700,
        tenders=(Tender(kind=TenderKind.MEMBERSHIP_CREDIT, cents=5700, lot_id="m"),),
        due_cents=40000,
    )
    # 03:00 UTC is still the evening before in the practice's zone.
    issued_at = datetime(2026, 11, 6, 3, 0, tzinfo=UTC)
    document = Document(
        document_id="d",
        document_no=1,
        number="LUM-000001",
        case_id="visit/north/boulevard/1",
        location_id="north",
        client_id="c",
        kind="invoice",
        chart_hash="0",
        catalog_version=1,
        currency="USD",
        priced=priced,
        change_due_cents=40000,
        issued_at=issued_at,
    )
    shown = statement(document, catalog(), 15000, "en")
    assert shown.issued_day == "November 5, 2026"
    assert [(one.name, one.quantity) for one in shown.lines] == [
        ("Neurotoxin", "20 units"),
        ("Neurotoxin", "1 unit"),
        ("Service", "2"),
    ]
    assert shown.lines[0].notes == ("Discount -$24.00",)
    assert shown.lines[1].notes == ("From your package",)
    assert shown.tenders == (("Membership credit", 5700),)
    assert (shown.paid_cents, shown.balance_cents) == (25000, 15000)


def test_pages_carry_no_script_and_no_foreign_address() -> None:
    headers = page_headers(None)
    assert "script-src" not in headers["Content-Security-Policy"]
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"
    page = bytes(Pages(None).render("not_found.html", 404).body).decode()
    assert "<script" not in page
    assert "http" not in page


def test_a_practice_name_is_escaped() -> None:
    values = {"token": "t", "practice": "<b>&", "phone": None, "below": ""}
    page = bytes(Pages(None).render("nothing_due.html", **values).body).decode()
    assert "<b>" not in page
    assert "&lt;b&gt;&amp;" in page
